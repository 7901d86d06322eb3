"""The commands on reports: JSON files in, other files out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from physcheck.errors import SpecError
from physcheck.report.answer import answer
from physcheck.report.badge import badge
from physcheck.report.baseline import updated_baseline
from physcheck.report.comparison import compare_reports
from physcheck.report.comparison_tables import (
    comparison_csv,
    comparison_html,
    comparison_markdown,
)
from physcheck.report.html import html
from physcheck.report.json_report import json_text
from physcheck.report.loading import load_report, unique_labels
from physcheck.report.markdown import markdown
from physcheck.report.merging import merge_reports, missing_lines
from physcheck.report.terminal import terminal_lines
from physcheck.report.writing import write_text
from physcheck.run.record import Report

__all__ = ["compare_files", "convert_report", "merge_files", "update_baseline", "write_report"]

_REPORTS: dict[str, Callable[[Report], str]] = {
    ".json": json_text,
    ".md": markdown,
    ".svg": badge,
}
_COMPARISONS = {".html": comparison_html, ".md": comparison_markdown, ".csv": comparison_csv}


def convert_report(source: str, target: str | None) -> list[str]:
    """Write a report as HTML, Markdown or a badge by the target's suffix; its lines without one.

    Raises
    ------
    SpecError
        ``source`` is no report, or ``target`` has another suffix.
    """
    report = load_report(source)
    if target is None:
        return [text for text, _ in terminal_lines(report)]
    write_report(report, target, [Path(source).resolve().parent])
    return [f"written: {target}"]


def write_report(report: Report, target: str, folders: Sequence[Path] = ()) -> None:
    """Write a report as HTML, JSON, Markdown or a badge, by the target's suffix.

    Parameters
    ----------
    folders : sequence of Path
        Where saved configurations are looked for if they aren't where the report says.

    Raises
    ------
    SpecError
        ``target`` has another suffix, or can't be written.
    """
    suffix = _suffix(target, (".html", *_REPORTS))
    text = html(report, folders) if suffix == ".html" else _REPORTS[suffix](report)
    _write(target, text)


def compare_files(sources: Sequence[str], target: str | None) -> list[str]:
    """Write a comparison of reports by the target's suffix; its Markdown without one.

    Raises
    ------
    SpecError
        A source is no report, they have nothing in common, or ``target`` has another suffix.
    """
    suffix = ".md" if target is None else _suffix(target, tuple(_COMPARISONS))
    reports = [load_report(path) for path in sources]
    text = _COMPARISONS[suffix](compare_reports(unique_labels(list(sources), reports), reports))
    if target is None:
        return text.splitlines()
    _write(target, text)
    return [f"written: {target}"]


def merge_files(sources: Sequence[str], target: str) -> list[str]:
    """Write the JSON report of a run from those of its shards, and tell what is missing.

    Raises
    ------
    SpecError
        A source is no report, they don't belong together, or ``target`` doesn't end in .json.
    """
    _suffix(target, (".json",))
    reports = [load_report(path) for path in sources]
    merged = merge_reports(list(sources), reports)
    _write(target, json_text(merged))
    return [
        f"written: {target}",
        *missing_lines(reports, merged),
        f"physcheck: {answer(merged)}",
    ]


def update_baseline(old: str, new: str, only: str, reason: str) -> list[str]:
    """Replace one record of the baseline ``old`` by that of ``new``, in place.

    Raises
    ------
    SpecError
        Either is no report, they don't match, or there is no such record.
    """
    _write(old, json_text(updated_baseline(load_report(old), load_report(new), only, reason)))
    return [f"{only} of {old} is that of {new} now: {reason}"]


def _suffix(target: str, known: Sequence[str]) -> str:
    suffix = Path(target).suffix.lower()
    suffix = ".html" if suffix == ".htm" else suffix
    if suffix not in known:
        raise SpecError(f"{target} should end in {', '.join(known)}")
    return suffix


def _write(target: str, text: str) -> None:
    folder = Path(target).parent
    if not folder.is_dir():
        raise SpecError(f"{target} can't be written: there is no folder {folder}")
    try:
        write_text(target, text)
    except OSError as error:
        raise SpecError(f"{target} can't be written: {error.strerror or error}") from None
