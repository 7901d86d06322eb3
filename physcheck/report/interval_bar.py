"""A value and its interval against tolerance, noise and detection limit, on a logarithmic bar."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from physcheck.run.record import Record
from physcheck.text.numbers import figure

__all__ = ["Bar", "Mark", "interval_bar"]

# Ends of the bar are this factor beyond the outermost number.
_BEYOND = 3.0
# Numbers further below the tolerance than that stand at the left end: they are as good as zero.
_MOST_DECADES = 12.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A number on the bar.

    Attributes
    ----------
    kind : str
        ``value``, ``tolerance``, ``detection`` or ``noise``.
    place : float, percent of the bar's length
    text : str
        What it is, with its number and unit.
    """

    kind: str
    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """Places in percent of the length.

    Attributes
    ----------
    low, width : float
        Of the interval.
    allowed : float or None
        Where the tolerance ends.
    marks : tuple of Mark
    left, right : str
        The numbers at the ends.
    text : str
        All of it in words, for who can't see it.
    """

    low: float
    width: float
    allowed: float | None
    marks: tuple[Mark, ...]
    left: str
    right: str
    text: str


def interval_bar(record: Record) -> Bar | None:
    """The bar of a record; None without a finite value."""
    value, unit = record.value, record.unit
    if value is None or not math.isfinite(value):
        return None
    numbers = _numbers(record)
    interval = record.interval or (value, value)
    left, right = _ends([number for _, number, _ in numbers], interval, record.tolerance)
    place = partial(_place, left=left, right=right)
    marks = [
        Mark(kind, place(number), f"{word} {figure(number, unit)}")
        for kind, number, word in numbers
    ]
    low, high = place(interval[0]), place(interval[1])
    from_zero = any(number <= left for number in (interval[0], *(n for _, n, _ in numbers)))
    words = ", ".join(mark.text for mark in marks)
    ends = " to ".join(figure(bound) for bound in interval)
    return Bar(
        low=low,
        width=round(max(high - low, 0.0), 2),
        allowed=None if record.tolerance is None else place(record.tolerance),
        marks=tuple(marks),
        left="0" if from_zero else figure(left, digits=1),
        right=figure(right, unit, digits=1),
        text=f"{words}; interval {ends} {unit}".rstrip(),
    )


def _numbers(record: Record) -> list[tuple[str, float, str]]:
    """What the bar marks: kind, number, and what it is called."""
    named = [
        ("value", record.value, "measured"),
        ("tolerance", record.tolerance, "tolerance"),
        ("detection", record.detection_limit, "detection limit"),
        ("noise", record.noise_floor, "noise floor"),
    ]
    return [
        (kind, float(number), word)
        for kind, number, word in named
        if number is not None and math.isfinite(number)
    ]


def _place(number: float, *, left: float, right: float) -> float:
    """Where a number is between the ends of the axis, per cent."""
    if not number > left:
        return 0.0
    share = math.log(min(number, right) / left) / math.log(right / left)
    return round(100 * share, 2)


def _ends(
    numbers: Iterable[float], interval: tuple[float, float], tolerance: float | None
) -> tuple[float, float]:
    known = [n for n in (*numbers, *interval) if n > 0 and math.isfinite(n)]
    if not known:
        return 1e-3, 1.0
    right = _BEYOND * max(known)
    floor = (tolerance or right) / 10**_MOST_DECADES
    left = max(min(known) / _BEYOND, floor)
    return left, right
