"""Pictures of energies along a line, against what forces and stress say."""

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

__all__ = ["energy_along_direction", "energy_along_strain"]

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
    return _along(record, "strain (1e-6)", "stress", allowed, axis_unit=1e-6)


def _along(
    record: Record, axis: str, noun: str, allowed: float, *, axis_unit: float = 1.0
) -> list[Picture]:
    """Energy and integral, then their difference; ``allowed`` in meV a unit of the coordinate."""
    found = [array_of(entry(record, "line", name)) for name in ("place", "energy_eV", "slope_eV")]
    if any(one is None or one.shape != (3,) for one in found):
        return []
    place, energy, slope = (one for one in found if one is not None)
    fine = np.linspace(place[0], place[2], _CURVE_POINTS)
    integral, ends = _integral(place, slope, fine), _integral(place, slope, place)
    with panel(f"{slug_of(record)}-line", axis, "energy (meV)") as made:
        label = f"what the {noun} integrate to" if noun == "forces" else "what the stress says"
        made.axes.plot(fine / axis_unit, _MEV * integral, color=GOOD, label=label)
        made.axes.plot(
            place / axis_unit, _MEV * energy, "o", color=BAD, label="energy of the model"
        )
        made.axes.locator_params(axis="x", nbins=5)
        made.legend()
    curves = made.picture(
        f"Energy along the worst {'direction' if noun == 'forces' else 'strain'}, from its middle. "
        f"The points should lie on the curve, which is the integral of the {noun}."
    )
    return [curves, _difference(record, axis, axis_unit, allowed, place, energy - ends)]


def _difference(
    record: Record, axis: str, axis_unit: float, allowed: float, place: Floats, gap: Floats
) -> Picture:
    """The energies less the integral at three places, eV, within what the tolerance allows."""
    fine = np.linspace(place[0], place[2], _CURVE_POINTS)
    with panel(f"{slug_of(record)}-line-gap", axis, "points minus curve (meV)", height=2.6) as made:
        if math.isfinite(allowed):
            made.axes.fill_between(
                fine / axis_unit, -allowed * np.abs(fine), allowed * np.abs(fine), color=GOOD,
                alpha=0.3, linewidth=0, label="tolerance",
            )  # fmt: skip
        made.axes.plot(
            place / axis_unit, _MEV * gap, "o-", color=_colour(record), label="difference"
        )
        made.axes.axhline(0, color=GOOD, linestyle="--", label="no gap")
        made.axes.locator_params(axis="x", nbins=5)
        made.legend()
    return made.picture("Their difference: with no gap all points lie on zero.")


def _integral(place: Floats, slope: Floats, at: Floats) -> Floats:
    """The integral from the middle of the parabola through three slopes, eV (Simpson's rule)."""
    length = float(place[2])
    first = (slope[2] - slope[0]) / (2 * length)
    second = (slope[2] - 2 * slope[1] + slope[0]) / (2 * length**2)
    value: Floats = slope[1] * at + first * at**2 / 2 + second * at**3 / 3
    return value


def _colour(record: Record) -> str:
    return {"fail": BAD, "known_failure": BAD, "pass": BLUE}.get(str(record.verdict), DOUBT)
