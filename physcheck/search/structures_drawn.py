"""Structures drawn for a search: random ones whose atoms are apart by construction, and the run's
own, displaced and strained.

Distances are in contacts: over the sum of the covalent radii.  How close atoms may come is taken
from the run's own structures, since argon's atoms are as far apart as few bonds are long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

from physcheck.potentials.switching import bond_lengths
from physcheck.probes.random_structures import (
    LATTICES,
    closest_contact,
    outside_cell,
    random_cluster,
    random_crystal,
    shaken,
)
from physcheck.search.case import with_cell
from physcheck.search.tape import Tape
from physcheck.system import Configurations, Floats

__all__ = ["Pool", "Wanted", "drawn_structure", "has_seeds", "pool_of"]

#: What a law needs: any structure, none that is periodic, one along some axis, or along two.
Wanted = Literal["any", "none", "periodic", "two axes"]

# The closest contacts of random structures, in those of the run's closest and loosest structures.
_CLOSER, _LOOSER = 0.95, 1.3
# A seed's atoms come no nearer to each other than this share of what they are.
_SEED_CLOSER = 0.9
# Displacement, Å, and strain that seeds get at most.
_SHAKE, _STRAIN = 0.3, 0.08
# Components of the deformation of random lattices, and displacements off their sites in units of
# the distance of sites, at most.
_DEFORMATION, _JITTER = 0.25, 0.25
# Sizes: clusters have so many atoms, crystals so many.
_CLUSTER, _CRYSTAL = (2, 6), (1, 8)
# Å between an atom and the rest that it is isolated from: beyond every cutoff of a local model.
_FAR = 20.0
# Å of vacuum above a surface.
_VACUUM = 12.0
# Å beyond which no seed's contact is looked at.
_NO_CONTACT = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """What structures are drawn from.

    Attributes
    ----------
    species : tuple of atomic numbers
    seeds : tuple of Configurations, B = 1 each
        The run's own structures.
    contacts : (float, float)
        The closest and the loosest closest contact of random structures.
    pbcs : tuple of three bools each
        The boundaries that the model takes, without those of no periodic axis.
    """

    species: tuple[int, ...]
    seeds: tuple[Configurations, ...]
    contacts: tuple[float, float]
    pbcs: tuple[tuple[bool, bool, bool], ...]


def pool_of(seeds: Sequence[Configurations], species: Iterable[int], periodicity: str) -> Pool:
    """What a search draws from, given the run's structures and what the model takes.

    Parameters
    ----------
    seeds : sequence of Configurations, B = 1
    species : iterable of atomic numbers
    periodicity : "none", "partial" or "full"
        As in :class:`physcheck.model.Capabilities`.
    """
    found = [closest_contact(seed) for seed in seeds]
    known = [contact for contact in found if np.isfinite(contact)] or [_NO_CONTACT]
    axes = [(a, b, c) for a, b, c in product((False, True), repeat=3) if a or b or c]
    taken = {"none": [], "full": [(True, True, True)]}.get(periodicity, axes)
    closest, loosest = _CLOSER * min(known), _LOOSER * max(known)
    return Pool(tuple(sorted(species)), tuple(seeds), (closest, loosest), tuple(taken))


def drawn_structure(
    tape: Tape, pool: Pool, wanted: Wanted, *, known_only: bool = False
) -> tuple[Configurations, str]:
    """A structure (B = 1) and how it was made.

    ``known_only`` keeps to the run's own structures, displaced and strained: for practices, which
    learned symmetries need not keep far from what a model knows.

    Raises
    ------
    ValueError
        The pool has nothing of the kind.
    """
    makers: dict[str, _Maker] = {} if known_only else dict(_makers(pool, wanted))
    if has_seeds(pool, wanted):
        # As often as all others together, since these are what a model is used on.
        makers = {_OWN: _seed, **({} if tape.one_of((False, True)) else makers)}
    if not makers:
        raise ValueError("no structure of this kind")
    name = tape.one_of(list(makers))
    start = makers[name](tape, pool, wanted)
    if start.system.is_periodic and tape.one_of((False, False, False, True)):
        cell = start.cells[0].copy()
        cell[2] *= -1
        start, name = start.at(start.positions, cell), f"{name}, left-handed cell"
    reach = tape.one_of((0, 0, 1, 2))
    if start.system.is_periodic and reach:
        start, name = outside_cell(start, reach, tape.rng), f"{name}, atoms outside the cell"
    return start, name


def has_seeds(pool: Pool, wanted: Wanted) -> bool:
    """Whether a law can be asked at any of the run's own structures."""
    return any(_fits(seed, wanted) for seed in pool.seeds)


_OWN = "the run's own, displaced"
_Maker = Callable[[Tape, Pool, Wanted], Configurations]


def _makers(pool: Pool, wanted: Wanted) -> Mapping[str, _Maker]:
    """Kinds of random structures that a law can be asked at."""
    free: dict[str, _Maker] = {
        "cluster": _cluster,
        "atoms on a line": _line,
        "regular polygon": _polygon,
        "cluster and an isolated atom": _isolated,
    }
    bound: dict[str, _Maker] = {
        "crystal": _crystal,
        "crystal on its sites": _on_sites,
        "surface": _surface,
    }
    if not pool.pbcs:
        bound = {}
    if wanted == "none":
        return free
    return bound if wanted != "any" else free | bound


def _fits(start: Configurations, wanted: Wanted) -> bool:
    periodic = int(start.system.pbc.sum())
    least = {"any": 0, "none": 0, "periodic": 1, "two axes": 2}[wanted]
    return periodic == 0 if wanted == "none" else periodic >= least


def _numbers(tape: Tape, pool: Pool, n_atoms: int) -> list[int]:
    """Up to three elements: each composition of them may come."""
    palette = [tape.one_of(pool.species) for _ in range(tape.whole(1, 3))]
    return [palette[k] for k in tape.rng.integers(len(palette), size=n_atoms)]


def _contact(tape: Tape, pool: Pool) -> float:
    return tape.between(*pool.contacts)


def _boundaries(tape: Tape, pool: Pool, wanted: Wanted) -> tuple[bool, bool, bool]:
    enough = [p for p in pool.pbcs if sum(p) >= (2 if wanted == "two axes" else 1)]
    return tape.one_of(enough)


def _seed(tape: Tape, pool: Pool, wanted: Wanted) -> Configurations:
    seed = tape.one_of([s for s in pool.seeds if _fits(s, wanted)])
    if seed.system.is_periodic:
        change = tape.between(0.0, _STRAIN) * tape.rng.uniform(-1, 1, (3, 3))
        shape = np.eye(3) + (change + change.T) / 2
        seed = seed.at(seed.positions @ shape, seed.cells @ shape)
    floor = _SEED_CLOSER * closest_contact(seed)
    if not np.isfinite(floor):
        floor = _NO_CONTACT
    return shaken(seed, tape.between(0.0, _SHAKE), closest=floor, rng=tape.rng)


def _cluster(tape: Tape, pool: Pool, wanted: Wanted) -> Configurations:
    numbers = _numbers(tape, pool, tape.whole(*_CLUSTER))
    low = pool.contacts[0]
    return random_cluster(
        numbers, contacts=tape.rng.uniform(low, _contact(tape, pool), len(numbers)), rng=tape.rng
    )


def _line(tape: Tape, pool: Pool, wanted: Wanted) -> Configurations:
    """Two to four atoms exactly on a line, where angles are 0 or 180 degrees."""
    numbers = np.array(_numbers(tape, pool, tape.whole(2, 4)))
    steps = _contact(tape, pool) * bond_lengths(numbers[1:], numbers[:-1])
    # The same step between all, so that sums are exact where that can be.
    spacing = float(np.max(steps))
    x = np.zeros((len(numbers), 3))
    x[:, tape.whole(0, 2)] = spacing * np.arange(len(numbers))
    return _free(numbers, x)


def _polygon(tape: Tape, pool: Pool, wanted: Wanted) -> Configurations:
    """Three or four atoms of one plane at equal distances: forces that symmetry makes equal."""
    n = tape.whole(3, 4)
    numbers = np.array(_numbers(tape, pool, n))
    length = _contact(tape, pool) * float(bond_lengths(numbers, numbers).max())
    radius = length / (2 * np.sin(np.pi / n))
    angles = 2 * np.pi * np.arange(n) / n
    return _free(numbers, radius * np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1))


def _isolated(tape: Tape, pool: Pool, wanted: Wanted) -> Configurations:
    rest = _cluster(tape, pool, wanted)
    numbers = np.append(rest.system.numbers, tape.one_of(pool.species))
    place = rest.positions[0].max(axis=0) + _FAR * np.eye(3)[tape.whole(0, 2)]
    return _free(numbers, np.vstack([rest.positions[0], place]))


def _free(numbers: np.ndarray, positions: Floats) -> Configurations:
    from ase import Atoms

    return Configurations.from_atoms(Atoms(numbers=numbers, positions=positions))


def _lattice(
    tape: Tape,
    pool: Pool,
    pbc: Sequence[bool],
    deformation: float,
    jitter: float,
) -> Configurations:
    numbers = _numbers(tape, pool, tape.whole(*_CRYSTAL))
    shape = deformation * tape.rng.uniform(-1, 1, (3, 3))
    return random_crystal(
        numbers, pbc=pbc, contact=_contact(tape, pool), lattice=tape.one_of(tuple(LATTICES)),
        deformation=shape, jitter=jitter, rng=tape.rng,
    )  # fmt: skip


def _crystal(tape: Tape, pool: Pool, wanted: Wanted) -> Configurations:
    """Triclinic, with vacancies, any axes periodic."""
    pbc = _boundaries(tape, pool, wanted)
    deformation, jitter = tape.between(0.0, _DEFORMATION), tape.between(0.0, _JITTER)
    return _lattice(tape, pool, pbc, deformation, jitter)


def _on_sites(tape: Tape, pool: Pool, wanted: Wanted) -> Configurations:
    """An undistorted lattice: atoms on the faces of the cell, and on sites of high symmetry."""
    return _lattice(tape, pool, _boundaries(tape, pool, wanted), 0.0, 0.0)


def _surface(tape: Tape, pool: Pool, wanted: Wanted) -> Configurations:
    """A crystal with vacuum along its third axis, periodic there or not."""
    pbc = _boundaries(tape, pool, wanted)
    bulk = _lattice(tape, pool, pbc, tape.between(0.0, _DEFORMATION), 0.1)
    cell = bulk.cells[0].copy()
    normal = np.cross(cell[0], cell[1])
    cell[2] += _VACUUM * normal / np.linalg.norm(normal)
    return with_cell(bulk, cell, bulk.system.pbc)
