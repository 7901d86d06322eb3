"""Neighbour densities: the raw material of the non-gradient defects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physcheck.potentials.neighbours import Pairs, find_pairs
from physcheck.potentials.switching import bond_lengths, switch
from physcheck.system import Configurations, Floats

__all__ = ["DENSITY_CUTOFF", "Shell", "shell"]

DENSITY_CUTOFF = 5.0
_ONSET = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Shell:
    """Weights ``w(r) = exp(-decay (r/d - 1)) S(r)`` of pairs, d the sum of covalent radii.

    Attributes
    ----------
    pairs : Pairs
    weights : (P,) float
        1 at the distance of a bond.
    slopes : (P,) float, 1/Å
        dw/dr.
    """

    pairs: Pairs
    weights: Floats
    slopes: Floats

    @property
    def density(self) -> Floats:
        """(B, N) sums of weights around each atom."""
        return self.pairs.sum_atoms(self.weights, self.weights)


def shell(configurations: Configurations, decay: float, pairs: Pairs | None = None) -> Shell:
    """The weights of all pairs within :data:`DENSITY_CUTOFF`, C2 smooth there."""
    if pairs is None:
        pairs = find_pairs(configurations, DENSITY_CUTOFF)
    numbers = configurations.system.numbers
    lengths = bond_lengths(numbers[pairs.first], numbers[pairs.second])
    bare = np.exp(-decay * (pairs.distances / lengths - 1.0))
    smooth, slope = switch(pairs.distances, _ONSET, DENSITY_CUTOFF)
    return Shell(pairs, bare * smooth, bare * (slope - decay / lengths * smooth))
