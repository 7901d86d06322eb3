"""HTML of reports and measurements for a cell of a notebook: small, without scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from physcheck.measurement import Outcome
from physcheck.report.answer import answer
from physcheck.report.consequence import consequence, violated
from physcheck.report.pictures.of_records import pictures_of
from physcheck.report.table import columns_of, table_rows
from physcheck.text.numbers import duration
from physcheck.text.phrases import count, printable, some

if TYPE_CHECKING:
    from physcheck.report.pictures.drawing import Picture
    from physcheck.run.record import Record, Report

__all__ = ["box", "html_of_pictures", "html_of_report", "html_table"]

# Colours that can be read on white and on a dark theme.
_OF_VERDICT = {
    "pass": "#1a9670",
    "FAIL": "#d55e00",
    "ERROR": "#d55e00",
    "inconclusive": "#b8860b",
    "known failure": "#b8860b",
}
_CELL = "text-align:left;padding:1px 8px"
# Pictures of so many failing records are shown; the HTML page has all.
_MOST_WITH_PICTURES = 3
# The class of a structure that can be turned.
_TURNED = 'class="view3d"'


def html_of_report(report: Report) -> str:
    """The answer, what it means, what isn't a pass, and the rest folded."""
    said = answer(report)
    passes = [r for r in report.records if r.verdict is Outcome.PASS]
    left = [r for r in report.records if r.verdict is Outcome.NOT_APPLICABLE]
    others = [r for r in report.records if r not in passes and r not in left]
    summary = report.summary
    cost = (
        f"{count(summary.force_evaluations, 'evaluation')} and {summary.setup_evaluations} to set "
        f"up, {duration(summary.seconds)}; profile {report.settings.profile}, seed "
        f"{report.settings.seed}"
    )
    parts = [
        f"<p><strong>{_safe(said)}</strong><br>{_safe(consequence(report))}</p>",
        _table_of(others),
        *(_details_of_failure(record) for record in violated(report)[:_MOST_WITH_PICTURES]),
        _folded(f"{count(len(passes), 'pass').replace('passs', 'passes')}", _table_of(passes)),
        _folded("not tested", _not_tested(report, left)),
        f"<p><small>{_safe(cost)}</small></p>",
    ]
    return box(parts)


def box(parts: Iterable[str]) -> str:
    """Parts as one block, with the colours that pictures take."""
    inside = "".join(parts)
    return f'<div style="--ink:currentColor;--line:#8886;max-width:60rem">{inside}</div>'


def html_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text; verdicts have their colour."""
    head = "".join(f'<th style="{_CELL}">{_safe(name)}</th>' for name in columns)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_of_pictures(pictures: Iterable[Picture]) -> str:
    """Pictures with their captions; their SVG is physcheck's own.

    Structures that are turned by the page's script are left out: there is none in a notebook.
    """
    return "".join(
        f'<figure style="margin:8px 0;max-width:34rem">{picture.svg}'
        f"<figcaption><small>{_safe(picture.caption)}</small></figcaption></figure>"
        for picture in pictures
        if _TURNED not in picture.svg
    )


def _cell(text: str) -> str:
    colour = _OF_VERDICT.get(text)
    style = f"{_CELL};color:{colour};font-weight:bold" if colour else _CELL
    return f'<td style="{style}">{_safe(text)}</td>'


def _table_of(records: Sequence[Record]) -> str:
    return html_table(columns_of(records), table_rows(records)) if records else ""


def _details_of_failure(record: Record) -> str:
    said = [record.title, str(record.evidence.get("scale") or ""), record.evidence.get("place")]
    lines = [f"<p>{_safe(str(text))}</p>" for text in said if text]
    if record.causes:
        lines.append(f"<p>Usual causes: {_safe(record.causes)}</p>")
    if record.advice:
        lines.append(f"<p>What to do: {_safe(record.advice)}</p>")
    return _folded(record.name, "".join(lines) + html_of_pictures(pictures_of(record)))


def _not_tested(report: Report, left: Sequence[Record]) -> str:
    where: dict[str, list[str]] = {}
    for record in left:
        where.setdefault(record.explanation, []).append(record.name)
    for one in report.facts.not_scheduled:
        name = one.structure if one.check == "*" else f"{one.check}[{one.structure}]"
        where.setdefault(one.reason, []).append(name)
    items = (f"<li>{_safe(why)}: {_safe(some(names))}</li>" for why, names in where.items())
    listed = "".join(items)
    return f"<ul>{listed}</ul>" if listed else ""


def _folded(title: str, inside: str) -> str:
    if not inside:
        return ""
    return f"<details><summary>{_safe(title)}</summary>{inside}</details>"


def _safe(text: str) -> str:
    return escape(printable(text))
