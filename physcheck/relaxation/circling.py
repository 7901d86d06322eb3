"""Does an optimiser stall because the forces have no potential?  The Jacobian where it goes
round and round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from physcheck.model import Meter
from physcheck.numerics.near_pairs import near_pairs
from physcheck.numerics.quantiles import noise_rms_quantile
from physcheck.relaxation.optimisers import Path
from physcheck.resolution import Resolution, visit
from physcheck.system import Configurations, Floats

__all__ = ["CIRCLING_EVALUATIONS", "Circling", "measure_circling", "stalled"]

_DIRECTIONS = 4
#: What :func:`measure_circling` costs at most.
CIRCLING_EVALUATIONS = 4 * _DIRECTIONS
# rms displacement of a coordinate in a probe, Å: from the noise of the forces, within these bounds.
_STEP_RANGE = (2e-4, 4e-3)
# Of the distance between the nearest two atoms, how far a probe may move one at most: where a
# soft core lets atoms fall onto each other, forces change within that distance.
_OF_NEAREST, _FAR = 0.05, 1.0
# A shorter probe, Å, than this would be rounding: atoms are at one place.
_SHORTEST = 1e-9
# Relative curvature of forces, 1/Å²: a bond's Morse exponent of 5/Å, squared; only the step starts
# from it.
_CURVATURE = 25.0
# What fmax of the last third must be of that of the third before for a path to be on its way.
_ON_ITS_WAY = 0.8


@dataclass(frozen=True, slots=True)
class Circling:
    """The Jacobian J = dF/dx within the few directions in which a path moves at its end.

    Attributes
    ----------
    share : float
        |B - B^T|_F / (2 |B|_F) of its k x k block B: 0 for a gradient, 1 for a pure rotation.
    low : float
        What ``share`` is at least, but for a chance of 5e-5 (noise, truncation); 0 where that says
        nothing.
    evaluations : int
    """

    share: float
    low: float
    evaluations: int


def stalled(path: Path, goal: float) -> bool:
    """True if the smallest fmax of the last third is no better than 0.8 of that of the third
    before.

    A path of less than 30 places, or one that got to ``goal``, isn't stalled.
    """
    third = len(path) // 3
    if third < 10 or path.fmax.min() <= goal:
        return False
    before, last = path.fmax[-2 * third : -third], path.fmax[-third:]
    return not float(last.min()) < _ON_ITS_WAY * float(before.min())


def _directions(path: Path, n: int) -> Floats:
    """(k, n) orthonormal: the mean force at the end, and where the second half of the path
    moves most.
    """
    half = len(path) // 2
    x = path.places.positions[half:].reshape(-1, n)
    forces = path.answer.require_forces()[half:].reshape(-1, n)
    moves = x - x.mean(axis=0)
    main = np.linalg.svd(moves, full_matrices=False)[2][: _DIRECTIONS - 1]
    frame: list[Floats] = []
    for vector in (forces.mean(axis=0), *main):
        # Rigid shifts change no force; whatever is left of them is noise.
        rest = (vector.reshape(-1, 3) - vector.reshape(-1, 3).mean(axis=0)).ravel()
        length = float(np.linalg.norm(rest))
        for known in frame:
            rest = rest - np.vdot(known, rest) * known
        if length > 0 and float(np.linalg.norm(rest)) > 1e-3 * length:
            frame.append(rest / np.linalg.norm(rest))
    return np.stack(frame) if frame else np.zeros((0, n))


def _nearest(here: Configurations) -> float:
    """The distance of the nearest two atoms, Å, images included; 1 Å where none are nearer."""
    return float(np.min(near_pairs(here, _FAR).distances, initial=_FAR))


def measure_circling(
    meter: Meter, path: Path, *, rng: np.random.Generator, resolution: Resolution
) -> Circling:
    """How far the forces are from a gradient in the directions in which a stalled path moves.

    Central differences at two steps, short beside the distance of the nearest atoms, along the mean
    force of the path's second half and its three main directions, at its last place. Only an
    antisymmetric part that is the same at both steps counts (the smaller of the two, less their
    difference), so that kinks and jumps, which stall good optimisers too, aren't taken for a curl.

    Cost: 16 evaluations.
    """
    n = path.places.n_coordinates
    frame = _directions(path, n)
    k = len(frame)
    if k < 2:
        return Circling(0.0, 0.0, 0)
    here: Configurations = path.places[len(path) - 1]
    stiffness = max(resolution.stiffness, 1e-12)
    ideal = (3 * resolution.force_noise / (math.sqrt(2) * _CURVATURE * stiffness)) ** (1 / 3)
    length = float(np.clip(ideal, *_STEP_RANGE)) * math.sqrt(n)
    furthest = float(np.linalg.norm(frame.reshape(k, -1, 3), axis=2).max())
    length = min(length, _OF_NEAREST * _nearest(here) / furthest / 2)
    if not length > _SHORTEST:
        return Circling(0.0, 0.0, 0)
    lengths = length * np.array([2.0, 1.0])
    moves = np.stack([s * length * frame for length in lengths for s in (1.0, -1.0)])
    forces = visit(
        meter,
        here.displaced(moves.reshape(-1, n)),
        want=frozenset({"forces"}),
        rng=rng,
        fresh=resolution.needs_fresh,
    ).require_forces()
    sides = forces.reshape(2, 2, k, n)
    coarse, fine = (
        frame @ ((pair[0] - pair[1]) / (2 * length)).T for length, pair in zip(lengths, sides)
    )
    parts = [(b - b.T) / 2 for b in (coarse, fine)]
    pairs = k * (k - 1) // 2
    noise = resolution.force_noise / (2 * lengths[1])
    by_noise = noise * noise_rms_quantile(pairs, resolution.dof) * math.sqrt(2 * pairs)
    truncation = float(np.linalg.norm(parts[0] - parts[1]))
    size = float(np.linalg.norm(fine))
    if not size > 0:
        return Circling(0.0, 0.0, 4 * k)
    found = [float(np.linalg.norm(part)) for part in parts]
    low = max(0.0, min(found) - by_noise - truncation) / size
    return Circling(found[1] / size, low, 4 * k)
