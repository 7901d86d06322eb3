"""Named structures to test on, and structures from files."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from physcheck.errors import SpecError
from physcheck.names import nearest
from physcheck.system import Configurations

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Structure", "catalogue", "load_structures"]

# Enough to leave every force off its symmetric zero, little enough to stay where models were
# trained.
RATTLE = 0.05

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
    """

    name: str
    configurations: Configurations
    provenance: str
    tags: frozenset[str] = frozenset()

    @property
    def species(self) -> frozenset[int]:
        """The atomic numbers in it."""
        return frozenset(self.configurations.system.numbers.tolist())


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

    All frames of a file are taken; ``FILE@INDEX`` (as in ASE, such as ``x.extxyz@0:3``) takes some.
    A file's structures are not rattled.

    Raises
    ------
    SpecError
        A name that is neither, a file that ASE can't read or that has no atoms, or the same one
        twice.
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
    counted = [structure.name for structure in found]
    for name in counted:
        if counted.count(name) > 1:
            raise SpecError(f"the structure {name} is named twice in {names!r}")
    return found


# Nuclei are never so near, Å; a file that says so names an atom twice or has the wrong cell.
_COINCIDENT = 0.05
_FRAMES = re.compile(r"(.+)@([-+\d:]+)")


def _from_file(name: str) -> list[Structure]:
    from ase.io import read

    path, index = Path(name).expanduser(), ":"
    if not path.exists() and (match := _FRAMES.fullmatch(name)):
        path, index = Path(match[1]).expanduser(), match[2]
    if not path.is_file():
        raise SpecError(_no_structure(name, path))
    try:
        frames = read(path, index)
    except Exception as error:
        reason = str(error) or "no format that ASE knows"
        raise SpecError(
            f"ASE can't read the structures in {name}: {type(error).__name__}: {reason}"
        ) from error
    frames = frames if isinstance(frames, list) else [frames]
    if not frames:
        raise SpecError(f"{name} holds no structures")
    structures = []
    for number, atoms in enumerate(frames):
        label = f"{name}[{number}]" if len(frames) > 1 else name
        try:
            configurations = Configurations.from_atoms(atoms)
        except ValueError as error:
            raise SpecError(f"{label} can't be used: {error}") from error
        if atoms.pbc.all() and abs(atoms.cell.volume) < 1e-6:
            raise SpecError(f"{label} is periodic but its cell has no volume")
        if not (atoms.get_masses() > 0).all():
            raise SpecError(f"{label} has an atom without mass")
        periodic = atoms.cell.array[atoms.pbc]
        if np.linalg.matrix_rank(periodic, tol=1e-6) < len(periodic):
            raise SpecError(f"{label} has periodic lattice vectors that are parallel or zero")
        if (pair := _coincident(atoms)) is not None:
            raise SpecError(
                f"{label} has atoms {pair[0]} and {pair[1]} ({atoms.symbols[pair[0]]}, "
                f"{atoms.symbols[pair[1]]}) at one "
                f"place, less than {_COINCIDENT} Å apart; should be one atom, or apart"
            )
        if atoms.constraints:
            warnings.warn(
                f"{label} has constraints, which are left out: every check moves all atoms",
                stacklevel=2,
            )
        provenance = f"frame {number} of {path}" + (
            "; its constraints are left out" if atoms.constraints else ""
        )
        structures.append(Structure(label, configurations, provenance, frozenset({"file"})))
    return structures


def _coincident(atoms: Atoms) -> tuple[int, int] | None:
    """Two atoms at one place, periodic images included; None if there are none."""
    from ase.neighborlist import neighbor_list

    first, second = neighbor_list("ij", atoms, _COINCIDENT)
    return (int(first[0]), int(second[0])) if len(first) else None


def _no_structure(name: str, path: Path) -> str:
    if path.is_dir():
        return f"{name} is a folder, should be a structure's name or a file"
    if path.parent.is_dir() and (path.suffix or path.parent != Path()):
        files = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
        hint = nearest(path.name, files)
        hint = (
            hint
            if hint.startswith("did you mean")
            else f"{path.parent.resolve()} has no file near that name"
        )
        return f"no structure file {name}; {hint}"
    return f"no structure {name!r}; {nearest(name, _RECIPES)}"
