"""What a broken symmetry is called where not forces show it, but the energy or the stress alone."""

from __future__ import annotations

from collections.abc import Sequence

from physcheck.checks.differences import LargestDifference, Part
from physcheck.registry import registered_checks

__all__ = ["title_by_output"]


def title_by_output(
    check: str, found: LargestDifference, parts: Sequence[Part], tolerance: float
) -> dict[str, str]:
    """``title`` and ``only_output`` for the evidence of a failure that forces don't show.

    Empty where forces differ by more than the tolerance, too, or nothing fails.
    """
    worst = found.worst
    title = registered_checks()[check].failure.titles_by_output.get(worst.output)
    if title is None or not found.interval[0] > tolerance:
        return {}
    if any(part.output == "forces" and not part.rms <= tolerance for part in parts):
        return {}
    return {"title": title, "only_output": worst.output}
