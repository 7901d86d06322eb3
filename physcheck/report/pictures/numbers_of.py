"""Numbers as evidence holds them: JSON lists that may have strings for what is not finite."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from physcheck.run.record import Record
from physcheck.system import Floats
from physcheck.text.numbers import as_float

__all__ = ["array_of", "entry", "numbers_by_name", "series_of", "slug_of"]


def array_of(value: Any) -> Floats | None:
    """A float array of nested lists of numbers; None for anything else, and for none."""
    if not isinstance(value, list) or not value:
        return None
    try:
        return np.array(value, dtype=float)
    except (TypeError, ValueError):
        return None


def entry(record: Record, *names: str) -> Any:
    """What is at ``names`` in the evidence, one mapping within the other; None where it ends."""
    found: Any = record.evidence
    for name in names:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def series_of(record: Record, *names: str) -> list[Floats] | None:
    """The series of these names, all as long as the first; None where any is missing."""
    found = [array_of(entry(record, "series", name)) for name in names]
    if any(one is None or one.ndim != 1 for one in found):
        return None
    series = [one for one in found if one is not None]
    length = min(len(one) for one in series)
    return [one[:length] for one in series] if length > 1 else None


def numbers_by_name(value: Any) -> dict[str, float]:
    """The finite numbers of a mapping, by name; empty for anything else."""
    if not isinstance(value, Mapping):
        return {}
    found = {str(name): as_float(one) for name, one in value.items()}
    return {name: one for name, one in found.items() if math.isfinite(one)}


def slug_of(record: Record) -> str:
    """A name for ids of HTML: letters, digits and hyphens, with a mark of what that loses."""
    from zlib import crc32

    plain = re.sub(r"[^A-Za-z0-9]+", "-", record.name).strip("-").lower()
    return f"r-{plain}-{crc32(record.name.encode('utf-8', 'surrogatepass')):08x}"
