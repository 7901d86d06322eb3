"""Strains of periodic configurations, and closed loops through strain and positions together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from physcheck.system import Configurations, Floats

__all__ = ["StrainLoop", "commuting_strains", "strained", "symmetric_strains"]


def symmetric_strains(rng: np.random.Generator, count: int = 6) -> Floats:
    """(count, 3, 3) symmetric strains, orthonormal in the Frobenius product: a random frame.

    Raises
    ------
    ValueError
        More than the six that there are.
    """
    if count > 6:
        raise ValueError(f"{count} orthonormal symmetric strains, there are 6")
    # Off-diagonal components come twice in the product.
    root = np.sqrt(0.5)
    basis = np.zeros((6, 3, 3))
    for axis in range(3):
        basis[axis, axis, axis] = 1.0
    for k, (i, j) in enumerate(((1, 2), (0, 2), (0, 1)), start=3):
        basis[k, i, j] = basis[k, j, i] = root
    q, r = np.linalg.qr(rng.standard_normal((6, count)))
    frame: Floats = np.einsum("ka,kij->aij", q * np.sign(np.diag(r)), basis)
    return frame


def commuting_strains(rng: np.random.Generator, count: int = 3) -> Floats:
    """(count, 3, 3) symmetric strains with the same random axes, orthonormal as those above.

    Mixtures of them commute, so that a path among them has a symmetric velocity gradient: it never
    turns the cell on its way, and what a model does under rotation doesn't matter.

    Raises
    ------
    ValueError
        More than the three that there are.
    """
    if count > 3:
        raise ValueError(f"{count} orthonormal commuting strains, there are 3")
    axes, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    values, _ = np.linalg.qr(rng.standard_normal((3, count)))
    strains: Floats = np.einsum("ik,ka,jk->aij", axes, values, axes)
    return strains


def strained(start: Configurations, strains: Floats) -> Configurations:
    """One configuration under each of ``strains`` (B, 3, 3), fractional positions fixed.

    Rows of the cell transform as ``h (1 + strain)^T``, positions likewise.
    """
    deformation = np.swapaxes(np.eye(3) + np.asarray(strains), -1, -2)
    return start.at(start.positions[0] @ deformation, start.cells[0] @ deformation)


@dataclass(frozen=True, slots=True, eq=False)
class StrainLoop:
    """A circle through strain and positions together.

    Strain e(t) = strain_radius (cos(t + phase) first + sin(t + phase) second), and fractional
    positions moved along ``direction`` by ``radius sin(t + phase)``; positions are
    x = (1 + e) (x0 + moved).

    Attributes
    ----------
    first, second : (3, 3) float
        Symmetric strains of Frobenius norm 1.
    direction : (N, 3) float
        Unit vector of configuration space, in the unstrained frame.
    strain_radius : float
    radius : float, Å
    phase : float, rad
    """

    first: Floats
    second: Floats
    direction: Floats
    strain_radius: float
    radius: float
    phase: float

    def rephased(self, phase: float) -> StrainLoop:
        """The same circle begun elsewhere: other points, the same integral."""
        return replace(self, phase=phase)

    def scaled(self, factor: float) -> StrainLoop:
        """The same circle with both radii ``factor`` times as large."""
        return replace(self, strain_radius=factor * self.strain_radius, radius=factor * self.radius)

    def path(self, start: Configurations, n_points: int) -> tuple[Configurations, Floats, Floats]:
        """Configurations, tangents at fixed cell h.ds/dt (T, N, 3) Å, velocity gradients (T, 3, 3).

        L = e'(1 + e)^-1 are the latter, so that the energy's change is
        -sum_i F_i.(h s_i') + V stress:L.
        """
        t = 2 * np.pi * np.arange(n_points) / n_points + self.phase
        c, s = np.cos(t)[:, None, None], np.sin(t)[:, None, None]
        strain = self.strain_radius * (c * self.first + s * self.second)
        rate = self.strain_radius * (c * self.second - s * self.first)
        deformation = np.eye(3) + strain
        unstrained = start.positions[0] + self.radius * s * self.direction
        moved = np.swapaxes(deformation, 1, 2)
        configurations = start.at(unstrained @ moved, start.cells[0] @ moved)
        tangents = (self.radius * c * self.direction) @ moved
        return configurations, tangents, rate @ np.linalg.inv(deformation)
