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
    if value is None or isinstance(value, bool | int | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return {str(key): to_jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_jsonable(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((to_jsonable(item) for item in value), key=str)
    if hasattr(value, "tolist"):
        return to_jsonable(value.tolist())
    return str(value)


def number_from_json(value: float | str | None) -> float | None:
    """The float that :func:`to_jsonable` wrote, or None: ``"nan"`` gives NaN."""
    return None if value is None else float(value)
