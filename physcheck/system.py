"""What flows through physcheck: a system, many configurations of it, and what a model says of them.

Units at this border are ASE's: eV, Å, amu, fs, K.  Stress is positive under tension, in eV/Å³.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from ase import Atoms

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

__all__ = [
    "Bools",
    "Configurations",
    "Evaluation",
    "Floats",
    "Ints",
    "LabelledFrame",
    "System",
    "as_configurations",
]

# Rows of atoms that a representation shows: with its title and the cell, six lines at most.
_ROWS_SHOWN = 4
# A failing example of hypothesis is shown whole: it is what the reader tries again.
_ROWS_OF_AN_EXAMPLE = 12
# Atoms.arrays that System has fields of its own for.
_OWN_ARRAYS = frozenset({"numbers", "positions", "masses", "momenta"})


@lru_cache(maxsize=64)
def _hill(symbols: tuple[str, ...]) -> str:
    from ase.formula import Formula

    return str(Formula.from_list(list(symbols)).convert("hill"))


def _frozen(values: ArrayLike, dtype: Any, shape: tuple[int, ...], name: str) -> NDArray[Any]:
    array = np.array(values, dtype=dtype)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, should be {shape}")
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """The atoms of a system, without their places: what stays the same over many configurations.

    Attributes
    ----------
    numbers : (N,) int
        Atomic numbers.
    masses : (N,) float, amu
    pbc : (3,) bool
        Which lattice vectors are periodic.
    info : mapping
        Facts of the whole system that a model may read, such as ``charge`` and ``spin``.
    arrays : mapping of (N, ...) arrays
        Facts of each atom, such as ``initial_magmoms`` and ``tags``; permuted and repeated with the
        atoms.
    """

    numbers: Ints
    masses: Floats
    pbc: Bools
    info: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n_atoms = len(self.numbers)
        if n_atoms == 0:
            raise ValueError("a system needs at least one atom")
        set_ = object.__setattr__
        set_(self, "numbers", _frozen(self.numbers, np.int64, (n_atoms,), "numbers"))
        set_(self, "masses", _frozen(self.masses, np.float64, (n_atoms,), "masses"))
        set_(self, "pbc", _frozen(self.pbc, np.bool_, (3,), "pbc"))
        arrays = {}
        for name, values in self.arrays.items():
            array = np.array(values)
            if len(array) != n_atoms:
                raise ValueError(f"arrays[{name!r}] has {len(array)} rows, should be {n_atoms}")
            array.flags.writeable = False
            arrays[name] = array
        set_(self, "info", MappingProxyType(dict(self.info)))
        set_(self, "arrays", MappingProxyType(arrays))

    def __len__(self) -> int:
        return len(self.numbers)

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            System,
            (self.numbers, self.masses, self.pbc, dict(self.info), dict(self.arrays)),
        )

    def __repr__(self) -> str:
        return f"<System {self._told()}>"

    def _told(self) -> str:
        """``H2O, 3 atoms, not periodic``."""
        axes = "".join(axis for axis, periodic in zip("abc", self.pbc, strict=True) if periodic)
        periodic = {"": "not periodic", "abc": "periodic"}.get(axes, f"periodic along {axes} alone")
        atoms = "1 atom" if len(self) == 1 else f"{len(self)} atoms"
        return f"{self.formula}, {atoms}, {periodic}"

    @property
    def is_periodic(self) -> bool:
        """True if any direction is periodic."""
        return bool(self.pbc.any())

    @property
    def is_fully_periodic(self) -> bool:
        """True if all three directions are periodic, so that volume and stress exist."""
        return bool(self.pbc.all())

    @property
    def symbols(self) -> tuple[str, ...]:
        """Chemical symbols, one an atom."""
        from ase.data import chemical_symbols

        return tuple(chemical_symbols[z] for z in self.numbers)

    @property
    def formula(self) -> str:
        """Chemical formula in Hill order, such as ``C2H6O``."""
        return _hill(self.symbols)

    def take(self, order: ArrayLike) -> System:
        """The atoms ``order`` (indices, repeats allowed), in that order.

        Relabelling, subsets, repetition.
        """
        index = np.asarray(order, dtype=np.int64)
        return System(
            self.numbers[index],
            self.masses[index],
            self.pbc,
            self.info,
            {name: values[index] for name, values in self.arrays.items()},
        )


@dataclass(frozen=True, slots=True, eq=False)
class Configurations:
    """Many configurations of one system.

    Attributes
    ----------
    system : System
    positions : (B, N, 3) float64, Å
        Never wrapped into the cell by physcheck.
    cells : (B, 3, 3) float64, Å
        Lattice vectors in rows; all zero where nothing is periodic.
    labelled : tuple of LabelledFrame
        Frames of the file that this one stands for, with the file's energies and forces.  Not kept
        by configurations that are made from this one.
    """

    system: System
    positions: Floats
    cells: Floats
    labelled: tuple[LabelledFrame, ...] = ()

    def __post_init__(self) -> None:
        n_batch = len(self.positions)
        set_ = object.__setattr__
        set_(
            self,
            "positions",
            _frozen(self.positions, np.float64, (n_batch, len(self.system), 3), "positions"),
        )
        set_(self, "cells", _frozen(self.cells, np.float64, (n_batch, 3, 3), "cells"))
        if not (np.isfinite(self.positions).all() and np.isfinite(self.cells).all()):
            raise ValueError("positions and cells must be finite")

    @classmethod
    def from_atoms(cls, atoms: Atoms) -> Configurations:
        """One configuration (B = 1) from an :class:`ase.Atoms`.

        The atoms object is not changed or kept.
        """
        arrays = {k: v for k, v in atoms.arrays.items() if k not in _OWN_ARRAYS}
        info = {k: v for k, v in atoms.info.items() if not k.startswith("_")}
        system = System(atoms.numbers, atoms.get_masses(), atoms.pbc, info, arrays)
        cell = np.array(atoms.cell) if atoms.pbc.any() else np.zeros((3, 3))
        return cls(system, atoms.positions[None], cell[None])

    def to_atoms(self, index: int = 0) -> Atoms:
        """Configuration ``index`` as a new :class:`ase.Atoms`, without a calculator."""
        from ase import Atoms

        system = self.system
        atoms = Atoms(
            numbers=system.numbers,
            positions=self.positions[index],
            cell=self.cells[index],
            pbc=system.pbc,
            info=dict(system.info),
        )
        atoms.set_masses(system.masses)
        for name, values in system.arrays.items():
            atoms.set_array(name, values.copy())
        return atoms

    def __len__(self) -> int:
        return len(self.positions)

    def __repr__(self) -> str:
        return "\n".join(self._lines(_ROWS_SHOWN))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How hypothesis shows a failing example, and IPython a value."""
        printer.text("\n".join(self._lines(_ROWS_OF_AN_EXAMPLE)))

    def _lines(self, most: int) -> list[str]:
        """A title; of a single configuration its cell and at most ``most`` rows of atoms, Å."""
        number = len(self)
        many = "1 configuration" if number == 1 else f"{number} configurations"
        lines = [f"<{many} of {self.system._told()}"]
        if number == 1:
            if self.system.is_periodic:
                rows = ", ".join(" ".join(f"{x:.6g}" for x in row) for row in self.cells[0])
                lines.append(f"  cell  {rows}")
            shown = self.n_atoms if self.n_atoms <= most else most - 1
            for symbol, place in zip(self.system.symbols[:shown], self.positions[0], strict=False):
                lines.append(f"  {symbol:2}" + "".join(f" {x:13.8f}" for x in place))
            if shown < self.n_atoms:
                lines.append(f"  and {self.n_atoms - shown} more atoms")
        lines[-1] += ">"
        return lines

    def __getitem__(self, index: int | slice | Ints) -> Configurations:
        """A subset along the batch; an integer keeps B = 1."""
        if isinstance(index, int | np.integer):
            index = slice(index, index + 1) if index != -1 else slice(-1, None)
        return Configurations(self.system, self.positions[index], self.cells[index])

    def __iter__(self) -> Iterator[Configurations]:
        return (self[i] for i in range(len(self)))

    @property
    def n_atoms(self) -> int:
        """N, the number of atoms."""
        return len(self.system)

    @property
    def n_coordinates(self) -> int:
        """n = 3N, the dimension of configuration space."""
        return 3 * len(self.system)

    def volumes(self) -> Floats:
        """(B,) cell volumes, Å³."""
        volumes: Floats = np.abs(np.linalg.det(self.cells))
        return volumes

    def at(self, positions: ArrayLike, cells: ArrayLike | None = None) -> Configurations:
        """The same system at other ``positions`` (B, N, 3) or (N, 3), Å; cells are repeated unless
        given.

        Needs B = 1 here if ``cells`` is left out and the batch sizes differ.
        """
        new = np.asarray(positions, dtype=np.float64).reshape(-1, self.n_atoms, 3)
        if cells is None:
            new_cells = np.broadcast_to(self.cells, (len(new), 3, 3))
        else:
            new_cells = np.broadcast_to(np.asarray(cells, dtype=np.float64), (len(new), 3, 3))
        return Configurations(self.system, new, new_cells)

    def displaced(self, displacements: ArrayLike) -> Configurations:
        """This one configuration (B = 1) moved by each of ``displacements`` (B, N, 3) or (B,
        3N), Å.
        """
        steps = np.asarray(displacements, dtype=np.float64).reshape(-1, self.n_atoms, 3)
        return self.at(self.positions[0] + steps)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFrame:
    """A frame of a file with what the file says of it.

    Attributes
    ----------
    name : str
    configurations : Configurations
        B = 1.
    energy : float, eV, or None
    forces : (N, 3) float64, eV/Å, or None
    keys : tuple of str
        The file's names of the two.
    passed_over : tuple of str
        The file's names of other energies and forces, which differ.
    """

    name: str
    configurations: Configurations
    energy: float | None
    forces: Floats | None
    keys: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a model says of B configurations.

    Attributes
    ----------
    energy : (B,) float64, eV, or None
        The energy whose negative gradient the forces should be (ASE's ``free_energy`` where given).
    forces : (B, N, 3) float64, eV/Å, or None
    stress : (B, 3, 3) float64, eV/Å³, or None
        Positive under tension: ``(1/V) dE/d(strain)``.
    """

    energy: Floats | None = None
    forces: Floats | None = None
    stress: Floats | None = None

    def __repr__(self) -> str:
        shapes = {"energy": self.energy, "forces": self.forces, "stress": self.stress}
        told = [f"{name} {np.shape(given)}" for name, given in shapes.items() if given is not None]
        if self.energy is not None and np.size(self.energy) == 1:
            told[0] = f"energy {np.ravel(self.energy)[0]:.8g} eV"
        return f"<Evaluation: {', '.join(told) or 'no output'}>"

    def require_energy(self) -> Floats:
        """The energies; ValueError if the model gave none."""
        if self.energy is None:
            raise ValueError("this evaluation has no energy")
        return self.energy

    def require_forces(self) -> Floats:
        """The forces; ValueError if the model gave none."""
        if self.forces is None:
            raise ValueError("this evaluation has no forces")
        return self.forces

    def require_stress(self) -> Floats:
        """The stresses; ValueError if the model gave none."""
        if self.stress is None:
            raise ValueError("this evaluation has no stress")
        return self.stress

    @classmethod
    def concatenate(cls, parts: list[Evaluation]) -> Evaluation:
        """Join along the batch; an output is kept if every part has it."""

        def join(name: str) -> Floats | None:
            values = [getattr(part, name) for part in parts]
            return None if any(v is None for v in values) else np.concatenate(values)

        return cls(join("energy"), join("forces"), join("stress"))


def as_configurations(start: Atoms | Configurations) -> Configurations:
    """One configuration from an :class:`ase.Atoms` or a :class:`Configurations` with B = 1."""
    if isinstance(start, Configurations):
        if len(start) != 1:
            raise ValueError(f"start has {len(start)} configurations, should be 1")
        return start
    if not hasattr(start, "positions") or not hasattr(start, "pbc"):
        raise TypeError(
            f"the structure is a value of type {type(start).__name__}, should be an ase.Atoms or a "
            "physcheck.Configurations"
        )
    return Configurations.from_atoms(start)
