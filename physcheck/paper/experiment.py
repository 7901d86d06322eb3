"""What an experiment is, and how the words on its direction are chosen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from physcheck.paper.results import Agreement, Findings, Row
from physcheck.paper.setting import Setting

__all__ = ["SIGMAS", "Experiment", "apart", "in_direction", "row_of"]

#: A difference counts beyond so many standard errors. Of four replicas 6 % of chance differences
#: are as large, of sixteen 1 %.
SIGMAS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An experiment of the paper.

    Attributes
    ----------
    id, title : str
    how : str
        What is done, in a sentence or two.
    source : str
        Where in the paper it is.
    paper : str
        What the paper found.
    differs : str
        What is done otherwise here, and what that does to the figures.
    run : callable
        Makes it; raises NotRun where it can't be made.
    """

    id: str
    title: str
    how: str
    source: str
    paper: str
    differs: str
    run: Callable[[Setting], Findings]


def apart(value: float, error: float | None, other: float = 0.0, its: float | None = 0.0) -> int:
    """1 where ``value`` is above ``other`` by more than three standard errors, -1 where below.

    0 otherwise, and where an error isn't known.
    """
    if error is None or its is None:
        return 0
    width = SIGMAS * math.hypot(error, its)
    if not math.isfinite(width) or not abs(value - other) > width:
        return 0
    return 1 if value > other else -1


def in_direction(sign: int) -> Agreement:
    """In words: 1 for the paper's direction, -1 for the other, 0 where no effect is seen."""
    words: dict[int, Agreement] = {1: "as in the paper", 0: "not told apart", -1: "otherwise"}
    return words[sign]


def row_of(rows: Sequence[Row], quantity: str, of: str) -> Row | None:
    """The row of a quantity and a model, or None."""
    return next((row for row in rows if (row.quantity, row.of) == (quantity, of)), None)
