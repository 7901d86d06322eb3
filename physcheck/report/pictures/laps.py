"""Work along a closed loop, lap after lap: what each leaves adds up until it is seen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from physcheck.measurement import Outcome
from physcheck.report.pictures.drawing import BAD, BLUE, GOOD, Picture, panel
from physcheck.report.pictures.numbers_of import slug_of
from physcheck.run.record import Record
from physcheck.system import Floats

__all__ = ["laps_of_work"]

# Laps drawn of a loop whose work is small beside what the forces give and take on the way.
_MOST_LAPS = 12
_CURVE_POINTS = 240
# Share of that swing which all laps must leave, or the curve would hide it.
_SEEN = 0.2


def laps_of_work(record: Record, power: Floats, allowed: float, noun: str) -> Picture:
    """The work after each lap, and on the way where the laps are seen beside it.

    Parameters
    ----------
    power : (n,) float, eV
        dW/dt at n even places of a loop of length 2 pi.
    allowed : float, meV
        What the tolerance allows a lap; NaN where that isn't known.
    noun : str
        What does the work.
    """
    harmonics = np.fft.rfft(power) / len(power)
    work = 2 * math.pi * float(harmonics[0].real)
    height = float(np.ptp(_swing(harmonics, np.linspace(0, 2 * math.pi, _CURVE_POINTS))))
    laps = min(_MOST_LAPS, max(1, math.ceil(height / max(abs(work), 1e-300))))
    whole = np.arange(laps + 1)
    shows = laps * abs(work) > _SEEN * height
    failed = record.verdict in (Outcome.FAIL, Outcome.KNOWN_FAILURE)
    with panel(f"{slug_of(record)}-loop", "laps around the loop", "work so far (meV)") as made:
        if shows:
            along = np.linspace(0, laps, _CURVE_POINTS * min(laps, 4))
            total = work * along + _swing(harmonics, 2 * math.pi * along)
            made.axes.plot(along, 1e3 * total, color=BLUE, label="on the way")
        label = "back at the starting point"
        made.axes.plot(whole, 1e3 * work * whole, "o-", color=BAD if failed else BLUE, label=label)
        if allowed > 0:
            made.axes.fill_between(
                whole, -allowed * whole, allowed * whole, color=GOOD, alpha=0.3, label="tolerance",
                linewidth=0,
            )  # fmt: skip
        made.axes.axhline(0, color=GOOD, linestyle="--", label=f"{noun} of one potential")
        made.legend()
    caption = (
        f"Work of the {noun} along the worst loop: each lap back to the starting point leaves "
        f"{1e3 * work:.3g} meV. With a potential it would leave zero."
    )
    if not shows:
        caption += f" On the way they give and take {1e3 * height:.3g} meV, not drawn here."
    return made.picture(caption)


def _swing(harmonics: Any, angle: Floats) -> Floats:
    """What the forces give and take back within a lap, eV, zero at its start."""
    total = np.zeros_like(angle)
    for k in range(1, len(harmonics)):
        a, b = 2 * harmonics[k].real, -2 * harmonics[k].imag
        total += (a * np.sin(k * angle) + b * (1 - np.cos(k * angle))) / k
    return total
