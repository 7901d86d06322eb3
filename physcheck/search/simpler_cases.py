"""The ways in which a case can be made simpler, as a list of choices whose zeros are the simplest.

What is made simpler is the description (atoms, elements, cell, what is done), never the violation.
Each choice runs from 0, the simplest, to the last one, which leaves things as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from physcheck.search.case import Case, with_atoms, with_cell
from physcheck.system import Configurations, Floats, Ints, System

__all__ = ["Choices", "choices_of", "simpler"]

# Å that positions and cells are rounded to, the coarsest first; the last choice rounds nothing.
_GRIDS = (0.1, 0.01)
# What an atom is moved by, or a whole structure: along one axis.
_QUARTER_TURN = ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
_EXCHANGED = ((0, 1, 0), (1, 0, 0), (0, 0, 1))
_EPS = 1e-9


@dataclass(frozen=True, slots=True)
class Choices:
    """How many options each choice has: the cell first, since free atoms are simplest, then atoms.

    Attributes
    ----------
    atoms : int
        So many choices keep an atom (1) or not (0).
    cell, species, grid, action : int
        Options of each; those of the action are law by law.
    moved : int
        Choices for each atom that something is done to: not (0), or as it is (1).
    """

    atoms: int
    cell: int
    species: int
    grid: int
    action: int
    moved: int

    @property
    def counts(self) -> list[int]:
        """The number of options of each choice."""
        atoms = [2] * self.atoms
        single = [self.species, self.action]
        return [self.cell, *atoms, *single, *[2] * self.moved, self.grid]


def choices_of(case: Case) -> Choices:
    """What can be made simpler about a case."""
    n = case.start.n_atoms
    per_atom = {"offsets", "move", "circle"} & set(case.action)
    # Of a basis the offsets put atoms inside the cell: they follow from it.
    moved = n if per_atom and "basis" not in case.action else 0
    return Choices(
        atoms=n,
        cell=3 if case.start.system.is_periodic else 1,
        species=1 + len(set(case.start.system.numbers.tolist())),
        grid=1 + len(_GRIDS),
        action=_action_options(case.action),
        moved=moved,
    )


def simpler(case: Case, choices: Choices, taken: Sequence[int]) -> Case | None:
    """The case that is left by one option of each choice; None where nothing sensible is."""
    n = choices.atoms
    cell, atoms = taken[0], taken[1 : n + 1]
    kept = np.flatnonzero(atoms)
    if len(kept) == 0:
        return None
    species, action = taken[n + 1 : n + 3]
    moved = np.asarray(taken[n + 3 : n + 3 + choices.moved], dtype=bool)
    done = _with_fewer_atoms(case.action, kept, moved)
    if done is None:
        return None
    start = with_atoms(case.start, kept)
    start = _with_fewer_species(start, case.start, species)
    start = _with_simpler_cell(start, cell, choices.cell)
    start = _on_grid(start, taken[-1])
    one = replace(case, start=start, action=done)
    return _with_simpler_action(one, action, choices.action)


def _with_fewer_atoms(
    action: Mapping[str, Any], kept: Ints, moved: np.ndarray
) -> dict[str, Any] | None:
    """The action on the atoms that are left; None where it does nothing any more."""
    done = dict(action)
    if "order" in done:
        old = [k for k in np.asarray(done["order"]).tolist() if k in set(kept.tolist())]
        ranks = {int(k): place for place, k in enumerate(kept)}
        done["order"] = [ranks[k] for k in old]
        if done["order"] == sorted(done["order"]):
            return None
    for name in {"offsets", "move"} & set(done):
        values = np.array(done[name])
        if len(moved):
            values[~moved] = 0
        left = values[kept]
        if name == "move" and np.any(left):
            # As long a line as before: short ones drown in the rounding of energies.
            left = left * (np.linalg.norm(done[name]) / np.linalg.norm(left))
        done[name] = left.tolist()
    if "circle" in done:
        values = np.array(done["circle"])
        values[:, ~moved] = 0
        circle = _squared(values[:, kept])
        if circle is None:
            return None
        done["circle"] = circle
    nothing = "move" in done or ("offsets" in done and "basis" not in done)
    if nothing and not np.any(done["move" if "move" in done else "offsets"]):
        return None
    return done


def _squared(circle: Floats) -> list[Any] | None:
    """u and v made orthogonal and equally long again; None where they span no plane."""
    u, v = (part.ravel() for part in circle)
    radius = float(np.linalg.norm(u))
    if radius < _EPS:
        return None
    v = v - u * (u @ v) / radius**2
    size = float(np.linalg.norm(v))
    if size < _EPS:
        return None
    shape = circle[0].shape
    return [u.reshape(shape).tolist(), (radius / size * v).reshape(shape).tolist()]


def _with_fewer_species(
    start: Configurations, original: Configurations, option: int
) -> Configurations:
    """All atoms of one of the elements of the original, the lightest first; or as they are."""
    elements = sorted(set(original.system.numbers.tolist()))
    if option >= len(elements):
        return start
    from ase.data import atomic_masses

    old = start.system
    numbers = np.full(len(old), elements[option])
    system = System(numbers, np.asarray(atomic_masses)[numbers], old.pbc, old.info, old.arrays)
    return Configurations(system, start.positions, start.cells)


def _with_simpler_cell(start: Configurations, option: int, options: int) -> Configurations:
    """No cell; else one with a right angle between all vectors and the same handedness."""
    if option == options - 1:
        return start
    if option == 0:
        return with_cell(start, np.zeros((3, 3)), (False, False, False))
    old = start.cells[0]
    lengths = np.linalg.norm(old, axis=1)
    new = np.diag(lengths)
    if np.linalg.det(old) < 0:
        new[2, 2] *= -1
    if abs(np.linalg.det(old)) < _EPS:
        return with_cell(start, new, start.system.pbc)
    fractional = start.positions[0] @ np.linalg.inv(old)
    return with_cell(start.at(fractional @ new), new, start.system.pbc)


def _on_grid(start: Configurations, option: int) -> Configurations:
    if option >= len(_GRIDS):
        return start
    step = _GRIDS[option]
    digits = round(-np.log10(step))
    # The first atom at the origin, as far as rounding goes: numbers that a person can read.
    x = start.positions[0]
    if not start.system.is_periodic:
        x = x - x[0]
    return start.at(np.round(x, digits), np.round(start.cells[0], digits))


def _action_options(action: Mapping[str, Any]) -> int:
    """Of the action as a whole: the simpler ones, and the one that it is."""
    if "move" in action:
        return 4
    if "circle" in action:
        return 4
    return {"shift": 2, "rotation": 2, "basis": 2, "strains": 2, "offsets": 2}.get(
        next((name for name in ("basis", *action) if name in action), ""), 1
    )


def _with_simpler_action(case: Case, option: int, options: int) -> Case | None:
    if option == options - 1:
        return case
    done = dict(case.action)
    if "move" in done:
        done["move"] = _along_axis(np.array(done["move"]), option).tolist()
    elif "circle" in done:
        done["circle"] = _in_plane(np.array(done["circle"]), option).tolist()
    elif "shift" in done:
        done["shift"] = [round(float(np.linalg.norm(done["shift"])), 1), 0.0, 0.0]
    elif "rotation" in done:
        done["rotation"] = [list(row) for row in _QUARTER_TURN]
    elif "basis" in done:
        # Only where both vectors are periodic are they the same lattice.
        if not case.start.system.pbc[:2].all():
            return None
        done["basis"] = [list(row) for row in _EXCHANGED]
        done["offsets"] = np.zeros((case.start.n_atoms, 3), np.int64).tolist()
    elif "offsets" in done:
        done["offsets"] = _one_cell(np.array(done["offsets"])).tolist()
    elif "strains" in done:
        done["strains"] = [round(float(done["strains"][0]), 2)]
    return replace(case, action=done)


def _along_axis(move: Floats, axis: int) -> Floats:
    """Each moved atom along one axis, in sign and length as it was."""
    lengths = np.linalg.norm(move, axis=1)
    along = np.zeros_like(move)
    along[:, axis] = np.where(move[:, axis] < 0, -lengths, lengths)
    return along


def _in_plane(circle: Floats, axis: int) -> Floats:
    """Each atom on a circle about one axis; of several, all in step."""
    sizes = np.sqrt((np.linalg.norm(circle, axis=2) ** 2).sum(axis=0) / 2)
    flat = np.zeros_like(circle)
    flat[0, :, (axis + 1) % 3] = sizes
    flat[1, :, (axis + 2) % 3] = sizes
    return flat


def _one_cell(offsets: Ints) -> Ints:
    """Each moved atom by one lattice vector: the first along which it moves."""
    single = np.zeros_like(offsets)
    for row, old in zip(single, offsets):
        if old.any():
            axis = int(np.flatnonzero(old)[0])
            row[axis] = np.sign(old[axis])
    return single
