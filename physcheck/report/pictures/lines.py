"""Pictures of energies along a line, and of loops in strain, against what forces and stress say."""

from __future__ import annotations

import math

import numpy as np
from ase.units import GPa

from physcheck.report.pictures.drawing import BAD, BLUE, DOUBT, GOOD, Picture, panel
from physcheck.report.pictures.numbers_of import array_of, entry, slug_of
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record
from physcheck.system import Floats
from physcheck.text.numbers import as_float

__all__ = ["energy_along_direction", "energy_along_strain", "strain_loop"]

_MEV = 1e3
_CURVE_POINTS = 121


def energy_along_direction(record: Record, frames: Frames | None) -> list[Picture]:
    """The energy on a short line, and the one that the forces integrate to."""
    # The tolerance is one of a force along the line, meV/Å.
    allowed = as_float(record.tolerance)
    return _along(record, "displacement along the direction (Å)", "forces", allowed)


def energy_along_strain(record: Record, frames: Frames | None) -> list[Picture]:
    """The energy under a small strain, and the one that the stress integrates to."""
    volume = as_float(entry(record, "quantities", "volume_A3"))
    allowed = _MEV * volume * GPa * as_float(record.tolerance)
    return _along(record, "strain", "stress", allowed)


def _along(record: Record, axis: str, noun: str, allowed: float) -> list[Picture]:
    """Energy and integral, then their difference; ``allowed`` in meV a unit of the axis."""
    found = [array_of(entry(record, "line", name)) for name in ("place", "energy_eV", "slope_eV")]
    if any(one is None or one.shape != (3,) for one in found):
        return []
    place, energy, slope = (one for one in found if one is not None)
    fine = np.linspace(place[0], place[2], _CURVE_POINTS)
    integral, ends = _integral(place, slope, fine), _integral(place, slope, place)
    slug = slug_of(record)
    with panel(f"{slug}-line", axis, "energy (meV)") as made:
        label = f"what the {noun} integrate to" if noun == "forces" else "what the stress says"
        made.axes.plot(fine, _MEV * integral, color=GOOD, label=label)
        made.axes.plot(place, _MEV * energy, "o", color=BAD, label="energy of the model")
        made.legend()
    curves = made.picture(
        f"Energy along the worst {'direction' if noun == 'forces' else 'strain'}, from its middle. "
        f"The points should lie on the curve, which is the integral of the {noun}."
    )
    gap = _MEV * (energy - ends)
    with panel(f"{slug}-line-gap", axis, "points minus curve (meV)", height=2.6) as made:
        if math.isfinite(allowed):
            made.axes.fill_between(
                fine, -allowed * np.abs(fine), allowed * np.abs(fine), color=GOOD, alpha=0.3,
                linewidth=0, label="tolerance",
            )  # fmt: skip
        made.axes.plot(place, gap, "o-", color=_colour(record), label="difference")
        made.axes.axhline(0, color=GOOD, linestyle="--", label="no gap")
        made.legend()
    return [curves, made.picture("Their difference: with no gap all points lie on zero.")]


def _integral(place: Floats, slope: Floats, at: Floats) -> Floats:
    """The integral from the middle of the parabola through three slopes, eV (Simpson's rule)."""
    length = float(place[2])
    first = (slope[2] - slope[0]) / (2 * length)
    second = (slope[2] - 2 * slope[1] + slope[0]) / (2 * length**2)
    value: Floats = slope[1] * at + first * at**2 / 2 + second * at**3 / 3
    return value


def strain_loop(record: Record, frames: Frames | None) -> list[Picture]:
    """Work of forces and stress along the worst loop of strain and displacement."""
    power = array_of(entry(record, "power_around_loop_eV"))
    if power is None or power.ndim != 1 or len(power) < 4:
        return []
    harmonics = np.fft.rfft(power) / len(power)
    angle = np.linspace(0, 2 * math.pi, _CURVE_POINTS)
    work = harmonics[0].real * angle
    for k in range(1, len(harmonics)):
        a, b = 2 * harmonics[k].real, -2 * harmonics[k].imag
        work = work + (a * np.sin(k * angle) + b * (1 - np.cos(k * angle))) / k
    reversible = as_float(entry(record, "quantities", "reversible_work_eV"))
    allowed = _MEV * as_float(record.tolerance) * reversible
    with panel(f"{slug_of(record)}-strain", "share of the loop", "work so far (meV)") as made:
        at = angle / (2 * math.pi)
        made.axes.plot(at, _MEV * work, color=BLUE, label="forces and stress together")
        made.axes.plot([0, 1], [0, _MEV * work[-1]], "o", color=_colour(record), label="the ends")
        made.axes.axhline(0, color=GOOD, linestyle="--", label="where the loop must close")
        if math.isfinite(allowed):
            made.axes.axhspan(-allowed, allowed, color=GOOD, alpha=0.3, label="tolerance")
        made.legend()
    return [
        made.picture(
            "Work while the cell is strained and the atoms are moved, once around a closed loop. "
            f"It ends at {_MEV * work[-1]:.3g} meV; with forces and stress of one energy it ends "
            "where it began."
        )
    ]


def _colour(record: Record) -> str:
    return {"fail": BAD, "known_failure": BAD, "pass": BLUE}.get(str(record.verdict), DOUBT)
