"""hypothesis strategies: structures, rotations, strains and closed loops, for property tests of
potentials.

    from hypothesis import given
    from physcheck import strategies as physical

    @given(physical.crystals(species="Si,O"), physical.rotations())
    def test_forces_turn_with_the_crystal(crystal, rotation): ...

Structures come as :class:`physcheck.Configurations` with B = 1 (``.to_atoms()`` for ASE).  None is
ever rejected: atoms are kept apart by construction, so that all examples count and large structures
cost no more tries than small ones.  Each strategy draws a few numbers and a seed and hands them to
a maker in :mod:`physcheck.probes`, the number of atoms first: what fails shrinks to few atoms, the
first species of the pool, no deformation.  Distances are in contacts: over the sum of the covalent
radii of ase.data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from physcheck.probes.loops import (
    Circle,
    RigidRotation,
    atom_circle,
    collective_circles,
    molecule_rotation,
    molecules,
)
from physcheck.probes.random_structures import (
    LATTICES,
    closest_contact,
    outside_cell,
    random_cluster,
    random_crystal,
    room,
    rotation_matrix,
    shaken,
)
from physcheck.system import Configurations, Floats, as_configurations

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["PBCS", "SPECIES", "clusters", "crystals", "loops", "rattled", "rotations", "strains"]

# Of a structure that is closer than asked for, no contact gets shorter than this share.
_KEPT_CONTACT = 0.95

#: All eight combinations of periodic axes, none first.
PBCS: tuple[tuple[bool, bool, bool], ...] = tuple(
    (a, b, c) for a, b, c in product((False, True), repeat=3)
)
#: Atomic numbers of the elements that have a covalent radius, hydrogen to curium.
SPECIES: tuple[int, ...] = tuple(range(1, 97))


def _numbers(species: str | Iterable[str | int] | None) -> tuple[int, ...]:
    from ase.data import atomic_numbers

    if species is None:
        return SPECIES
    names = species.split(",") if isinstance(species, str) else list(species)
    found = []
    for name in names:
        number = atomic_numbers.get(name.strip()) if isinstance(name, str) else int(name)
        if number not in SPECIES:
            raise ValueError(f"species {name!r} is no element from hydrogen to curium")
        found.append(number)
    if not found:
        raise ValueError("species is empty, should name one element or more")
    return tuple(dict.fromkeys(found))


def _check_sizes(
    min_atoms: int, max_atoms: int, max_species: int, closest: float, loosest: float
) -> None:
    if not max_species >= 1:
        raise ValueError(f"max_species is {max_species}, should be 1 or more")
    if not 1 <= min_atoms <= max_atoms:
        raise ValueError(
            f"min_atoms, max_atoms are {min_atoms}, {max_atoms}: should be 1 or more, in order"
        )
    if not 0 < closest <= loosest:
        raise ValueError(f"closest, loosest are {closest}, {loosest}: should be positive, in order")


def _bounded(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, allow_subnormal=False)


class _Tape:
    """Choices read off a string of random bytes, two each; the first or smallest of all where it is
    zero.

    One draw a structure, since hypothesis makes draws of one kind equal to each other: with one for
    each number, 4,000 examples had 1,000 different compositions and a third had a single atom.
    """

    def __init__(self, draw: st.DrawFn, n_choices: int) -> None:
        size = 2 * n_choices + 8
        self._bytes = draw(st.binary(min_size=size, max_size=size))
        self._place = 0

    def _next(self) -> int:
        self._place += 2
        return int.from_bytes(self._bytes[self._place - 2 : self._place], "big")

    def index(self, count: int) -> int:
        return self._next() % count

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._next() / 0xFFFF

    def generator(self) -> np.random.Generator:
        return np.random.default_rng(int.from_bytes(self._bytes[-8:], "big"))

    def numbers(
        self, pool: tuple[int, ...], n_atoms: int, max_species: int, rng: np.random.Generator
    ) -> list[int]:
        """Atomic numbers of up to ``max_species`` elements; takes 1 + max_species choices."""
        n_species = 1 + self.index(max_species)
        palette = [pool[self.index(len(pool))] for _ in range(max_species)]
        return [palette[k] for k in rng.integers(n_species, size=n_atoms)]


def clusters(
    species: str | Iterable[str | int] | None = None,
    *,
    min_atoms: int = 1,
    max_atoms: int = 12,
    max_species: int = 3,
    closest: float = 0.8,
    loosest: float = 1.3,
) -> st.SearchStrategy[Configurations]:
    """Atoms without periodicity, each touching one before it: ``closest <= d_ij/(R_i + R_j)`` for
    all pairs.

    Parameters
    ----------
    species : str or iterable, optional
        Pool to draw from: ``"H,O"``, symbols or atomic numbers, the simplest first; all of
        ``SPECIES`` if left out.
    min_atoms, max_atoms : int
    max_species : int
        The most elements in one structure; each composition of that many may come.
    closest, loosest : float
        Bounds of the contact at which an atom touches, in sums of covalent radii.

    Returns
    -------
    strategy of Configurations, B = 1, zero cell

    Raises
    ------
    ValueError
        An unknown species, or bounds that are out of order.
    """
    pool = _numbers(species)
    _check_sizes(min_atoms, max_atoms, max_species, closest, loosest)

    @st.composite
    def build(draw: st.DrawFn) -> Configurations:
        n_atoms = draw(st.integers(min_atoms, max_atoms))
        tape = _Tape(draw, 2 + max_species)
        rng = tape.generator()
        numbers = tape.numbers(pool, n_atoms, max_species, rng)
        spread = tape.between(0.0, loosest - closest)
        contacts = closest + spread * rng.uniform(0, 1, len(numbers))
        return random_cluster(numbers, contacts=contacts, rng=rng)

    return build()


def crystals(
    species: str | Iterable[str | int] | None = None,
    *,
    min_atoms: int = 1,
    max_atoms: int = 12,
    max_species: int = 3,
    pbc: Sequence[bool] | Iterable[Sequence[bool]] | None = None,
    closest: float = 0.8,
    loosest: float = 1.3,
    max_deformation: float = 0.25,
    max_jitter: float = 0.25,
    reach: int = 2,
) -> st.SearchStrategy[Configurations]:
    """Atoms on the sites of a lattice, deformed, displaced, with vacancies, any axes periodic.

    The cell is scaled so that the closest pair, periodic images included, is at a contact between
    ``closest`` and ``loosest``.  Cells are triclinic and may be smaller than any cutoff; atoms may
    be outside them.  Where no axis is periodic the cell is zero; an axis that isn't keeps its
    vector in a partly periodic one.

    Parameters
    ----------
    species, min_atoms, max_atoms, max_species
        As in :func:`clusters`.
    pbc : three bools, or several such, optional
        The combinations to draw from; all eight if left out.
    closest, loosest : float
        Bounds of the closest contact, in sums of covalent radii.
    max_deformation : float
        Bound of each component of the deformation of the cubic lattice, at most 0.3.
    max_jitter : float
        Bound of displacements from the sites over the distance of neighbouring sites, at most 0.3.
    reach : int
        How many cells away from the cell an atom may be.

    Returns
    -------
    strategy of Configurations, B = 1

    Raises
    ------
    ValueError
        An unknown species, or bounds that are out of order or too large.
    """
    pool, axes = _numbers(species), _combinations(pbc)
    _check_sizes(min_atoms, max_atoms, max_species, closest, loosest)
    if not (0 <= max_deformation <= 0.3 and 0 <= max_jitter <= 0.3):
        raise ValueError(
            f"max_deformation, max_jitter are {max_deformation}, {max_jitter}: should be 0 to 0.3"
        )
    bounds = _CrystalBounds(
        (min_atoms, max_atoms), max_species, (closest, loosest), max_deformation, max_jitter, reach
    )
    return _crystals(pool, axes, bounds)


@dataclass(frozen=True, slots=True)
class _CrystalBounds:
    """What crystals are drawn between."""

    atoms: tuple[int, int]
    max_species: int
    contact: tuple[float, float]
    max_deformation: float
    max_jitter: float
    reach: int


def _crystals(
    pool: tuple[int, ...], axes: tuple[tuple[bool, bool, bool], ...], bounds: _CrystalBounds
) -> st.SearchStrategy[Configurations]:
    @st.composite
    def build(draw: st.DrawFn) -> Configurations:
        n_atoms = draw(st.integers(*bounds.atoms))
        tape = _Tape(draw, 7 + bounds.max_species)
        rng = tape.generator()
        periodic = axes[tape.index(len(axes))]
        numbers = tape.numbers(pool, n_atoms, bounds.max_species, rng)
        lattice = tuple(LATTICES)[tape.index(len(LATTICES))]
        contact = tape.between(*bounds.contact)
        deformation = tape.between(0.0, bounds.max_deformation)
        jitter = tape.between(0.0, bounds.max_jitter)
        cells_away = tape.index(bounds.reach + 1)
        crystal = random_crystal(
            numbers,
            pbc=periodic,
            contact=contact,
            lattice=lattice,
            deformation=deformation * rng.uniform(-1, 1, (3, 3)),
            jitter=jitter,
            rng=rng,
        )
        return outside_cell(crystal, cells_away, rng)

    return build()


def _combinations(pbc: Any) -> tuple[tuple[bool, bool, bool], ...]:
    if pbc is None:
        return PBCS
    rows = [pbc] if all(isinstance(axis, bool | np.bool_) for axis in pbc) else list(pbc)
    found = tuple(tuple(bool(axis) for axis in row) for row in rows)
    if not found or any(len(row) != 3 for row in found):
        raise ValueError(f"pbc is {pbc!r}, should be three bools or several triples")
    return found  # type: ignore[return-value]


def rattled(
    structure: Atoms | Configurations | st.SearchStrategy[Configurations],
    *,
    max_displacement: float = 0.3,
    closest: float = 0.8,
) -> st.SearchStrategy[Configurations]:
    """A structure with its atoms displaced, none nearer to another than ``closest``.

    Displacements are cut to the room that each atom has; atoms that are closer already come no
    closer.

    Parameters
    ----------
    structure : ase.Atoms, Configurations (B = 1), or a strategy of Configurations
    max_displacement : float, Å
    closest : float
        In sums of covalent radii.

    Returns
    -------
    strategy of Configurations, B = 1, of the same system
    """

    @st.composite
    def build(draw: st.DrawFn) -> Configurations:
        start = _drawn(draw, structure)
        tape = _Tape(draw, 1)
        displacement = tape.between(0.0, max_displacement)
        return shaken(start, displacement, closest=closest, rng=tape.generator())

    return build()


def _drawn(draw: st.DrawFn, structure: Any) -> Configurations:
    if isinstance(structure, st.SearchStrategy):
        structure = draw(structure)
    return as_configurations(structure)


def rotations(*, improper: bool = False) -> st.SearchStrategy[Floats]:
    """(3, 3) orthogonal matrices Q, to be used as ``positions @ Q.T`` and ``cells @ Q.T``; the
    identity first.

    Parameters
    ----------
    improper : bool
        Also those of determinant -1: reflections and inversion.
    """
    part = _bounded(0.0, 1.0)
    proper = st.builds(rotation_matrix, part, part, part)
    if not improper:
        return proper
    return st.builds(lambda q, sign: sign * q, proper, st.sampled_from((1.0, -1.0)))


def strains(*, max_strain: float = 0.05, symmetric: bool = True) -> st.SearchStrategy[Floats]:
    """(3, 3) small deformations e, to be used as ``positions @ (1 + e).T``, and the cell alike;
    zero first.

    Parameters
    ----------
    max_strain : float
        Bound of each component, below 1/3 so that no cell is turned inside out.
    symmetric : bool
        Symmetric only; else rotations of that size are in it too.

    Raises
    ------
    ValueError
        ``max_strain`` is out of bounds.
    """
    if not 0 <= max_strain < 1 / 3:
        raise ValueError(f"max_strain is {max_strain}, should be at least 0 and below 1/3")
    count = 6 if symmetric else 9
    order = np.array(
        [[0, 3, 4], [3, 1, 5], [4, 5, 2]] if count == 6 else [[0, 3, 4], [6, 1, 5], [7, 8, 2]]
    )
    parts = st.tuples(*[_bounded(-max_strain, max_strain)] * count)
    return parts.map(lambda values: np.array(values)[order])


def loops(
    structure: Atoms | Configurations,
    *,
    kinds: Iterable[str] = ("atom", "collective", "molecule"),
    max_radius: float = 0.1,
    closest: float = 0.6,
) -> st.SearchStrategy[Circle | RigidRotation]:
    """Closed loops through one structure; ``loop.path(positions, n)`` gives the points.

    ``atom``: one atom on a circle; ``collective``: a circle in a random plane of 3N space;
    ``molecule``: a molecule turned once about its long axis (left out where there is none).
    Circles are cut to the room that their atoms have; a molecule's turn is not.

    Parameters
    ----------
    structure : ase.Atoms or Configurations (B = 1)
    kinds : iterable of str
        The simplest first.
    max_radius : float, Å
        Of an atom's circle, and of the rms displacement of a coordinate in a collective one.
    closest : float
        No contact gets shorter on a circle, in sums of covalent radii; of a structure that is
        closer already none gets shorter by more than 5 %.

    Returns
    -------
    strategy of Circle or RigidRotation (physcheck.probes.loops)

    Raises
    ------
    ValueError
        An unknown kind, or none that the structure has.
    """
    start = as_configurations(structure)
    wanted = tuple(kinds)
    unknown = [kind for kind in wanted if kind not in ("atom", "collective", "molecule")]
    if unknown:
        raise ValueError(f"no loop is of kind {unknown[0]!r}; atom, collective, molecule are")
    possible = tuple(kind for kind in wanted if kind != "molecule" or molecules(start))
    if not possible:
        raise ValueError(f"{start.system.formula} has no loops of kinds {', '.join(wanted)}")
    n_atoms = start.n_atoms
    # All atoms of a collective circle move, each by at most its radius: half a pair's room.
    floor = min(closest, _KEPT_CONTACT * closest_contact(start))
    free = room(start, floor, np.sqrt(3 * n_atoms) * max_radius)
    return _loops(start, possible, free, max_radius)


def _loops(
    start: Configurations, possible: tuple[str, ...], free: Floats, max_radius: float
) -> st.SearchStrategy[Circle | RigidRotation]:
    n_atoms = start.n_atoms

    @st.composite
    def build(draw: st.DrawFn) -> Circle | RigidRotation:
        tape = _Tape(draw, 3)
        kind = possible[tape.index(len(possible))]
        atom = tape.index(n_atoms)
        radius = tape.between(1e-3, 1.0) * max_radius
        rng = tape.generator()
        if kind == "atom":
            return atom_circle(start, atom, min(radius, 2 * free[atom]), rng)
        if kind == "collective":
            (circle,) = collective_circles(n_atoms, 1, radius, rng)
            extent = np.sqrt((circle.u**2 + circle.v**2).sum(axis=1))
            fits = float((free / np.maximum(extent, 1e-300)).min())
            return Circle(circle.u, circle.v, min(circle.radius, fits), circle.phase, circle.label)
        turn = molecule_rotation(start, rng)
        assert turn is not None
        return turn

    return build()
