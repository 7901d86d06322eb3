"""The report as Markdown, for a pull request or a model card."""

from __future__ import annotations

import re
from collections.abc import Iterable

from physcheck.measurement import Outcome
from physcheck.report.answer import answer
from physcheck.report.baseline import baseline_lines
from physcheck.report.order_of_failures import in_order
from physcheck.report.table import columns_of, table_rows
from physcheck.run.record import Report
from physcheck.text.failure import failure_text
from physcheck.text.phrases import printable

__all__ = ["markdown"]

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Underscores within a word, as in the names of checks, are no markup.
_MARKUP = re.compile(r"[\\\\`*|~\]\[]|(?<!\w)_|_(?!\w)")
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
    made_by = (model.name, model.adapter, model.dtype, model.device)
    lines = [
        f"## physcheck: {_words(answer(report))}",
        "",
        f"Model {_code(model.spec or 'of a fixture')} "
        f"({_words(', '.join(map(str, made_by)))}); "
        f"profile {settings.profile}, budget {settings.budget}, seed {settings.seed}; "
        f"physcheck {report.physcheck}, {report.created}.",
        "",
    ]
    if report.facts.reference is not None:
        spec = _code(str(report.facts.reference.spec))
        lines += [f"Reference {spec}, same checks and seeds.", ""]
    if not report.complete:
        lines += ["**The run is not complete.**", ""]
    return lines


def _baseline(report: Report) -> list[str]:
    lines = [f"- {_words(text)}" for text in baseline_lines(report)]
    return [*lines, ""] if lines else []


def _table(report: Report) -> list[str]:
    if not report.records:
        return []
    columns = columns_of(report.records)
    lines = [_row(columns), _row(["---"] * (len(columns) - 1) + ["---:"])]
    lines += [_row(map(_words, row)) for row in table_rows(report.records)]
    return [*lines, ""]


def _blocks(report: Report) -> list[str]:
    """Failures as the terminal shows them, then the tables that other records made."""
    lines = []
    for record in in_order(report.records):
        if record.verdict in (Outcome.FAIL, Outcome.ERROR):
            lines += _block(failure_text(record, profile=report.settings.profile))
    for record in report.records:
        text = record.evidence.get("lines")
        if text and record.verdict is not Outcome.FAIL:
            head = f"{record.check} [{record.structure}]: {record.evidence.get('place')}"
            lines += [_words(head), "", *_block("\n".join(str(line) for line in text))]
    return lines


def _remarks(report: Report) -> list[str]:
    remarks = [
        f"{r.check} [{r.structure}], {r.verdict.replace('_', ' ')}: {r.explanation}"
        for r in report.records
        if r.verdict in _REMARKED
    ]
    remarks += [
        f"not scheduled: {n.check} [{n.structure}]: {n.reason}" for n in report.facts.not_scheduled
    ]
    remarks += [f"note: {remark}" for remark in report.remarks]
    return [f"- {_words(remark)}" for remark in remarks]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _words(text: str) -> str:
    """Text in one line that shows as it is, whatever Markdown or HTML is in it."""
    line = " ".join(printable(text).split("\n"))
    for character, entity in _ENTITIES.items():
        line = line.replace(character, entity)
    return _MARKUP.sub(r"\\\g<0>", line)


def _code(text: str) -> str:
    """Text within a line, as code."""
    line = " ".join(printable(text).split("\n"))
    ticks = "`" * (1 + _longest_run(line))
    space = " " if "`" in line else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def _block(text: str) -> list[str]:
    """Lines of text as they are."""
    fence = "`" * max(3, 1 + _longest_run(text))
    return [fence, *printable(text).split("\n"), fence, ""]


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
