"""Pictures of force and energy along a path through a cutoff."""

from __future__ import annotations

import math

import numpy as np

from physcheck.report.pictures.comparisons import on_the_scale
from physcheck.report.pictures.drawing import BAD, BLUE, GOOD, Picture, panel
from physcheck.report.pictures.numbers_of import entry, series_of, slug_of
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record
from physcheck.system import Floats
from physcheck.text.numbers import as_float

__all__ = ["cutoff_path"]

# Places that are nearer are one, Å: what is kept of them has six digits.
_SAME = 2e-6

# Points that are drawn on either side of the jump: a force of any model is nearly a cubic there.
_EACH_SIDE, _LEAST_POINTS = 8, 3
_ORDER = 3
# A jump that is a larger share of what is seen of the path needs no smooth part taken off.
_PLAIN = 0.2
# One that stands out by less over the scatter about the smooth part is not called one.
_CLEAR = 5.0


def cutoff_path(record: Record, frames: Frames | None) -> list[Picture]:
    """Force and energy against distance; where the jump is small beside them, less a cubic."""
    jump_at = as_float(entry(record, "quantities", "jump_at_A"))
    size = as_float(entry(record, "quantities", "force_jump_eV_per_A"))
    of_energy = _is_of_energy(record, size)
    scale = [on_the_scale(record, "jump of the force at a cutoff", size)] if size > 0 else []
    if of_energy:
        # The value is then no share that forces have.
        scale = []
    found = series_of(record, "distance_A", "force_eV_per_A")
    if found is None or not math.isfinite(jump_at):
        return scale
    pictures = [_path(record, "force", "eV/Å", found[0], found[1], jump_at)]
    energies = series_of(record, "distance_A", "energy_eV")
    if energies is not None:
        pictures.append(_path(record, "energy", "eV", energies[0], energies[1], jump_at))
    if of_energy:
        pictures.reverse()
    return [*pictures, *scale]


def _is_of_energy(record: Record, force_jump: float) -> bool:
    """Whether the energy is what jumps: its step is judged as a force over 1 Å."""
    judged = entry(record, "quantities", "energy_judged") is True
    step = abs(as_float(entry(record, "quantities", "energy_jump_eV")))
    return judged and step > force_jump


def _path(
    record: Record, noun: str, unit: str, at: Floats, values: Floats, jump_at: float
) -> Picture:
    at, values = _near(at, values, jump_at)
    if noun == "energy":
        values = values - values[0]
    smooth, step, scatter = _fitted(at, values, jump_at)
    jumps = abs(step) > _CLEAR * scatter or _leaps(at, values, jump_at)
    plain = not jumps or abs(step) > _PLAIN * float(np.ptp(values))
    shown = values if plain else values - smooth
    shows = "change of the energy" if noun == "energy" else noun
    label = f"{shows} ({unit})" if plain else f"{shows} less a cubic ({unit})"
    with panel(f"{slug_of(record)}-{noun}", "distance along the path (Å)", label) as made:
        for side in (at < jump_at - _SAME, at >= jump_at - _SAME):
            made.axes.plot(at[side], shown[side], "o-", ms=3, color=BLUE)
        made.axes.axvline(jump_at, color=BAD, linestyle="--", label=f"jump at {jump_at:.5g} Å")
        if not plain:
            made.axes.axhline(0, color=GOOD, linestyle="--", label="of a smooth model")
        made.legend()
    what = "Force on the atom that jumps, along the jump" if noun == "force" else "Energy"
    if not jumps:
        return made.picture(f"{what}, as atoms move through the cutoff: no step of it is seen.")
    told = "" if plain else " A cubic, which has no jump, is taken off, so that it is seen."
    return made.picture(
        f"{what}, as atoms move through the cutoff.{told} A smooth model's curve has no step at "
        "the dashed line."
    )


def _near(at: Floats, values: Floats, jump_at: float) -> tuple[Floats, Floats]:
    """The points as near to the jump as the few nearest on either side."""
    away = np.abs(at - jump_at)
    below = at < jump_at - _SAME
    sides = [np.sort(away[side]) for side in (below, ~below)]
    # A path that is dense on one side only is drawn as far as it is dense, with a few points of the
    # other side at least.
    least = max(float(side[:_LEAST_POINTS].max(initial=0)) for side in sides)
    dense = min(float(side[:_EACH_SIDE].max(initial=0)) for side in sides)
    chosen = away <= max(least, dense)
    return at[chosen], values[chosen]


def _leaps(at: Floats, values: Floats, jump_at: float) -> bool:
    """Whether the values differ across the jump by much more than between the next points, where no
    polynomial may describe them.
    """
    first = int(np.count_nonzero(at < jump_at - _SAME))
    steps = np.abs(np.diff(values))
    # The point that is named lies before the jump or behind it.
    for k in (first - 1, first):
        inside = 0 < k < len(steps) - 1
        if inside and steps[k] > _CLEAR * max(float(steps[k - 1]), float(steps[k + 1])):
            return True
    return False


def _fitted(at: Floats, values: Floats, jump_at: float) -> tuple[Floats, float, float]:
    """The polynomial part of a least-squares fit of a polynomial and a step; the step's height, and
    the rms of what neither explains.
    """
    x = (at - at.mean()) / max(float(np.ptp(at)), _SAME)
    above = (at >= jump_at - _SAME).astype(float)
    terms = np.column_stack([*(x**k for k in range(_ORDER + 1)), above])
    found, *_ = np.linalg.lstsq(terms, values, rcond=None)
    left = float(np.sqrt(np.mean((values - terms @ found) ** 2)))
    # The step is centred: half of it lies below, half above.
    smooth: Floats = terms[:, :-1] @ found[:-1] + 0.5 * found[-1]
    return smooth, float(found[-1]), left
