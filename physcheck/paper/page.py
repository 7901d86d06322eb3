"""The HTML page of the experiments, with their curves as static SVG."""

from __future__ import annotations

import numpy as np

from physcheck.paper.registry import EXPERIMENTS
from physcheck.paper.results import PaperReport, Plot, Result
from physcheck.paper.tables import figure_of, last_line
from physcheck.report.html import render
from physcheck.report.pictures.drawing import INK, SERIES, Picture, panel

__all__ = ["page", "picture_of"]


def page(report: PaperReport) -> str:
    """All results on one page that needs nothing beside it."""
    return render(
        "paper.html.j2",
        {
            "title": "physcheck paper",
            "summary": last_line(report),
            "report": report,
            "results": [_values(result, i) for i, result in enumerate(report.results)],
        },
    )


def _values(result: Result, index: int) -> dict[str, object]:
    return {
        "result": result,
        "experiment": EXPERIMENTS[result.experiment],
        "rows": [(row, figure_of(row)) for row in result.findings.rows],
        "pictures": [
            picture_of(plot, f"paper-{index}-{i}") for i, plot in enumerate(result.findings.plots)
        ],
    }


def picture_of(plot: Plot, slug: str) -> Picture:
    """A plot as SVG; ``slug`` makes its ids different from those of other pictures of a page."""
    with panel(slug, plot.x, plot.y) as made:
        for curve, color in zip(plot.curves, SERIES, strict=False):
            style = "o-" if plot.markers else "-"
            x, y = np.array(curve.x), np.array(curve.y)
            made.axes.plot(x, y, style, color=color, label=curve.label, ms=3, lw=1.2)
            if len(curve.spread):
                spread = np.array(curve.spread)
                made.axes.fill_between(
                    x, y - spread, y + spread, color=color, alpha=0.2, linewidth=0
                )
        if plot.level is not None:
            made.axes.axhline(plot.level, color=INK, linestyle="--", lw=1.0, label=plot.level_label)
        for axis in plot.logarithmic:
            values = [v for c in plot.curves for v in (c.x if axis == "x" else c.y)]
            made.logarithmic(axis, values)
        made.legend()
    return made.picture(plot.caption)
