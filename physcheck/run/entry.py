"""An entry of a plan: one record to be made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

from physcheck.names import Budget
from physcheck.registry import CheckSpec

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = ["PlanEntry", "record_seed"]


def record_seed(seed: int, check: str, structure: str) -> tuple[int, int]:
    """The entropy of a record's random numbers: (seed, crc32 of check/structure)."""
    return seed, crc32(f"{check}/{structure}".encode())


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One record to be made.

    Attributes
    ----------
    check : CheckSpec
    structure : Structure
    allotment : int
        The most evaluations that all its looks may make.
    seed : tuple of int
        Entropy of its random numbers: ``numpy.random.default_rng(seed)``, the same in each look.
    not_applicable : str or None
        Why the check doesn't apply: a record without evaluations.
    shared : int
        Evaluations of the trajectory that the checks of this structure share, the same in each.
    looks : tuple of str
        The budgets whose options its looks have, in their order.
    bound : int
        Evaluations to find out whether forces are the gradient of the energy where heat takes the
        atoms, the same in each check that shares a trajectory: where the law follows from that, no
        trajectory is made. 0 where it isn't asked.
    twin : int
        Of the allotment, what is kept for a look at the float64 twin; 0 for none.
    budget : str
        The ``--physcheck-budget`` that makes this record again where it is asked for alone.
    """

    check: CheckSpec
    structure: Structure
    allotment: int
    seed: tuple[int, int]
    not_applicable: str | None = None
    shared: int = 0
    bound: int = 0
    looks: tuple[Budget, ...] = ("quick",)
    twin: int = 0
    budget: str = "quick"

    @property
    def name(self) -> str:
        """``check[structure]``."""
        return f"{self.check.id}[{self.structure.name}]"
