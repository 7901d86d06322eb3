"""A measured gap with what the numbers say of its cause, where it is beyond the tolerance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from physcheck.measurement import Measurement
from physcheck.text.gap_causes import GapCause

__all__ = ["with_cause"]


def with_cause(
    measured: Measurement, tolerance: float, cause: Callable[[], GapCause]
) -> Measurement:
    """The measurement, with what its numbers say of the cause in its evidence, where it fails."""
    if measured.interval[0] <= tolerance or measured.nothing_tested:
        return measured
    found = cause()
    lines = [*measured.evidence.get("lines", ()), found.line]
    evidence = {**measured.evidence, "lines": lines, "causes": found.causes}
    if found.title:
        evidence["title"] = found.title
    if found.factor is not None:
        evidence["factor"] = found.factor
    return replace(measured, evidence=evidence)
