"""How a user can look more closely: the option that would settle a verdict, or that none would."""

from __future__ import annotations

import math

from physcheck.measurement import NOTHING_SETTLES
from physcheck.model import Capabilities
from physcheck.names import BUDGETS, Budget
from physcheck.run.budget import BUDGET_EVALUATIONS
from physcheck.run.costs_of_checks import gains
from physcheck.run.entry import PlanEntry
from physcheck.text.numbers import figure

__all__ = ["how_to_look_closer"]


def how_to_look_closer(
    entry: PlanEntry, level: Budget, capabilities: Capabilities, work_needed: float | None
) -> str:
    """What a user can do so that a check looks closely enough to settle its verdict.

    A named budget larger than that of the look at ``level``, the smallest that makes
    ``work_needed`` times as many evaluations; what to do in Python where none does; or that nothing
    would.  Where ``work_needed`` is None, nothing is promised.
    """
    spec, structure = entry.check, entry.structure
    if work_needed is not None and math.isinf(work_needed):
        return NOTHING_SETTLES
    now = _work(entry, capabilities, level)
    if spec.shared is not None:
        # A number of evaluations may have bought less than the named budget plans.
        larger = [
            b for b in BUDGETS if _affords(b, _work(entry, capabilities, b, planned=True), now)
        ]
    else:
        larger = [
            b
            for b in BUDGETS[BUDGETS.index(level) + 1 :]
            if gains(spec, structure, capabilities, level, b)
        ]
    for budget in larger:
        if work_needed is None:
            return f"rerun it alone with --physcheck-budget={budget}, which looks more closely"
        if _work(entry, capabilities, budget, planned=True) >= work_needed * now:
            return f"rerun it alone with --physcheck-budget={budget}"
    if work_needed is None:
        return "no option makes this check look more closely; another structure may show more"
    text = f"it would take {figure(work_needed)} times as many evaluations, which no budget buys"
    options = "evaluations" if spec.shared else " and ".join(spec.options.get(level, {}))
    return f"{text}; in Python, measure_{spec.id} takes {options}" if options else text


def _affords(budget: Budget, planned: int, now: int) -> bool:
    """Whether a budget has room for a trajectory of so many evaluations that is longer than now."""
    limit = BUDGET_EVALUATIONS[budget]
    return planned > now and (limit is None or limit >= planned)


def _work(
    entry: PlanEntry, capabilities: Capabilities, level: Budget, *, planned: bool = False
) -> int:
    """How much a look does: its random directions, or evaluations, those of a shared trajectory.

    As it was, or as ``level`` plans it.
    """
    spec, start = entry.check, entry.structure.configurations
    if spec.shared is not None:
        return spec.shared(start, capabilities, level) if planned else entry.shared
    options = spec.options.get(level, {})
    if "directions" in options:
        # Finding the place of a fault costs evaluations, too, and settles nothing.
        return min(int(options["directions"]), start.n_coordinates)
    # Starts of relaxations share the evaluations.
    return spec.evaluations(start, capabilities, level) // len(options.get("rattles", "1"))
