"""Energies and forces that a structure file holds beside its structures: its labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from physcheck.system import Floats

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Labels", "labels_of"]

# Names that training sets give their labels, beside ASE's own energy and forces.
_REFERENCE = r"(ref|reference|dft|qm|vasp|label|target)"
_NAMES = {
    what: re.compile(rf"{_REFERENCE}[_-]?{what}|{what}[_-]?{_REFERENCE}", re.IGNORECASE)
    for what in ("energy", "forces?")
}


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What a file says of one frame.

    Attributes
    ----------
    energy : float, eV, or None
    forces : (N, 3) float, eV/Å, or None
    keys : tuple of str
        The file's names of what was taken.
    passed_over : tuple of str
        Names of other values of the same quantities, which differ.
    """

    energy: float | None
    forces: Floats | None
    keys: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.energy is not None or self.forces is not None


def labels_of(atoms: Atoms) -> Labels:
    """The energy and forces that a file gives a frame, in ASE's units.

    A key that says it is the reference, such as ``REF_energy`` and ``REF_forces``, goes before
    ASE's own ``energy`` and ``forces``, which programs overwrite with what a model said.  Values
    that aren't finite or have another shape are no labels.
    """
    results = {} if atoms.calc is None else dict(getattr(atoms.calc, "results", {}))
    energies = _named(atoms.info, "energy") | {"energy": results.get("energy")}
    forces = _named(atoms.arrays, "forces?") | {"forces": results.get("forces")}
    usable_energies = _usable(energies, ())
    usable_forces = _usable(forces, (len(atoms), 3))
    keys: list[str] = []
    passed_over: list[str] = []
    chosen: list[Any] = []
    for usable in (usable_energies, usable_forces):
        key = next(iter(usable), None)
        chosen.append(None if key is None else usable[key])
        if key is not None:
            keys.append(key)
            passed_over += [k for k, v in usable.items() if not np.array_equal(v, usable[key])]
    energy, force = chosen
    return Labels(None if energy is None else float(energy), force, tuple(keys), tuple(passed_over))


def _named(values: Any, what: str) -> dict[str, Any]:
    return {str(k): v for k, v in values.items() if _NAMES[what].fullmatch(str(k))}


def _usable(values: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Floats]:
    usable = {}
    for key, value in values.items():
        try:
            array = np.array(value, dtype=np.float64)
        except (TypeError, ValueError):
            continue
        if array.shape == shape and np.isfinite(array).all():
            usable[key] = array
    return usable
