"""The smooth end of an interaction, and element sizes that scale one."""

from __future__ import annotations

from functools import cache

import numpy as np

from physcheck.system import Floats, Ints

__all__ = ["bond_lengths", "switch"]


def switch(
    distances: Floats, onset: Floats | float, cutoff: Floats | float
) -> tuple[Floats, Floats]:
    """The quintic switch S and its slope dS/dr: 1 up to ``onset``, 0 from ``cutoff``, C2 at both.

    ``S = 1 - x³ (10 - 15 x + 6 x²)``, ``x = (r - onset)/(cutoff - onset)``.

    Parameters
    ----------
    distances : (P,) float, Å
    onset, cutoff : float or (P,) float, Å

    Returns
    -------
    (P,) float, dimensionless and (P,) float, 1/Å
    """
    width = np.asarray(cutoff, dtype=np.float64) - onset
    x = np.clip((distances - onset) / width, 0.0, 1.0)
    value = 1.0 - x**3 * (10.0 + x * (6.0 * x - 15.0))
    return value, -30.0 * (x * (1.0 - x)) ** 2 / width


@cache
def _radii() -> Floats:
    from ase.data import covalent_radii

    return np.array(covalent_radii, dtype=np.float64)


def bond_lengths(first_numbers: Ints, second_numbers: Ints) -> Floats:
    """(P,) sums of covalent radii, Å, of pairs of atomic numbers (P,), for any element.

    Source: Cordero et al., Dalton Trans. 2832 (2008), as in ``ase.data.covalent_radii``.
    """
    radii = _radii()
    return radii[first_numbers] + radii[second_numbers]
