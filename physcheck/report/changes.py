"""Whether one record is worse or better than another of the same check and structure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from physcheck.measurement import Outcome
from physcheck.run.record import Record
from physcheck.text.numbers import as_float, figure

__all__ = ["Change", "Direction", "change_between"]

# A change of less than this share of the tolerance has no effect that anybody could see: both are
# a thousand times better than asked for.  Rounding differs by that much between machines.
_NEGLIGIBLE = 1e-3
# With another seed a check asks other loops and directions, and the largest of a few varies.  Ten
# seeds of builtin::gupta+float32=1, each against each, 5580 records: path_smoothness, which walks a
# single loop, was above another's interval in 27 of them, by up to 7.4; no other check at all.
_OTHER_PROBES = 10.0


class Direction(StrEnum):
    """How the second record is beside the first."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "same"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """From one record to another.

    Attributes
    ----------
    direction : Direction
        ``same`` where the difference is within the uncertainty, ``unknown`` where either record
        has nothing to compare.
    text : str
        Both numbers with their intervals, or what there was instead.
    """

    direction: Direction
    text: str


def change_between(old: Record, new: Record) -> Change:
    """Hold the intervals of two records against each other.

    Worse is a low end above the old high end: a true violation below the low end has a chance of
    1e-4, one above the high end of 2.5 %.  Records of different seeds asked other probes: between
    them it takes ten times that, or a low end above the tolerance.  What lies below the noise of
    either record, or below a thousandth of the tolerance, is no change.
    """
    text = f"{_told(old)}, now {_told(new)}"
    if new.verdict is Outcome.ERROR and old.verdict is not Outcome.ERROR:
        return Change(Direction.WORSE, text)
    if old.verdict is Outcome.ERROR and new.verdict in (Outcome.PASS, Outcome.INCONCLUSIVE):
        return Change(Direction.BETTER, text)
    if old.value is None or new.value is None or old.unit != new.unit:
        return Change(Direction.UNKNOWN, text)
    if not math.isfinite(new.value):
        direction = Direction.WORSE if math.isfinite(old.value) else Direction.SAME
        return Change(direction, text)
    if not math.isfinite(old.value):
        return Change(Direction.BETTER, text)
    low_old, high_old = old.interval or (old.value, old.value)
    low_new, high_new = new.interval or (new.value, new.value)
    least = _least(old, new)
    factor = 1.0 if old.seed == new.seed else _OTHER_PROBES
    if _is_above(low_new, high_old, least, factor, new.tolerance):
        return Change(Direction.WORSE, text)
    if _is_above(low_old, high_new, least, factor, old.tolerance):
        return Change(Direction.BETTER, text)
    # Intervals may touch and the verdicts differ all the same: that is within noise.
    return Change(Direction.SAME, text)


def _is_above(
    low: float, high: float, least: float, factor: float, tolerance: float | None
) -> bool:
    """Whether an interval's low end is above another's high end by more than other probes do.

    What crosses the tolerance needs no factor: it is a violation by itself.
    """
    if tolerance is not None and low > tolerance:
        factor = 1.0
    return low > max(factor * high, least)


def _least(old: Record, new: Record) -> float:
    """The smallest value that counts as one, in the unit of both."""
    tolerance = max(old.tolerance or 0.0, new.tolerance or 0.0)
    # Reports of versions without a noise floor have none.
    noises = [as_float(record.noise_floor) for record in (old, new)]
    return max([_NEGLIGIBLE * tolerance, *(n for n in noises if math.isfinite(n))])


def _told(record: Record) -> str:
    if record.value is None:
        return str(record.verdict).replace("_", " ")
    number = figure(record.value, record.unit)
    if record.interval is None or not math.isfinite(record.value):
        return number
    return f"{number} ({figure(record.interval[0])} to {figure(record.interval[1])})"
