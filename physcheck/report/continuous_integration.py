"""What CI services read: the step summary, annotations, and properties of JUnit's cases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from physcheck.measurement import Outcome
from physcheck.report.markdown import markdown
from physcheck.report.order_of_failures import in_order
from physcheck.run.record import Record, Report
from physcheck.text.failure import summary_sentence

__all__ = ["annotation_lines", "append_step_summary", "junit_properties"]

#: The variable in which GitHub Actions names the file of a step's summary.
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
# GitHub shows no summary that is larger, bytes.
_MOST_BYTES = 1_000_000


def append_step_summary(report: Report, variables: Mapping[str, str] | None = None) -> str | None:
    """Append the Markdown report to the step's summary; the path, or None where there is none.

    A summary that can't be written is no reason to fail a run: None, too.
    """
    path = (os.environ if variables is None else variables).get(STEP_SUMMARY)
    if not path:
        return None
    text = markdown(report)
    if len(text.encode()) > _MOST_BYTES:
        text = text.encode()[:_MOST_BYTES].decode(errors="ignore") + "\n```\n\n(cut off)\n"
    try:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(text + "\n")
    except OSError:
        return None
    return path


def annotation_lines(report: Report) -> list[str]:
    """A line each failure and error, in the form that GitHub Actions turns into an annotation."""
    lines = []
    for record in in_order(report.records):
        if record.verdict in (Outcome.FAIL, Outcome.ERROR):
            title = _escaped(f"physcheck: {record.name}", of_property=True)
            lines.append(f"::error title={title}::{_escaped(summary_sentence(record))}")
    return lines


def junit_properties(record: Record) -> list[tuple[str, str]]:
    """Names and values of a record for ``<property>``: strings, as xdist can carry them."""
    found = {
        "verdict": str(record.verdict),
        "check": record.check,
        "structure": record.structure,
        "unit": record.unit,
        "value": record.value,
        "uncertainty": record.uncertainty,
        "interval_low": None if record.interval is None else record.interval[0],
        "interval_high": None if record.interval is None else record.interval[1],
        "tolerance": record.tolerance,
        "limit": record.detection_limit,
        "noise_floor": record.noise_floor,
        "level": record.level,
        "evaluations": record.force_evaluations,
    }
    return [(f"physcheck_{k}", str(v)) for k, v in found.items() if v is not None]


def _escaped(text: str, *, of_property: bool = False) -> str:
    """As https://docs.github.com/actions/reference/workflow-commands-for-github-actions has it."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if of_property else text
