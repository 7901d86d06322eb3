"""What the HTML page of a report shows, as plain values for its template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physcheck.measurement import Outcome
from physcheck.report.answer import answer
from physcheck.report.baseline import baseline_lines
from physcheck.report.consequence import consequence
from physcheck.report.interval_bar import Bar, interval_bar
from physcheck.report.laws_in_words import LawText, law_text
from physcheck.report.left_out import left_out_by_reason
from physcheck.report.order_of_failures import Fault, excess, faults, title_of
from physcheck.report.pictures.drawing import Picture
from physcheck.report.pictures.numbers_of import slug_of
from physcheck.report.pictures.of_records import pictures_of_all
from physcheck.run.record import Record, Report
from physcheck.text.failure import saved_path
from physcheck.text.numbers import figure, ratio, with_uncertainty
from physcheck.text.phrases import count, some, verdict_word

__all__ = ["SYMBOLS", "Cell", "Entry", "Section", "page_values", "tolerance_text"]

#: Symbol of each verdict, so that colour alone tells nothing.
SYMBOLS = {
    "pass": "✓",
    "fail": "✗",
    "error": "!",
    "inconclusive": "?",
    "known_failure": "k",
    "not_applicable": "–",
    "not_scheduled": "·",
    "missing": "…",
}
# Verdicts of rows that the page may hide, and all verdicts in the order of rows and sections.
_QUIET = ("pass", "not_applicable", "not_scheduled")
_RANK = ("fail", "error", "known_failure", "inconclusive", "pass", "not_applicable", "")
# Structures of a violation that are named.
_MOST_STRUCTURES = 6
# Records of those that are missing that are named.
_MOST_MISSING = 12


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the grid.

    Attributes
    ----------
    verdict, symbol, text : str
    slug : str
        Of the entry it leads to; empty for what has none.
    """

    verdict: str
    symbol: str
    text: str
    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record within the section of its check."""

    record: Record
    slug: str
    bar: Bar | None
    measured: str
    over: str
    saved: str | None
    lines: tuple[str, ...]
    pictures: tuple[Picture, ...]
    reference: str
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A check with its records, the worst first."""

    check: str
    title: str
    kind: str
    family: str
    law: LawText | None
    verdict: str
    entries: tuple[Entry, ...]


def page_values(report: Report, folders: Iterable[Path] = ()) -> dict[str, Any]:
    """The variables of the template ``report.html.j2``."""
    said = answer(report)
    pictures = pictures_of_all(report.records, folders)
    judged = [r for r in report.records if r.verdict is not Outcome.NOT_APPLICABLE]
    found = faults(report.records)
    sections = _sections(judged, pictures, [check for one in found for check in one.by_check])
    structures, rows = _grid(report)
    return {
        "answer": said,
        "mood": _mood(said),
        "consequence": consequence(report),
        "faults": [_fault(one) for one in found],
        "incomplete": _incomplete(report),
        "facts": _facts(report),
        "structures": structures,
        "rows": rows,
        "tally": _tally(report),
        "sections": [s for s in sections if s.verdict != "pass"],
        "passed": [s for s in sections if s.verdict == "pass"],
        "not_applicable": _grouped(
            (r.name, r.explanation) for r in report.records if r.verdict is Outcome.NOT_APPLICABLE
        ),
        "not_scheduled": list(left_out_by_reason(report.facts.not_scheduled).items()),
        "baseline": baseline_lines(report),
        "remarks": report.remarks,
        "environment": {k: v for k, v in report.facts.environment.items() if v is not None},
        "symbols": SYMBOLS,
        "title": f"physcheck: {report.model.name or report.model.spec or 'a model'}",
        "profile": report.settings.profile,
    }


def _mood(said: str) -> str:
    head = said.split(":")[0]
    return {"PASS": "pass", "FAIL": "fail", "ERROR": "error"}.get(head, "inconclusive")


def _fault(fault: Fault) -> dict[str, Any]:
    """A fault's title, and the lines of what shows it and of what follows from it."""
    return {
        "title": fault.title,
        "shown": [_violation(check, records) for check, records in fault.shown.items()],
        "follow": [_violation(check, records) for check, records in fault.follow.items()],
        "advice": next((r[0].advice for r in fault.shown.values() if r[0].advice), ""),
    }


def _violation(check: str, records: Sequence[Record]) -> dict[str, Any]:
    """One line of a check that fails: title, the worst number, where else, and its link."""
    return {
        "check": check,
        "slug": slug_of(records[0]),
        "title": title_of(records),
        "kind": records[0].kind,
        "measured": _measured(records[0]),
        "over": _over(records[0]),
        "where": _where(records),
    }


def _where(records: Sequence[Record]) -> str:
    """The first structures, and how many more there are."""
    named = ", ".join(record.structure for record in records[:_MOST_STRUCTURES])
    more = len(records) - _MOST_STRUCTURES
    return f"{named} and {more} more" if more > 0 else named


def _incomplete(report: Report) -> str:
    """What is missing of a run that ended early; empty for a complete one."""
    if report.complete:
        return ""
    made, plan = len(report.records), report.facts.plan
    if plan is None or plan.records <= made:
        if plan is not None and plan.records:
            return (
                f"The run is not complete: {count(made, 'record')} made, and a part of the run, "
                "such as a shard, is missing or didn't end."
            )
        return "The run is not complete: it ended before it had told what it would make."
    missing = f"{count(plan.records - made, 'record')} of {plan.records} missing"
    there = {record.name for record in report.records}
    # Reports of versions that don't name what is planned have no names.
    left = [name for name in plan.names if name not in there]
    told = f" ({some(left, _MOST_MISSING)})" if left else ""
    return f"The run is not complete: {missing}{told}. Nothing is known of them."


def _facts(report: Report) -> dict[str, str]:
    model, settings, summary = report.model, report.settings, report.summary
    reference = report.facts.reference
    made_by = ", ".join(filter(None, (model.name, model.adapter, model.dtype, model.device)))
    facts = {
        "model": f"{model.spec or 'of a fixture'} ({made_by})",
        "weights (sha256)": model.fingerprint or "",
        "reference": "" if reference is None else str(reference.spec),
        "profile, budget, seed": f"{settings.profile}, {settings.budget}, {settings.seed}",
        "cost": f"{summary.force_evaluations} evaluations and {summary.setup_evaluations} to set "
        f"up, {summary.seconds:.1f} s",
        "made by": f"physcheck {report.physcheck}, {report.created}",
    }
    return {name: text for name, text in facts.items() if text}


def _tally(report: Report) -> list[tuple[str, str, int]]:
    """Verdict, its words and how many, for those that there are."""
    verdicts = report.summary.verdicts
    found = [(str(o), verdict_word(o), n) for o, n in verdicts.items() if n]
    return sorted(found, key=lambda one: _RANK.index(one[0]))


def _grid(report: Report) -> tuple[list[str], list[dict[str, Any]]]:
    """Names of structures, and a row a check: in the order of the plan, as far as it is known."""
    plan = report.facts.plan
    planned = [] if plan is None else [name.partition("[") for name in plan.names]
    keys = [(check, structure.removesuffix("]")) for check, _, structure in planned]
    keys += [(record.check, record.structure) for record in report.records]
    structures = list(dict.fromkeys(structure for _, structure in keys))
    # Without names of what was planned, anything may be what a run that ended early lacks.
    lacking = set(keys) if planned or report.complete else None
    made = {(record.check, record.structure): record for record in report.records}
    left_out = {(n.check, n.structure): n.reason for n in report.facts.not_scheduled}

    def cell(key: tuple[str, str]) -> Cell:
        reason = left_out.get(key) or left_out.get(("*", key[1]))
        return _cell(made.get(key), reason, planned=lacking is None or key in lacking)

    families = {record.check: record.family for record in reversed(report.records)}
    rows = [
        _row(check, families.get(check, ""), [cell((check, structure)) for structure in structures])
        for check in dict.fromkeys(check for check, _ in keys)
    ]
    return structures, rows


def _row(check: str, family: str, cells: Sequence[Cell]) -> dict[str, Any]:
    verdicts = [cell.verdict for cell in cells]
    return {
        "check": check,
        "family": family,
        "cells": cells,
        "rank": min(_RANK.index(v) if v in _RANK else len(_RANK) for v in verdicts),
        "quiet": all(verdict in _QUIET for verdict in verdicts),
    }


def _cell(record: Record | None, reason: str | None, *, planned: bool) -> Cell:
    if record is not None:
        verdict = str(record.verdict)
        told = _measured(record) if record.value is not None else record.explanation
        text = f"{verdict_word(verdict)}: {told}" if told else verdict_word(verdict)
        slug = "" if record.verdict is Outcome.NOT_APPLICABLE else slug_of(record)
        return Cell(verdict, SYMBOLS[verdict], text, slug)
    if reason is None and planned:
        return Cell("missing", SYMBOLS["missing"], "not made: the run ended early", "")
    text = f"not scheduled: {reason}" if reason else "not scheduled"
    return Cell("not_scheduled", SYMBOLS["not_scheduled"], text, "")


def _sections(
    records: Sequence[Record], pictures: Mapping[str, list[Picture]], first: Sequence[str]
) -> list[Section]:
    """One section a check, in the order of the list of violations, then by verdict."""
    by_check: dict[str, list[Record]] = {}
    for record in records:
        by_check.setdefault(record.check, []).append(record)
    sections = [_section(found, pictures) for found in by_check.values()]
    order = {check: place for place, check in enumerate(first)}
    return sorted(
        sections,
        key=lambda s: (_RANK.index(s.verdict), order.get(s.check, len(order)), s.kind != "law"),
    )


def _section(found: Sequence[Record], pictures: Mapping[str, list[Picture]]) -> Section:
    """The records of one check."""
    ranked = sorted(found, key=lambda r: (_RANK.index(str(r.verdict)), -excess(r)))
    worst = ranked[0]
    return Section(
        check=worst.check,
        title=worst.title if worst.verdict is Outcome.FAIL else "",
        kind=worst.kind,
        family=worst.family,
        law=law_text(worst.check),
        verdict=str(worst.verdict),
        entries=tuple(_entry(r, pictures.get(r.name, [])) for r in ranked),
    )


def _entry(record: Record, pictures: Sequence[Picture]) -> Entry:
    return Entry(
        record=record,
        slug=slug_of(record),
        bar=interval_bar(record),
        measured=_measured(record),
        over=_over(record),
        saved=saved_path(record),
        lines=tuple(str(line) for line in record.evidence.get("lines") or ()),
        pictures=tuple(pictures),
        reference=_reference(record),
        # Reports of versions that don't tell how much was spent have none.
        level=record.level or "",
    )


def _measured(record: Record) -> str:
    if record.value is None:
        return ""
    return with_uncertainty(record.value, record.uncertainty, record.unit)


def _over(record: Record) -> str:
    """How far over the tolerance a failure is."""
    if record.verdict not in (Outcome.FAIL, Outcome.KNOWN_FAILURE) or record.tolerance is None:
        return ""
    return "" if record.value is None else ratio(record.value, record.tolerance)


def _reference(record: Record) -> str:
    result = record.reference
    if result is None:
        return ""
    word = verdict_word(result.verdict)
    if result.value is None:
        return f"{word}: {result.reason or result.message}"
    return f"{word}, {with_uncertainty(result.value, result.uncertainty, result.unit)}"


def _grouped(named: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Names by reason, so that each reason is said once."""
    found: dict[str, list[str]] = {}
    for name, reason in named:
        found.setdefault(reason, []).append(name)
    return list(found.items())


def tolerance_text(record: Record) -> str:
    """The tolerance with its unit; empty where there is none."""
    return "" if record.tolerance is None else figure(record.tolerance, record.unit)
