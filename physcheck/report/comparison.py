"""Several reports beside each other: what differs beyond its uncertainty, and a leaderboard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from physcheck.errors import SpecError
from physcheck.measurement import Outcome
from physcheck.report.changes import Change, Direction, change_between
from physcheck.run.record import Record, Report

__all__ = ["Column", "Comparison", "Row", "compare_reports"]

_VIOLATED = (Outcome.FAIL, Outcome.KNOWN_FAILURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A model of the leaderboard.

    Attributes
    ----------
    label : str
    report : Report
    laws_held, laws_judged, laws_asked : int
        Checks of kind ``law``: those that pass on every structure of the comparison where they were
        judged, those judged anywhere, and those that any of the reports has a verdict on.
    evaluations : int
    seconds : float
    """

    label: str
    report: Report
    laws_held: int
    laws_judged: int
    laws_asked: int
    evaluations: int
    seconds: float

    @property
    def share(self) -> float:
        """Laws that hold, as a share of all that were asked: what wasn't judged doesn't hold."""
        return self.laws_held / self.laws_asked if self.laws_asked else math.nan


@dataclass(frozen=True, slots=True)
class Row:
    """A check at a structure.

    Attributes
    ----------
    check, structure, family, kind, unit : str
    records : tuple of Record or None, one a report
        None where it wasn't tested.
    changes : tuple of Change or None
        From the first report that has a number to each; None for that one and where there is none.
    """

    check: str
    structure: str
    family: str
    kind: str
    unit: str
    records: tuple[Record | None, ...]
    changes: tuple[Change | None, ...]

    @property
    def differs(self) -> bool:
        """Whether any differs from the first beyond its uncertainty."""
        apart = (Direction.WORSE, Direction.BETTER)
        return any(change is not None and change.direction in apart for change in self.changes)

    @property
    def name(self) -> str:
        """``check[structure]``."""
        return f"{self.check}[{self.structure}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Rows in the order of what matters, columns in the order of the files.

    Attributes
    ----------
    columns : tuple of Column
    rows : tuple of Row
    warnings : tuple of str
        Settings that differ, runs that ended early: what a reader must know of the numbers.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]

    @property
    def ranked(self) -> tuple[Column, ...]:
        """The columns, the model with most laws that hold first, and of equals the cheaper one.

        Models that could not be judged are the last.
        """
        return tuple(
            sorted(self.columns, key=lambda c: (_failed(c.report), -c.laws_held, c.evaluations))
        )

    def verdict_of(self, check: str, column: int) -> str:
        """The worst verdict of a check in a column; ``not_tested`` where there is none."""
        found = [row.records[column] for row in self.rows if row.check == check]
        verdicts = [record.verdict for record in found if record is not None]
        order = (*_VIOLATED, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.PASS)
        return next((str(v) for v in order if v in verdicts), "not_tested")

    @property
    def checks(self) -> tuple[str, ...]:
        """Ids of the checks that any report has a verdict on, as the rows come."""
        return tuple(dict.fromkeys(row.check for row in self.rows))


def compare_reports(labels: Sequence[str], reports: Sequence[Report]) -> Comparison:
    """Lay reports side by side.

    Raises
    ------
    SpecError
        Fewer than two reports, or reports that have no check and structure in common.  A report of
        a model that could not be loaded is a column without verdicts.
    """
    if len(reports) < 2:
        raise SpecError(f"{len(reports)} report is given, should be two or more")
    found = [{(r.check, r.structure): r for r in report.records} for report in reports]
    _refuse_nothing_in_common(labels, reports)
    keys = dict.fromkeys(key for records in found for key in records)
    rows = [_row([records.get(key) for records in found]) for key in keys]
    rows = [row for row in rows if any(record is not None for record in row.records)]
    rows.sort(key=_importance)
    laws = {row.check for row in rows if row.kind == "law"}
    columns = [
        _column(label, report, [row.records[i] for row in rows if row.kind == "law"], len(laws))
        for i, (label, report) in enumerate(zip(labels, reports, strict=True))
    ]
    return Comparison(
        columns=tuple(columns), rows=tuple(rows), warnings=tuple(_warnings(labels, reports))
    )


def _is_told(record: Record | None) -> bool:
    return record is not None and record.verdict is not Outcome.NOT_APPLICABLE


def _row(records: Sequence[Record | None]) -> Row:
    shown = [record if _is_told(record) else None for record in records]
    some = next(record for record in records if record is not None)
    first = next((r for r in shown if r is not None and r.value is not None), None)
    changes = [
        None if r is None or first is None or r is first else change_between(first, r)
        for r in shown
    ]
    return Row(
        check=some.check,
        structure=some.structure,
        family=some.family,
        kind=some.kind,
        unit=some.unit,
        records=tuple(shown),
        changes=tuple(changes),
    )


def _importance(row: Row) -> tuple[bool, bool, bool, float, str]:
    """Differences in verdict that are more than noise first, then violations, then the rest."""
    verdicts = {r.verdict in _VIOLATED for r in row.records if r is not None}
    over = [
        r.value / r.tolerance
        for r in row.records
        if r is not None and r.value is not None and r.tolerance and math.isfinite(r.value)
    ]
    return (
        not (row.differs and len(verdicts) > 1),
        not any(verdicts),
        not row.differs,
        -max(over, default=0.0),
        row.name,
    )


def _column(label: str, report: Report, laws: Sequence[Record | None], asked: int) -> Column:
    by_check: dict[str, set[Outcome]] = {}
    for record in laws:
        if record is not None:
            by_check.setdefault(record.check, set()).add(record.verdict)
    summary = report.summary
    return Column(
        label=label,
        report=report,
        laws_held=sum(verdicts == {Outcome.PASS} for verdicts in by_check.values()),
        laws_judged=len(by_check),
        laws_asked=asked,
        evaluations=summary.force_evaluations + summary.setup_evaluations,
        seconds=summary.seconds,
    )


def _refuse_nothing_in_common(labels: Sequence[str], reports: Sequence[Report]) -> None:
    told = [(label, r) for label, r in zip(labels, reports, strict=True) if not _failed(r)]
    if not told:
        raise SpecError(f"none of {', '.join(labels)} could be judged: there is nothing to compare")
    labels = [label for label, _ in told]
    have = [{(r.check, r.structure) for r in report.records} for _, report in told]
    for label, records in zip(labels, have, strict=True):
        if not records:
            raise SpecError(f"the report {label} has no records: there is nothing to compare")
    for label, records in zip(labels[1:], have[1:], strict=True):
        if not records & have[0]:
            checks = "checks" if {c for c, _ in records}.isdisjoint(c for c, _ in have[0]) else ""
            what = checks or "structures"
            raise SpecError(
                f"{labels[0]} and {label} have no {what} in common: compare reports of the same "
                "--physcheck-checks and --physcheck-structures"
            )


def _failed(report: Report) -> bool:
    """Whether a model could not be judged at all: a column without verdicts."""
    return bool(report.error) and not report.records


def _warnings(labels: Sequence[str], reports: Sequence[Report]) -> list[str]:
    lines = []
    for what in ("profile", "budget", "seed"):
        values = [
            (label, str(getattr(report.settings, what)))
            for label, report in zip(labels, reports, strict=True)
            if not _failed(report)
        ]
        if len({value for _, value in values}) > 1:
            told = ", ".join(f"{label} {value}" for label, value in values)
            lines.append(f"the {what} differs: {told}")
    versions = {report.physcheck for report in reports}
    if len(versions) > 1:
        lines.append(f"made by different versions of physcheck: {', '.join(sorted(versions))}")
    for label, report in zip(labels, reports, strict=True):
        if _failed(report):
            lines.append(f"{label} could not be judged: {report.error}")
        elif not report.complete:
            lines.append(f"{label} is of a run that is not complete: what it lacks is not tested")
    return lines
