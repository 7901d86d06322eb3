"""Pictures of spectra along small paths and of forces at short distances."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from physcheck.report.pictures.comparisons import on_the_scale
from physcheck.report.pictures.drawing import BAD, BLUE, GOOD, SERIES, Picture, panel
from physcheck.report.pictures.numbers_of import array_of, entry, number_of, series_of, slug_of
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record

__all__ = ["dimer_curves", "force_jump", "path_spectrum"]

# Close to contact forces of thousands of eV/Å would flatten the part where a hole is.
_LINEAR_BELOW = 1.0


def path_spectrum(record: Record, frames: Frames | None) -> list[Picture]:
    """The harmonics of the forces along the roughest closed path."""
    spectrum = array_of(entry(record, "quantities", "spectrum_eV_per_A"))
    if spectrum is None or spectrum.ndim != 1:
        return []
    order = np.arange(len(spectrum))
    shown = np.maximum(spectrum, 1e-18)
    first = float(spectrum[1]) if len(spectrum) > 1 else math.nan
    with panel(f"{slug_of(record)}-spectrum", "harmonic of the path", "force (eV/Å)") as made:
        made.axes.vlines(order, float(shown.min()) / 2, shown, color=BLUE)
        made.axes.plot(order, shown, "o", color=BLUE)
        if record.tolerance and math.isfinite(first) and first > 0:
            made.axes.axhline(
                record.tolerance * first, color=GOOD, linestyle="--",
                label="tolerance for the last harmonics",
            )  # fmt: skip
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
        for k, (name, (at, force)) in enumerate(list(curves.items())[:8]):
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
    return [
        made.picture(
            "Force that drives two atoms apart at distances shorter than any bond. Where a curve "
            "dips into the shaded part they attract each other and fall together."
        )
    ]


def force_jump(record: Record, frames: Frames | None) -> list[Picture]:
    """Force along the path through a cutoff, or the size of the jump where no path was kept."""
    path = series_of(record, "distance_A", "force_eV_per_A")
    slug = slug_of(record)
    if path is not None:
        at, force = path
        with panel(f"{slug}-path", "distance along the path (Å)", "force (eV/Å)") as made:
            made.axes.plot(at, force, color=BLUE)
        return [made.picture("Force on the atom that jumps; a smooth model's has no step.")]
    jump = number_of(entry(record, "quantities", "force_jump_eV_per_A"))
    return [on_the_scale(record, "jump of the force at a cutoff", jump)] if jump > 0 else []
