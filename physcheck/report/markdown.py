"""The report as Markdown, for a pull request or a model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from physcheck.report.json_report import answer
from physcheck.report.terminal import columns_of, table_rows
from physcheck.text.failure import record_text

__all__ = ["markdown"]


def markdown(report: Mapping[str, Any]) -> str:
    """The answer, the table, the failures and what was left out."""
    model, settings = report["model"], report["settings"]
    lines = [
        f"## physcheck: {_cell(answer(report))}",
        "",
        f"Model `{model['spec'] or 'of a fixture'}` ({model['name']}, {model['adapter']}, {model['dtype']}, "
        f"{model['device']}); profile {settings['profile']}, budget {settings['budget']}, seed "
        f"{settings['seed']}; physcheck {report['physcheck']}, {report['created']}.",
        "",
    ]
    if report.get("reference"):
        lines += [f"Reference `{report['reference']['spec']}`, same checks and seeds.", ""]
    if not report["complete"]:
        lines += ["**The run is not complete.**", ""]
    if report["records"]:
        columns = columns_of(report["records"])
        lines += [_row(columns), _row(["---"] * (len(columns) - 1) + ["---:"])]
        lines += [_row([_cell(c) for c in row]) for row in table_rows(report["records"])]
        lines.append("")
    for record in report["records"]:
        if record["verdict"] in ("fail", "error"):
            lines += ["```", record_text(record, profile=settings["profile"]), "```", ""]
    for record in report["records"]:
        text = (record["evidence"] or {}).get("lines")
        if text and record["verdict"] != "fail":
            name = f"{record['check']} [{record['structure']}]: {record['evidence'].get('place')}"
            lines += [name, "", "```", *text, "```", ""]
    remarks = [
        f"- {r['check']} [{r['structure']}], {r['verdict'].replace('_', ' ')}: {r['reason'] or r['message']}"
        for r in report["records"]
        if r["verdict"] in ("inconclusive", "known_failure", "not_applicable")
    ]
    remarks += [
        f"- not scheduled: {n['check']} [{n['structure']}]: {n['reason']}"
        for n in report["not_scheduled"]
    ]
    remarks += [f"- note: {remark}" for remark in report["plan"].get("remarks", ())]
    return "\n".join([*lines, *remarks]).rstrip() + "\n"


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
