"""What is planned so far, and what is left of the budget."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from physcheck.model import Capabilities
from physcheck.names import Budget
from physcheck.registry import CheckSpec
from physcheck.resolution import RESOLUTION_EVALUATIONS
from physcheck.run.budget import Spending
from physcheck.run.choosing import Chosen
from physcheck.run.costs_of_checks import CostsOfChecks
from physcheck.run.entry import PlanEntry
from physcheck.run.facts import NotScheduled
from physcheck.run.settings import Settings

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = ["Filling"]


@dataclass(slots=True)
class Filling:
    """The entries of a plan in the making, and their cost.

    Attributes
    ----------
    settings : Settings
    capabilities : Capabilities
    chosen : Chosen
    spending : Spending
    has_twin : bool
        Whether there may be a float64 twin to look at.
    costs : CostsOfChecks
        What checks say of the structures.
    entries : dict of (check, structure) to PlanEntry
    left_out : dict of (check, structure) to NotScheduled
    spent : int
        The sum of all allotments so far, weighed by the size of their structures.
    kept : int
        What is kept for later.
    resolved : set of str
        Structures whose resolution is planned.
    """

    settings: Settings
    capabilities: Capabilities
    chosen: Chosen
    spending: Spending
    has_twin: bool = False
    costs: CostsOfChecks = field(default_factory=CostsOfChecks)
    entries: dict[tuple[str, str], PlanEntry] = field(default_factory=dict)
    left_out: dict[tuple[str, str], NotScheduled] = field(default_factory=dict)
    spent: int = 0
    kept: int = 0
    resolved: set[str] = field(default_factory=set)

    @property
    def left(self) -> int | None:
        """Evaluations that nothing is planned for; None where nothing is rationed."""
        limit = self.spending.evaluations
        return None if limit is None else limit - self.kept - self.spent

    def add(self, entry: PlanEntry) -> None:
        """Plan a record, in place of an earlier entry for it."""
        key = entry.check.id, entry.structure.name
        self.left_out.pop(key, None)
        self.entries[key] = entry

    def leave_out(
        self, spec: CheckSpec, structure: Structure, reason: str, group: str = ""
    ) -> None:
        """Say why a record isn't planned; ``group`` is the reason without its own numbers."""
        key = spec.id, structure.name
        self.left_out[key] = NotScheduled(spec.id, structure.name, reason, group)

    def leave_out_for_room(
        self, spec: CheckSpec, structure: Structure, wanted: int, *, needs: str, what: str = ""
    ) -> None:
        """Say that a record isn't planned since ``wanted`` evaluations aren't left.

        ``needs`` is a budget that has them, ``what`` begins the sentence.
        """
        verb = "doesn't" if what else "don't"
        left = f"what the budget has left ({self.left} of {self.spending.evaluations})"
        self.leave_out(
            spec,
            structure,
            f"{what}{wanted} evaluations {verb} fit into {left}; needs {needs}",
            f"{what}more evaluations than the budget has left; needs {needs}",
        )

    def evaluations(self, spec: CheckSpec, structure: Structure, budget: Budget) -> int:
        """The most evaluations of a check's record with the options of ``budget``."""
        return self.costs.evaluations(spec, structure, self.capabilities, budget)

    def missing(self, spec: CheckSpec, structure: Structure) -> str | None:
        """Why a check doesn't apply to the model at a structure, or None."""
        return self.costs.missing(spec, structure, self.capabilities)

    def gains(self, entry: PlanEntry, budget: Budget) -> bool:
        """Whether a record of a first look does more with the options of ``budget``."""
        return self.costs.gains(entry.check, entry.structure, self.capabilities, "quick", budget)

    def weight(self, structure: Structure) -> float:
        """How much an evaluation of a structure counts: more where it is large."""
        if self.spending.level == "quick" or self.spending.evaluations is None:
            return 1.0
        return max(1.0, structure.configurations.n_atoms / self.chosen.usual_atoms)

    def weighed(self, evaluations: float, structure: Structure) -> int:
        """Evaluations of a structure as they count."""
        return math.ceil(evaluations * self.weight(structure))

    def resolution(self, structure: Structure) -> int:
        """What its resolution costs still; nothing where it is planned already."""
        models = 2 if self.has_twin else 1
        return 0 if structure.name in self.resolved else RESOLUTION_EVALUATIONS * models
