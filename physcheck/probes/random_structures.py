"""Random clusters, crystals and displacements that keep atoms apart by construction.

Distances are measured in *contacts*: d_ij over the sum of the covalent radii R_i + R_j (ase.data).
No draw is thrown away: a cluster's atom moves outward until it is free, a crystal is scaled until
its closest pair is where it should be, a displacement is cut to the room that an atom has.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod

import numpy as np

from physcheck.potentials.neighbours import find_pairs
from physcheck.potentials.switching import bond_lengths
from physcheck.system import Configurations, Floats, Ints, System

__all__ = [
    "LATTICES",
    "closest_contact",
    "outside_cell",
    "random_cluster",
    "random_crystal",
    "room",
    "rotation_matrix",
    "shaken",
]

# Fractional sites of a cubic cell, and the distance of the closest two in units of its edge.
LATTICES: dict[str, tuple[Floats, float]] = {
    "cubic": (np.zeros((1, 3)), 1.0),
    "bcc": (np.array([[0, 0, 0], [2, 2, 2]]) / 4, 0.75**0.5),
    "fcc": (np.array([[0, 0, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0]]) / 4, 0.5**0.5),
    "diamond": (
        np.array(
            [[0, 0, 0], [1, 1, 1], [0, 2, 2], [1, 3, 3], [2, 0, 2], [3, 1, 3], [2, 2, 0], [3, 3, 1]]
        )
        / 4,
        0.1875**0.5,
    ),
}
# Two neighbouring sites share their distance: a jitter of half of it could bring them together.
_MOST_JITTER = 0.5
# Å, on top of the search radius, so that rounding drops no pair.
_MARGIN = 1e-6
# Rounding of distances: a room or a scale is a little larger than what it promises.
_SLACK = 1e-9


@cache
def _masses() -> Floats:
    from ase.data import atomic_masses

    return np.asarray(atomic_masses, dtype=np.float64)


def _one(numbers: Ints, positions: Floats, cell: Floats, pbc: Sequence[bool]) -> Configurations:
    axes = np.asarray(pbc, dtype=bool)
    system = System(numbers, _masses()[numbers], axes)
    return Configurations(system, positions[None], (cell if axes.any() else np.zeros((3, 3)))[None])


def closest_contact(start: Configurations) -> float:
    """The smallest distance over the sum of covalent radii, of all pairs and periodic images.

    Parameters
    ----------
    start : Configurations, B = 1

    Returns
    -------
    float, dimensionless; infinite for one atom without periodic images
    """
    numbers = start.system.numbers
    bound = np.inf
    if len(numbers) > 1:
        x = start.positions[0]
        first, second = np.triu_indices(len(x), 1)
        lengths = bond_lengths(numbers[first], numbers[second])
        bound = float((np.linalg.norm(x[second] - x[first], axis=1) / lengths).min())
    if start.system.is_periodic:
        own = np.linalg.norm(start.cells[0][start.system.pbc], axis=1).min()
        bound = min(bound, float(own / bond_lengths(numbers, numbers).max()))
        # Whatever is closer than the bound is within this radius, since no contact is longer.
        radius = bound * float(bond_lengths(numbers, numbers).max()) * (1 + _SLACK)
        pairs = find_pairs(start, radius)
        lengths = bond_lengths(numbers[pairs.first], numbers[pairs.second])
        bound = min(bound, float((pairs.distances / lengths).min(initial=np.inf)))
    return bound


def random_cluster(
    numbers: Sequence[int], *, contacts: Floats, rng: np.random.Generator
) -> Configurations:
    """Atoms that touch: each moves out from one before it, in a random direction, until it is free.

    Atom k stands on the ray x_a + t u at the largest root t of
    ``|x_a + t u - x_j| = contacts_k (R_k + R_j)`` over all j before it: at that distance from one
    of them and no nearer to any other.

    Parameters
    ----------
    numbers : (N,) atomic numbers
    contacts : (N,) float
        In sums of covalent radii, at which each atom stops; the first is not used.
    rng : numpy generator
        Chooses anchors and directions.

    Returns
    -------
    Configurations with B = 1, not periodic, centroid at the origin
    """
    z = np.asarray(numbers, dtype=np.int64)
    stops = np.broadcast_to(np.asarray(contacts, dtype=np.float64), len(z)) * (1 + _SLACK)
    x = np.zeros((len(z), 3))
    for k in range(1, len(z)):
        u = rng.standard_normal(3)
        u /= np.linalg.norm(u)
        anchor = x[rng.integers(k)]
        limits = stops[k] * bond_lengths(z[:k], np.broadcast_to(z[k], k))
        between = x[:k] - anchor
        along = between @ u
        # Where the ray misses a sphere the root is complex, and that atom is no obstacle.
        inside = limits**2 - (np.einsum("jk,jk->j", between, between) - along**2)
        roots = np.where(inside >= 0, along + np.sqrt(np.maximum(inside, 0.0)), -np.inf)
        x[k] = anchor + roots.max() * u
    return _one(z, x - x.mean(axis=0), np.zeros((3, 3)), (False, False, False))


def random_crystal(
    numbers: Sequence[int],
    *,
    pbc: Sequence[bool],
    contact: float,
    lattice: str,
    deformation: Floats,
    jitter: float,
    rng: np.random.Generator,
) -> Configurations:
    """Atoms near sites of a deformed lattice, the closest pair or image at ``contact``.

    Sites are those of the smallest box of ``lattice`` cells that holds N, chosen at random where
    there are more; each atom is moved off its site at random; the cell is
    ``box (1 + deformation)^T``.

    Parameters
    ----------
    numbers : (N,) atomic numbers
    pbc : three bools
        Axes that aren't periodic keep their cell vector; the cell is zero where none is.
    contact : float
        Closest distance over the sum of covalent radii.
    lattice : a key of ``LATTICES``
    deformation : (3, 3) float
        Norm well below 1, so that the cell keeps its volume.
    jitter : float
        Largest displacement off the sites over the distance of neighbouring sites; below 0.5.
    rng : numpy generator

    Returns
    -------
    Configurations with B = 1

    Raises
    ------
    ValueError
        The jitter or the deformation could bring two atoms to the same place.
    """
    if not 0 <= jitter < _MOST_JITTER:
        raise ValueError(f"jitter is {jitter}, should be at least 0 and below {_MOST_JITTER}")
    shape = np.eye(3) + np.asarray(deformation, dtype=np.float64)
    if not np.linalg.det(shape) > 0:
        raise ValueError("the deformation turns the cell inside out")
    z = np.asarray(numbers, dtype=np.int64)
    n = len(z)
    basis, nearest = LATTICES[lattice]
    repeats = [1, 1, 1]
    while prod(repeats) * len(basis) < n:
        repeats[int(np.argmin(repeats))] += 1
    cells = np.stack(np.meshgrid(*map(np.arange, repeats), indexing="ij"), axis=-1).reshape(
        -1, 1, 3
    )
    sites = (cells + basis).reshape(-1, 3)[rng.permutation(prod(repeats) * len(basis))[:n]]
    steps = rng.standard_normal((n, 3))
    steps *= (jitter * nearest * rng.uniform(0, 1, n) / np.linalg.norm(steps, axis=1))[:, None]
    one = _one(z, (sites + steps) @ shape.T, np.diag(repeats) @ shape.T, pbc)
    found = closest_contact(one)
    scale = contact * (1 + _SLACK) / found if np.isfinite(found) else 1.0
    return one.at(scale * one.positions, scale * one.cells)


def outside_cell(start: Configurations, reach: int, rng: np.random.Generator) -> Configurations:
    """The same structure with each atom in another image, up to ``reach`` cells away.

    Along periodic axes only.
    """
    offsets = rng.integers(-reach, reach + 1, (start.n_atoms, 3)) * start.system.pbc
    return start.at(start.positions[0] + offsets @ start.cells[0])


def room(start: Configurations, closest: float, most: float) -> Floats:
    """(N,) how far, Å, all atoms may move at once, in any direction, with no pair too close.

    ``room_i = min_j (d_ij - closest (R_i + R_j))/2`` over other atoms and their images, between 0
    and ``most``: two atoms together never use up their distance.  An atom's own images move with
    it.

    Parameters
    ----------
    start : Configurations, B = 1
    closest : float
        Allowed distance over the sum of covalent radii.
    most : float, Å
    """
    numbers = start.system.numbers
    free = np.full(len(numbers), float(most))
    # A pair farther apart than this has more room than is asked for.
    radius = closest * float(bond_lengths(numbers, numbers).max()) + 2 * most
    pairs = find_pairs(start, radius + _MARGIN)
    other = pairs.first != pairs.second
    first, second = pairs.first[other], pairs.second[other]
    gap = pairs.distances[other] - closest * bond_lengths(numbers[first], numbers[second])
    np.minimum.at(free, first, gap / 2)
    np.minimum.at(free, second, gap / 2)
    return np.maximum(free * (1 - _SLACK), 0.0)


def shaken(
    start: Configurations, displacement: float, *, closest: float, rng: np.random.Generator
) -> Configurations:
    """Each atom moved in a random direction by up to ``displacement`` (Å), cut to its room."""
    free = room(start, closest, displacement)
    steps = rng.standard_normal((start.n_atoms, 3))
    steps *= (free * rng.uniform(0, 1, len(free)) / np.linalg.norm(steps, axis=1))[:, None]
    return start.displaced(steps)


def rotation_matrix(u: float, v: float, w: float) -> Floats:
    """(3, 3) rotation from three numbers of [0, 1); the identity where all are 0.

    Uniform over SO(3) if the numbers are uniform.

    Source: Shoemake, Graphics Gems III, 124 (1992).
    """
    a, b = np.sqrt(1 - u), np.sqrt(u)
    q0, q1 = a * np.cos(2 * np.pi * v), a * np.sin(2 * np.pi * v)
    q2, q3 = b * np.cos(2 * np.pi * w), b * np.sin(2 * np.pi * w)
    return np.array(
        [
            [1 - 2 * (q2 * q2 + q3 * q3), 2 * (q1 * q2 - q0 * q3), 2 * (q1 * q3 + q0 * q2)],
            [2 * (q1 * q2 + q0 * q3), 1 - 2 * (q1 * q1 + q3 * q3), 2 * (q2 * q3 - q0 * q1)],
            [2 * (q1 * q3 - q0 * q2), 2 * (q2 * q3 + q0 * q1), 1 - 2 * (q1 * q1 + q2 * q2)],
        ]
    )
