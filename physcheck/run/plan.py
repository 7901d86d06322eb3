"""Which checks x structures fit a model and a budget; allotments are fixed before the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from physcheck.checks import find_checks
from physcheck.model import Meter, Model
from physcheck.registry import CheckSpec
from physcheck.run.budget import Spending, names_time, spending_of
from physcheck.run.choosing import choose_structures, cut_to, reasons_of
from physcheck.run.entry import PlanEntry
from physcheck.run.facts import NotScheduled
from physcheck.run.pace import measure_pace, typical_pace
from physcheck.run.progress_display import Stage, no_stage
from physcheck.run.schedule import Schedule, structures_within
from physcheck.run.searching import (
    generated_structure,
    pool_of_run,
    search_allotments,
    searched_checks,
)
from physcheck.run.settings import Settings
from physcheck.run.shard import Shard

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = ["Plan", "make_plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run, what won't and why, and what it should cost.

    Attributes
    ----------
    entries, not_scheduled : tuple
    spending : Spending
        The budget as a number of evaluations.
    setup_evaluations : int
        Spent on planning: trial calls and timing.
    pace : mapping of structure to float, s
        Of one evaluation, where a timed call succeeded.
    remarks : tuple of str
        What trial calls showed that no record will: sentences for the report.
    why : mapping of structure to str
        Why each structure is looked at, in a few words.
    """

    entries: tuple[PlanEntry, ...]
    not_scheduled: tuple[NotScheduled, ...]
    spending: Spending
    setup_evaluations: int = 0
    pace: Mapping[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    why: Mapping[str, str] = field(default_factory=dict)

    @property
    def estimated_seconds(self) -> float | None:
        """Model time of the whole run at the pace of the timed calls; None if no call succeeded."""
        if not self.pace:
            return None
        typical = sum(self.pace.values()) / len(self.pace)
        return sum(n * self.pace.get(name, typical) for n, name in self._costs())

    @property
    def evaluations(self) -> int:
        """The sum of all allotments, and once a structure of what its records share."""
        return sum(n for n, _ in self._costs())

    def of_shard(self, shard: Shard) -> Plan:
        """The plan with the records of this shard's structures alone.

        A larger structure's evaluations count for more, by its atoms.
        """
        costs = dict.fromkeys((e.structure.name for e in self.entries), 0)
        for entry in self.entries:
            costs[entry.structure.name] += entry.allotment * entry.structure.configurations.n_atoms
        # The records of a structure share its trajectory.
        for shared in {e.structure.name: e for e in self.entries if e.shared}.values():
            costs[shared.structure.name] += shared.shared * shared.structure.configurations.n_atoms
        own = shard.structures(costs)
        return replace(self, entries=tuple(e for e in self.entries if e.structure.name in own))

    def _costs(self) -> list[tuple[int, str]]:
        """Evaluations and the structure they are of."""
        shared: dict[str, int] = {}
        for entry in self.entries:
            if once := entry.shared + entry.bound:
                name = entry.structure.name
                shared[name] = max(once, shared.get(name, 0))
        own = [(e.allotment, e.structure.name) for e in self.entries if e.allotment]
        return own + [(n, name) for name, n in shared.items()]


def make_plan(
    model: Model,
    settings: Settings,
    *,
    agree: Callable[[Spending], Spending] = lambda spending: spending,
    has_twin: bool = False,
    structures: Sequence[Structure] | None = None,
    settles: Callable[[Sequence[PlanEntry]], bool] = lambda entries: False,
    stage: Stage = no_stage,
) -> Plan:
    """Choose structures, fix the number of evaluations, then fill it (see ``run/schedule.py``).

    Parameters
    ----------
    agree : callable (Spending) -> Spending
        Where the number follows from the model's pace: takes what this process measured and gives
        what all processes of the run shall have.
    has_twin : bool
        Whether room is kept for looks at a float64 twin of the model.
    structures : sequence of Structure, or None
        Those that the caller has at hand, in place of what the settings name.
    settles : callable (sequence of PlanEntry) -> bool
        Makes a few records, with the evaluations planned for them, and says whether all pass; so
        that nothing is kept for the trajectory that they then don't need.
    stage : callable (str) -> context manager
        Told what is being done: with large systems that takes long, before any record.

    The same on every process: but for that number, timings only make the estimate.

    Raises
    ------
    SpecError
        A check, structure, species or file doesn't exist.
    """
    checks = find_checks(settings.checks)
    meter = Meter(model)
    chosen = choose_structures(meter, settings, checks, structures, stage)
    pace = measure_pace(meter, chosen.structures, chosen.pace, stage)
    spending = spending_of(settings.budget, typical_pace(chosen.structures, pace))
    if names_time(settings.budget):
        spending = agree(spending)
    limit = spending.evaluations
    cut_to(chosen, structures_within(limit), f"a budget of {spending.option}")
    schedule = Schedule(settings, model.capabilities, chosen, spending, has_twin, settles=settles)
    not_searched: list[NotScheduled] = []
    if structures is None or settings.search is not None:
        not_searched = _add_searches(schedule, checks)
    only_generated = settings.names_generated and settings.named_structures is None
    if structures is not None or not only_generated:
        schedule.fill(checks)
    return Plan(
        entries=schedule.in_order(checks),
        not_scheduled=(*chosen.left_out, *schedule.left_out.values(), *not_searched),
        spending=spending,
        setup_evaluations=meter.evaluations,
        pace=pace,
        remarks=tuple(chosen.remarks),
        why=reasons_of(chosen),
    )


def _add_searches(schedule: Schedule, checks: Sequence[CheckSpec]) -> list[NotScheduled]:
    """Add the records of generated cases, first, so that the rest of the budget is the others'.

    Gives those that don't fit.
    """
    settings, chosen = schedule.settings, schedule.chosen
    trials = [chosen.trials[s.name] for s in chosen.structures if s.name in chosen.trials]
    if not any(trial.refusal is None for trial in trials):
        # Nothing that the model knows is there to draw cases from.
        return []
    capabilities = schedule.capabilities
    pool = pool_of_run(settings, capabilities, chosen)
    allotments, left_out = search_allotments(
        settings, capabilities, checks, schedule.spending, pool
    )
    searched = searched_checks(settings, checks, allotments, pool)
    structure = generated_structure(pool)
    for check, spec in searched.items():
        schedule.add_search(spec, structure, allotments[check])
    return left_out
