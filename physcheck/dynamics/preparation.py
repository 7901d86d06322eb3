"""Before a trajectory: a start with moderate forces, and a timestep that fits the fastest
motion.
"""

from __future__ import annotations

import math

import numpy as np
from ase.units import fs, kB

from physcheck.model import Meter
from physcheck.system import Configurations, Floats, System

__all__ = [
    "FREQUENCY_MARGIN",
    "RELAXED_START_EVALUATIONS",
    "fastest_frequency",
    "pre_relax",
    "relaxed_start",
    "require_positive",
    "stable_timestep_fs",
    "thermal_timestep_fs",
]

#: By what factor :func:`fastest_frequency` may be too low: 10 % at most in practice.
FREQUENCY_MARGIN = 1.1
# Of relaxed_start: evaluations downhill, and probes of the fastest motion.
_DOWNHILL, _PROBES = 12, 6
#: What relaxed_start costs at most.
RELAXED_START_EVALUATIONS = _DOWNHILL + _PROBES
# Largest move of an atom in one step of pre_relax, Å.
_LARGEST_MOVE = 0.1
# Curvature before any is known, and the least that is believed, eV/Å²: between those of soft and of
# stiff bonds, and far below the former.
_FIRST_CURVATURE, _LEAST_CURVATURE = 10.0, 0.5
# rms displacement of a coordinate in a curvature probe, Å: as in thermal motion, and far above the
# noise of forces.
_PROBE = 0.01
# How far the lightest atom goes in a step at its rms thermal speed, Å: repulsion between atoms that
# meet grows over some 0.3 Å, whatever the modes of the start say.
_THERMAL_MOVE = 0.08


def pre_relax(
    model: Meter, start: Configurations, *, largest_force: float = 0.05, evaluations: int = 12
) -> tuple[Configurations, Floats]:
    """A few steps downhill, so that dynamics begins at moderate forces.

    Steepest descent with the step of Barzilai and Borwein, moves of 0.1 Å at most; of the
    configurations seen the one with the smallest largest force is kept.  It stops early, long
    before a minimum, and needs no energy.

    Parameters
    ----------
    start : Configurations with B = 1
    largest_force : float, eV/Å
        Where to stop.
    evaluations : int
        The most it may cost.

    Returns
    -------
    relaxed : Configurations with B = 1
    forces : (N, 3) eV/Å
        There, less their mean.

    Source: Barzilai, Borwein, IMA J. Numer. Anal. 8, 141 (1988).
    """

    def ask(configuration: Configurations) -> Floats:
        found = model.evaluate(configuration).require_forces()[0]
        balanced: Floats = found - found.mean(axis=0)
        return balanced

    def size(vectors: Floats) -> float:
        return float(np.sqrt((vectors**2).sum(axis=1).max()))

    here, forces = start, ask(start)
    best = (size(forces), here, forces)
    curvature = _FIRST_CURVATURE
    for _ in range(evaluations - 1):
        if best[0] <= largest_force:
            break
        move = forces / curvature
        move *= min(1.0, _LARGEST_MOVE / max(size(move), 1e-300))
        there = here.displaced(move[None])
        new = ask(there)
        change = float(np.vdot(move, forces - new))
        length = float(np.vdot(move, move))
        curvature = max(change / length, _LEAST_CURVATURE) if change > 0 else _FIRST_CURVATURE
        here, forces = there, new
        if size(forces) < best[0]:
            best = (size(forces), here, forces)
    return best[1], best[2]


def fastest_frequency(
    model: Meter,
    start: Configurations,
    rng: np.random.Generator,
    *,
    forces: Floats | None = None,
    products: int = 6,
) -> float:
    """The highest vibrational frequency at a configuration, rad/fs, from a few force probes.

    Power iteration with ``D = -M^-1/2 J M^-1/2``, J v by a one-sided difference over 0.01 Å; of the
    vectors seen on the way the best combination counts (Rayleigh and Ritz).  A lower bound, 10 %
    low at most in practice; 0 where the forces respond to nothing.

    Parameters
    ----------
    forces : (N, 3) eV/Å or None
        At ``start``; one more evaluation where they aren't given.
    products : int
        Evaluations.
    """
    at_start = model.evaluate(start).require_forces()[0] if forces is None else forces
    root = np.sqrt(start.system.masses)[:, None]
    vector = rng.standard_normal((start.n_atoms, 3)) / root
    basis: list[Floats] = []
    images: list[Floats] = []
    for _ in range(products):
        for known in basis:
            vector = vector - np.vdot(known, vector) * known
        norm = float(np.linalg.norm(vector))
        if not norm > 0:
            break
        vector = vector / norm
        move = vector / root
        step = _PROBE / math.sqrt(float(np.mean(move**2)))
        there = model.evaluate(start.displaced(step * move[None])).require_forces()[0]
        image = -(there - at_start) / step / root
        basis.append(vector)
        images.append(image)
        vector = image
    projected = np.array([[np.vdot(a, b) for b in images] for a in basis])
    highest = float(np.linalg.eigvalsh(0.5 * (projected + projected.T))[-1])
    return math.sqrt(max(highest, 0.0)) * fs


def require_positive(**values: float | None) -> None:
    """Raise ValueError, with its name, for a number that is given but isn't positive and finite."""
    for name, value in values.items():
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{name} is {value}, should be positive")


def thermal_timestep_fs(system: System, temperature_K: float) -> float:
    """The timestep, fs, in which the lightest atom goes 0.08 Å at its thermal speed sqrt(3 kB
    T/m).
    """
    speed = math.sqrt(3 * kB * temperature_K / float(system.masses.min()))
    return _THERMAL_MOVE / (speed * fs)


def relaxed_start(
    model: Meter, start: Configurations, rng: np.random.Generator
) -> tuple[Configurations, float]:
    """A start for dynamics at moderate forces, and its fastest frequency (rad/fs).

    Cost: 18 evaluations at most.
    """
    relaxed, forces = pre_relax(model, start, evaluations=_DOWNHILL)
    return relaxed, fastest_frequency(model, relaxed, rng, forces=forces, products=_PROBES)


def stable_timestep_fs(frequency: float, phase: float, *, longest_fs: float = 10.0) -> float:
    """The timestep, fs, in which the fastest mode advances by ``phase`` rad.

    ``frequency`` is in rad/fs and taken to be 10 % too low, as :func:`fastest_frequency` may be.
    """
    if not frequency > 0:
        return longest_fs
    return min(longest_fs, phase / (FREQUENCY_MARGIN * frequency))
