"""A run held against an older report: only what got significantly worse fails."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from physcheck.errors import SpecError
from physcheck.measurement import Outcome
from physcheck.names import GENERATED, nearest
from physcheck.report.changes import Direction, change_between
from physcheck.report.loading import load_given_report
from physcheck.run.record import Record, Report
from physcheck.run.settings import Settings
from physcheck.text.phrases import count, some

__all__ = [
    "AS_BEFORE",
    "WORSE",
    "Baseline",
    "baseline_lines",
    "is_worse",
    "load_baseline",
    "updated_baseline",
]

#: How the reason of a record begins that got worse than the baseline's.
WORSE = "significantly worse than the baseline"
#: And of one that fails as it did there.
AS_BEFORE = "no worse than in the baseline"
_KEY = "baseline"
_ONE_RECORD = re.compile(r"(?P<check>[\w.]+)\[(?P<structure>.+)\]")


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """An older report of the same model, profile and structures.

    Attributes
    ----------
    path : str
    report : Report
    records : mapping of (check, structure) to Record
    """

    path: str
    report: Report
    records: Mapping[tuple[str, str], Record]

    def judge(self, record: Record) -> Record:
        """The record as the baseline makes it: a known failure if it failed there no less.

        What the baseline could not tell and what fails now is a FAIL, though its interval may
        overlap the old one: it is sure now.

        Its evidence gets an entry ``baseline`` with the old value, interval and verdict, and the
        change.  What the baseline doesn't have keeps its verdict.
        """
        old = self.records.get((record.check, record.structure))
        if old is None or record.reason is not None:
            return record
        change = change_between(old, record)
        told = {
            "change": str(change.direction),
            "text": change.text,
            "measured_verdict": str(record.verdict),
            "verdict": str(old.verdict),
            "value": old.to_json()["value"],
            "interval": old.to_json()["interval"],
        }
        evidence = {**record.evidence, _KEY: told}
        if change.direction is Direction.WORSE and record.verdict is not Outcome.ERROR:
            reason = f"{WORSE}: {change.text}"
            return replace(record, verdict=Outcome.FAIL, reason=reason, evidence=evidence)
        failed = old.verdict in (Outcome.FAIL, Outcome.KNOWN_FAILURE)
        known = failed and change.direction is not Direction.UNKNOWN
        if record.verdict is Outcome.FAIL and known:
            reason = f"{AS_BEFORE}: {change.text}"
            return replace(record, verdict=Outcome.KNOWN_FAILURE, reason=reason, evidence=evidence)
        return replace(record, evidence=evidence)

    def lines_of_what_is_missing(self, report: Report) -> list[str]:
        """A line that names what the baseline judged and the run has not; empty if nothing is."""
        made = {(record.check, record.structure) for record in report.records}
        left = [
            record.name
            for key, record in self.records.items()
            if key not in made and record.value is not None
        ]
        if not left:
            return []
        return [f"in the baseline, but not made in this run: {some(left)}"]

    def refuse_structures(self, structures: Iterable[str]) -> None:
        """Refuse structures that the baseline has no record of.

        Raises
        ------
        SpecError
            The first of them, with the nearest that it has.
        """
        known = {structure for _, structure in self.records}
        for structure in structures:
            # What is generated needs no record of an earlier run.
            if structure not in known and structure != GENERATED:
                raise SpecError(
                    f"the baseline {self.path} has no record of the structure {structure!r}; "
                    f"{nearest(structure, known)}"
                )


def load_baseline(settings: Settings) -> Baseline | None:
    """The report of ``--physcheck-baseline``; None where none is asked for.

    Raises
    ------
    SpecError
        The file is no report, or one of another model or profile: which, and what should be.
    """
    path = settings.baseline
    if path is None:
        return None
    report = load_given_report(path)
    _refuse_mismatch(report, settings, path)
    records = {(r.check, r.structure): r for r in report.records}
    if not records:
        raise SpecError(f"the baseline {path} has no records")
    return Baseline(str(path), report, records)


def _refuse_mismatch(
    report: Report, settings: Settings, path: str, other: str = "this run"
) -> None:
    """SpecError where ``other``, which has ``settings``, is of another profile or model."""
    old, new = report.settings, settings
    if old.profile != new.profile:
        raise SpecError(
            f"the baseline {path} has the profile {old.profile}, {other} {new.profile}: give "
            f"--physcheck-profile={old.profile}, or make the baseline anew"
        )
    if new.model is not None and _target(report.model.spec) != _target(new.model):
        raise SpecError(
            f"the baseline {path} is of the model {report.model.spec}, {other} is of {new.model}: "
            "a baseline holds for the spec that it was made of"
        )


def _target(spec: str | None) -> str:
    """The spec without the folder of its file: a checkout may be anywhere."""
    return Path(spec or "").name


def is_worse(record: Record) -> bool:
    """Whether the record fails because it got worse than the baseline."""
    return record.verdict is Outcome.FAIL and (record.reason or "").startswith(WORSE)


def baseline_lines(report: Report) -> list[str]:
    """What got worse and what got better than the baseline, a line each; empty without one."""
    compared = [
        (record, told)
        for record in report.records
        if isinstance(told := record.evidence.get(_KEY), Mapping)
    ]
    lines = [
        _changed_line(record, told, direction)
        for direction in (Direction.WORSE, Direction.BETTER)
        for record, told in compared
        if told.get("change") == direction
    ]
    lines += [
        f"fails, where the baseline could not tell: {record.name}: {told.get('text')}"
        for record, told in compared
        if _is_sure_now(record, told)
    ]
    # What has a reason of its own, such as that nothing was tested, was held against nothing.
    new = [r.name for r in report.records if _KEY not in r.evidence and r.reason is None]
    if compared and not lines:
        lines.append(
            f"nothing differs from the baseline beyond noise in {count(len(compared), 'record')}"
        )
    if compared and new:
        lines.append(f"not in the baseline: {some(new)}")
    return lines


def _changed_line(record: Record, told: Mapping[str, object], direction: Direction) -> str:
    text = f"{direction} than the baseline: {record.name}: {told.get('text')}"
    failed_then = told.get("verdict") in ("fail", "known_failure")
    passes_now = record.verdict is Outcome.PASS and failed_then
    return f"{text}; it passes now: update the baseline" if passes_now else text


def _is_sure_now(record: Record, told: Mapping[str, object]) -> bool:
    """Whether a record fails that the baseline left open."""
    open_then = told.get("verdict") == Outcome.INCONCLUSIVE
    overlaps = told.get("change") == Direction.SAME
    return record.verdict is Outcome.FAIL and open_then and overlaps


def updated_baseline(old: Report, new: Report, only: str, reason: str) -> Report:
    """``old`` with one record taken from ``new``.

    The record's evidence says so under ``baseline_updated``, with the reason and what it replaced.

    Raises
    ------
    SpecError
        ``only`` is no CHECK[STRUCTURE], ``new`` has no such record, or the reports are of
        different profiles or models.
    """
    found = _ONE_RECORD.fullmatch(only)
    if found is None:
        raise SpecError(f"--only is {only!r}, should be CHECK[STRUCTURE], as loop_work[Cu32]")
    _refuse_mismatch(
        old, replace(new.settings, model=new.model.spec), "to update", "the new report"
    )
    name = found["check"], found["structure"]
    taken = next((r for r in new.records if (r.check, r.structure) == name), None)
    if taken is None:
        near = nearest(only, [r.name for r in new.records])
        raise SpecError(f"the new report has no record {only}; {near}")
    before = next((r for r in old.records if (r.check, r.structure) == name), None)
    noted = _with_note(taken, before, new.created, reason)
    records = [noted if r is before else r for r in old.records]
    if before is None:
        records.append(noted)
    return replace(old, records=tuple(records))


def _with_note(taken: Record, before: Record | None, created: str, reason: str) -> Record:
    """The record with what it replaces and why, without how it was held against a baseline."""
    note = {
        "reason": reason,
        "created": created,
        "replaced": None if before is None else before.to_json()["value"],
    }
    evidence = {k: v for k, v in taken.evidence.items() if k != _KEY}
    return replace(taken, evidence={**evidence, "baseline_updated": note})
