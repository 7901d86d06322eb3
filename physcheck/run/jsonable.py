"""Any value as JSON can hold it, and numbers back again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["number_from_json", "to_jsonable"]


def to_jsonable(value: Any) -> Any:
    """The same value made of dicts, lists, strings, numbers, booleans and None.

    Arrays and tuples become lists, sets sorted lists.  Numbers that are not finite become strings
    (``"nan"``, ``"inf"``, ``"-inf"``), since strict JSON has no word for them.  Any other object
    becomes its text.
    """
    if isinstance(value, str):
        # A lone surrogate is no text: neither files nor other processes take it.
        return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return {to_jsonable(str(key)): to_jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_jsonable(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((to_jsonable(item) for item in value), key=str)
    if hasattr(value, "tolist"):
        return to_jsonable(value.tolist())
    return to_jsonable(str(value))


def number_from_json(value: float | str | None) -> float | None:
    """The float that :func:`to_jsonable` wrote, or None: ``"nan"`` gives NaN."""
    return None if value is None else float(value)
