"""A comparison as Markdown, CSV and an HTML page."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

from physcheck.report.changes import Direction
from physcheck.report.comparison import Column, Comparison, Row
from physcheck.report.html import render
from physcheck.report.pictures.drawing import SERIES, Panel, Picture, panel
from physcheck.report.pictures.numbers_of import array_of, entry, slug_of
from physcheck.run.record import Record
from physcheck.text.numbers import duration, figure, with_uncertainty
from physcheck.text.phrases import count, printable, verdict_word

__all__ = ["comparison_csv", "comparison_html", "comparison_markdown"]

NOT_TESTED = "not tested"
_MARKS = {Direction.WORSE: "▲ worse", Direction.BETTER: "▼ better"}
_SYMBOLS = {
    "pass": "✓", "fail": "✗", "known_failure": "✗", "error": "!", "inconclusive": "?",
    "not_tested": "·",
}  # fmt: skip
# Time against value, for curves that are laid over each other: check, x, y, labels of the axes.
_CURVES = {
    "nve_drift": ("time_ps", "shadow_change_eV_per_atom", "time (ps)", "E + K change (eV/atom)"),
    "nph_drift": ("time_ps", "shadow_change_eV_per_atom", "time (ps)", "H change (eV/atom)"),
    "thermostat_heat": ("time_ps", "change_eV_per_atom", "time (ps)", "heat (eV/atom)"),
    "relaxation_descent": (None, "fmax", "optimiser step", "largest force (eV/Å)"),
    "cell_relaxation": (None, "fmax", "optimiser step", "largest force (eV/Å)"),
}
# Rows that get pictures, of those that differ or fail.
_MOST_PICTURES = 60
# Reports that the page's first sentence names.
_MOST_TOLD = 4
# Columns of the leaderboard.
_BOARD = (
    "model", "laws that hold", "checks that fail", "can't tell", "not tested", "evaluations",
    "time",
)  # fmt: skip


def comparison_markdown(comparison: Comparison) -> str:
    """The leaderboard, the warnings, and the table of records; marks where they differ."""
    lines = ["## physcheck: comparison", "", *_markdown_leaderboard(comparison), ""]
    lines += [f"- {_cell(text)}" for text in comparison.warnings]
    lines += [""] if comparison.warnings else []
    labels = [column.label for column in comparison.columns]
    lines.append(_line(["check", "structure", *labels]))
    lines.append(_line(["---"] * (len(labels) + 2)))
    lines += [_line([row.check, row.structure, *_texts(row)]) for row in comparison.rows]
    lines += ["", _cell(_legend(comparison))]
    return "\n".join(lines) + "\n"


def comparison_csv(comparison: Comparison) -> str:
    """One line a record and report, numbers as they are."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ["check", "structure", "kind", "report", "verdict", "value", "uncertainty", "low", "high",
         "tolerance", "detection_limit", "noise_floor", "unit", "evaluations", "against_first"]
    )  # fmt: skip
    for row in comparison.rows:
        for column, record, change in zip(
            comparison.columns, row.records, row.changes, strict=True
        ):
            numbers: list[Any] = ["not_tested", *[""] * 9]
            if record is not None:
                low, high = record.interval or (None, None)
                numbers = [
                    str(record.verdict), record.value, record.uncertainty, low, high,
                    record.tolerance, record.detection_limit, record.noise_floor,
                    record.unit, record.force_evaluations,
                ]  # fmt: skip
            against = "" if change is None else str(change.direction)
            names = [row.check, row.structure, row.kind, column.label]
            writer.writerow([_harmless(one) for one in (*names, *numbers, against)])
    return stream.getvalue()


def comparison_html(comparison: Comparison) -> str:
    """A page with the leaderboard, the table, and curves of all reports laid over each other."""
    columns, curves = comparison.columns, _curves(comparison)
    values = {
        "title": "physcheck: comparison",
        "answer": _answer(comparison),
        "columns": columns,
        "ranked": [_ranked(comparison, column) for column in comparison.ranked],
        "warnings": comparison.warnings,
        "checks": comparison.checks,
        "rows": [
            {
                "row": row,
                "slug": slug_of(next(r for r in row.records if r is not None)),
                "cells": [
                    (_verdict(record), text, mark)
                    for record, text, mark in zip(
                        row.records, _numbers(row), _marks(row), strict=True
                    )
                ],
            }
            for row in comparison.rows
        ],
        "curves": curves,
        "drawn": {slug for _, slug, _ in curves},
        "symbols": _SYMBOLS,
        "legend": _legend(comparison),
        "not_tested": NOT_TESTED,
        "board": _BOARD,
    }
    return render("comparison.html.j2", values)


def _answer(comparison: Comparison) -> str:
    """Which model breaks how much, the best first, and how many records tell them apart."""
    said = []
    for column in comparison.ranked[:_MOST_TOLD]:
        failed, unclear = _failed_and_unclear(comparison, column)
        found = f"{count(failed, 'check')} fail" if failed != 1 else "1 check fails"
        found = found if failed else "no check fails"
        open_too = f" ({unclear} can't tell)" if unclear else ""
        said.append(f"{column.label}: {found}{open_too}")
    more = len(comparison.ranked) - _MOST_TOLD
    if more > 0:
        said.append(f"and {count(more, 'other report')}")
    differ = sum(row.differs for row in comparison.rows)
    return (
        f"{'; '.join(said)}. {differ} of {count(len(comparison.rows), 'record')} differ by more "
        "than their uncertainties."
    )


def _ranked(comparison: Comparison, column: Column) -> dict[str, Any]:
    place = comparison.columns.index(column)
    failed, unclear = _failed_and_unclear(comparison, column)
    return {
        "label": column.label,
        "share": _share(column),
        "failed": failed,
        "unclear": unclear,
        "untested": column.laws_asked - column.laws_judged,
        "cost": f"{column.evaluations:,}",
        "seconds": duration(column.seconds),
        "verdicts": [comparison.verdict_of(check, place) for check in comparison.checks],
    }


def _failed_and_unclear(comparison: Comparison, column: Column) -> tuple[int, int]:
    """How many checks fail or could not be made, and how many can't tell."""
    place = comparison.columns.index(column)
    verdicts = [comparison.verdict_of(check, place) for check in comparison.checks]
    return verdicts.count("fail") + verdicts.count("error"), verdicts.count("inconclusive")


def _share(column: Column) -> str:
    return f"{column.laws_held} of {column.laws_asked}"


def _markdown_leaderboard(comparison: Comparison) -> list[str]:
    lines = [
        _line(list(_BOARD)),
        _line(["---"] * len(_BOARD)),
    ]
    for column in comparison.ranked:
        failed, unclear = _failed_and_unclear(comparison, column)
        untested = str(column.laws_asked - column.laws_judged)
        cost = f"{column.evaluations:,}"
        cells = [column.label, _share(column), str(failed), str(unclear), untested, cost]
        lines.append(_line([*cells, duration(column.seconds)]))
    return lines


def _legend(comparison: Comparison) -> str:
    first = comparison.columns[0].label
    return (
        f"▲ is worse and ▼ is better than {first} (where that was {NOT_TESTED}: than the first "
        "that was), by more than the uncertainties of both. A law holds where it passes on every "
        f"structure on which it was judged; what was {NOT_TESTED} doesn't count as held."
    )


def _texts(row: Row) -> list[str]:
    found = []
    for record, number, mark in zip(row.records, _numbers(row), _marks(row), strict=True):
        verdict = _verdict(record)
        word = NOT_TESTED if verdict == "not_tested" else verdict_word(verdict)
        found.append(" ".join(part for part in (word, number, mark) if part))
    return found


def _verdict(record: Record | None) -> str:
    return "not_tested" if record is None else str(record.verdict)


def _numbers(row: Row) -> list[str]:
    return [
        ""
        if record is None or record.value is None
        else with_uncertainty(record.value, record.uncertainty, record.unit)
        for record in row.records
    ]


def _marks(row: Row) -> list[str]:
    return ["" if c is None else _MARKS.get(c.direction, "") for c in row.changes]


def _curves(comparison: Comparison) -> list[tuple[str, str, list[Picture]]]:
    """Name, slug and pictures of each row: all intervals, and curves where records keep one."""
    found = []
    rows = [row for row in comparison.rows if row.differs or _is_violated(row)]
    for row in rows[:_MOST_PICTURES]:
        some = next(record for record in row.records if record is not None)
        pictures = [_intervals(comparison, row, slug_of(some))]
        pictures += _overlay(comparison, row, slug_of(some))
        found.append((row.name, slug_of(some), [p for p in pictures if p is not None]))
    return [one for one in found if one[2]]


def _is_violated(row: Row) -> bool:
    return any(record is not None and record.verdict == "fail" for record in row.records)


def _intervals(comparison: Comparison, row: Row, slug: str) -> Picture | None:
    """The interval of each report, on one logarithmic axis with the tolerance."""
    numbered = [
        (column.label, record)
        for column, record in zip(comparison.columns, row.records, strict=True)
        if record is not None and record.value is not None and math.isfinite(record.value)
    ]
    highs = [max(r.value or 0.0, (r.interval or (0, 0))[1]) for _, r in numbered]
    highs = [high for high in highs if high > 0 and math.isfinite(high)]
    if not highs:
        return None
    tolerance = next((r.tolerance for _, r in numbered if r.tolerance), None)
    ends = (min([*highs, *([tolerance] if tolerance else [])]) / 100, 1e3 * max(highs))
    axis = f"value ({row.unit})" if row.unit else "value"
    with panel(f"{slug}-compare", axis, "", height=1.2 + 0.25 * len(numbered)) as made:
        for place, (_, record) in enumerate(numbered):
            _draw_interval(made, record, place, ends)
        if tolerance:
            made.axes.axvline(tolerance, color=SERIES[2], linestyle="--", label="tolerance")
        made.axes.set_yticks(range(len(numbered)), [label[:40] for label, _ in numbered])
        made.axes.set_ylim(len(numbered) - 0.4, -0.6)
        made.logarithmic("x", [ends[0], *highs])
        made.legend()
    told = "; ".join(f"{label} {figure(r.value, row.unit)}" for label, r in numbered)
    return made.picture(f"{numbered[0][1].quantity}, value and interval of each report: {told}.")


def _draw_interval(made: Panel, record: Record, place: int, ends: tuple[float, float]) -> None:
    """The value as a dot on the line of its interval, both within the ends of the axis."""
    left, right = ends
    value = record.value or 0.0
    low, high = record.interval or (value, value)
    colour = SERIES[place % len(SERIES)]
    drawn = [max(low, left), max(min(high, right), left)]
    made.axes.plot(drawn, [place, place], color=colour, linewidth=3)
    made.axes.plot([max(value, left)], [place], "o", color=colour)


def _overlay(comparison: Comparison, row: Row, slug: str) -> list[Picture]:
    names = _CURVES.get(row.check)
    if names is None:
        return []
    across, up, x, y = names
    drawn = 0
    with panel(f"{slug}-overlay", x, y) as made:
        for place, (column, record) in enumerate(zip(comparison.columns, row.records, strict=True)):
            curve = None if record is None else array_of(entry(record, "series", up))
            if record is None or curve is None:
                continue
            along = array_of(entry(record, "series", across)) if across else None
            at = range(len(curve)) if along is None else along
            if len(at) == len(curve):
                drawn += 1
                colour = SERIES[place % len(SERIES)]
                made.axes.plot(at, curve, color=colour, label=column.label[:40])
        made.legend()
    return [made.picture(f"{row.name} of all reports, laid over each other.")] if drawn else []


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _harmless(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula gets a quotation mark before it."""
    if not isinstance(value, str):
        return "" if value is None else value
    text = printable(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
