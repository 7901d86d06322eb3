"""Reports of the shards of a run, put together to the report of the whole run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from physcheck.errors import SpecError
from physcheck.run.exit_status import exit_status
from physcheck.run.facts import NotScheduled, PlanSummary, RunFacts
from physcheck.run.not_finite import counted_once
from physcheck.run.record import Record, Report
from physcheck.run.same_run import facts_that_bind, first_difference, settings_that_bind
from physcheck.run.setup_costs import counted_once_by_name
from physcheck.run.shard import Shard, parse_shard
from physcheck.text.phrases import some

__all__ = ["merge_reports", "missing_lines"]


def merge_reports(labels: Sequence[str], reports: Sequence[Report]) -> Report:
    """The report that one run of all these structures would have given.

    Times are sums, ``created`` is the earliest.  Where a shard or a record is missing the report is
    not complete, which :func:`missing_lines` puts into words.

    Parameters
    ----------
    labels : sequence of str
        What messages call the reports: their files.
    reports : sequence of Report
        The shards of a run (``--physcheck-shard``), or runs on other structures with the same
        number as budget.

    Raises
    ------
    SpecError
        Fewer than two reports, one that judged no model, two of other versions, weights, settings
        or budgets, or two that have the same record or shard.
    """
    if len(reports) < 2:
        raise SpecError(f"{len(reports)} report is given, should be two or more")
    for label, report in zip(labels, reports, strict=True):
        if report.error or report.facts.plan is None:
            why = report.error or "it ended before the plan was made"
            raise SpecError(f"{label} has nothing to merge: {why}")
        _refuse_apart(labels[0], reports[0], label, report)
    shards = [_shard_of(report) for report in reports]
    _refuse_twice(labels, reports, shards)
    plan = _merged_plan([r.facts.plan for r in reports if r.facts.plan is not None])
    made = {record.name: record for report in reports for record in report.records}
    records = tuple(made[name] for name in plan.names if name in made)
    all_made = len(records) == len(plan.names) and all(r.complete for r in reports)
    complete = all_made and not _missing_shards(shards)
    records = counted_once(records) if complete else records
    first = reports[0]
    settings = replace(
        first.settings, shard=None, resume=None, json=None,
        structures=_joined(r.settings.structures for r in reports),
    )  # fmt: skip
    status = exit_status(records, complete=complete, fail_on=first.settings.fail_on)
    return replace(
        first,
        created=min(report.created for report in reports),
        settings=settings,
        records=records,
        facts=_merged_facts(reports, plan, made),
        setup=counted_once_by_name(report.setup for report in reports),
        complete=complete,
        exit_code=status,
    )


def missing_lines(reports: Sequence[Report], merged: Report) -> list[str]:
    """What a merged report lacks, a line each: shards that weren't given, records not made."""
    shards = [_shard_of(report) for report in reports]
    lines = [f"shard {shard} is missing" for shard in _missing_shards(shards)]
    there = {record.name for record in merged.records}
    planned = () if merged.facts.plan is None else merged.facts.plan.names
    left = [name for name in planned if name not in there]
    if left:
        lines.append(f"{len(left)} of {len(planned)} records are missing: {some(left)}")
    return lines


def _shard_of(report: Report) -> Shard | None:
    return None if report.settings.shard is None else parse_shard(report.settings.shard)


def _missing_shards(shards: Sequence[Shard | None]) -> list[Shard]:
    """The shards of the run that aren't among these."""
    given = {shard for shard in shards if shard is not None}
    count = max((shard.count for shard in given), default=0)
    return [s for s in (Shard(i + 1, count) for i in range(count)) if s not in given]


def _refuse_apart(label: str, first: Report, other_label: str, other: Report) -> None:
    """SpecError where two reports aren't parts of one run."""
    may_differ = ["shard"]
    if first.settings.shard is None and other.settings.shard is None:
        # Runs on structures of their own rather than shards of one run.
        may_differ.append("structures")
    pairs = (
        ({"physcheck version": first.physcheck}, {"physcheck version": other.physcheck}),
        tuple(settings_that_bind(r.settings, but=may_differ) for r in (first, other)),
        tuple({"number of shards": _number_of_shards(r)} for r in (first, other)),
        tuple(facts_that_bind(r.facts) for r in (first, other)),
        tuple({"budget": r.facts.plan and r.facts.plan.budget} for r in (first, other)),
    )
    for mine, theirs in pairs:
        difference = first_difference(mine, theirs)
        if difference is not None:
            name, one, two = difference
            raise SpecError(
                f"{label} and {other_label} don't belong together: the {name} is {one} in the "
                f"first, {two} in the second"
            )


def _number_of_shards(report: Report) -> str | None:
    shard = _shard_of(report)
    return None if shard is None else str(shard.count)


def _refuse_twice(
    labels: Sequence[str], reports: Sequence[Report], shards: Sequence[Shard | None]
) -> None:
    """SpecError where two reports have the same shard, or the same record."""
    seen: dict[str, str] = {}
    for label, report, shard in zip(labels, reports, shards, strict=True):
        names = [f"shard {shard}"] if shard is not None else []
        names += [record.name for record in report.records]
        for name in names:
            if name in seen:
                raise SpecError(f"{seen[name]} and {label} both have {name}: give each once")
        seen |= dict.fromkeys(names, label)


def _merged_plan(plans: Sequence[PlanSummary]) -> PlanSummary:
    """What the whole run planned: the sums, and the names in the order of one run."""
    if plans[0].whole:
        # What one shard has deselected the others don't know of.
        found = Counter(name for plan in plans for name in dict.fromkeys(plan.whole))
        names = tuple(name for name in plans[0].whole if found[name] == len(plans))
    else:
        names = tuple(dict.fromkeys(name for plan in plans for name in plan.names))
    estimates = [p.estimated_seconds for p in plans if p.estimated_seconds is not None]
    return replace(
        plans[0],
        records=len(names),
        evaluations=sum(plan.evaluations for plan in plans),
        estimated_seconds=sum(estimates) if estimates else None,
        remarks=tuple(dict.fromkeys(remark for plan in plans for remark in plan.remarks)),
        names=names,
        whole=(),
        structures={n: digest for plan in plans for n, digest in plan.structures.items()},
    )


def _merged_facts(
    reports: Sequence[Report], plan: PlanSummary, made: dict[str, Record]
) -> RunFacts:
    """The first report's facts with the plan of all; what some run made is no longer left out."""
    left: dict[tuple[str, str], NotScheduled] = {}
    for report in reports:
        left |= {(one.check, one.structure): one for one in report.facts.not_scheduled}
    return replace(
        reports[0].facts,
        plan=plan,
        not_scheduled=tuple(
            one for one in left.values() if f"{one.check}[{one.structure}]" not in made
        ),
    )


def _joined(choices: Iterable[str | None]) -> str | None:
    """The structures of all runs; None where none of them named any."""
    named = [choice for choice in choices if choice is not None]
    return ",".join(dict.fromkeys(named)) or None
