"""How figures of the documentation look, and the file that each is written to.

Imported before pyplot is used: figures are drawn without a display.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
# The salt makes names within an SVG the same each time.
STYLE = {
    "svg.hashsalt": "physcheck",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def in_style() -> Any:
    """The context in which a figure is drawn and saved."""
    return plt.rc_context(STYLE)


def save(figure: plt.Figure, name: str) -> None:
    """An SVG beside this file, without a date, so that the same code gives the same file."""
    if figure.get_layout_engine() is None:
        figure.tight_layout()
    figure.savefig(HERE / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)
