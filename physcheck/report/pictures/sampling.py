"""Pictures of temperatures, heat, energies and pressures along a trajectory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from physcheck.report.pictures.drawing import (
    BAD,
    BLUE,
    DOUBT,
    GOOD,
    INK,
    SERIES,
    Panel,
    Picture,
    panel,
)
from physcheck.report.pictures.numbers_of import (
    array_of,
    entry,
    numbers_by_name,
    series_of,
    slug_of,
)
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record
from physcheck.text.numbers import as_float

__all__ = [
    "bath_heat",
    "energy_slope",
    "kinetic_moments",
    "power_into_species",
    "snapshot_pressures",
    "temperatures",
]

_MEV = 1e3


def temperatures(record: Record, frames: Frames | None) -> list[Picture]:
    """Temperature of each species along the trajectory, and its mean with error and target."""
    means = numbers_by_name(entry(record, "quantities", "temperatures_K"))
    errors = numbers_by_name(entry(record, "quantities", "temperature_errors_K"))
    target = as_float(entry(record, "quantities", "trajectory", "temperature_K"))
    if not means:
        return []
    course = _temperatures_in_time(record, list(means), target)
    return [_mean_temperatures(record, means, errors, target), *course]


def _mean_temperatures(
    record: Record, means: Mapping[str, float], errors: Mapping[str, float], target: float
) -> Picture:
    names = list(means)
    with panel(f"{slug_of(record)}-means", "", "temperature (K)") as made:
        for k, name in enumerate(names):
            made.axes.errorbar(
                [k], [means[name]], yerr=[2 * errors.get(name, 0.0)], fmt="o", capsize=6,
                color=SERIES[k % len(SERIES)],
            )  # fmt: skip
        _target(made, target)
        made.axes.set_xticks(range(len(names)), names)
        made.axes.set_xlim(-0.6, len(names) - 0.4)
        made.legend()
    return made.picture(
        "Mean kinetic temperature of each species, with two standard errors. In equilibrium "
        "all are the same, at the dashed line."
    )


def _temperatures_in_time(record: Record, names: Sequence[str], target: float) -> list[Picture]:
    """Those of the species whose series the record has; none where it has none."""
    drawn = False
    with panel(f"{slug_of(record)}-time", "time (ps)", "temperature (K)") as made:
        for k, name in enumerate(names):
            found = series_of(
                record, "time_ps", f"temperature_{name}_K", f"temperature_{name}_error_K"
            )
            if found is not None:
                time, mean, error = found
                colour, drawn = SERIES[k % len(SERIES)], True
                made.axes.plot(time, mean, color=colour, label=name)
                made.axes.fill_between(
                    time, mean - error, mean + error, color=colour, alpha=0.25, linewidth=0
                )
        _target(made, target)
        made.legend()
    if not drawn:
        return []
    return [made.picture("The same along the trajectory; bands are the errors over replicas.")]


def _target(made: Panel, target: float) -> None:
    if math.isfinite(target):
        made.axes.axhline(target, color=GOOD, linestyle="--", label=f"bath, {target:g} K")


def power_into_species(record: Record, frames: Frames | None) -> list[Picture]:
    """Heat that the forces put into each species, with errors and tolerance."""
    powers = numbers_by_name(entry(record, "quantities", "power_eV_per_atom_per_ps"))
    errors = numbers_by_name(entry(record, "quantities", "power_errors"))
    if not powers:
        return []
    names = list(powers)
    with panel(f"{slug_of(record)}-power", "", "power (meV/atom/ps)") as made:
        made.axes.bar(
            range(len(names)), [_MEV * powers[n] for n in names],
            yerr=[2 * _MEV * errors.get(n, 0.0) for n in names], capsize=6, width=0.5,
            color=[BAD if powers[n] > 0 else BLUE for n in names], ecolor=INK,
        )  # fmt: skip
        if record.tolerance is not None:
            made.axes.axhspan(
                -_MEV * record.tolerance, _MEV * record.tolerance, color=GOOD, alpha=0.3,
                label="tolerance",
            )  # fmt: skip
        made.axes.axhline(0, color=GOOD, linestyle="--", label="forces of a potential")
        made.axes.set_xticks(range(len(names)), names)
        made.legend()
    return [
        made.picture(
            "Heat that the forces feed into each species (orange) or drain from it (blue) beyond "
            "what the energy gives up, with two standard errors. Forces of a potential do neither."
        )
    ]


def kinetic_moments(record: Record, frames: Frames | None) -> list[Picture]:
    """Deviations of the kinetic energies' moments, with errors and tolerance."""
    found = numbers_by_name(entry(record, "quantities", "deviations_percent"))
    errors = numbers_by_name(entry(record, "quantities", "errors_percent"))
    if not found:
        return []
    names = list(found)
    with panel(
        f"{slug_of(record)}-moments", "deviation (%)", "", height=1.2 + 0.3 * len(names)
    ) as made:
        made.axes.errorbar(
            [found[n] for n in names], range(len(names)),
            xerr=[2 * errors.get(n, 0.0) for n in names], fmt="o", color=BAD, capsize=5,
            label="measured, two standard errors",
        )  # fmt: skip
        if record.tolerance is not None:
            made.axes.axvspan(
                -record.tolerance, record.tolerance, color=GOOD, alpha=0.25, label="tolerance"
            )
        made.axes.axvline(0, color=GOOD, linestyle="--")
        made.axes.set_yticks(range(len(names)), names)
        made.axes.set_ylim(-0.6, len(names) - 0.4)
        made.legend()
    return [
        made.picture(
            "How far mean and variance of each species' kinetic energies are from those of a gamma "
            "distribution at the bath's temperature."
        )
    ]


def bath_heat(record: Record, frames: Frames | None) -> list[Picture]:
    """Heat that the bath gave or took, with the fitted flow."""
    found = series_of(record, "time_ps", "change_eV_per_atom", "spread_eV_per_atom")
    if found is None:
        return []
    time, change, spread = found
    flow = as_float(entry(record, "quantities", "flow_eV_per_atom_per_ps"))
    with panel(f"{slug_of(record)}-heat", "time (ps)", "E + K less heat (meV/atom)") as made:
        made.axes.plot(time, _MEV * change, color=BLUE, label="mean over replicas")
        made.axes.fill_between(
            time, _MEV * (change - spread), _MEV * (change + spread), color=BLUE, alpha=0.2,
            linewidth=0,
        )  # fmt: skip
        if math.isfinite(flow):
            start = float(np.mean(change - flow * time))
            label = f"{_MEV * flow:.3g} meV/atom/ps"
            made.axes.plot(time, _MEV * (start + flow * time), color=BAD, label=label)
        made.axes.axhline(0, color=GOOD, linestyle="--", label="no heat made")
        made.legend()
    return [
        made.picture(
            "Energy that appears from nowhere and has to leave through the thermostat: with a "
            "conserved energy the curve stays level."
        )
    ]


def energy_slope(record: Record, frames: Frames | None) -> list[Picture]:
    """Measured against expected slope of the log ratio of two energy histograms."""
    slope = as_float(entry(record, "quantities", "slope_per_eV"))
    expected = as_float(entry(record, "quantities", "expected_per_eV"))
    error = abs(as_float(record.uncertainty) * expected) / 100
    means = array_of(entry(record, "quantities", "mean_energies_eV"))
    if not (math.isfinite(slope) and math.isfinite(expected)) or means is None or means.size != 2:
        return []
    centre, half = float(means.mean()), max(abs(float(np.ptp(means))), 1e-6)
    energy = np.linspace(centre - half, centre + half, 40)
    with panel(
        f"{slug_of(record)}-slope", "potential energy (eV)", "log of the ratio of histograms"
    ) as made:
        measured = slope * (energy - centre)
        if math.isfinite(error):
            width = 2 * error * np.abs(energy - centre)
            made.axes.fill_between(
                energy, measured - width, measured + width, color=BAD, alpha=0.25, linewidth=0
            )
        made.axes.plot(energy, measured, color=BAD, label=f"measured, {slope:.4g} per eV")
        made.axes.plot(
            energy, expected * (energy - centre), color=GOOD, linestyle="--",
            label=f"expected, {expected:.4g} per eV",
        )  # fmt: skip
        made.axes.locator_params(axis="x", nbins=5)
        made.legend()
    return [
        made.picture(
            "How the odds of an energy change between the two temperatures: the slope is "
            "1/kT1 - 1/kT2 where both runs sample the same potential."
        )
    ]


def snapshot_pressures(record: Record, frames: Frames | None) -> list[Picture]:
    """The gap between virial and -dE/dV at each snapshot."""
    gaps = array_of(entry(record, "quantities", "gaps_GPa"))
    if gaps is None:
        return []
    at = np.arange(1, gaps.size + 1)
    with panel(f"{slug_of(record)}-pressure", "snapshot", "virial minus -dE/dV (GPa)") as made:
        made.axes.plot(at, gaps, "o", color=BLUE, label="snapshots")
        made.axes.axhline(float(gaps.mean()), color=BAD, label=f"mean {gaps.mean():.3g} GPa")
        if record.tolerance is not None:
            made.axes.axhspan(
                -record.tolerance, record.tolerance, color=GOOD, alpha=0.3, label="tolerance"
            )
        made.axes.axhline(0, color=DOUBT, linewidth=0.6)
        made.legend()
    return [
        made.picture(
            "Difference of the two pressures at snapshots of the simulation; a consistent virial "
            "leaves all points on zero."
        )
    ]
