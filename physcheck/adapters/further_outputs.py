"""What models give beside energy, forces and stress: by ASE's names, with the shapes they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from physcheck.system import Floats

__all__ = ["FURTHER_OUTPUTS", "OF_ATOMS", "further_outputs_of"]

#: Outputs that others must agree with, by ASE's names, and their shapes for N atoms.
FURTHER_OUTPUTS: Mapping[str, tuple[str | int, ...]] = {
    "energy": (),
    "free_energy": (),
    "energies": ("N",),
    "stress": (3, 3),
    "stresses": ("N", 3, 3),
    "virial": (3, 3),
    "virials": ("N", 3, 3),
    "charges": ("N",),
    "dipole": (3,),
}
#: Those that are one number an atom.
OF_ATOMS = tuple(name for name, shape in FURTHER_OUTPUTS.items() if shape == ("N",))
_MATRIX_FROM_SIX = ([0, 5, 4], [5, 1, 3], [4, 3, 2])


def further_outputs_of(answer: Mapping[str, Any], n_atoms: int) -> dict[str, Floats]:
    """Those of ``answer`` (of one configuration) with a known name and shape, float64.

    Six Voigt components become a matrix; a leading axis of one configuration is taken off. What
    has another shape, or isn't a finite number, is left out: nobody can say what it is. A list of
    numbers in place of one an atom stays as it is, so that it can be told.
    """
    found = {}
    for name, shape in FURTHER_OUTPUTS.items():
        value = answer.get(name)
        if value is None:
            continue
        if hasattr(value, "detach"):
            value = value.detach().cpu().numpy()
        array = np.asarray(value)
        if array.dtype.kind not in "fiu":
            continue
        array = array.astype(np.float64)
        wanted = tuple(n_atoms if axis == "N" else int(axis) for axis in shape)
        if wanted[-2:] == (3, 3) and array.shape[-1:] == (6,):
            array = array[..., np.array(_MATRIX_FROM_SIX)]
        elif wanted[-2:] == (3, 3) and array.shape[-1:] == (9,):
            array = array.reshape(*array.shape[:-1], 3, 3)
        if array.shape == (1, *wanted):
            array = array[0]
        if array.shape == (*wanted, 1):
            array = array[..., 0]
        listed = name in OF_ATOMS and array.ndim == 1 and array.size > 0
        if (array.shape == wanted or listed) and np.isfinite(array).all():
            found[name] = array
    return found
