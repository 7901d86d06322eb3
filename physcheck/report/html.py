"""The report as one HTML page that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape as escape_html

from physcheck.measurement import Outcome
from physcheck.report.answer import answer
from physcheck.report.table import columns_of, table_rows
from physcheck.run.record import Record, Report
from physcheck.text.failure import failure_text
from physcheck.text.phrases import printable, verdict_word

__all__ = ["html"]

_REMARKED = (Outcome.INCONCLUSIVE, Outcome.KNOWN_FAILURE, Outcome.NOT_APPLICABLE)
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  color: #1b1f24; background: #fff; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #d8dee4; }
th:last-child, td:last-child { text-align: right; }
pre { background: #f6f8fa; padding: .8rem 1rem; overflow-x: auto; white-space: pre-wrap;
  border-left: 4px solid #cf222e; }
pre.told { white-space: pre; border-left-color: #0969da; }
.pass { color: #116329; } .fail, .error { color: #cf222e; font-weight: 600; }
.inconclusive, .known_failure { color: #9a6700; } .not_applicable { color: #6e7781; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
dt { color: #57606a; } dd { margin: 0; overflow-wrap: anywhere; }
"""


def escape(text: str) -> str:
    """Text as HTML shows it, characters that no page may have written out."""
    return escape_html(printable(text))


def html(report: Report) -> str:
    """The answer, the table, the failures, what is open or was left out, and where it was run."""
    said = escape(answer(report))
    facts = report.facts
    parts = [
        f"<h1>physcheck: {said}</h1>",
        "" if report.complete else "<p><strong>The run is not complete.</strong></p>",
        _facts(report),
        _table(report.records),
        *_failures(report),
        *_tables_of_checks(report.records),
        *_list("What is open", _open(report.records)),
        *_list("Notes", report.remarks),
        *_list(
            "Not scheduled",
            [f"{n.check} [{n.structure}]: {n.reason}" for n in facts.not_scheduled],
        ),
        *_list("Environment", [f"{k}: {v}" for k, v in facts.environment.items()]),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>physcheck: {said}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(filter(None, parts))
        + "\n</body></html>\n"
    )


def _facts(report: Report) -> str:
    model, settings, summary = report.model, report.settings, report.summary
    reference = report.facts.reference
    made_by = f"{model.name}, {model.adapter}, {model.dtype}, {model.device}"
    facts = {
        "model": f"{model.spec or 'of a fixture'} ({made_by})",
        "fingerprint": model.fingerprint,
        **({} if reference is None else {"reference": reference.spec}),
        "profile, budget, seed": f"{settings.profile}, {settings.budget}, {settings.seed}",
        "cost": f"{summary.force_evaluations} evaluations and {summary.setup_evaluations} to set "
        f"up, {summary.seconds:.1f} s",
        "made by": f"physcheck {report.physcheck}, {report.created}",
    }
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(str(v))}</dd>" for k, v in facts.items())
    return f"<dl>{rows}</dl>"


def _table(records: tuple[Record, ...]) -> str:
    if not records:
        return ""
    head = "".join(f"<th>{escape(c)}</th>" for c in columns_of(records))
    body = "".join(
        f"<tr>{_cells(row, record.verdict)}</tr>"
        for row, record in zip(table_rows(records), records, strict=True)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cells(row: tuple[str, ...], verdict: str) -> str:
    return "".join(
        f'<td class="{escape(verdict)}">{escape(c)}</td>' if i == 2 else f"<td>{escape(c)}</td>"
        for i, c in enumerate(row)
    )


def _failures(report: Report) -> list[str]:
    failed = [r for r in report.records if r.verdict in (Outcome.FAIL, Outcome.ERROR)]
    if not failed:
        return []
    texts = [failure_text(record, profile=report.settings.profile) for record in failed]
    return ["<h2>Failures</h2>", *(f"<pre>{escape(text)}</pre>" for text in texts)]


def _tables_of_checks(records: Iterable[Record]) -> list[str]:
    """Tables and recommendations that records made; a failure has shown its own already."""
    parts = []
    for record in records:
        lines = record.evidence.get("lines")
        if lines and record.verdict is not Outcome.FAIL:
            parts.append(f"<h2>{escape(record.check)} [{escape(record.structure)}]</h2>")
            parts.append(f"<p>{escape(str(record.evidence.get('place')))}</p>")
            text = "\n".join(str(line) for line in lines)
            parts.append(f'<pre class="told">{escape(text)}</pre>')
    return parts


def _open(records: Iterable[Record]) -> list[str]:
    records = list(records)
    remarks = [
        f"{r.check} [{r.structure}], {r.verdict.replace('_', ' ')}: {r.explanation}"
        for r in records
        if r.verdict in _REMARKED
    ]
    for record in records:
        result = record.reference
        if result is None or record.verdict is Outcome.NOT_APPLICABLE:
            continue
        if result.verdict in (Outcome.ERROR, Outcome.NOT_APPLICABLE):
            head = f"{record.check} [{record.structure}], reference {verdict_word(result.verdict)}"
            remarks.append(f"{head}: {result.reason or result.message}")
    return remarks


def _list(title: str, items: Iterable[str]) -> list[str]:
    body = "".join(f"<li>{escape(item)}</li>" for item in items)
    return [f"<h2>{escape(title)}</h2><ul>{body}</ul>"] if body else []
