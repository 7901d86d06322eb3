"""The JSON document ``physcheck-report/1``, which other programs read, and its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from physcheck.run.record import Report

__all__ = ["json_text", "schema"]


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    text = Path(__file__).with_name("schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def json_text(report: Report) -> str:
    """The document as it is written to a file."""
    return json.dumps(report.to_json(), indent=1, allow_nan=False) + "\n"
