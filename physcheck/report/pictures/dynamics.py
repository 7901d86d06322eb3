"""Pictures of energies and temperatures along a run, and of multiple time stepping."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from physcheck.report.pictures.drawing import BAD, BLUE, DOUBT, GOOD, SERIES, Panel, Picture, panel
from physcheck.report.pictures.numbers_of import array_of, entry, series_of, slug_of
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record
from physcheck.system import Floats
from physcheck.text.numbers import as_float

__all__ = ["energy_drift", "energy_fluctuation", "enthalpy_drift", "stride_table"]

_MEV = 1e3


@dataclass(frozen=True, slots=True)
class _Conserved:
    """What is conserved, in words: on the axis, and in the caption."""

    axis: str
    caption: str
    name: str
    apart: str
    see: str


_ENERGY = _Conserved(
    "change of E + K (meV/atom)", "Energy of the isolated system", "energy",
    "E + K and the work of the forces", "force_energy_gap",
)  # fmt: skip
_ENTHALPY = _Conserved(
    "change of enthalpy (meV/atom)", "Enthalpy at constant pressure", "enthalpy",
    "enthalpy and the work of forces and stress", "stress_energy_gap",
)  # fmt: skip


def energy_drift(record: Record, frames: Frames | None) -> list[Picture]:
    """Total and shadow energy with the fitted drift, and the temperature."""
    return _drift(record, _ENERGY)


def enthalpy_drift(record: Record, frames: Frames | None) -> list[Picture]:
    """The same of the enthalpy, piston included."""
    return _drift(record, _ENTHALPY)


def _drift(record: Record, words: _Conserved) -> list[Picture]:
    found = series_of(record, "time_ps", "total_change_eV_per_atom", "temperature_K")
    if found is None:
        return []
    time, total, temperature = found
    shadows = series_of(record, "shadow_change_eV_per_atom", "shadow_spread_eV_per_atom")
    if shadows is None:
        return _runaway(record, time, total, temperature)
    shadow, spread = (one[: len(time)] for one in shadows)
    fs, slug = 1e3 * time, slug_of(record)
    with panel(f"{slug}-energy", "time (fs)", words.axis) as made:
        made.axes.plot(fs, _MEV * total, color=BLUE, linewidth=0.9, label=f"total {words.name}")
        made.axes.fill_between(
            fs, _MEV * (shadow - spread), _MEV * (shadow + spread), color=DOUBT, alpha=0.25,
            label="spread of replicas", linewidth=0,
        )  # fmt: skip
        made.axes.plot(fs, _MEV * shadow, color=DOUBT, label="less the integrator's swing")
        if not entry(record, "quantities", "closed_by_lines"):
            _draw_drift(made, record, time, shadow)
        made.axes.axhline(0, color=GOOD, linestyle="--", label=f"a conserved {words.name}")
        made.legend()
    energy = made.picture(
        f"{words.caption} from the start, mean over replicas. A conserved {words.name} "
        f"stays on the dashed line.{_gap_sentence(record, words)}"
    )
    with panel(f"{slug}-temperature", "time (fs)", "temperature (K)", height=2.2) as made:
        made.axes.plot(fs, temperature, color=SERIES[3])
    heat = made.picture("Kinetic temperature along the same runs.")
    return [energy, *_drift_of_replicas(record), heat]


def _draw_drift(made: Panel, record: Record, time: Floats, shadow: Floats) -> None:
    """The line of the mean drift through the shadow energy, with its band of one sigma."""
    axes, known = made.axes, np.isfinite(shadow)
    drift = as_float(entry(record, "quantities", "drift_eV_per_atom_per_ps"))
    error = as_float(record.uncertainty)
    if not math.isfinite(drift) or not known.any():
        return
    start = float(np.mean((shadow - drift * time)[known]))
    fs, line = 1e3 * time, _MEV * (start + drift * time)
    axes.plot(fs, line, color=BAD, label=_slope(drift, error))
    if math.isfinite(error):
        width = _MEV * error * np.abs(time - float(time[known].mean()))
        bottom, top = axes.get_ylim()
        axes.fill_between(fs, line - width, line + width, color=BAD, alpha=0.2, linewidth=0)
        # A drift that isn't known well has a band that would flatten the curves.
        axes.set_ylim(bottom, top)


def _drift_of_replicas(record: Record) -> list[Picture]:
    """What is judged: the drift of each replica, their mean with its error, and the tolerance."""
    drifts = array_of(entry(record, "quantities", "replica_drifts"))
    if drifts is None or drifts.ndim != 1 or len(drifts) < 2:
        return []
    at, mean = np.arange(1, len(drifts) + 1), _MEV * float(drifts.mean())
    error = _MEV * float(np.std(drifts, ddof=1)) / math.sqrt(len(drifts))
    with panel(f"{slug_of(record)}-replicas", "replica", "drift (meV/atom/ps)", height=2.6) as made:
        made.axes.plot(at, _MEV * drifts, "o", color=BLUE, label="each replica")
        made.axes.axhline(mean, color=BAD, label=f"mean {mean:.3g} ± {error:.2g}")
        made.axes.axhspan(mean - error, mean + error, color=BAD, alpha=0.2, linewidth=0)
        if record.tolerance is not None:
            allowed = _MEV * record.tolerance
            made.axes.axhspan(-allowed, allowed, color=GOOD, alpha=0.4, label="tolerance")
        made.axes.axhline(0, color=GOOD, linestyle="--")
        made.axes.set_xticks(at)
        made.legend()
    closed = entry(record, "quantities", "closed_by_lines")
    how = (
        " Here it is the work of the forces that counts, along the way and back by straight lines."
        if closed
        else ""
    )
    return [
        made.picture(
            "Heat that each run makes: the slope of its energy with the integrator's swing taken "
            f"off. With a potential all points lie on zero.{how}"
        )
    ]


def _runaway(record: Record, time: Floats, total: Floats, temperature: Floats) -> list[Picture]:
    """Energy and temperature of runs of which one ran away."""
    fs, slug = 1e3 * time, slug_of(record)
    with panel(f"{slug}-energy", "time (fs)", "change of E + K (eV/atom)") as made:
        made.axes.plot(fs, total, color=BAD, label="total energy, mean over replicas")
        made.axes.axhline(0, color=GOOD, linestyle="--", label="a conserved energy")
        made.legend()
    energy = made.picture(
        "Energy of the isolated system up to where a replica ran away. A conserved energy stays on "
        "the dashed line."
    )
    with panel(f"{slug}-temperature", "time (fs)", "temperature (K)", height=2.2) as made:
        made.axes.plot(fs, temperature, color=SERIES[3])
        made.logarithmic("y", temperature)
    return [energy, made.picture("Kinetic temperature along the same runs.")]


def _gap_sentence(record: Record, words: _Conserved) -> str:
    """Why curve and drift differ, where the energy isn't the one that the forces belong to."""
    gap = as_float(entry(record, "quantities", "energy_gap_rate"))
    closed = entry(record, "quantities", "closed_by_lines")
    if not closed or not abs(gap) > 3 * abs(as_float(record.value)):
        return ""
    return (
        f" Here {words.apart} drift apart by {_MEV * gap:.3g} meV/atom/ps, "
        f"which is no heat: see {words.see}."
    )


def _slope(drift: float, error: float) -> str:
    spread = f" ± {_MEV * error:.2g}" if math.isfinite(error) else ""
    return f"drift {_MEV * drift:.3g}{spread} meV/atom/ps"


def energy_fluctuation(record: Record, frames: Frames | None) -> list[Picture]:
    """E + K at a timestep and at half of it: a fourth is left where the integrator is in order."""
    found = series_of(record, "time_ps", "total_change_at_timestep", "total_change_at_half")
    if found is None:
        return []
    time, longer, half = found
    steps = array_of(entry(record, "quantities", "timesteps_fs"))
    names = ["longer timestep", "half of it"]
    if steps is not None and steps.size == 2:
        names = [f"timestep {step:.3g} fs" for step in steps]
    with panel(f"{slug_of(record)}-swing", "time (fs)", "change of E + K (meV/atom)") as made:
        made.axes.plot(1e3 * time, _MEV * longer, color=BAD, label=names[0])
        made.axes.plot(1e3 * time, _MEV * half, color=BLUE, label=names[1])
        made.axes.plot(
            1e3 * time, _MEV * longer / 4, color=GOOD, linestyle="--",
            label="a quarter of the first: expected",
        )  # fmt: skip
        made.legend()
    return [
        made.picture(
            "Fluctuation of the total energy at two timesteps. The blue curve should follow the "
            "dashed one; where it doesn't, forces are rough or no gradient."
        )
    ]


def stride_table(record: Record, frames: Frames | None) -> list[Picture]:
    """Drift and speed of multiple time stepping against the stride."""
    table = entry(record, "quantities", "table")
    rows = [row for row in table if isinstance(row, Mapping)] if isinstance(table, list) else []
    strides = [as_float(row.get("stride")) for row in rows]
    if not any(math.isfinite(stride) for stride in strides):
        return []
    drifts = [abs(as_float(row.get("drift"))) for row in rows]
    errors = [as_float(row.get("drift_error")) for row in rows]
    slug, known = slug_of(record), [i for i, s in enumerate(strides) if math.isfinite(s)]
    at = [strides[i] for i in known]
    with panel(
        f"{slug}-drift", "stride (model steps a correction)", "|drift| (eV/atom/ps)"
    ) as made:
        low = [max(drifts[i], 1e-12) for i in known]
        made.axes.errorbar(
            at, low, yerr=[errors[i] for i in known], fmt="o-", color=BAD, label="measured"
        )
        if record.tolerance:
            made.axes.axhline(record.tolerance, color=GOOD, linestyle="--", label="tolerance")
        made.logarithmic("y")
        made.legend()
    pictures = [made.picture("Energy drift against the stride; below the dashed line it is safe.")]
    speeds = [as_float(rows[i].get("speed_up")) for i in known]
    if any(math.isfinite(s) for s in speeds):
        with panel(f"{slug}-speed", "stride (model steps a correction)", "speed-up") as made:
            made.axes.plot(at, speeds, "o-", color=BLUE)
            made.axes.axhline(1, color=GOOD, linestyle="--", label="the reference alone")
            made.legend()
        pictures.append(made.picture("Speed against that of the reference alone."))
    return pictures
