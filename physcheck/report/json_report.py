"""The JSON document ``physcheck-report/1``, which other programs read, and its schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from physcheck.run.record import Record, Report

__all__ = ["RecordTexts", "json_text", "schema"]

# How a list of records begins and ends in the document, and one without any.
_RECORDS = '\n "records": [\n{}\n ],\n'
_NO_RECORDS = '\n "records": [],\n'


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    text = Path(__file__).with_name("schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


class RecordTexts:
    """The text of each record, made once: a run writes its report anew after every record."""

    def __init__(self) -> None:
        # The record is kept with its text, so that no other one can get its id.
        self._made: dict[int, tuple[Record, str]] = {}

    def of(self, record: Record) -> str:
        """As it stands in the document's list of records."""
        if id(record) not in self._made:
            lines = _dumped(record.to_json()).split("\n")
            self._made[id(record)] = (record, "\n".join(f"  {line}" for line in lines))
        return self._made[id(record)][1]


def json_text(report: Report, texts: RecordTexts | None = None) -> str:
    """The document as it is written to a file.

    Parameters
    ----------
    texts : RecordTexts or None
        Given again at the next writing, it spares making the text of records that are in both.
    """
    texts = RecordTexts() if texts is None else texts
    before, after = _dumped(report.to_json(records=False)).split(_NO_RECORDS)
    records = ",\n".join(texts.of(record) for record in report.records)
    listed = _RECORDS.format(records) if records else _NO_RECORDS
    return f"{before}{listed}{after}\n"


def _dumped(document: Mapping[str, Any]) -> str:
    # Strings have no line breaks there: a line of the text is a line of the document.
    return json.dumps(document, indent=1, allow_nan=False)
