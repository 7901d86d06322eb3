"""The table of records, one row each: the same in a terminal, in HTML and in Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from physcheck.run.record import Record
from physcheck.text.numbers import figure, with_uncertainty
from physcheck.text.phrases import printable, verdict_word

__all__ = ["COLUMNS", "columns_of", "table_rows"]

COLUMNS = (
    "check",
    "structure",
    "verdict",
    "measured",
    "tolerance",
    "noise floor",
    "detection limit",
    "evaluations",
)
_REFERENCE = "reference"


def columns_of(records: Sequence[Record]) -> tuple[str, ...]:
    """``COLUMNS``, with one for the reference before the last if any record has one."""
    if all(record.reference is None for record in records):
        return COLUMNS
    return (*COLUMNS[:-1], _REFERENCE, COLUMNS[-1])


def table_rows(records: Sequence[Record]) -> list[tuple[str, ...]]:
    """One row a record, with the cells of :func:`columns_of` them."""
    has_reference = _REFERENCE in columns_of(records)
    rows = []
    for record in records:
        *cells, evaluations = _cells(record)
        between = [_reference_cell(record)] if has_reference else []
        row = (*cells, *between, evaluations)
        rows.append(tuple(printable(cell).replace("\n", " ") for cell in row))
    return rows


def _cells(record: Record) -> tuple[str, ...]:
    measured = tolerance = floor = detectable = ""
    if record.tolerance is not None:
        tolerance = figure(record.tolerance, record.unit)
    if record.value is not None:
        measured = with_uncertainty(record.value, record.uncertainty, record.unit)
        # What is held against nothing can't be missed.
        if record.tolerance is not None and math.isfinite(record.value):
            detectable = _figure_or_none(record.detection_limit, record.unit)
            floor = _figure_or_none(record.noise_floor, record.unit)
    evaluations = "" if record.force_evaluations is None else str(record.force_evaluations)
    head = (record.check, record.structure, verdict_word(record.verdict))
    return (*head, measured, tolerance, floor, detectable, evaluations)


def _figure_or_none(number: float | None, unit: str) -> str:
    return "-" if number is None else figure(number, unit)


def _reference_cell(record: Record) -> str:
    result = record.reference
    if result is None:
        return ""
    word = verdict_word(result.verdict)
    if result.value is None or not math.isfinite(result.value):
        return word
    return f"{word} {with_uncertainty(result.value, result.uncertainty, result.unit)}"
