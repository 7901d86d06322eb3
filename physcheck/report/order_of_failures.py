"""The order of failures, the same in every report: what to mend first comes first."""

from __future__ import annotations

import math
from collections.abc import Iterable

from physcheck.measurement import Outcome
from physcheck.run.record import Record
from physcheck.text.failure import is_mended

__all__ = ["excess", "failures_by_check", "in_order"]

# A fault of an earlier family can make checks of the later ones fail: batches that answer wrongly,
# kinks and broken symmetries show in work around loops, and that in dynamics.
_CAUSES_FIRST = (
    "implementation",
    "smoothness",
    "symmetry",
    "conservation",
    "dynamics",
    "sampling",
    "relaxation",
)


def excess(record: Record) -> float:
    """The value over its tolerance; infinite where nothing was measured, or NaN."""
    value = record.value
    if value is None or math.isnan(value):
        return math.inf
    return value / record.tolerance if record.tolerance else value


def failures_by_check(records: Iterable[Record]) -> dict[str, list[Record]]:
    """The records that fail, by check, each check's worst first.

    By cause, not by what a failure spoils: whoever mends the first may have mended the others.
    Families that cause others come first, within one its laws, then what is furthest over its
    tolerance.  Known failures that pass now are no failures.
    """
    found: dict[str, list[Record]] = {}
    for record in records:
        if record.verdict is Outcome.FAIL and not is_mended(record):
            found.setdefault(record.check, []).append(record)
    ranked = {check: sorted(one, key=lambda r: -excess(r)) for check, one in found.items()}
    return dict(sorted(ranked.items(), key=lambda item: _rank(item[1][0])))


def in_order(records: Iterable[Record]) -> list[Record]:
    """The records with failures first, as :func:`failures_by_check` has them."""
    made = list(records)
    failed = [record for found in failures_by_check(made).values() for record in found]
    names = {record.name for record in failed}
    return [*failed, *(record for record in made if record.name not in names)]


def _rank(worst: Record) -> tuple[int, bool, float]:
    return _CAUSES_FIRST.index(worst.family), worst.kind != "law", -excess(worst)
