"""Pictures of spectra along small paths and of forces at short distances."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from physcheck.report.pictures.drawing import BAD, BLUE, GOOD, SERIES, Picture, panel
from physcheck.report.pictures.numbers_of import array_of, entry, numbers_by_name, slug_of
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record
from physcheck.system import Floats

__all__ = ["dimer_curves", "path_spectrum"]

# Close to contact forces of thousands of eV/Å would flatten the part where a hole is.
_LINEAR_BELOW = 1.0
_MOST_CURVES = 8
_CURVE_POINTS = 400


def path_spectrum(record: Record, frames: Frames | None) -> list[Picture]:
    """The harmonics of the forces along the roughest closed path."""
    spectrum = array_of(entry(record, "quantities", "spectrum_eV_per_A"))
    if spectrum is None or spectrum.ndim != 1:
        return []
    order = np.arange(len(spectrum))
    shown = np.maximum(spectrum, 1e-18)
    accepted = entry(record, "quantities", "tail_accepted_eV_per_A")
    with panel(f"{slug_of(record)}-spectrum", "harmonic of the path", "force (eV/Å)") as made:
        made.axes.vlines(order, float(shown.min()) / 2, shown, color=BLUE)
        made.axes.plot(order, shown, "o", color=BLUE)
        if isinstance(accepted, float):
            made.axes.axhline(
                accepted, color=GOOD, linestyle="--", label="tolerance for the last harmonics"
            )
        made.logarithmic("y")
        made.legend()
    return [
        made.picture(
            "Forces along a small closed path, taken apart into harmonics. A smooth model's die "
            "out fast; kinks and jumps leave a plateau to the right."
        )
    ]


def dimer_curves(record: Record, frames: Frames | None) -> list[Picture]:
    """Repulsion against distance of each pair of species."""
    found = entry(record, "quantities")
    curves = {}
    for name, value in found.items() if isinstance(found, Mapping) else ():
        if isinstance(value, Mapping):
            at, force = array_of(value.get("at_A")), array_of(value.get("repulsion_eV_per_A"))
            if at is not None and force is not None and at.shape == force.shape:
                curves[str(name)] = (at, force)
    if not curves:
        return []
    with panel(f"{slug_of(record)}-dimers", "distance (Å)", "repulsion (eV/Å)", height=3.2) as made:
        for k, (name, (at, force)) in enumerate(list(curves.items())[:_MOST_CURVES]):
            order = np.argsort(at)
            made.axes.plot(
                at[order], force[order], "o-", ms=3, color=SERIES[k % len(SERIES)], label=name
            )
        made.axes.set_yscale("symlog", linthresh=_LINEAR_BELOW)
        made.axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        low = made.axes.get_ylim()[0]
        bottom = min(low, -_LINEAR_BELOW)
        made.axes.axhspan(bottom, 0, color=BAD, alpha=0.15, label="attraction: a hole")
        made.legend()
    pushing = made.picture(
        "Force that drives two atoms apart at distances shorter than any bond. Where a curve dips "
        "into the shaded part they attract each other and fall together."
    )
    return [pushing, _dimer_energies(record, curves)]


def _dimer_energies(record: Record, curves: Mapping[str, tuple[Floats, Floats]]) -> Picture:
    """The work against these forces: of all pairs, or of the one with the lowest barrier."""
    barriers = numbers_by_name(entry(record, "quantities", "barriers_eV"))
    holes = numbers_by_name(entry(record, "quantities", "holes_at_A"))
    found = [name for name in barriers if name in curves and name in holes]
    if not found:
        return _all_energies(record, curves)
    name = min(found, key=lambda one: barriers[one])
    at, work = _work_inwards(*curves[name])
    barrier, hole = barriers[name], holes[name]
    outside = work[at >= hole]
    climbs = outside - np.minimum.accumulate(outside)
    top = float(outside[int(np.argmax(climbs))])
    with panel(f"{slug_of(record)}-barrier", "distance (Å)", "energy (eV)", height=3.2) as made:
        made.axes.plot(at, work, color=BLUE, label=name)
        made.axes.axvspan(float(at.min()), hole, color=BAD, alpha=0.15, label="attraction: a hole")
        made.axes.axhline(top, color=BAD, linestyle="--", label=f"barrier of {barrier:.3g} eV")
        made.axes.axhline(top - barrier, color=BAD, linestyle=":", label="where it begins")
        made.axes.set_ylim(top - 3 * barrier, top + 2 * barrier)
        made.legend()
    return made.picture(
        "Work of pushing two atoms together, of the pair with the lowest barrier. Of a sound model "
        "it rises all the way to the left. This barrier is all that keeps them from falling "
        "together."
    )


def _work_inwards(at: Floats, force: Floats) -> tuple[Floats, Floats]:
    """Distances from outside inwards, and the work from the first of them, eV.

    Of a curve through the points that doesn't overshoot them, as the check takes it.
    """
    from scipy.integrate import cumulative_trapezoid
    from scipy.interpolate import PchipInterpolator

    order = np.argsort(at)
    far = np.linspace(float(at.max()), float(at.min()), _CURVE_POINTS)
    push = PchipInterpolator(at[order], force[order])(far)
    work: Floats = cumulative_trapezoid(push, -far, initial=0.0)
    return far, work


def _all_energies(record: Record, curves: Mapping[str, tuple[Floats, Floats]]) -> Picture:
    with panel(f"{slug_of(record)}-barrier", "distance (Å)", "energy (eV)", height=3.2) as made:
        for k, (name, (at, force)) in enumerate(list(curves.items())[:_MOST_CURVES]):
            far, work = _work_inwards(at, force)
            made.axes.plot(far, work, color=SERIES[k % len(SERIES)], label=name)
        made.axes.set_yscale("symlog", linthresh=_LINEAR_BELOW)
        made.axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        made.legend()
    return made.picture(
        "Work of pushing the two atoms together: it rises all the way to the left, so that nothing "
        "lets them fall together."
    )
