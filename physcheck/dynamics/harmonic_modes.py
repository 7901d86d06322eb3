"""Harmonic modes at a configuration, and thermal configurations drawn from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from ase.units import fs, kB

from physcheck.model import Meter
from physcheck.system import Bools, Configurations, Floats

__all__ = ["Modes", "harmonic_modes", "thermal_starts"]

# Displacement of a coordinate for a column of the Hessian, Å: as in thermal motion, and far above
# the noise of forces.
_STEP = 0.01
# Modes in which an atom would move by more than this are too soft to be drawn harmonically, Å ...
_SOFT = 0.35
# ... and so are those that would release more than this many kT on the way to their minimum.
_FAR = 20.0
# A drawn configuration with a larger force than this, eV/Å, is taken back half of the way, so many
# times at most.
_LARGEST_FORCE = 15.0
_HALVINGS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """Normal modes of the symmetric part of -dF/dx at a configuration.

    Attributes
    ----------
    start : Configurations with B = 1
    squares : (3N,) float, eV/Å²/amu
        Squared frequencies, ascending; negative where the surface curves down.
    vectors : (3N, N, 3) float
        Orthonormal in mass-weighted coordinates.
    forces : (3N,) float
        Mass-weighted forces along them.
    """

    start: Configurations
    squares: Floats
    vectors: Floats
    forces: Floats

    @property
    def fastest(self) -> float:
        """The highest frequency, rad/fs."""
        return math.sqrt(max(float(self.squares[-1]), 0.0)) * fs

    def drawn(self, temperature_K: float) -> Bools:
        """(3N,) True for the modes stiff enough to be drawn as harmonic."""
        root = np.sqrt(self.start.system.masses)[:, None]
        widest = np.sqrt(((self.vectors / root) ** 2).sum(axis=2)).max(axis=1)
        stiff = self.squares > 0
        squares = np.where(stiff, self.squares, 1.0)
        thermal = np.sqrt(kB * temperature_K / squares) * widest <= _SOFT
        near = np.abs(self.forces / squares) * widest <= _SOFT
        near &= self.forces**2 / squares <= _FAR * kB * temperature_K
        chosen: Bools = stiff & thermal & near
        return chosen

    def slowest(self, temperature_K: float) -> float:
        """The lowest frequency among the modes that are drawn, rad/fs; 0 if there is none."""
        chosen = self.squares[self.drawn(temperature_K)]
        return math.sqrt(float(chosen[0])) * fs if len(chosen) else 0.0

    def displacements(self, count: int, temperature_K: float, rng: np.random.Generator) -> Floats:
        """(count, N, 3) Å: stiff modes at their minimum plus a thermal draw, the others stay."""
        chosen = self.drawn(temperature_K)
        squares = self.squares[chosen]
        noise = rng.standard_normal((count, len(squares)))
        along = self.forces[chosen] / squares + np.sqrt(kB * temperature_K / squares) * noise
        moved: Floats = np.tensordot(along, self.vectors[chosen], axes=1)
        return moved / np.sqrt(self.start.system.masses)[:, None]


def harmonic_modes(model: Meter, start: Configurations, forces: Floats) -> Modes:
    """The modes at a configuration, from one-sided differences of the forces over 0.01 Å.

    Parameters
    ----------
    start : Configurations with B = 1
    forces : (N, 3) eV/Å
        There.

    Cost: 3N evaluations.
    """
    n = start.n_coordinates
    moves = _STEP * np.eye(n).reshape(n, start.n_atoms, 3)
    shifted = model.evaluate(start.displaced(moves)).require_forces()
    shifted = shifted - shifted.mean(axis=1, keepdims=True)
    hessian = -(shifted - forces).reshape(n, n) / _STEP
    root = np.repeat(np.sqrt(start.system.masses), 3)
    weighted = 0.5 * (hessian + hessian.T) / np.outer(root, root)
    squares, columns = np.linalg.eigh(weighted)
    return Modes(
        start,
        squares,
        columns.T.reshape(n, start.n_atoms, 3),
        columns.T @ (forces.ravel() / root),
    )


def thermal_starts(
    model: Meter, modes: Modes, count: int, temperature_K: float, rng: np.random.Generator
) -> Configurations:
    """``count`` configurations drawn from the modes; large forces are taken back towards the start.

    In a crystal every mode then begins with its share of potential energy, however slowly modes
    exchange energy.

    Cost: at most 4 count evaluations.
    """
    moved = modes.displacements(count, temperature_K, rng)
    for _ in range(_HALVINGS):
        forces = model.evaluate(modes.start.displaced(moved)).require_forces()
        excessive = np.sqrt((forces**2).sum(axis=2).max(axis=1)) > _LARGEST_FORCE
        if not excessive.any():
            break
        moved[excessive] /= 2
    return modes.start.displaced(moved)
