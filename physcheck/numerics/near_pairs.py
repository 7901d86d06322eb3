"""Pairs of atoms of one structure that are near each other, periodic images included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physcheck.errors import SpecError
from physcheck.numerics.cells import completed_cell
from physcheck.system import Bools, Configurations, Floats, Ints

__all__ = ["NearPairs", "near_pairs"]


@dataclass(frozen=True, slots=True, eq=False)
class NearPairs:
    """Ordered pairs: (i, j) and (j, i) are two; an atom and its own images are pairs, too.

    Attributes
    ----------
    first, second : (P,) int
        Atoms, ascending.
    vectors : (P, 3) float, Å
        From the first to that image of the second.
    distances : (P,) float, Å
    """

    first: Ints
    second: Ints
    vectors: Floats
    distances: Floats


# Gaps along an axis without an atom that are longer than so many times the reach are made as long
# as that.  vesin divides all space between atoms into boxes, and takes minutes for 1e5 Å.
_LONGEST_GAP = 10.0
# vesin divides space into at most so many boxes, in the proportions of its sides; where a side is
# then left with none, it divides by zero, which ends the process.
_MOST_BOXES = 1e5


def near_pairs(start: Configurations, reach: float | Floats) -> NearPairs:
    """All pairs of atoms within reach of each other.

    The list is vesin's.  Its time doesn't grow with empty space, nor with a vector of the cell that
    nothing repeats by.

    Parameters
    ----------
    start : Configurations
        The first of them counts.
    reach : float or (N,) float, Å
        The largest distance of a pair; or radii, the sum of which is that.

    Raises
    ------
    SpecError
        vesin isn't installed, as where physcheck was before it needed that.
    """
    try:
        from vesin import NeighborList
    except ImportError as error:
        raise SpecError(
            "physcheck needs the package vesin, which can't be imported here: pip install vesin "
            f"({error})"
        ) from error

    radii = np.broadcast_to(reach if np.ndim(reach) else np.asarray(reach) / 2, start.n_atoms)
    farthest = 2 * float(radii.max())
    if not farthest > 0:
        return NearPairs(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 3)), np.zeros(0))
    points, box, pbc = _without_long_gaps(start, _LONGEST_GAP * farthest)
    finder = NeighborList(
        cutoff=_searched(farthest, points, box, pbc), full_list=True, sorted=True, n_threads=1
    )
    first, second, vectors, distances = finder.compute(
        points=points, box=box, periodic=pbc, quantities="ijDd"
    )
    near = distances < radii[first] + radii[second]
    first, second = first[near].astype(int), second[near].astype(int)
    return NearPairs(first, second, vectors[near], distances[near])


def _without_long_gaps(start: Configurations, longest: float) -> tuple[Floats, Floats, Bools]:
    """Positions, box and periodic axes with the same near pairs, and no gap longer than that.

    A period with such a gap is cut open there: no pair reaches across.  Along an axis that isn't
    periodic, atoms on the two sides of a gap are moved together along the normal of the other two
    vectors.  Along the others, atoms that are farther apart than that are taken into the cell.
    """
    points, pbc = start.positions[0], start.system.pbc.copy()
    for axis in range(3):
        if pbc[axis]:
            box = completed_cell(start.cells[0], pbc)
            normal = _normal(box, axis)
            period = float(box[axis] @ normal)
            gap, before = _widest_gap(points @ normal / period)
            if gap * abs(period) > longest:
                points = points - before[:, None] * box[axis]
                pbc[axis] = False
    box = completed_cell(start.cells[0], pbc)
    for axis in range(3):
        normal = _normal(box, axis)
        along = points @ normal
        if not np.ptp(along) > longest:
            continue
        if pbc[axis]:
            points = points - np.floor(along / (box[axis] @ normal))[:, None] * box[axis]
        else:
            points = points - _surplus(along, longest)[:, None] * normal
    return points, box, pbc


def _normal(box: Floats, axis: int) -> Floats:
    """Of the other two vectors, of length 1."""
    normal = np.cross(box[axis - 2], box[axis - 1])
    unit: Floats = normal / np.linalg.norm(normal)
    return unit


def _widest_gap(fractions: Floats) -> tuple[float, Floats]:
    """The widest gap within a period, in periods; and how many periods to take off each atom, so
    that all lie between that gap and its next image.
    """
    within = np.mod(fractions, 1.0)
    places = np.sort(within)
    gaps = np.append(np.diff(places), places[0] + 1.0 - places[-1])
    widest = int(np.argmax(gaps))
    # All are in front of the gap that holds the border of the cell.
    last = places[widest] if widest < len(places) - 1 else 1.0
    periods: Floats = np.floor(fractions) + (within > last)
    return float(gaps[widest]), periods


def _surplus(along: Floats, longest: float) -> Floats:
    """How far each atom is to move so that no gap is longer than that."""
    order = np.argsort(along)
    surplus = np.zeros(len(along))
    surplus[order[1:]] = np.cumsum(np.maximum(np.diff(along[order]) - longest, 0.0))
    return surplus


def _searched(reach: float, points: Floats, box: Floats, pbc: Bools) -> float:
    """The reach, or a longer one with which vesin leaves no side without a box."""
    inverse = np.linalg.inv(box)
    heights = 1.0 / np.linalg.norm(inverse, axis=0)
    sides = np.where(pbc, heights, np.ptp(points @ inverse, axis=0) * heights)
    while True:
        boxes = np.maximum(sides / reach, 1.0)
        shrunk = boxes * np.cbrt(_MOST_BOXES / np.prod(boxes))
        if np.prod(boxes) <= _MOST_BOXES / 2 or shrunk.min() >= 2.0:
            return reach
        reach *= 1.5
