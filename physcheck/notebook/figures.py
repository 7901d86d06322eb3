"""Figures of matplotlib: values with their intervals, on the scale of their tolerances."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from physcheck.notebook.optional_packages import optional_package
from physcheck.report.pictures.drawing import BAD, BLUE, DOUBT, GOOD
from physcheck.text.numbers import figure, with_uncertainty
from physcheck.text.phrases import printable

if TYPE_CHECKING:
    from physcheck.measurement import Measurement
    from physcheck.run.record import Report

__all__ = ["figure_of_measurement", "figure_of_report"]

_COLOURS = {"pass": GOOD, "fail": BAD, "inconclusive": DOUBT, "known_failure": DOUBT}
# Values below this share of the tolerance stand at the left end: they are as good as zero.
_LEFT = 1e-6
_INCHES_A_ROW, _MARGINS, _WIDTH = 0.22, 1.2, 7.0
_HEIGHT_OF_ONE = 2.4


def figure_of_report(report: Report) -> Any:
    """Each record's value over its tolerance, those that are most over on top.

    Records without a tolerance or a finite value are left out.
    """
    shown = [
        r for r in report.records
        if r.tolerance and r.value is not None and math.isfinite(r.value) and r.interval
    ]  # fmt: skip
    shown.sort(key=lambda r: (r.value or 0.0) / (r.tolerance or 1.0))
    rows = [
        (r.name, [x / (r.tolerance or 1.0) for x in (r.value or 0.0, *(r.interval or ()))],
         _COLOURS.get(r.verdict, BLUE))
        for r in shown
    ]  # fmt: skip
    made = _bars(rows, "violation over its tolerance")
    axes = made.axes[0]
    axes.axvline(1.0, color="0.5", linestyle="--", linewidth=1)
    axes.set_title(printable(f"{report.model.name}, profile {report.settings.profile}"))
    return made


def figure_of_measurement(
    measured: Measurement, tolerances: Sequence[tuple[str, float]], colour: str = BLUE
) -> Any:
    """The value with its interval beside the tolerances, the detection limit and the noise floor.

    Parameters
    ----------
    tolerances : sequence of (profile, value)
    """
    value = with_uncertainty(measured.value, measured.uncertainty, measured.unit)
    row = [measured.value, *measured.interval]
    marks = [(f"tolerance ({profile})", limit, "0.4") for profile, limit in tolerances if limit > 0]
    for name, limit in (
        ("detection limit", measured.known_limit),
        ("noise floor", measured.noise_floor),
    ):
        if limit is not None and math.isfinite(limit) and limit > 0:
            marks.append((name, limit, DOUBT))
    made = _bars(
        [(measured.check, row, colour)],
        f"{measured.quantity} {f'({measured.unit})' if measured.unit else ''}".strip(),
        [mark for _, mark, _ in marks],
    )
    made.set_figheight(_HEIGHT_OF_ONE)
    axes = made.axes[0]
    for number, (name, mark, shade) in enumerate(marks):
        label = f"{name} {figure(mark, measured.unit)}"
        style = ("--", ":", "-.")[number % 3]
        axes.axvline(mark, color=shade, linestyle=style, linewidth=1.2, label=label)
    axes.set_title(f"{measured.check}: {value}")
    axes.set_yticks([])
    made.legend(loc="outside lower center", ncols=2, fontsize="small", frameon=False)
    return made


@cache
def _kind_of_figure() -> Any:
    """The class of the figures; matplotlib is imported now."""
    optional_package("matplotlib", "plot")
    from matplotlib.figure import Figure

    class ShownFigure(Figure):  # type: ignore[misc]
        """A figure that a notebook shows without pyplot, which would keep it in memory."""

        def _repr_png_(self) -> bytes:
            stream = io.BytesIO()
            self.savefig(stream, format="png", dpi=110)
            return stream.getvalue()

    return ShownFigure


def _bars(
    rows: Sequence[tuple[str, Sequence[float], str]], label: str, also: Sequence[float] = ()
) -> Any:
    """Rows of (name, (value, low, high), colour) on a logarithmic axis, the last one on top."""
    height = max(1, len(rows)) * _INCHES_A_ROW + _MARGINS
    made = _kind_of_figure()(figsize=(_WIDTH, height), layout="constrained")
    axes = made.add_subplot()
    numbers = [x for _, three, _ in rows for x in three] + list(also)
    known = [x for x in numbers if x > 0 and math.isfinite(x)]
    left = max(min(known, default=1.0), _LEFT * max(known, default=1.0)) / 3
    for place, (_, (value, low, high), colour) in enumerate(rows):
        ends = [max(low, left), max(high, left)]
        axes.plot(ends, [place, place], color=colour, linewidth=3, alpha=0.5)
        axes.plot([max(value, left)], [place], "o", color=colour, markersize=5, clip_on=False)
    axes.set_xscale("log")
    axes.set_xlim(left, 3 * max(known, default=1.0))
    axes.set_yticks(range(len(rows)), [printable(name) for name, _, _ in rows], fontsize="small")
    axes.set_ylim(-0.7, max(len(rows), 1) - 0.3)
    axes.set_xlabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    return made
