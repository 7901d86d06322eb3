"""Which checks x structures fit a model and a budget; allotments are fixed before the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from physcheck.checks import find_checks
from physcheck.model import Meter, Model
from physcheck.registry import CheckSpec
from physcheck.resolution import RESOLUTION_EVALUATIONS
from physcheck.run.budget import (
    AUTO,
    BUDGET_EVALUATIONS,
    Forecast,
    Spending,
    names_time,
    spending_of,
)
from physcheck.run.choosing import Chosen, choose_structures, cut_to, reasons_of
from physcheck.run.costs_of_checks import CostsOfChecks
from physcheck.run.entry import PlanEntry
from physcheck.run.facts import NotScheduled
from physcheck.run.pace import Pace, measure_pace
from physcheck.run.progress_display import Stage, no_stage
from physcheck.run.schedule import Schedule, structures_within
from physcheck.run.searching import (
    generated_structure,
    pool_of_run,
    search_allotments,
    searched_checks,
    twin_allotment,
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
    pace : mapping of record or structure to float, s
        Of one evaluation of a record, and of what the records of a structure share; empty where
        no timed call succeeded.
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
        """Model time of the whole run, if all is spent; None if no timed call succeeded."""
        if not self.pace:
            return None
        return sum(n * self.pace[name] for n, name in self._costs())

    @property
    def evaluations(self) -> int:
        """The most that is spent on records, and once a structure on what its records share.

        That is the resolution, and where laws of sampling are asked the forces' gradient and the
        trajectory; of a float64 twin its own.  What a reference spends isn't counted, nor failures
        that are asked again (``run/cause_aware.py``).
        """
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
        """Evaluations, and the record or structure that they are of."""
        shared: dict[str, int] = {}
        for entry in self.entries:
            if once := entry.shared + entry.bound:
                name = entry.structure.name
                shared[name] = max(once, shared.get(name, 0))
        own = [(e.allotment, e.name) for e in self.entries if e.allotment]
        return own + [(n, name) for name, n in (*shared.items(), *self._resolutions())]

    def _resolutions(self) -> Iterator[tuple[str, int]]:
        """What the resolutions at each structure take at most; judged cases bring their own."""
        measured = [e for e in self.entries if e.allotment or e.bound]
        names = {e.structure.name for e in measured}
        for name in names:
            twin = any(e.twin for e in measured if e.structure.name == name)
            yield name, RESOLUTION_EVALUATIONS * (2 if twin else 1)


def make_plan(
    model: Model,
    settings: Settings,
    *,
    agree: Callable[[Spending], Spending] = lambda spending: spending,
    has_twin: bool = False,
    structures: Sequence[Structure] | None = None,
    settles: Callable[[Sequence[PlanEntry]], bool] = lambda entries: False,
    has_no_gradient: Callable[[Structure], bool] = lambda structure: False,
    stage: Stage = no_stage,
    clock: Callable[[], float] = time.perf_counter,
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
    has_no_gradient : callable (Structure) -> bool
        Whether the forces there are certainly not the gradient of the energy: then what is left
        first goes to the question which atoms they heat.
    stage : callable (str) -> context manager
        Told what is being done: with large systems that takes long, before any record.

    clock : callable () -> float, s
        What the model is timed with.

    The same on every process: but for that number, timings only make the estimate.

    Raises
    ------
    SpecError
        A check, structure, species or file doesn't exist.
    """
    checks = find_checks(settings.checks)
    meter = Meter(model, clock=clock)
    chosen = choose_structures(meter, settings, checks, structures, stage)
    planner = _Planner(model, settings, checks, chosen, has_twin, structures is not None)
    most = None if names_time(settings.budget) else spending_of(settings.budget).evaluations
    if settings.budget == AUTO:
        most = BUDGET_EVALUATIONS["standard"]
    planned = cut_to(chosen, structures_within(most), "")
    planner.pace = measure_pace(meter, planned.structures, chosen.called, stage)
    spending = spending_of(settings.budget, planner.forecast())
    if names_time(settings.budget):
        spending = agree(spending)
    plan = planner.plan(spending, settles, has_no_gradient)
    return replace(plan, setup_evaluations=meter.evaluations)


@dataclass(slots=True)
class _Planner:
    """What the plans of one run share, whatever their number of evaluations.

    Attributes
    ----------
    chosen : Chosen
        All structures, before a budget cuts them.
    given : bool
        Whether the caller had structures at hand.
    pace : Pace
    costs : CostsOfChecks
    """

    model: Model
    settings: Settings
    checks: Sequence[CheckSpec]
    chosen: Chosen
    has_twin: bool
    given: bool
    pace: Pace = field(default_factory=Pace)
    costs: CostsOfChecks = field(default_factory=CostsOfChecks)

    def plan(
        self,
        spending: Spending,
        settles: Callable[[Sequence[PlanEntry]], bool],
        has_no_gradient: Callable[[Structure], bool],
    ) -> Plan:
        """The plan with so many evaluations."""
        settings, checks = self.settings, self.checks
        limit = structures_within(spending.evaluations)
        chosen = cut_to(self.chosen, limit, f"a budget of {spending.option}")
        schedule = Schedule(
            settings, self.model.capabilities, chosen, spending, self.has_twin, self.costs,
            settles=settles, has_no_gradient=has_no_gradient,
        )  # fmt: skip
        not_searched: list[NotScheduled] = []
        if not self.given or settings.search is not None:
            not_searched = _add_searches(schedule, checks)
        only_generated = settings.names_generated and settings.named_structures is None
        if self.given or not only_generated:
            schedule.fill(checks)
        entries = schedule.in_order(checks)
        return Plan(
            entries=entries,
            not_scheduled=(*chosen.left_out, *schedule.left_out.values(), *not_searched),
            spending=spending,
            pace=self._pace_of(entries),
            remarks=tuple(chosen.remarks),
            why=reasons_of(chosen),
        )

    def forecast(self) -> Forecast | None:
        """What plans take; None where no timed call succeeded."""
        if not self.pace.seconds:
            return None

        @cache
        def seconds(evaluations: int) -> float:
            # Neither whether a trajectory is needed nor whether forces are a gradient is known yet:
            # what takes longest counts.
            asked: list[str] = []
            spending = Spending(evaluations)

            def not_settled(entries: Sequence[PlanEntry]) -> bool:
                asked.append("settles")
                return False

            def not_certain(structure: Structure) -> bool:
                asked.append("has no gradient")
                return False

            plans = [self.plan(spending, not_settled, not_certain)]
            if "settles" in asked:
                plans.append(self.plan(spending, lambda entries: True, not_certain))
            if "has no gradient" in asked:
                plans.append(self.plan(spending, not_settled, lambda structure: True))
            return max(plan.estimated_seconds or 0.0 for plan in plans)

        return Forecast(seconds, min(self.pace.seconds.values()), self.pace.text)

    def _pace_of(self, entries: Sequence[PlanEntry]) -> dict[str, float]:
        """Seconds of an evaluation by record and structure; larger copies take longer."""
        pace: dict[str, float] = {}
        for entry in entries:
            seconds = self.pace.at(entry.structure)
            if seconds is not None:
                larger = self.costs.enlarges(entry.check, entry.structure)
                pace[entry.name] = seconds * larger
                pace[entry.structure.name] = seconds
        return pace


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
        schedule.add_search(spec, structure, allotments[check], twin_allotment(check))
    return left_out
