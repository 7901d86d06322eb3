"""Numbers as people read them: a value with its uncertainty, in as many digits as that allows."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["as_float", "duration", "figure", "ratio", "rough_duration", "with_uncertainty"]

# Outside these bounds a number is written with a power of ten.
_SMALLEST_WITHOUT_POWER, _LARGEST_WITHOUT_POWER = 1e-3, 1e5
# Of an uncertainty whose first digit is 1, one digit alone may be off by half: it gets two.
_LEADING_DIGIT_OF_ONE = 1.95
_MOST_DIGITS = 5


def as_float(value: Any) -> float:
    """A number as records and their evidence hold it; NaN for None and for what is no number.

    Evidence has strings for numbers that are not finite, and that of another version may have
    anything.
    """
    try:
        return math.nan if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return math.nan


def figure(value: float | None, unit: str = "", *, digits: int = 2) -> str:
    """A number to ``digits`` significant digits, with its unit."""
    number = as_float(value)
    text = f"{number:.{digits}g}"
    if math.isfinite(number) and number != 0 and _without_power(abs(number)):
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(number))))
        text = f"{number:.{decimals}f}"
    return f"{_short_exponent(text)} {unit}".rstrip()


def with_uncertainty(value: float | None, uncertainty: float | None, unit: str = "") -> str:
    """``14.20 ± 0.03 meV``: the uncertainty to one digit, the value to the same place.

    Two digits if the uncertainty begins with 1.
    """
    number, sigma = as_float(value), as_float(uncertainty)
    if not math.isfinite(number):
        return f"{number}"
    if sigma == 0 and number == round(number) and abs(number) < _LARGEST_WITHOUT_POWER:
        # What was counted.
        return f"{number:.0f} {unit}".rstrip()
    if not math.isfinite(sigma) or sigma <= 0:
        return figure(number, unit, digits=3)
    scale = max(abs(number), sigma)
    power = 0 if _without_power(scale) else math.floor(math.log10(scale))
    shown, spread = number / 10.0**power, sigma / 10.0**power
    place = math.floor(math.log10(spread))
    leading = spread / 10.0**place
    decimals = max(0, -place + (1 if leading < _LEADING_DIGIT_OF_ONE else 0))
    # A much smaller uncertainty is written on its own.
    if decimals > _MOST_DIGITS - 1 - math.floor(math.log10(max(abs(shown), 1e-300))):
        return f"{figure(number, digits=4)} ± {figure(sigma, unit, digits=1)}"
    # Adding zero makes -0 a 0.
    body = f"{round(shown, decimals) + 0.0:.{decimals}f} ± {spread:.{decimals}f}"
    if power:
        body = f"({body})e{power}"
    return f"{body} {unit}".rstrip()


def ratio(value: float | None, limit: float | None) -> str:
    """How far a value is over its tolerance: ``142x over``."""
    number, bound = as_float(value), as_float(limit)
    if not math.isfinite(number):
        return "not a number" if math.isnan(number) else "infinite"
    if bound == 0:
        return "none is allowed"
    return f"{figure(number / bound, digits=3)}x over"


def duration(seconds: float) -> str:
    """A time that was measured: seconds below two minutes, minutes above."""
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def rough_duration(seconds: float) -> str:
    """A time that is estimated, in whole seconds or minutes where it is short."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _without_power(number: float) -> bool:
    return _SMALLEST_WITHOUT_POWER <= number < _LARGEST_WITHOUT_POWER


def _short_exponent(text: str) -> str:
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else text
