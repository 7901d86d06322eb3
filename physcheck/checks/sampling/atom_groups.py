"""Groups of atoms whose temperatures are compared: species, or what the caller names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import ArrayLike

from physcheck.system import Bools, System

__all__ = ["groups_of"]


def groups_of(system: System, groups: Mapping[str, ArrayLike] | None) -> dict[str, Bools]:
    """Masks (N,) by name: of the groups given (indices or masks), else one for each species.

    Raises
    ------
    ValueError
        A group is empty, holds all atoms or the same as another group, or names no atoms.
    """
    n_atoms = len(system)
    if groups is None:
        numbers = sorted(set(system.numbers.tolist()))
        return {chemical_symbols[z]: system.numbers == z for z in numbers}
    masks: dict[str, Bools] = {}
    for name, members in groups.items():
        mask = _mask_of(name, members, n_atoms)
        if not 0 < mask.sum() < n_atoms:
            raise ValueError(
                f"group {name!r} has {mask.sum()} of {n_atoms} atoms, should be a part"
            )
        for other, known in masks.items():
            if np.array_equal(mask, known):
                raise ValueError(f"groups {other!r} and {name!r} are the same atoms")
        masks[name] = mask
    return masks


def _mask_of(name: str, members: ArrayLike, n_atoms: int) -> Bools:
    """(N,) True for the members, given as indices or as a mask."""
    given = np.asarray(members)
    mask = np.zeros(n_atoms, dtype=np.bool_)
    if given.size == 0:
        return mask
    if given.dtype == np.bool_:
        if given.shape != (n_atoms,):
            raise ValueError(f"group {name!r} is a mask of {given.shape}, should be ({n_atoms},)")
        return given
    if not np.issubdtype(given.dtype, np.integer):
        raise ValueError(f"group {name!r} has {given.dtype}, should be indices or a mask")
    if given.min() < -n_atoms or given.max() >= n_atoms:
        outside = given.max() if given.max() >= n_atoms else given.min()
        raise ValueError(f"group {name!r} names atom {outside} of {n_atoms}")
    mask[given] = True
    return mask
