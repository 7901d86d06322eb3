"""Pictures of work around loops, and of gaps between forces or stress and energy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from physcheck.measurement import Outcome
from physcheck.report.pictures.drawing import BAD, BLUE, GOOD, Picture, panel
from physcheck.report.pictures.laps import laps_of_work
from physcheck.report.pictures.numbers_of import array_of, entry, slug_of
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record
from physcheck.system import Floats
from physcheck.text.numbers import as_float

__all__ = [
    "around_the_loop",
    "around_the_strain_loop",
    "force_gaps",
    "loop_works",
    "stress_gap",
]

# Points of a loop that tell its shape.
_FEWEST_POINTS = 4


def around_the_loop(record: Record, frames: Frames | None) -> list[Picture]:
    """The work done along the worst loop, lap after lap, from the forces saved on it."""
    walked = _power_on_loop(record, frames)
    return [] if walked is None else [laps_of_work(record, walked, _allowed_mev(record), "forces")]


def around_the_strain_loop(record: Record, frames: Frames | None) -> list[Picture]:
    """The same of forces and stress, while the cell is strained and the atoms are moved."""
    power = array_of(entry(record, "power_around_loop_eV"))
    if power is None or power.ndim != 1 or len(power) < _FEWEST_POINTS:
        return []
    reversible = as_float(entry(record, "quantities", "reversible_work_eV"))
    allowed = 1e3 * as_float(record.tolerance) * reversible
    return [laps_of_work(record, power, allowed, "forces and stress")]


def _allowed_mev(record: Record) -> float:
    """What the tolerance allows a random loop, meV; NaN where the record doesn't tell."""
    per_lambda = as_float(entry(record, "quantities", "tolerance_per_lambda"))
    return 1e3 * per_lambda * as_float(record.tolerance)


def _power_on_loop(record: Record, frames: Frames | None) -> Floats | None:
    """(n,) F.dx/dt, eV, at the n points of the circle that were saved with their forces."""
    u, v = (array_of(entry(record, "worst_loop", name)) for name in ("u", "v"))
    radius, phase = (as_float(entry(record, "worst_loop", name)) for name in ("radius", "phase"))
    if frames is None or frames.forces is None or u is None or v is None:
        return None
    if (
        u.size != frames.forces[0].size
        or len(frames.forces) < _FEWEST_POINTS
        or not math.isfinite(radius)
    ):
        return None
    n = len(frames.forces)
    t = 2 * math.pi * np.arange(n) / n + phase
    tangents = radius * (np.cos(t)[:, None] * v.ravel() - np.sin(t)[:, None] * u.ravel())
    power: Floats = (frames.forces.reshape(n, -1) * tangents).sum(axis=1)
    return power


def loop_works(record: Record, frames: Frames | None) -> list[Picture]:
    """The net work of each loop beside what the tolerance allows."""
    works = array_of(entry(record, "quantities", "loop_works"))
    if works is None:
        return []
    rows = [(f"random loop {k}", abs(float(w))) for k, w in enumerate(works.ravel())]
    for name in ("atom_circle", "molecule_rotation"):
        facts = entry(record, "quantities", name)
        if isinstance(facts, dict):
            label = {"atom_circle": "one atom", "molecule_rotation": "one molecule"}[name]
            rows.append((label, abs(as_float(facts.get("work_eV")))))
    rows = [(label, 1e3 * w) for label, w in rows if math.isfinite(w) and w > 0][:16]
    if not rows:
        return []
    allowed = _allowed_mev(record)
    height = 1.2 + 0.2 * len(rows)
    with panel(f"{slug_of(record)}-works", "|work| per lap (meV)", "", height=height) as made:
        labels, values = zip(*rows, strict=True)
        made.axes.barh(labels, values, color=_colour(record), height=0.6)
        shown = [*values, *([allowed] if allowed > 0 else [])]
        made.logarithmic("x", shown)
        if made.axes.get_xscale() == "log":
            # A loop that does no work at all would take the place of those that do.
            made.axes.set_xlim(left=max(min(shown) / 2, 1e-6 * max(shown)))
        if math.isfinite(allowed) and allowed > 0:
            made.axes.axvline(allowed, color=GOOD, linestyle="--", label="tolerance (random loops)")
        made.axes.invert_yaxis()
        made.legend()
    line = " The dashed line is what the tolerance allows." if allowed > 0 else ""
    caption = f"Net work of each loop that was walked. Forces of a potential would do none.{line}"
    return [made.picture(caption)]


def force_gaps(record: Record, frames: Frames | None) -> list[Picture]:
    """The gap between force and slope of the energy along each random direction."""
    gaps = array_of(entry(record, "quantities", "gaps_meV_per_A"))
    if gaps is None:
        return []
    place = np.arange(1, gaps.size + 1)
    with panel(f"{slug_of(record)}-gaps", "random direction", "force minus slope (meV/Å)") as made:
        made.axes.vlines(place, 0, gaps, color=_colour(record))
        made.axes.plot(place, gaps, "o", color=_colour(record), label="measured")
        _band(made, record.tolerance)
        made.axes.set_xticks(place)
        made.legend()
    return [
        made.picture(
            "Difference between the force along a direction and the slope of the energy there. "
            "Where forces are the gradient of the energy all points lie on zero; the green band "
            "is the tolerance."
        )
    ]


def stress_gap(record: Record, frames: Frames | None) -> list[Picture]:
    """The six components of stress and of its gap to the derivative of the energy."""
    gap, stress = (array_of(entry(record, "quantities", n)) for n in ("gap_GPa", "stress_GPa"))
    if gap is None or gap.size != 9 or stress is None or stress.size != 9:
        return []
    order = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
    names = ["xx", "yy", "zz", "yz", "xz", "xy"]
    gap, stress = gap.reshape(3, 3), stress.reshape(3, 3)
    at = np.arange(6)
    with panel(f"{slug_of(record)}-stress", "component", "GPa") as made:
        made.axes.bar(at - 0.2, [stress[i] for i in order], 0.38, color=BLUE, label="stress")
        made.axes.bar(
            at + 0.2, [gap[i] for i in order], 0.38, color=BAD, label="gap to dE/d(strain)/V"
        )
        _band(made, record.tolerance)
        made.axes.set_xticks(at, names)
        made.legend()
    return [
        made.picture(
            "The model's stress, and by how much each component misses the derivative of the "
            "energy with respect to strain. Orange bars should be within the green band."
        )
    ]


def _colour(record: Record) -> str:
    """Of a violation, and of what is none."""
    return BAD if record.verdict in (Outcome.FAIL, Outcome.KNOWN_FAILURE) else BLUE


def _band(made: Any, tolerance: float | None) -> None:
    if tolerance is not None and math.isfinite(tolerance):
        made.axes.axhspan(-tolerance, tolerance, color=GOOD, alpha=0.3, label="tolerance")
