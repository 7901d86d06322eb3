"""Named structures to test on, and structures from files."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from physcheck.errors import SpecError
from physcheck.files.paths import path_problem, user_path
from physcheck.files.reference_labels import Labels, labels_of
from physcheck.files.representative_frames import Choice, representative_frames
from physcheck.files.structure_reading import (
    ALL_FRAMES,
    StructureFile,
    parse_structure_file,
    read_frames,
)
from physcheck.files.structure_refusals import refuse_coincident, refuse_unusable
from physcheck.names import nearest
from physcheck.system import Configurations, LabelledFrame, as_configurations

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Structure", "catalogue", "load_structures", "named_structures"]

# Enough to leave every force off its symmetric zero, little enough to stay where models were
# trained.
RATTLE = 0.05

# So many frames with energies and forces of their own are kept of a file.
_MOST_LABELLED = 200

_G2 = "G2 test set, B3LYP/6-31G(2df,p) geometry, as ase.build.molecule has it"


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """One configuration with a name.

    Attributes
    ----------
    name : str
        Of the catalogue, or the file as it was given, with ``[i]`` where it has several frames.
    configurations : Configurations
        B = 1.
    provenance : str
        Where the geometry comes from, in a sentence.
    tags : frozenset of str
        ``molecule``, ``cluster``, ``crystal``, ``slab``, ``liquid``, ``disordered``; ``metal``,
        ``ionic``, ``covalent``; ``triclinic``; ``file``.
    remark : str
        What a report should say of the choice of structures, in a sentence; else empty.
    """

    name: str
    configurations: Configurations
    provenance: str
    tags: frozenset[str] = frozenset()
    remark: str = ""

    @property
    def species(self) -> frozenset[int]:
        """The atomic numbers in it."""
        return frozenset(self.configurations.system.numbers.tolist())

    @property
    def periodicity(self) -> int:
        """0 for molecules, 1 for what is partly periodic, 2 for crystals."""
        system = self.configurations.system
        return 2 if system.is_fully_periodic else int(system.is_periodic)


@dataclass(frozen=True, slots=True)
class _Recipe:
    make: Callable[[], Atoms]
    source: str
    tags: str
    thermal: bool = False


def _molecule(name: str) -> Callable[[], Atoms]:
    def make() -> Atoms:
        from ase.build import molecule

        atoms: Atoms = molecule(name)  # type: ignore[no-untyped-call]
        return atoms

    return make


def _bulk(
    name: str,
    lattice: str,
    a: float,
    *,
    c: float | None = None,
    repeat: tuple[int, int, int] = (1, 1, 1),
    cubic: bool = True,
) -> Callable[[], Atoms]:
    def make() -> Atoms:
        from ase.build import bulk

        cell = bulk(name, lattice, a=a, c=c, cubic=cubic)
        atoms: Atoms = cell.repeat(repeat)  # type: ignore[no-untyped-call]
        return atoms

    return make


def _argon13() -> Atoms:
    from ase.cluster import Icosahedron

    atoms: Atoms = Icosahedron("Ar", 2, latticeconstant=5.43)  # type: ignore[no-untyped-call]
    atoms.cell = None
    atoms.pbc = False
    return atoms


def _sheared_silicon() -> Atoms:
    from ase.build import bulk

    atoms: Atoms = bulk("Si", "diamond", a=5.431, cubic=True)
    shear = np.array([[1.0, 0.08, -0.05], [0.0, 0.97, 0.06], [0.0, 0.0, 1.04]])
    atoms.set_cell(np.array(atoms.cell) @ shear, scale_atoms=True)  # type: ignore[no-untyped-call]
    return atoms


def _copper_slab() -> Atoms:
    from ase.build import fcc111

    atoms: Atoms = fcc111("Cu", (2, 2, 3), a=3.61, vacuum=7.0, periodic=False)  # type: ignore[no-untyped-call]
    atoms.pbc = (True, True, False)
    return atoms


def _stored(name: str) -> Callable[[], Atoms]:
    def make() -> Atoms:
        from ase.io import read

        # A file of the package, made by fixtures/make_structures.py.
        path = Path(__file__).parent / "structures_data" / f"{name}.extxyz"
        atoms: Atoms = read(path)  # type: ignore[assignment]
        atoms.info.clear()
        return atoms

    return make


# A molecule and a crystal of the elements that most models know come first: quick runs take the
# first that fits.
_RECIPES: dict[str, _Recipe] = {
    "ethanol": _Recipe(_molecule("CH3CH2OH"), _G2, "molecule"),
    "Si8": _Recipe(
        _bulk("Si", "diamond", 5.431),
        "diamond lattice, a = 5.431 Å (experiment, 300 K)",
        "crystal covalent",
    ),
    "Cu32": _Recipe(
        _bulk("Cu", "fcc", 3.61, repeat=(2, 2, 2)),
        "fcc lattice, a = 3.61 Å (experiment)",
        "crystal metal",
    ),
    "H2O": _Recipe(_molecule("H2O"), _G2, "molecule"),
    "NaCl8": _Recipe(
        _bulk("NaCl", "rocksalt", 5.64),
        "rock salt, a = 5.64 Å (experiment)",
        "crystal ionic",
    ),
    "Ar13": _Recipe(
        _argon13,
        "icosahedron cut to the nearest-neighbour distance of fcc argon, a = 5.43 Å",
        "cluster",
    ),
    "CH4": _Recipe(_molecule("CH4"), _G2, "molecule"),
    "C6H6": _Recipe(_molecule("C6H6"), _G2, "molecule"),
    "NH3": _Recipe(_molecule("NH3"), _G2, "molecule"),
    "Fe16": _Recipe(
        _bulk("Fe", "bcc", 2.87, repeat=(2, 2, 2)),
        "bcc lattice, a = 2.87 Å (experiment), no magnetic moments set",
        "crystal metal",
    ),
    "Mg8": _Recipe(
        _bulk("Mg", "hcp", 3.21, c=5.21, repeat=(2, 2, 1), cubic=False),
        "hcp lattice, a = 3.21 Å, c = 5.21 Å (experiment)",
        "crystal metal",
    ),
    "GaAs8": _Recipe(
        _bulk("GaAs", "zincblende", 5.653),
        "zinc blende, a = 5.653 Å (experiment)",
        "crystal covalent",
    ),
    "Si8-triclinic": _Recipe(
        _sheared_silicon,
        "diamond lattice, a = 5.431 Å, its cell sheared and strained by up to 8 %",
        "crystal covalent triclinic",
    ),
    "Cu12-slab": _Recipe(
        _copper_slab,
        "three (111) layers of fcc copper, a = 3.61 Å, periodic in two directions",
        "slab metal",
    ),
    "H2O-box32": _Recipe(
        _stored("H2O-box32"),
        "32 water molecules at 1 g/cm³ and 300 K, a frame of mean energy of 58 ps of Langevin "
        "dynamics with builtin::water "
        "(fixtures/make_structures.py)",
        "liquid",
        thermal=True,
    ),
    "Cu32-disordered": _Recipe(
        _stored("Cu32-disordered"),
        "32 copper atoms at 8.0 g/cm³, molten at 4000 K and cooled to 1400 K for 4 ps each with "
        "builtin::gupta (fixtures/make_structures.py)",
        "liquid disordered metal",
        thermal=True,
    ),
}


def _made(name: str) -> Structure:
    recipe = _RECIPES[name]
    atoms = recipe.make()
    provenance = recipe.source
    if not recipe.thermal:
        rng = np.random.default_rng(crc32(name.encode()))
        atoms.positions += RATTLE * rng.standard_normal(atoms.positions.shape)
        provenance += f"; rattled by {RATTLE} Å (normal, seed crc32 of the name)"
    return Structure(
        name, Configurations.from_atoms(atoms), provenance, frozenset(recipe.tags.split())
    )


class _Catalogue(Mapping[str, Structure]):
    """Names at once, structures when asked for."""

    def __getitem__(self, name: str) -> Structure:
        if name not in _RECIPES:
            raise KeyError(name)
        return _made(name)

    def __contains__(self, name: object) -> bool:
        return name in _RECIPES

    def __iter__(self) -> Iterator[str]:
        return iter(_RECIPES)

    def __len__(self) -> int:
        return len(_RECIPES)


def catalogue() -> Mapping[str, Structure]:
    """The named structures, in the order in which a plan looks for its primary one.

    Each is made anew when it is looked up; names alone cost nothing.  All are thermal or rattled by
    0.05 Å, so that no force is zero by symmetry.
    """
    return _Catalogue()


def load_structures(names: str) -> list[Structure]:
    """Structures by name or file: comma separated catalogue names and paths that
    :func:`ase.io.read` reads.

    ``FILE@INDEX`` takes some frames of a file, in ASE's syntax (``x.extxyz@0:3``, ``x.traj@::5``),
    ``FILE:FORMAT`` says which of ASE's formats it has (``cu.data:lammps-data``).  Without an index
    all frames of up to eight are taken; a file of more is represented by those that differ most
    (:func:`physcheck.files.representative_frames.representative_frames`), and the first of them has
    a ``remark`` that says which.  The first also holds the file's own energies and forces
    (``configurations.labelled``).  A file's structures are not rattled.

    Raises
    ------
    SpecError
        A name that is neither, a file that ASE can't read or that has no atoms, a structure that
        can't be (no such element, coincident atoms, a site occupied in part, a cell of no or too
        little volume), or the same name twice.

    Cost: a file is read once, as long as it doesn't change.
    """
    found: list[Structure] = []
    wanted = [name.strip() for name in names.split(",")]
    if not any(wanted):
        raise SpecError(f"no structures named in {names!r}; known: {', '.join(_RECIPES)}")
    for name in wanted:
        if name in _RECIPES:
            found.append(_made(name))
        elif name:
            found.extend(_from_file(name))
    for name, count in Counter(structure.name for structure in found).items():
        if count > 1:
            raise SpecError(f"the structure {name} is named twice in {names!r}")
    return found


def named_structures(atoms: Iterable[Any] | Mapping[str, Any]) -> dict[str, Configurations]:
    """Structures at hand, each with a name.

    Parameters
    ----------
    atoms : iterable or mapping of ase.Atoms, Configurations (B = 1), names or files
        A mapping gives each a name; else it is the formula, the name in the catalogue or the file,
        numbered where it comes again.

    Raises
    ------
    SpecError
        A name or file doesn't exist, or a file that is to have one name holds several structures.
    """
    if isinstance(atoms, Mapping):
        return {str(label): _one(one) for label, one in atoms.items()}
    named: dict[str, Configurations] = {}
    for one in atoms:
        if isinstance(one, str):
            found = {s.name: s.configurations for s in load_structures(one)}
        else:
            start = as_configurations(one)
            found = {start.system.formula: start}
        for name, start in found.items():
            label, count = name, 1
            while label in named:
                count += 1
                label = f"{name}-{count}"
            named[label] = start
    return named


def _one(atoms: Any) -> Configurations:
    if not isinstance(atoms, str):
        return as_configurations(atoms)
    found = load_structures(atoms)
    if len(found) != 1:
        raise SpecError(f"{atoms!r} holds {len(found)} structures, should be one to have a name")
    return found[0].configurations


@dataclass(frozen=True, slots=True)
class _Content:
    """A file's structures, and the warnings that loading it gave."""

    structures: tuple[Structure, ...]
    warned: tuple[str, ...]


def _from_file(name: str) -> tuple[Structure, ...]:
    if "/" not in name and not Path(name).suffix and not re.search("[@:~]", name):
        path = user_path(name)
        if path_problem(path) == "doesn't exist":
            raise SpecError(f"no structure {name!r}; {nearest(name, _RECIPES)}")
    file = parse_structure_file(name)
    facts = file.path.stat()
    content = _content(file, facts.st_mtime_ns, facts.st_size)
    for text in content.warned:
        warnings.warn(text, stacklevel=3)
    return content.structures


# A run asks for its structures several times: to hold names against them, to plan, to match known
# failures.
@lru_cache(maxsize=16)
def _content(file: StructureFile, modified_ns: int, size: int) -> _Content:
    frames = read_frames(file)
    for number, atoms in enumerate(frames):
        refuse_unusable(atoms, _label(file, number, frames))
    labels = [labels_of(atoms) for atoms in frames]
    # Frames that the user chose by index are all taken.
    every = Choice(tuple(range(len(frames))))
    chosen = file.index != ALL_FRAMES
    choice = every if chosen else representative_frames(frames, labels, file.name)
    structures: list[Structure] = []
    warned: list[str] = []
    for number in choice.frames:
        atoms, label = frames[number], _label(file, number, frames)
        refuse_coincident(atoms, label)
        provenance = f"frame {number} of {file.path}"
        if atoms.constraints:
            provenance += "; its constraints are left out"
            warned.append(
                f"{label} has constraints, which are left out: every check moves all atoms"
            )
        configurations = _configurations(atoms, label)
        if not structures:
            labelled = _labelled(file, frames, labels)
            configurations = replace(configurations, labelled=labelled)
        structures.append(
            Structure(
                label,
                configurations,
                provenance,
                frozenset({"file"}),
                remark="" if structures else choice.sentence,
            )
        )
    return _Content(tuple(structures), tuple(warned))


def _label(file: StructureFile, number: int, frames: Sequence[Atoms]) -> str:
    return f"{file.name}[{number}]" if len(frames) > 1 else file.name


def _configurations(atoms: Atoms, label: str) -> Configurations:
    try:
        return Configurations.from_atoms(atoms)
    except ValueError as error:
        raise SpecError(f"{label} can't be used: {error}") from error


def _labelled(
    file: StructureFile, frames: Sequence[Atoms], labels: Sequence[Labels]
) -> tuple[LabelledFrame, ...]:
    """Frames with energies or forces, evenly from the file; those of a single atom if all are."""
    having = [i for i, label in enumerate(labels) if label]
    having = [i for i in having if len(frames[i]) > 1] or having
    if len(having) > _MOST_LABELLED:
        picked = np.linspace(0, len(having) - 1, _MOST_LABELLED).round().astype(int)
        having = [having[i] for i in picked]
    return tuple(
        LabelledFrame(
            name=_label(file, i, frames),
            configurations=_configurations(frames[i], _label(file, i, frames)),
            energy=labels[i].energy,
            forces=labels[i].forces,
            keys=labels[i].keys,
            passed_over=labels[i].passed_over,
        )
        for i in having
    )
