"""Pairs of atoms of one structure that are near each other, periodic images included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physcheck.system import Configurations, Floats, Ints

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


def near_pairs(start: Configurations, reach: float | Floats) -> NearPairs:
    """All pairs of atoms within reach of each other.

    The list is vesin's: its time doesn't grow with an empty box, nor with a vector of the cell that
    nothing repeats by.

    Parameters
    ----------
    start : Configurations
        The first of them counts.
    reach : float or (N,) float, Å
        The largest distance of a pair; or radii, the sum of which is that.
    """
    from ase.geometry import complete_cell
    from vesin import NeighborList

    pbc = start.system.pbc
    radii = np.broadcast_to(reach if np.ndim(reach) else np.asarray(reach) / 2, start.n_atoms)
    # A vector that nothing repeats by says nothing.
    box = complete_cell(np.where(pbc[:, None], start.cells[0], 0.0))
    finder = NeighborList(cutoff=2 * float(radii.max()), full_list=True, sorted=True, n_threads=1)
    first, second, vectors, distances = finder.compute(
        points=start.positions[0], box=box, periodic=pbc, quantities="ijDd"
    )
    near = distances < radii[first] + radii[second]
    first, second = first[near].astype(int), second[near].astype(int)
    return NearPairs(first, second, vectors[near], distances[near])
