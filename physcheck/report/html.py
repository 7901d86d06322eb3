"""The report as one HTML page that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from physcheck.report.json_report import answer
from physcheck.report.terminal import columns_of, mark_of, table_rows
from physcheck.text.failure import record_text

__all__ = ["html"]

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


def html(report: Mapping[str, Any]) -> str:
    """The answer, the table, the failures, what is open or was left out, and where it was run."""
    said = answer(report)
    records = report["records"]
    settings = report["settings"]
    parts = [
        f"<h1>physcheck: {escape(said)}</h1>",
        "" if report["complete"] else "<p><strong>The run is not complete.</strong></p>",
        _facts(report),
    ]
    if records:
        head = "".join(f"<th>{escape(c)}</th>" for c in columns_of(records))
        body = "".join(
            f"<tr>{_cells(row, str(r['verdict']))}</tr>"
            for row, r in zip(table_rows(records), records, strict=True)
        )
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    failures = [r for r in records if r["verdict"] in ("fail", "error")]
    if failures:
        parts.append("<h2>Failures</h2>")
        parts += [
            f"<pre>{escape(record_text(r, profile=settings['profile']))}</pre>" for r in failures
        ]
    told = [r for r in records if (r["evidence"] or {}).get("lines") and r["verdict"] != "fail"]
    for record in told:
        evidence = record["evidence"]
        text = "\n".join(evidence["lines"])
        parts.append(f"<h2>{escape(record['check'])} [{escape(record['structure'])}]</h2>")
        parts.append(f"<p>{escape(str(evidence.get('place')))}</p>")
        parts.append(f'<pre class="told">{escape(text)}</pre>')
    remarks = [
        f"{r['check']} [{r['structure']}], {r['verdict'].replace('_', ' ')}: {r['reason'] or r['message']}"
        for r in records
        if r["verdict"] in ("inconclusive", "known_failure", "not_applicable")
    ]
    remarks += [
        f"{r['check']} [{r['structure']}], reference {mark_of(r['reference'])}: "
        f"{r['reference']['reason'] or r['reference']['message']}"
        for r in records
        if r["verdict"] != "not_applicable"
        and (r.get("reference") or {}).get("verdict") in ("error", "not_applicable")
    ]
    parts += _list("What is open", remarks)
    parts += _list("Notes", list(report["plan"].get("remarks", ())))
    left = [f"{n['check']} [{n['structure']}]: {n['reason']}" for n in report["not_scheduled"]]
    parts += _list("Not scheduled", left)
    parts += _list("Environment", [f"{k}: {v}" for k, v in report["environment"].items()])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>physcheck: {escape(said)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(filter(None, parts))
        + "\n</body></html>\n"
    )


def _facts(report: Mapping[str, Any]) -> str:
    model, settings, summary = report["model"], report["settings"], report["summary"]
    facts = {
        "model": f"{model['spec'] or 'of a fixture'} ({model['name']}, {model['adapter']}, {model['dtype']}, {model['device']})",
        "fingerprint": model["fingerprint"],
        **({"reference": report["reference"]["spec"]} if report.get("reference") else {}),
        "profile, budget, seed": f"{settings['profile']}, {settings['budget']}, {settings['seed']}",
        "cost": f"{summary['force_evaluations']} evaluations and {summary['setup_evaluations']} to set up, "
        f"{summary['seconds']:.1f} s",
        "made by": f"physcheck {report['physcheck']}, {report['created']}",
    }
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(str(v))}</dd>" for k, v in facts.items())
    return f"<dl>{rows}</dl>"


def _cells(row: tuple[str, ...], verdict: str) -> str:
    return "".join(
        f'<td class="{escape(verdict)}">{escape(c)}</td>' if i == 2 else f"<td>{escape(c)}</td>"
        for i, c in enumerate(row)
    )


def _list(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    body = "".join(f"<li>{escape(item)}</li>" for item in items)
    return [f"<h2>{escape(title)}</h2><ul>{body}</ul>"]
