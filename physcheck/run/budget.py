"""What a run may spend: ``--physcheck-budget`` read, and turned into a number of evaluations."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from physcheck.errors import SpecError
from physcheck.names import Budget, nearest
from physcheck.text.numbers import duration

__all__ = [
    "AUTO",
    "BUDGET_EVALUATIONS",
    "BUDGET_NAMES",
    "EXAMPLES",
    "Forecast",
    "Spending",
    "checked_budget",
    "names_time",
    "spending_of",
]

BUDGET_EVALUATIONS: dict[Budget, int | None] = {"quick": 2_500, "standard": 25_000, "full": None}
AUTO = "auto"
BUDGET_NAMES = (AUTO, *BUDGET_EVALUATIONS)
#: What a message shows as right.
EXAMPLES = "auto, quick, standard, full, a number of evaluations such as 8000, or 90s, 5min or 1h"
# Model time that auto plans, s, so that a run takes the minute that a user has: the rest of it goes
# to the start, to physcheck's own work (a tenth), and to records made again after a fault.
_AUTO_SECONDS = 50.0
_SECONDS = {"s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
# With fewer evaluations no check does more than at quick, and with fewer than the second number
# none does more than at standard.
_FIRST_SECOND_LOOK = 2_501
_FIRST_FULL = 250_000
_LARGEST = 10**12
_TIME = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(s|sec|min|m|h)", re.ASCII)
_COUNT = re.compile(r"\d{1,3}(,\d{3})+|\d+(_\d+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Spending:
    """The evaluations of a run, fixed before its first record.

    Attributes
    ----------
    evaluations : int or None
        None is no limit.
    reason : str
        Where the number comes from, in a few words; empty where the user gave it.
    """

    evaluations: int | None
    reason: str = ""

    @property
    def level(self) -> Budget:
        """The most that any check may do: a record's last look has the options of this budget."""
        if self.evaluations is None or self.evaluations >= _FIRST_FULL:
            return "full"
        return "standard" if self.evaluations >= _FIRST_SECOND_LOOK else "quick"

    @property
    def option(self) -> str:
        """What ``--physcheck-budget`` must be, so that a run on another machine has the same."""
        return "full" if self.evaluations is None else str(self.evaluations)

    @property
    def text(self) -> str:
        """For people: ``25,000 evaluations (auto: at most 50 s of model time ...)``."""
        words = "no limit" if self.evaluations is None else f"{self.evaluations:,} evaluations"
        return f"{words} ({self.reason})" if self.reason else words


@dataclass(frozen=True, slots=True)
class Forecast:
    """What plans take at a model's pace.

    Attributes
    ----------
    seconds : callable (int) -> float, s
        The model time of the plan with so many evaluations, at most.
    fastest : float, s
        Of one evaluation.
    text : str
        The pace in words.
    """

    seconds: Callable[[int], float]
    fastest: float
    text: str


def checked_budget(text: str) -> str:
    """``text`` if it can be read as a budget.

    Raises
    ------
    SpecError
        It names no budget, or is not above zero.
    """
    if text not in BUDGET_NAMES and (_count(text) or _seconds(text)) is None:
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        hint = f"; {nearest(text, BUDGET_NAMES)}" if text.isalpha() and len(text) < 20 else ""
        raise SpecError(f"the budget is {shown!r}, should be {EXAMPLES}{hint}")
    return text


def names_time(text: str) -> bool:
    """Whether the number of evaluations follows from how fast the model is."""
    return text == AUTO or (text not in BUDGET_NAMES and _count(text) is None)


def spending_of(text: str, forecast: Forecast | None = None) -> Spending:
    """The number of evaluations that a budget comes to.

    ``auto`` is standard where a plan of that takes 50 s of model time, else the most of which
    the plan does, never less than quick; a time is the most of which the plan takes no longer.
    Both have two digits, and are as quick where the model's pace isn't known.

    Raises
    ------
    SpecError
        As :func:`checked_budget`.
    """
    checked_budget(text)
    for name, evaluations in BUDGET_EVALUATIONS.items():
        if text == name:
            return Spending(evaluations)
    if (count := _count(text)) is not None:
        return Spending(count)
    least, most = BUDGET_EVALUATIONS["quick"] or 0, BUDGET_EVALUATIONS["standard"] or 0
    if forecast is None or not forecast.fastest > 0:
        return Spending(least, "the pace of the model isn't known")
    if text != AUTO:
        limit = _seconds(text) or 0.0
        dearest = max(1, math.floor(min(_LARGEST, limit / forecast.fastest)))
        bought = _most_within(limit, forecast.seconds, 1, _two_digits(dearest))
        return Spending(bought, f"{duration(limit)} of model time; {forecast.text}")
    bought = _most_within(_AUTO_SECONDS, forecast.seconds, least, most)
    takes = f"at most {duration(forecast.seconds(bought))} of model time; {forecast.text}"
    named = {least: "as quick, ", most: "as standard, "}.get(bought, "")
    return Spending(bought, f"auto: {named}{takes}")


def _most_within(limit: float, seconds: Callable[[int], float], least: int, most: int) -> int:
    """The most evaluations, of two digits, whose plan takes no longer than ``limit``.

    By bisection: of a plan that takes less time than one of fewer evaluations, either may be found.
    """
    if most <= least or seconds(most) <= limit:
        return max(least, most)
    low, high = _place(least), _place(most)
    while high - low > 1:
        middle = (low + high) // 2
        if seconds(_at_place(middle)) <= limit:
            low = middle
        else:
            high = middle
    return max(least, _at_place(low))


def _place(count: int) -> int:
    """The place of a number of at most two digits other than zeros among all of them."""
    zeros = max(0, len(str(count)) - 2)
    power: int = 10**zeros
    return 90 * zeros + count // power


def _at_place(place: int) -> int:
    """The number at a place: 1, 2, ..., 99, 100, 110, ..., 990, 1000, 1100..."""
    if place < 100:
        return place
    zeros = (place - 10) // 90
    power: int = 10**zeros
    return (place - 90 * zeros) * power


def _two_digits(count: int) -> int:
    step: int = 10 ** max(0, len(str(count)) - 2)
    return count // step * step


def _count(text: str) -> int | None:
    """A whole number of evaluations above zero, or None."""
    if len(text) > 20 or _COUNT.fullmatch(text) is None:
        return None
    count = int(text.replace(",", "").replace("_", ""))
    return count if 0 < count <= _LARGEST else None


def _seconds(text: str) -> float | None:
    found = None if len(text) > 20 else _TIME.fullmatch(text)
    if found is None:
        return None
    seconds = float(found[1]) * _SECONDS[found[2]]
    return seconds if 0 < seconds <= 1e9 else None
