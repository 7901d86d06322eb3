"""The table that a person reads at a glance, as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from physcheck.report.json_report import answer, some
from physcheck.text.numbers import figure, with_uncertainty

__all__ = ["COLUMNS", "Line", "columns_of", "mark_of", "table_rows", "terminal_lines"]

# A line and its mood: "" or one of the names below, which the terminal may turn into colours.
Line = tuple[str, str]
MOODS = {
    "pass": "good", "fail": "bad", "error": "bad", "inconclusive": "doubt",
    "known_failure": "doubt", "not_applicable": "",
}  # fmt: skip
COLUMNS = ("check", "structure", "verdict", "measured", "tolerance", "would see", "evaluations")
_BESIDE = "reference"
_WORDS = {"not_applicable": "not applicable", "known_failure": "known failure"}


def mark_of(record: Mapping[str, Any]) -> str:
    """The verdict as a word."""
    verdict = str(record["verdict"])
    return _WORDS.get(verdict, verdict.upper() if verdict in ("fail", "error") else verdict)


def columns_of(records: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """``COLUMNS``, with one for the reference before the last if any record has one."""
    if not any(record.get("reference") for record in records):
        return COLUMNS
    return (*COLUMNS[:-1], _BESIDE, COLUMNS[-1])


def table_rows(records: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """One row a record under :func:`columns_of` them; records without a number have their message instead."""
    rows = _plain_rows(records)
    if len(columns_of(records)) == len(COLUMNS):
        return rows
    return [
        (*row[:-1], _beside(record), row[-1]) for row, record in zip(rows, records, strict=True)
    ]


def _beside(record: Mapping[str, Any]) -> str:
    twin = record.get("reference")
    if not twin:
        return ""
    if twin["value"] is None or isinstance(twin["value"], str):
        return mark_of(twin)
    return f"{mark_of(twin)} {with_uncertainty(twin['value'], twin['uncertainty'], twin['unit'])}"


def _plain_rows(records: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for record in records:
        head = (str(record["check"]), str(record["structure"]), mark_of(record))
        if record["value"] is None or isinstance(record["value"], str):
            value = "" if record["value"] is None else str(record["value"])
            rows.append((*head, value, _figure(record, "tolerance"), "", _spent(record)))
            continue
        measured = with_uncertainty(record["value"], record["uncertainty"], record["unit"])
        rows.append(
            (
                *head,
                measured,
                _figure(record, "tolerance"),
                # What is held against nothing can't be missed.
                "" if record["tolerance"] is None else _figure(record, "detection_limit"),
                _spent(record),
            )
        )
    return rows


def terminal_lines(report: Mapping[str, Any], *, width: int = 100) -> list[Line]:
    """The summary of a run: the table, what is open and why, what was left out, cost, and the answer."""
    records = _sorted(report["records"])
    lines: list[Line] = []
    # What doesn't apply is named below with its reason; a row of it says nothing.
    shown = [record for record in records if record["verdict"] != "not_applicable"]
    if shown:
        rows, columns = table_rows(shown), columns_of(shown)
        widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
        lines.append((_aligned(columns, widths), "title"))
        lines += [
            (_aligned(row, widths), MOODS.get(str(record["verdict"]), ""))
            for row, record in zip(rows, shown, strict=True)
        ]
        lines.append(("", ""))
    lines += _remarks(records, width)
    lines += _to_copy(records)
    lines += _left_out(report["not_scheduled"], width)
    for remark in report["plan"].get("remarks", ()):
        lines += [*_wrapped(f"note: {remark}", width), ("", "")]
    lines.append((_cost(report), ""))
    said = answer(report)
    mood = {"PASS": "good", "FAIL": "bad", "ERROR": "bad"}.get(said.split(":")[0], "doubt")
    lines.append((f"physcheck: {said}", mood))
    return lines


def _sorted(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    order: dict[str, int] = {}
    for record in records:
        order.setdefault(record["structure"], len(order))
    return sorted(records, key=lambda r: (order[r["structure"]], r["check"]))


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    numbers = (*[False] * (len(row) - 1), True)
    cells = [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(row, widths, numbers, strict=True)
    ]
    return "  ".join(cells).rstrip()


def _figure(record: Mapping[str, Any], name: str) -> str:
    return "" if record[name] is None else figure(record[name], record["unit"])


def _spent(record: Mapping[str, Any]) -> str:
    count = record["force_evaluations"]
    return "" if count is None else str(count)


def _remarks(records: Sequence[Mapping[str, Any]], width: int) -> list[Line]:
    """Each different message of what is neither pass nor fail, once, with where it holds."""
    where: dict[tuple[str, str], list[str]] = {}
    for record in records:
        if record["verdict"] not in ("pass", "fail") or record["reason"]:
            text = str(record["reason"] or record["message"])
            where.setdefault((mark_of(record), text), []).append(
                f"{record['check']}[{record['structure']}]"
            )
    for record in records:
        twin = record.get("reference") or {}
        if twin.get("verdict") in ("error", "not_applicable") or isinstance(twin.get("value"), str):
            key = (f"reference {mark_of(twin)}", str(twin["reason"] or twin["message"]))
            if record["verdict"] != "not_applicable":
                where.setdefault(key, []).append(f"{record['check']}[{record['structure']}]")
    lines: list[Line] = []
    for (mark, text), names in where.items():
        lines += _wrapped(f"{mark}: {some(names, 6)}: {text}", width)
    return [*lines, ("", "")] if lines else []


def _to_copy(records: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Tables and recommendations of records that have them; a failure has shown its own already."""
    lines: list[Line] = []
    for record in records:
        text = (record["evidence"] or {}).get("lines")
        if text and record["verdict"] != "fail":
            place = record["evidence"].get("place")
            lines.append((f"{record['check']}[{record['structure']}]: {place}", "title"))
            lines += [(str(line), "") for line in text] + [("", "")]
    return lines


def _left_out(left: Sequence[Mapping[str, Any]], width: int) -> list[Line]:
    where: dict[str, list[str]] = {}
    for one in left:
        name = one["structure"] if one["check"] == "*" else f"{one['check']}[{one['structure']}]"
        where.setdefault(str(one["reason"]), []).append(name)
    lines: list[Line] = []
    for reason, names in where.items():
        lines += _wrapped(f"not scheduled: {some(names)}: {reason}", width)
    return [*lines, ("", "")] if lines else []


def _wrapped(text: str, width: int) -> list[Line]:
    from textwrap import wrap

    return [(line, "") for line in wrap(text, max(width, 40), subsequent_indent="    ")]


def _cost(report: Mapping[str, Any]) -> str:
    summary, plan = report["summary"], report["plan"]
    spent = (
        f"{summary['force_evaluations']} evaluations and {summary['setup_evaluations']} to set up"
    )
    if summary.get("reference_evaluations"):
        spent += f", {summary['reference_evaluations']} of the reference"
    text = f"cost: {spent}, {duration(summary['seconds'])}"
    if plan.get("evaluations") is not None:
        text += f" (planned: at most {plan['evaluations']}"
        if plan.get("estimated_seconds") is not None:
            text += f", {duration(plan['estimated_seconds'])} of model time"
        text += ")"
    return text


def duration(seconds: float) -> str:
    """Seconds below two minutes, minutes above."""
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
