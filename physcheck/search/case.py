"""A generated case: one structure, and what is done to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from physcheck.system import Configurations, Floats, Ints, System

__all__ = ["Case", "with_atoms", "with_cell"]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One structure and what a law does to it: all of a generated test, and no more.

    Attributes
    ----------
    check : str
        The id of the check whose law is asked.
    start : Configurations, B = 1
    action : mapping of str to list of numbers
        What is done, in the words of :mod:`physcheck.search.laws`: ``shift``, ``rotation``,
        ``order``, ``offsets``, ``basis``, ``strains``, ``move`` or ``circle``.
    made_from : str
        How the structure was made, for people.
    """

    check: str
    start: Configurations
    action: Mapping[str, Any] = field(default_factory=dict)
    made_from: str = ""

    @property
    def key(self) -> bytes:
        """Equal for equal cases: a model's answer is remembered by it."""
        start, system = self.start, self.start.system
        arrays = (system.numbers, system.pbc, start.positions, start.cells)
        words = json.dumps({name: np.asarray(v).tolist() for name, v in self.action.items()})
        return b"|".join([*(a.tobytes() for a in arrays), words.encode()])

    @property
    def moved_atoms(self) -> int:
        """How many atoms something of their own is done to; 0 where it is done to all alike."""
        for name in ("move", "circle", "offsets"):
            if name in self.action and "basis" not in self.action:
                values = np.asarray(self.action[name])
                return int(values.any(axis=-1).reshape(-1, self.start.n_atoms).any(axis=0).sum())
        return 0

    def numbers_of(self, name: str) -> Floats:
        """An entry of the action as an array."""
        return np.asarray(self.action[name], dtype=np.float64)


def with_atoms(start: Configurations, kept: Ints) -> Configurations:
    """Those atoms of a configuration (B = 1), where they are.

    Facts of the whole system (``info``) go where atoms go: a charge needn't fit the rest.
    """
    system = start.system.take(kept)
    if len(kept) < start.n_atoms:
        system = System(system.numbers, system.masses, system.pbc, {}, system.arrays)
    return Configurations(system, start.positions[:, kept], start.cells)


def with_cell(start: Configurations, cell: Floats, pbc: Any) -> Configurations:
    """The same atoms, where they are, with another cell (3, 3), and other boundaries."""
    old = start.system
    system = System(old.numbers, old.masses, pbc, old.info, old.arrays)
    periodic = bool(np.any(pbc))
    return Configurations(system, start.positions, cell[None] if periodic else np.zeros((1, 3, 3)))
