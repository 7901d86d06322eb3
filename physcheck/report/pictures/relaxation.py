"""Pictures of relaxations and of the modes about a minimum."""

from __future__ import annotations

import numpy as np

from physcheck.relaxation.vibrations import PER_PS
from physcheck.report.pictures.drawing import BAD, BLUE, DOUBT, GOOD, SERIES, Picture, panel
from physcheck.report.pictures.numbers_of import array_of, entry, series_of, slug_of
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record
from physcheck.text.numbers import as_float

__all__ = ["descent", "modes", "relaxation_traces"]


def relaxation_traces(record: Record, frames: Frames | None) -> list[Picture]:
    """The largest force along each relaxation, with goal and noise."""
    series = entry(record, "series")
    named = series.items() if isinstance(series, dict) else ()
    traces = {name: array_of(one) for name, one in named if name.startswith("fmax")}
    drawn = {name: one for name, one in traces.items() if one is not None and one.ndim == 1}
    if not drawn:
        return []
    floor = as_float(entry(record, "quantities", "achievable_fmax"))
    runs = entry(record, "quantities", "runs")
    slug = slug_of(record)
    with panel(f"{slug}-fmax", "evaluations", "largest force (eV/Å)", height=3.2) as made:
        for k, (name, trace) in enumerate(drawn.items()):
            label = name.split("_", 2)[-1]
            if isinstance(runs, list) and k < len(runs):
                label += f", from {runs[k].get('rattle_A')} Å"
            shown = np.maximum(trace, 1e-16)
            made.axes.plot(shown, color=SERIES[k % len(SERIES)], label=label)
        if record.tolerance:
            made.axes.axhline(record.tolerance, color=GOOD, linestyle="--", label="tolerance")
        low = min(float(trace.min()) for trace in drawn.values())
        if floor > 1e-3 * low:
            made.axes.axhline(floor, color=DOUBT, linestyle=":", label="noise of the forces")
        made.logarithmic("y")
        made.legend()
    return [
        made.picture(
            "Largest force as the optimisers go downhill. With a potential every curve passes the "
            "dashed line; one that levels off above it goes round in circles or creeps."
        )
    ]


def descent(record: Record, frames: Frames | None) -> list[Picture]:
    """The energy that a relaxation releases beside the work of the forces on its way."""
    found = series_of(record, "energy_fall_eV", "work_eV")
    if found is None:
        return []
    fall, work = found
    slug, steps = slug_of(record), np.arange(len(fall))
    with panel(f"{slug}-descent", "optimiser step", "energy (eV)") as made:
        made.axes.plot(steps, fall, color=BLUE, label="energy released")
        made.axes.plot(steps, work, color=BAD, linestyle="--", label="work of the forces")
        made.legend()
    both = made.picture(
        "Energy released on the way down, and work of forces (and stress) along the same way. "
        "With forces that are the energy's gradient the curves are one."
    )
    with panel(f"{slug}-gap", "optimiser step", "work minus energy (meV)", height=2.6) as made:
        made.axes.plot(steps, 1e3 * (work - fall), color=BAD)
        made.axes.axhline(0, color=GOOD, linestyle="--")
        if record.tolerance is not None:
            allowed = 1e3 * record.tolerance * np.maximum.accumulate(np.abs(work))
            made.axes.fill_between(
                steps, -allowed, allowed, color=GOOD, alpha=0.25, label="tolerance", linewidth=0
            )
        made.legend()
    return [both, made.picture("Their difference, with what the tolerance allows.")]


def modes(record: Record, frames: Frames | None) -> list[Picture]:
    """Growth against frequency of the modes at the minimum."""
    real = array_of(entry(record, "quantities", "eigenvalues_real_eV_per_A2_amu"))
    imaginary = array_of(entry(record, "quantities", "eigenvalues_imaginary"))
    if real is None or imaginary is None or real.shape != imaginary.shape:
        return []
    omega = PER_PS * np.sqrt(real + 1j * imaginary)
    error = max(as_float(entry(record, "quantities", "element_error")), 0.0)
    off, down = np.abs(imaginary) > 3 * error, real < -3 * error
    with panel(f"{slug_of(record)}-modes", "frequency (rad/ps)", "growth rate (1/ps)") as made:
        made.axes.axhline(0, color=GOOD, linestyle="--", label="vibrations of a potential")
        for mask, colour, label in (
            (~(off | down), BLUE, "steady"),
            (down & ~off, DOUBT, "downhill: no minimum"),
            (off, BAD, "two modes feed each other"),
        ):
            if mask.any():
                at, growth = omega.real[mask], np.abs(omega.imag[mask])
                made.axes.plot(at, growth, "o", color=colour, ms=4, label=label)
        if record.tolerance is not None:
            made.axes.axhspan(
                0, record.tolerance, color=GOOD, alpha=0.25, linewidth=0, label="tolerance"
            )
        made.legend()
    return [
        made.picture(
            "Modes about the relaxed structure. Vibrations of a potential neither grow nor decay "
            "(growth rate zero); a pair above the line makes a small vibration grow by itself."
        )
    ]
