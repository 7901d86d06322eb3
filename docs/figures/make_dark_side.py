"""docs/dark-side.md and its figures, from the JSON files of ``physcheck paper``.

``make dark-side`` runs it on both pairs of ``fixtures/trained``.  What the numbers say is written
from them; ``dark_side.toml`` holds the words on why an effect differs.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from make_failure_figures import alone

from physcheck.paper.page import picture_of
from physcheck.paper.registry import EXPERIMENTS
from physcheck.paper.results import PaperReport, Result
from physcheck.paper.tables import figure_of

HERE = Path(__file__).parent
PAGE = HERE.parent / "dark-side.md"
# Which plot of which run becomes a figure of the page.
FIGURES = {
    "lambda_distance": "water",
    "loop": "water",
    "nve": "ethanol",
    "thermostats": "ethanol",
    "diffusion": "water",
    "relaxation": "ethanol",
    "mts": "ethanol",
}
TEXTS = tomllib.loads((HERE / "dark_side.toml").read_text(encoding="utf8"))


def summary(reports: Sequence[tuple[str, PaperReport]]) -> list[str]:
    """A line an experiment: how its direction is beside the paper's in each run."""
    names = [name for name, _ in reports]
    lines = [f"| experiment | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for identifier, experiment in EXPERIMENTS.items():
        cells = []
        for _, report in reports:
            found = result_of(report, identifier)
            cells.append("" if found is None else word_of(found))
        lines.append(f"| [{experiment.title}](#{anchor(experiment.title)}) | {' | '.join(cells)} |")
    return lines


def word_of(found: Result) -> str:
    """How its direction is beside the paper's, or why that isn't told."""
    without = "no comparison" if found.status == "done" else found.status
    return found.findings.agreement or without


def anchor(title: str) -> str:
    """The anchor that the site gives a heading."""
    kept = "".join(c for c in title.lower() if c.isalnum() or c in " -")
    return kept.replace(" ", "-")


def result_of(report: PaperReport, identifier: str) -> Result | None:
    """The first result of an experiment."""
    return next((r for r in report.results if r.experiment == identifier), None)


def section(identifier: str, reports: Sequence[tuple[str, PaperReport]]) -> list[str]:
    """An experiment: what is done, a table a run, the figure, and what differs."""
    experiment = EXPERIMENTS[identifier]
    lines = [f"## {experiment.title}", "", experiment.how, ""]
    lines += [f"*The paper* ({experiment.source}): {experiment.paper}", ""]
    for name, report in reports:
        found = result_of(report, identifier)
        if found is None:
            continue
        if found.reason:
            lines += [f"{name.capitalize()}: {found.status}, {found.reason}.", ""]
            continue
        lines += [
            f"| {name} | of | here | the paper | remark |",
            "|---|---|---|---|---|",
            *(
                f"| {row.quantity} | {row.of} | {figure_of(row)} | {row.paper} | {row.note} |"
                for row in found.findings.rows
            ),
            "",
            f"**{(found.findings.agreement or 'no comparison').capitalize()}.** "
            f"{found.findings.said} ({found.model_evaluations} evaluations of the model, "
            f"{found.reference_evaluations} of the reference.)",
            "",
        ]
        if FIGURES.get(identifier) == name and found.findings.plots:
            lines += [figure(identifier, found), ""]
    if experiment.differs:
        remark = " ".join(TEXTS["remarks"].get(identifier, "").split())
        lines += [f"*Otherwise here*: {experiment.differs} {remark}".rstrip(), ""]
    return lines


def figure(identifier: str, found: Result) -> str:
    """Write the SVG of the first plot; the Markdown that shows it."""
    slug = f"dark-side-{identifier.replace('_', '-')}"
    picture = picture_of(found.findings.plots[0], slug)
    (HERE / f"{slug}.svg").write_text(alone(picture.svg) + "\n", encoding="utf8")
    return f"![{picture.caption}](figures/{slug}.svg)"


def main(paths: Sequence[str]) -> None:
    """Write the page from the JSON files, whose names are those of the systems."""
    reports = [
        (Path(path).stem, PaperReport.from_json(json.loads(Path(path).read_text())))
        for path in paths
    ]
    first = reports[0][1]
    lines = [TEXTS["introduction"].strip(), "", *summary(reports), ""]
    lines += [f"Scale {first.scale}, seed {first.seed}; models and references:", ""]
    lines += [f"- {name}: `{report.model}`, `{report.reference}`" for name, report in reports]
    lines.append("")
    for identifier in EXPERIMENTS:
        lines += section(identifier, reports)
    PAGE.write_text("\n".join(lines).rstrip() + "\n", encoding="utf8")


if __name__ == "__main__":
    main(sys.argv[1:])
