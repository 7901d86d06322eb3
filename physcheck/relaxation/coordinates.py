"""What an optimiser moves: the atoms alone, or the atoms and the cell together."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from physcheck.system import Configurations, Evaluation, Floats

__all__ = ["AtomsAndCell", "AtomsOnly", "Coordinates"]


class Coordinates(Protocol):
    """Generalised coordinates q (K, M, 3) of K places and the forces -dE/dq on them."""

    @property
    def wanted(self) -> frozenset[str]:
        """Outputs that the forces need."""
        ...

    def moved(self, atoms: Atoms) -> Any:
        """What to hand an ASE optimiser for ``atoms``."""
        ...

    def of(self, places: Configurations) -> Floats:
        """q (K, M, 3), Å, of K places."""
        ...

    def forces(self, places: Configurations, answer: Evaluation) -> Floats:
        """-dE/dq (K, M, 3), eV/Å."""
        ...

    def places(self, q: Floats) -> Configurations:
        """The places (K of them) with coordinates q (K, M, 3)."""
        ...


class AtomsOnly:
    """q are the positions: M = N."""

    wanted = frozenset({"forces", "energy"})

    def __init__(self, start: Configurations) -> None:
        self.start = start

    def moved(self, atoms: Atoms) -> Any:
        """The atoms themselves."""
        return atoms

    def of(self, places: Configurations) -> Floats:
        """Positions (K, N, 3), Å."""
        return places.positions

    def forces(self, places: Configurations, answer: Evaluation) -> Floats:
        """Forces (K, N, 3), eV/Å."""
        return answer.require_forces()

    def places(self, q: Floats) -> Configurations:
        """The start with positions q (K, N, 3)."""
        return self.start.at(q)


class _Fixed(Calculator):
    """Answers with forces and stress that are already known."""

    implemented_properties = ["forces", "stress"]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.known: dict[str, Any] = {}

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Hand out what is known."""
        super().calculate(atoms, properties or ["forces"], system_changes)  # type: ignore[no-untyped-call]
        self.results = dict(self.known)


@contextmanager
def _quiet() -> Iterator[None]:
    # The matrix logarithm of a small deformation warns that it may be off by 1e-13.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def _remembering(known: dict[tuple[bytes, ...], Any]) -> type:
    """ASE's FrechetCellFilter, which doesn't work out again what ``known`` has.

    An optimiser asks three times a step for the same forces, and the logarithm of the deformation
    and its derivatives are what physcheck spends most time on in a relaxation.
    """
    from ase.filters import FrechetCellFilter

    class Remembering(FrechetCellFilter):  # type: ignore[misc]
        def get_positions(self) -> Any:
            atoms = self.atoms
            key = (atoms.positions.tobytes(), atoms.cell.array.tobytes())
            if key not in known:
                known[key] = super().get_positions()  # type: ignore[no-untyped-call]
            return known[key].copy()

        def get_forces(self, **options: Any) -> Any:
            atoms = self.atoms
            told = (atoms.get_stress(**options), atoms.get_forces(**options))
            places = (atoms.positions, atoms.cell.array)
            key = tuple(np.asarray(array).tobytes() for array in (*told, *places))
            if key not in known:
                forces = super().get_forces(**options)  # type: ignore[no-untyped-call]
                known[key] = (forces, self.stress)
            forces, self.stress = known[key]
            return forces.copy()

    return Remembering


class AtomsAndCell:
    """q are those of ASE's FrechetCellFilter: M = N + 3.

    N rows of positions taken back to the undeformed cell, and N times the logarithm of the
    deformation in three more.
    """

    wanted = frozenset({"forces", "energy", "stress"})

    def __init__(self, start: Configurations) -> None:
        self.start = start
        self._calculator = _Fixed()
        self._atoms = start.to_atoms()
        self._atoms.calc = self._calculator
        self._filter_class = _remembering({})
        self._filter = self.moved(self._atoms)

    def moved(self, atoms: Atoms) -> Any:
        """A FrechetCellFilter around the atoms, which are in the cell of the start."""
        return self._filter_class(atoms)

    def _put(self, places: Configurations, index: int) -> None:
        self._atoms.cell[:] = places.cells[index]
        self._atoms.positions = places.positions[index]

    def of(self, places: Configurations) -> Floats:
        """q (K, N + 3, 3), Å."""
        rows = []
        for index in range(len(places)):
            self._put(places, index)
            with _quiet():
                rows.append(np.array(self._filter.get_positions()))
        return np.stack(rows)

    def forces(self, places: Configurations, answer: Evaluation) -> Floats:
        """-dE/dq (K, N + 3, 3), eV/Å."""
        rows = []
        forces, stress = answer.require_forces(), answer.require_stress()
        for index in range(len(places)):
            self._put(places, index)
            self._calculator.known = {
                "forces": forces[index],
                "stress": full_3x3_to_voigt_6_stress(stress[index]),  # type: ignore[no-untyped-call]
            }
            self._calculator.results = {}
            with _quiet():
                rows.append(np.array(self._filter.get_forces()))
        return np.stack(rows)

    def places(self, q: Floats) -> Configurations:
        """The places with coordinates q (K, N + 3, 3)."""
        positions, cells = [], []
        for one in q:
            self._filter.set_positions(one)
            positions.append(self._atoms.get_positions())
            cells.append(np.array(self._atoms.cell))
        return Configurations(self.start.system, np.stack(positions), np.stack(cells))
