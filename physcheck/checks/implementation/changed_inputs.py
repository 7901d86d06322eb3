"""A structure with one input changed and all others kept: what caches that miss it give away."""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.model import Capabilities
from physcheck.numerics.near_pairs import near_pairs
from physcheck.system import Bools, Configurations, Floats, Ints, System

__all__ = ["STEPS", "changed_inputs", "exchanged", "moved_alone", "walk"]

# How much larger the cell is, with the atoms left where they are: pairs across its faces feel it.
_LARGER_CELL = 1.1
#: Equal steps of a walk, of 0.11 Å or less: below half of any skin, as those of a simulation are.
STEPS = 8
# Å that each atom moves in all.  Lists of neighbours have skins of 0.3 to 2 Å, within half of which
# no atom may go before they are made again.
_WALK = 0.9
# Atoms that meet stay farther apart than this share of the shortest distance: 1 - 2 * 0.35.
_SHARE = 0.35


def changed_inputs(
    one: Configurations, capabilities: Capabilities
) -> list[tuple[str, Configurations]]:
    """Label and configuration (B = 1), each with one input that isn't that of ``one``.

    The cell (atoms stay in place), the species (each becomes the next one), the periodic axes, the
    charge (with the spin that goes with it), the spin, the magnetic moments and the tags, as far as
    the structure has them and the model's ``capabilities`` allow.
    """
    system = one.system
    changed: list[tuple[str, Configurations]] = []

    def add(label: str, other: System, cells: Floats | None = None) -> None:
        where = one.cells if cells is None else cells
        changed.append((f"the structure with {label}", Configurations(other, one.positions, where)))

    if system.is_periodic:
        add("another cell, atoms in place", system, _LARGER_CELL * one.cells)
        add("other periodic axes", _with(system, pbc=_fewer_axes(system, capabilities)))
    numbers = _other_species(system, capabilities)
    if numbers is not None:
        add("other species in its places", _with(system, numbers=numbers))
    charge = float(system.info.get("charge", 0) or 0) + 1
    spin = int(system.info.get("spin", 1) or 1)
    moments = np.asarray(system.arrays.get("initial_magmoms", np.zeros(len(system))))
    tags = np.asarray(system.arrays.get("tags", np.zeros(len(system), np.int64)))
    add("another charge", _with(system, info={"charge": charge, "spin": 2}))
    add("another spin", _with(system, info={"spin": spin + 2}))
    add("other magnetic moments", _with(system, arrays={"initial_magmoms": moments + 1.0}))
    add("other tags", _with(system, arrays={"tags": tags + 1}))
    return changed


def walk(start: Configurations, rng: np.random.Generator) -> list[Configurations]:
    """Eight places (B = 1), half of the atoms farther and farther one way, the others the other,
    by 0.9 Å in the end.

    A list of neighbours that is made again only after longer moves, or that compares each place
    with the one before instead of its own, lacks pairs then.  Shorter where atoms would meet.
    """
    along = rng.standard_normal(3)
    signs = rng.permutation(np.where(np.arange(start.n_atoms) % 2 == 0, 1.0, -1.0))
    directions = (signs[:, None] * along / np.linalg.norm(along))[None]
    length = min(_WALK, _SHARE * _shortest_distance(start))
    return [start.displaced(length * k / STEPS * directions) for k in range(1, STEPS + 1)]


def moved_alone(start: Configurations, rng: np.random.Generator) -> Configurations:
    """One atom moved by 0.9 Å, which the mean over all atoms hardly shows (B = 1).

    Shorter where atoms would meet: no other one comes towards it.
    """
    along = rng.standard_normal(3)
    length = min(_WALK, 2 * _SHARE * _shortest_distance(start))
    move = np.zeros((1, start.n_atoms, 3))
    move[0, int(rng.integers(start.n_atoms))] = length * along / np.linalg.norm(along)
    return start.displaced(move)


def exchanged(start: Configurations, rng: np.random.Generator) -> Configurations:
    """Each atom on the place of another one of its kind.

    A slight move where every kind is single.
    """
    order = np.arange(start.n_atoms)
    for z in np.unique(start.system.numbers):
        alike = np.flatnonzero(start.system.numbers == z)
        order[alike] = np.roll(alike, int(rng.integers(1, len(alike))) if len(alike) > 1 else 0)
    if np.array_equal(order, np.arange(start.n_atoms)):
        return start.displaced(0.2 * rng.uniform(-1, 1, (1, start.n_atoms, 3)))
    return start.at(start.positions[:, order])


def _with(
    system: System,
    *,
    numbers: Ints | None = None,
    pbc: Bools | None = None,
    info: dict[str, Any] | None = None,
    arrays: dict[str, Any] | None = None,
) -> System:
    return System(
        system.numbers if numbers is None else numbers,
        system.masses,
        system.pbc if pbc is None else pbc,
        {**system.info, **(info or {})},
        {**system.arrays, **(arrays or {})},
    )


def _fewer_axes(system: System, capabilities: Capabilities) -> Bools:
    """One periodic axis less, or none where the model takes all or none."""
    if capabilities.periodicity != "partial":
        return np.zeros(3, bool)
    pbc = system.pbc.copy()
    pbc[int(np.flatnonzero(pbc)[0])] = False
    return pbc


def _other_species(system: System, capabilities: Capabilities) -> Ints | None:
    """Each species replaced by the next one of the structure, or by one that the model knows."""
    kinds = np.unique(system.numbers)
    if len(kinds) == 1:
        known = sorted((capabilities.species or frozenset()) - {int(kinds[0])})
        return None if not known else np.full(len(system), known[0], np.int64)
    following = dict(zip(kinds.tolist(), np.roll(kinds, -1).tolist(), strict=True))
    return np.array([following[z] for z in system.numbers.tolist()], np.int64)


def _shortest_distance(start: Configurations) -> float:
    """Å, images included; twice the walk where no two atoms are nearer than that."""
    farthest = _WALK / _SHARE
    return float(np.min(near_pairs(start, farthest).distances, initial=farthest))
