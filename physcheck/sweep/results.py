"""What a sweep leaves: a merged report a model, the comparison page, and a list of its tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from physcheck.errors import SpecError
from physcheck.report.comparison import compare_reports
from physcheck.report.comparison_tables import comparison_html, comparison_markdown
from physcheck.report.json_report import json_text
from physcheck.report.merging import merge_reports
from physcheck.report.writing import write_text
from physcheck.run.exit_status import exit_status
from physcheck.run.record import Report
from physcheck.run.settings import Settings
from physcheck.sweep.sweep_file import SweptModel
from physcheck.sweep.task import Outcome, Task, report_of

__all__ = ["comparison_pages", "merged_report", "task_list"]


def merged_report(model: SweptModel, tasks: Sequence[Task], reason: str) -> Report:
    """The report of a model on all structures, in the order of the file.

    Where one is missing or isn't whole it isn't complete; without any it says ``reason``, why not.
    """
    found = [(task.structure, report_of(task)) for task in tasks]
    whole = [(name, r) for name, r in found if r is not None and r.facts.plan is not None]
    if not whole:
        return Report(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            settings=Settings(model=model.spec),
            error=reason or "nothing was judged",
            exit_code=1,
        )
    if len(whole) == 1:
        merged = whole[0][1]
        merged = replace(merged, settings=replace(merged.settings, json=None, resume=None))
    else:
        merged = merge_reports([name for name, _ in whole], [report for _, report in whole])
    if len(whole) < len(tasks):
        status = exit_status(merged.records, complete=False, fail_on=merged.settings.fail_on)
        merged = replace(merged, complete=False, exit_code=status)
    return merged


def comparison_pages(labels: Sequence[str], reports: Sequence[Report], output: Path) -> list[str]:
    """Write the comparison of the models as a page and as Markdown; what became of them."""
    try:
        compared = compare_reports(labels, reports)
    except SpecError as error:
        return [f"no comparison: {error}"]
    pages = {"comparison.html": comparison_html, "comparison.md": comparison_markdown}
    for name, text_of in pages.items():
        write_text(output / name, text_of(compared))
    return [f"written: {output / name}" for name in pages]


def task_list(tasks: Mapping[str, tuple[Task, Outcome | None]]) -> str:
    """The tasks as JSON: which file is whose, and what became of each."""
    rows: list[dict[str, Any]] = [
        {
            "model": task.model.name,
            "structure": task.structure,
            "key": key,
            "report": task.path,
            "finished": outcome is not None and outcome.finished,
            "reason": "" if outcome is None else outcome.reason,
        }
        for key, (task, outcome) in tasks.items()
    ]
    return json.dumps({"schema": "physcheck-sweep/1", "tasks": rows}, indent=1) + "\n"


def write_merged(model: SweptModel, report: Report, output: Path) -> Path:
    """Write the merged report of a model; where."""
    path = output / f"{model.name}.json"
    write_text(path, json_text(report))
    return path
