"""Bars of what a check compared: one a case, beside the tolerance."""

from __future__ import annotations

import math
from collections.abc import Mapping

from physcheck.report.pictures.drawing import BAD, BLUE, GOOD, Picture, panel
from physcheck.report.pictures.numbers_of import entry, number_of, numbers_by_name, slug_of
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record

__all__ = ["cases", "forces_on_atoms", "on_the_scale"]

# Entries of ``quantities`` that are one number a case, with the words and unit of their axis.
_CASES = {
    "rms_differences_eV_per_A": "rms difference of forces (eV/Å)",
    "unlike_fragments_eV_per_A": "rms change of forces (eV/Å)",
    "changes_eV_per_A": "rms change of forces (eV/Å)",
}
_MOST_ROWS = 16
_SHORTEST_LABEL = 34


def cases(record: Record, frames: Frames | None) -> list[Picture]:
    """The differences case by case; where they are one number, beside what it is judged by."""
    for key, words in _CASES.items():
        found = numbers_by_name(entry(record, "quantities", key))
        if len(found) > 1 and any(value > 0 for value in found.values()):
            return [_bars(record, found, words)]
    difference = number_of(entry(record, "quantities", "force_difference_eV_per_A"))
    return [on_the_scale(record, "difference of forces", difference)] if difference > 0 else []


def on_the_scale(record: Record, words: str, size: float) -> Picture:
    """A force beside its tolerance and, where it is judged relative to them, thermal forces.

    ``size`` is in eV/Å; the record's value is either the same, or its share of thermal forces.
    """
    value, limit = number_of(record.value), number_of(record.tolerance)
    relative = not record.unit and value > 0
    scale = size / value if relative else math.nan
    rows = [
        (words, size, BAD),
        ("tolerance", limit * scale if relative else limit, GOOD),
        ("thermal forces", scale, BLUE),
    ]
    rows = [row for row in rows if math.isfinite(row[1]) and row[1] > 0]
    with panel(f"{slug_of(record)}-scale", "force (eV/Å)", "", height=1.7) as made:
        made.axes.barh([r[0] for r in rows], [r[1] for r in rows], color=[r[2] for r in rows])
        made.logarithmic("x", [r[1] for r in rows])
        made.axes.invert_yaxis()
    beside = "the tolerance and thermal forces" if relative else "the tolerance"
    return made.picture(f"The {words} (rms {size:.3g} eV/Å) beside {beside}; it should be zero.")


def _bars(record: Record, found: Mapping[str, float], words: str) -> Picture:
    ranked = sorted(found.items(), key=lambda item: -item[1])[:_MOST_ROWS]
    labels = [_short(name) for name, _ in ranked]
    smallest = min((value for _, value in ranked if value > 0), default=1e-16)
    values = [max(value, smallest / 10) for _, value in ranked]
    limit = record.tolerance if record.unit and record.unit in words else None
    needed = number_of(entry(record, "quantities", "needed_eV_per_A"))
    height = 1.1 + 0.22 * len(ranked)
    with panel(f"{slug_of(record)}-cases", words, "", height=height) as made:
        over = [BAD if limit is not None and not (v <= limit) else BLUE for v in values]
        places = range(len(labels))
        made.axes.barh(places, values, color=over, height=0.6)
        made.axes.set_yticks(places, labels)
        made.logarithmic("x", [*values, *([limit] if limit else [])])
        if limit:
            made.axes.axvline(limit, color=GOOD, linestyle="--", label="tolerance")
        if math.isfinite(needed) and needed > 0:
            made.axes.axvline(needed, color=GOOD, linestyle="--", label="least that is needed")
        made.axes.invert_yaxis()
        made.legend()
    told = "" if limit is None else " Orange bars are over the tolerance."
    return made.picture(f"What was compared, largest first: the {words.split(' (')[0]}.{told}")


def _short(name: str) -> str:
    return name if len(name) <= _SHORTEST_LABEL else f"{name[: _SHORTEST_LABEL - 1]}…"


def forces_on_atoms(record: Record, frames: Frames | None) -> list[Picture]:
    """The sum of forces (or torques) by component."""
    for kind in ("net_force", "net_torque"):
        net = entry(record, "quantities", kind)
        if isinstance(net, list) and len(net) == 3:
            values = [number_of(one) for one in net]
            unit = str(entry(record, "quantities", "unit") or "")
            word = kind.replace("_", " ")
            with panel(f"{slug_of(record)}-net", "component", f"{word} ({unit})") as made:
                made.axes.bar(["x", "y", "z"], values, color=BAD, width=0.5)
                made.axes.axhline(0, color=GOOD, linestyle="--", label="of a sound model")
                made.legend()
            return [made.picture(f"The {word} of the structure; it should be zero.")]
    return []
