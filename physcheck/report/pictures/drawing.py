"""One panel as SVG text that takes the page's colours, light or dark."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

from physcheck.text.phrases import printable

__all__ = ["BAD", "BLUE", "DOUBT", "FAINT", "GOOD", "INK", "SERIES", "Panel", "Picture", "panel"]

# Colours that the page replaces by its own: text and axes, and what lies behind the data.
INK, FAINT = "#010203", "#040506"
# Colours of data, told apart on white and on black, and by who sees no red or no green
# (Okabe and Ito, https://jfly.uni-koeln.de/color/, darkened where they vanish on white).
BAD, GOOD, BLUE, DOUBT = "#d55e00", "#1a9670", "#2f86c5", "#b8860b"
SERIES = (BLUE, BAD, GOOD, "#b565a7", DOUBT, "#7a7a7a")
# Inches of 72 units: a phone of 390 px shows it at nearly its own size.
_WIDTH, _HEIGHT = 5.2, 2.9
# Labels of a legend that fit side by side, characters.
_SHORT_LABEL = 36
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "physcheck",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    # A hostile name with a dollar sign is text, not a formula.
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.use_mathtext": False,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
}
_IDS = re.compile(r' id="([^"]*)"')
_PATHS = re.compile(r' d="([^"]*)"')
_LONG_NUMBER = re.compile(r"(-?\d+\.\d\d)\d+")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a record.

    Attributes
    ----------
    svg : str
        Markup to put into a page as it is: everything from the record in it is escaped.
    caption : str
        What it shows, and how a sound model would look; plain text.
    """

    svg: str
    caption: str


class Panel:
    """Axes to draw on; ``text`` is the SVG once the panel is finished."""

    def __init__(self, axes: Any) -> None:
        self.axes = axes
        self.text = ""

    def picture(self, caption: str) -> Picture:
        """The finished panel with its caption, which is its text for who can't see it, too."""
        label = escape(caption, quote=True)
        return Picture(
            self.text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1), caption
        )

    def logarithmic(self, axis: str, values: Iterable[float] = ()) -> None:
        """Make an axis logarithmic, its ticks written as ``1e-3``.

        Where all ``values`` lie within a decade it stays as it is: such an axis has no ticks.
        """
        shown = [value for value in values if value > 0]
        span = max(shown) / min(shown) if shown else math.inf
        if span < 10:
            self.axes.locator_params(axis=axis, nbins=5)
            return
        from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

        if axis == "x":
            self.axes.set_xscale("log")
        else:
            self.axes.set_yscale("log")
        one = self.axes.xaxis if axis == "x" else self.axes.yaxis
        one.set_major_locator(LogLocator(numticks=7, subs=(1.0, 3.0) if span < 300 else (1.0,)))
        one.set_minor_locator(NullLocator())
        one.set_major_formatter(FuncFormatter(lambda value, _: _power(value)))

    def legend(self) -> None:
        """A legend above the data, where anything has a label."""
        labels = self.axes.get_legend_handles_labels()[1]
        if labels:
            columns = 2 if max(map(len, labels)) <= _SHORT_LABEL else 1
            self.axes.figure.legend(loc="outside upper left", ncols=columns)


@contextmanager
def panel(
    slug: str, x: str, y: str, *, height: float = _HEIGHT, width: float = _WIDTH
) -> Iterator[Panel]:
    """Axes with labels; when the block ends, ``Panel.text`` is their SVG.

    ``slug`` makes the ids within the SVG different from those of other pictures of the page.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # A name in letters that the font lacks is drawn by the browser's own; matplotlib warns.
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.grid(alpha=1.0, linewidth=0.5)
        axes.set_axisbelow(True)
        made = Panel(axes)
        yield made
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    made.text = printable(_for_a_page(stream.getvalue(), slug))


def _for_a_page(text: str, slug: str) -> str:
    """The SVG element alone, with ids of its own, the page's colours, and short numbers."""
    text = text[text.index("<svg ") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    # A style sheet within the SVG would hold for the whole page.
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href=", "href=")
    text = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", text, count=1)
    for name in set(_IDS.findall(text)):
        own = f"{slug}-{name}"
        if f"#{name}" in text:
            text = text.replace(f'id="{name}"', f'id="{own}"')
            text = text.replace(f"url(#{name})", f"url(#{own})")
            text = text.replace(f'href="#{name}"', f'href="#{own}"')
        else:
            text = text.replace(f' id="{name}"', "")
    text = _PATHS.sub(lambda found: f' d="{_LONG_NUMBER.sub(chr(92) + "1", found[1])}"', text)
    text = text.replace(INK, "var(--ink)").replace(FAINT, "var(--line)")
    return re.sub(r"\n\s*", "\n", text).strip()


def _power(value: float) -> str:
    if value <= 0 or not math.isfinite(value):
        return ""
    if 0.009 < value < 9999:
        return f"{value:g}"
    mantissa, _, exponent = f"{value:.0e}".partition("e")
    return f"{mantissa}e{int(exponent)}"
