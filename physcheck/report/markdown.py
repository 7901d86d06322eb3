"""The report as Markdown, for a pull request or a model card."""

from __future__ import annotations

from collections.abc import Iterable

from physcheck.measurement import Outcome
from physcheck.report.answer import answer
from physcheck.report.baseline import baseline_lines
from physcheck.report.table import columns_of, table_rows
from physcheck.run.record import Report
from physcheck.text.failure import failure_text

__all__ = ["markdown"]

_REMARKED = (Outcome.INCONCLUSIVE, Outcome.KNOWN_FAILURE, Outcome.NOT_APPLICABLE)


def markdown(report: Report) -> str:
    """The answer, the table, the failures and what was left out."""
    return (
        "\n".join(
            [
                *_head(report),
                *_baseline(report),
                *_table(report),
                *_blocks(report),
                *_remarks(report),
            ]
        ).rstrip()
        + "\n"
    )


def _head(report: Report) -> list[str]:
    model, settings = report.model, report.settings
    lines = [
        f"## physcheck: {_cell(answer(report))}",
        "",
        f"Model `{model.spec or 'of a fixture'}` "
        f"({model.name}, {model.adapter}, {model.dtype}, {model.device}); "
        f"profile {settings.profile}, budget {settings.budget}, seed {settings.seed}; "
        f"physcheck {report.physcheck}, {report.created}.",
        "",
    ]
    if report.facts.reference is not None:
        lines += [f"Reference `{report.facts.reference.spec}`, same checks and seeds.", ""]
    if not report.complete:
        lines += ["**The run is not complete.**", ""]
    return lines


def _baseline(report: Report) -> list[str]:
    lines = [f"- {_cell(text)}" for text in baseline_lines(report)]
    return [*lines, ""] if lines else []


def _table(report: Report) -> list[str]:
    if not report.records:
        return []
    columns = columns_of(report.records)
    lines = [_row(columns), _row(["---"] * (len(columns) - 1) + ["---:"])]
    lines += [_row(_cell(c) for c in row) for row in table_rows(report.records)]
    return [*lines, ""]


def _blocks(report: Report) -> list[str]:
    """Failures as the terminal shows them, then the tables that other records made."""
    lines = []
    for record in report.records:
        if record.verdict in (Outcome.FAIL, Outcome.ERROR):
            lines += ["```", failure_text(record, profile=report.settings.profile), "```", ""]
    for record in report.records:
        text = record.evidence.get("lines")
        if text and record.verdict is not Outcome.FAIL:
            head = f"{record.check} [{record.structure}]: {record.evidence.get('place')}"
            lines += [head, "", "```", *text, "```", ""]
    return lines


def _remarks(report: Report) -> list[str]:
    remarks = [
        f"- {r.check} [{r.structure}], {r.verdict.replace('_', ' ')}: {r.explanation}"
        for r in report.records
        if r.verdict in _REMARKED
    ]
    remarks += [
        f"- not scheduled: {n.check} [{n.structure}]: {n.reason}"
        for n in report.facts.not_scheduled
    ]
    return remarks + [f"- note: {remark}" for remark in report.remarks]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
