"""Numbers as people read them: a value with its uncertainty, in as many digits as the uncertainty allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["as_float", "figure", "plain", "ratio", "with_uncertainty"]

# Outside these bounds a number is written with a power of ten.
_PLAIN_LOW, _PLAIN_HIGH = 1e-3, 1e5


def as_float(value: Any) -> float:
    """A number of the report as a float: None and ``"nan"`` give NaN, ``"inf"`` infinity."""
    return math.nan if value is None else float(value)


def figure(value: Any, unit: str = "", *, digits: int = 2) -> str:
    """A number to ``digits`` significant digits, with its unit."""
    number = as_float(value)
    text = f"{number:.{digits}g}"
    if math.isfinite(number) and number != 0 and _PLAIN_LOW <= abs(number) < _PLAIN_HIGH:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(number))))
        text = f"{number:.{decimals}f}"
    return f"{_short_exponent(text)} {unit}".rstrip()


def with_uncertainty(value: Any, uncertainty: Any, unit: str = "") -> str:
    """``14.20 ± 0.03 meV``: the uncertainty to one digit (two if it begins with 1), the value to the same place."""
    number, sigma = as_float(value), as_float(uncertainty)
    if not math.isfinite(number):
        return f"{number}"
    if not math.isfinite(sigma) or sigma <= 0:
        return figure(number, unit, digits=3)
    scale = max(abs(number), sigma)
    power = 0 if _PLAIN_LOW <= scale < _PLAIN_HIGH else math.floor(math.log10(scale))
    shown, spread = number / 10.0**power, sigma / 10.0**power
    place = math.floor(math.log10(spread))
    leading = spread / 10.0**place
    # At most five significant digits: a smaller uncertainty is written on its own.
    decimals = max(0, -place + (1 if leading < 1.95 else 0))
    if decimals > 4 - math.floor(math.log10(max(abs(shown), 1e-300))):
        return f"{figure(number, digits=4)} ± {figure(sigma, unit, digits=1)}"
    body = f"{shown:.{decimals}f} ± {spread:.{decimals}f}"
    if power:
        body = f"({body})e{power}"
    return f"{body} {unit}".rstrip()


def ratio(value: Any, limit: Any) -> str:
    """How far a value is over its tolerance: ``142x over``."""
    number, bound = as_float(value), as_float(limit)
    if not math.isfinite(number):
        return "not a number" if math.isnan(number) else "infinite"
    if bound == 0:
        return "over a tolerance of zero"
    return f"{figure(number / bound, digits=3)}x over"


def plain(value: Any) -> Any:
    """Anything as JSON: arrays become lists, numbers that are not finite strings, the unknown its text."""
    if value is None or isinstance(value, bool | int | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def _short_exponent(text: str) -> str:
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else text
