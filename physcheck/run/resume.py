"""A run that goes on from the report of an earlier one: which of its records are finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version

from physcheck.errors import SpecError
from physcheck.measurement import Outcome
from physcheck.run.budget import Spending, names_time, spending_of
from physcheck.run.facts import RunFacts
from physcheck.run.record import Record, Report
from physcheck.run.same_run import facts_that_bind, first_difference, settings_that_bind
from physcheck.run.settings import Settings

__all__ = ["Resumed", "as_measured", "resumed_from"]

_OTHERWISE = "resume with the same, or leave --physcheck-resume out to begin anew"


@dataclass(frozen=True, slots=True, eq=False)
class Resumed:
    """What a run takes over from the report of an earlier one.

    Attributes
    ----------
    path : str
    report : Report
    records : mapping of str to Record
        The finished ones by name, as they were before known failures and a baseline were applied.
    """

    path: str
    report: Report
    records: Mapping[str, Record]

    @property
    def spending(self) -> Spending | None:
        """The budget as a number, as the first run fixed it; None where it hadn't yet."""
        plan = self.report.facts.plan
        return None if plan is None else Spending(plan.budget, plan.budget_reason)

    def refuse_other_model(self, facts: RunFacts) -> None:
        """Hold the models and structures of this run against those of the report.

        Raises
        ------
        SpecError
            One has another hash: which, and both of them.
        """
        _refuse(
            self.path,
            first_difference(facts_that_bind(self.report.facts), facts_that_bind(facts)),
        )


def resumed_from(path: str, report: Report, settings: Settings) -> Resumed:
    """The finished records of a report, for a run with these settings.

    Not finished are records that could not be made (a lost process, a time limit), and those that
    a list of known failures or a baseline has changed so that the measured verdict is gone.

    Raises
    ------
    SpecError
        The report is of another version of physcheck or of other settings: which, and both.
    """
    versions = {"physcheck version": report.physcheck}, {"physcheck version": version("physcheck")}
    _refuse(path, first_difference(*versions))
    same_budget = ("budget",) if _comes_to_the_same(report, settings) else ()
    old = settings_that_bind(report.settings, but=same_budget)
    _refuse(path, first_difference(old, settings_that_bind(settings, but=same_budget)))
    found = (as_measured(record) for record in report.records)
    return Resumed(path, report, {record.name: record for record in found if record is not None})


def _comes_to_the_same(report: Report, settings: Settings) -> bool:
    """Whether the budget is given as the number that an earlier ``auto`` or time came to."""
    plan = report.facts.plan
    if plan is None or names_time(settings.budget):
        return False
    return spending_of(settings.budget).evaluations == plan.budget


def _refuse(path: str, difference: tuple[str, str, str] | None) -> None:
    if difference is not None:
        name, old, new = difference
        raise SpecError(
            f"--physcheck-resume: the {name.removeprefix('the ')} of {path} is {old}, of this run "
            f"{new}: {_OTHERWISE}"
        )


def as_measured(record: Record) -> Record | None:
    """A record without what a baseline or a list of known failures made of it.

    None where that can't be told any more, or where nothing was measured.
    """
    told = record.evidence.get("baseline")
    if isinstance(told, Mapping):
        evidence = {name: value for name, value in record.evidence.items() if name != "baseline"}
        verdict, reason = told.get("measured_verdict"), None
        if verdict is None:
            return None
        record = replace(record, evidence=evidence, verdict=Outcome(verdict), reason=reason)
    elif record.verdict is Outcome.KNOWN_FAILURE or _is_judged_by_a_list(record):
        return None
    return None if record.verdict is Outcome.ERROR else record


def _is_judged_by_a_list(record: Record) -> bool:
    """A known failure that passes now, or one whose date is over."""
    return record.verdict is Outcome.FAIL and record.reason is not None
