"""Results as lines for a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from physcheck.paper.registry import EXPERIMENTS
from physcheck.paper.results import PaperReport, Result, Row
from physcheck.text.columns import columns
from physcheck.text.numbers import figure, with_uncertainty
from physcheck.text.phrases import count, printable

__all__ = ["figure_of", "head_line", "last_line", "markdown", "result_lines"]

_HEADS = ("quantity", "of", "here", "paper")
# Longer cells would make lines that wrap.
_WIDEST = (44, 24, 28, 70)


def figure_of(row: Row) -> str:
    """The value with its error and unit."""
    if row.error is None:
        return figure(row.value, row.unit, digits=3)
    return with_uncertainty(row.value, row.error, row.unit)


def head_line(result: Result) -> str:
    """What was tried, where, and how it ended."""
    ended = result.findings.agreement or result.status
    return f"{result.experiment}[{result.structure}]  {result.title}: {ended}"


def result_lines(result: Result) -> list[str]:
    """An experiment for a terminal: the figures beside the paper's, and what was seen."""
    experiment = EXPERIMENTS[result.experiment]
    lines = [head_line(result)]
    if result.reason:
        lines.append(f"    {result.status}: {result.reason}")
    if result.findings.rows:
        cells = [_HEADS, *(_cells(row) for row in result.findings.rows)]
        lines += [f"    {line}" for line in columns(cells, widest=_WIDEST)]
    if result.findings.said:
        lines.append(f"    {result.findings.said}")
    if experiment.paper and not result.reason:
        lines.append(f"    paper ({experiment.source}): {experiment.paper}")
    if experiment.differs and not result.reason:
        lines.append(f"    otherwise here: {experiment.differs}")
    return [printable(line) for line in [*lines, ""]]


def last_line(report: PaperReport) -> str:
    """How many experiments ended how."""
    done = [r for r in report.results if r.status == "done"]
    words = []
    for agreement in ("as in the paper", "not told apart", "otherwise"):
        number = sum(r.findings.agreement == agreement for r in done)
        if number:
            words.append(f"{number} {agreement}")
    for status in ("not run", "failed", "interrupted"):
        number = sum(r.status == status for r in report.results)
        if number:
            words.append(f"{number} {status}")
    evaluations = [
        sum(r.model_evaluations for r in report.results),
        sum(r.reference_evaluations for r in report.results),
    ]
    return (
        f"physcheck paper: {count(len(done), 'experiment')} made: {', '.join(words)} "
        f"({evaluations[0]} evaluations of the model, {evaluations[1]} of the reference)"
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (row.quantity, row.of, figure_of(row), row.paper)


def markdown(report: PaperReport) -> str:
    """All results as a page, without a heading of its own."""
    lines = [
        f"Model: `{report.model}`, reference: `{report.reference or 'none'}`, "
        f"scale {report.scale}, seed {report.seed}, physcheck {report.physcheck}.",
        "",
    ]
    for result in report.results:
        lines += _markdown_of(result)
    return "\n".join(lines) + "\n"


def _markdown_of(result: Result) -> list[str]:
    experiment = EXPERIMENTS[result.experiment]
    lines = [f"### {result.title} ({result.structure})", "", experiment.how, ""]
    if result.reason:
        return [*lines, f"*{result.status}: {_escaped(result.reason)}*", ""]
    lines += [
        "| quantity | of | here | the paper | remark |",
        "|---|---|---|---|---|",
        *(_line(row) for row in result.findings.rows),
        "",
        f"**{result.findings.agreement.capitalize() or 'No comparison'}.** "
        f"{_escaped(result.findings.said)}",
        "",
        f"The paper ({experiment.source}): {experiment.paper} Otherwise here: {experiment.differs}",
        "",
        f"Cost: {result.model_evaluations} evaluations of the model, "
        f"{result.reference_evaluations} of the reference.",
        "",
    ]
    return lines


def _line(row: Row) -> str:
    cells: Sequence[str] = (row.quantity, row.of, figure_of(row), row.paper, row.note)
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(text: str) -> str:
    return printable(text).replace("|", "\\|")
