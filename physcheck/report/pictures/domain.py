"""Where a law of generated cases begins to fail."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from physcheck.report.pictures.drawing import BAD, BLUE, GOOD, Picture, panel
from physcheck.report.pictures.numbers_of import array_of, entry, slug_of
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record
from physcheck.text.numbers import as_float

__all__ = ["domain_pictures"]

_LABELS = {
    "closest_contact": ("closest pair (sums of covalent radii)", "distance"),
    "strain": ("strain of the cell", "strain"),
    "temperature_K": ("temperature of the displacement (K)", "temperature"),
}
_SMALLEST = 1e-18


def domain_pictures(record: Record, frames: Frames | None) -> list[Picture]:
    """The largest violation among cases that are alike, by distance, strain and temperature."""
    found = entry(record, "quantities", "domain")
    pictures = []
    for axis, (label, noun) in _LABELS.items():
        one = found.get(axis) if isinstance(found, Mapping) else None
        groups = array_of(one.get("groups")) if isinstance(one, Mapping) else None
        if groups is not None and groups.ndim == 2 and groups.shape[1] == 3:
            begins = as_float(entry(record, "quantities", "domain", axis, "fails_from"))
            pictures.append(_along(record, axis, label, noun, groups, begins))
    return pictures


def _along(
    record: Record, axis: str, label: str, noun: str, groups: np.ndarray, begins: float
) -> Picture:
    first, last, size = groups.T
    shown = np.maximum(np.where(np.isfinite(size), size, np.nan), _SMALLEST)
    allowed = as_float(record.tolerance)
    # Rounding of 1e-16 would flatten what lies about the tolerance.
    if math.isfinite(allowed) and allowed > 0:
        shown = np.maximum(shown, 1e-4 * allowed)
    unit = f" ({record.unit})" if record.unit else ""
    with panel(f"{slug_of(record)}-domain-{axis[:4]}", label, f"violation{unit}") as made:
        # Where no case fails, one above the tolerance wasn't confirmed by new evaluations.
        is_bad = ~(size <= allowed) & math.isfinite(begins)
        for bad, color, text in ((False, BLUE, "largest violation"), (True, BAD, "above it")):
            rows = is_bad == bad
            made.axes.hlines(shown[rows], first[rows], last[rows], color=color, linewidth=2.5)
            made.axes.plot(
                (first[rows] + last[rows]) / 2, shown[rows], "o", color=color,
                label=text if rows.any() else None,
            )  # fmt: skip
        if math.isfinite(allowed) and allowed > 0:
            made.axes.axhline(allowed, color=GOOD, linestyle="--", label="tolerance")
        made.logarithmic("y", [*shown[np.isfinite(shown)], allowed])
        if axis == "closest_contact":
            made.axes.invert_xaxis()
        made.legend()
    begin = f" The first case above the tolerance lies at {begins:.3g}." if begins == begins else ""
    return made.picture(
        f"Generated cases by {noun}, gentle ones on the left: each bar is the largest violation of "
        f"the cases that it spans, each asked once.{begin} A sound model stays below the tolerance "
        "throughout."
    )
