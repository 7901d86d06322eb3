"""Does every species have the temperature that the bath was asked for?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from physcheck.checks.dynamics.gradient_forces import GradientForces, measure_by_gradient
from physcheck.checks.sampling.atom_groups import groups_of
from physcheck.checks.sampling.blow_up import measure_blow_up
from physcheck.checks.sampling.configurational_temperature import (
    SPECIES_EVALUATIONS,
    configurational_temperatures,
)
from physcheck.checks.sampling.langevin_series import langevin_series
from physcheck.checks.sampling.likely_violations import (
    CONFIRMATION_EVALUATIONS,
    Confirmed,
    confirm_likely,
)
from physcheck.checks.sampling.sampled_model import SampledModel, sample_model
from physcheck.checks.sampling.temperature_deviations import (
    Deviation,
    deviation_of,
    measurement_of,
    worst_of,
)
from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.checks.sampling.trajectory_making import shared_evaluations
from physcheck.checks.sampling.velocity_correlation import velocity_correlation_fs
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.series import replica_mean
from physcheck.registry import Budget, Failure, check, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Bools, Configurations, as_configurations
from physcheck.text.numbers import figure, with_uncertainty
from physcheck.tolerances import Tolerances

__all__ = ["assert_equipartition", "measure_equipartition"]

Pair = tuple[str, str]

_QUANTITY = "difference of kinetic temperature between species"
# Moments of the series kept for a plot.
_PLOT_POINTS = 300
# Evaluations for the series of Langevin baths.
_LANGEVIN: dict[Budget, int] = {"quick": 0, "standard": 0, "full": 30_000}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    n_species = len(set(start.system.numbers.tolist()))
    return SPECIES_EVALUATIONS * n_species + CONFIRMATION_EVALUATIONS + _LANGEVIN[budget]


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    if len(set(start.system.numbers.tolist())) < 2:
        return "a single species has nothing to be compared with"
    if start.n_atoms < 3:
        return (
            "two atoms without net momentum have the same kinetic temperature whatever the forces"
        )
    return None


@check(
    family="sampling",
    quantity=_QUANTITY,
    unit="%",
    needs={"forces"},
    kind="law",
    title="species differ in temperature under a common thermostat",
    causes="forces predicted directly, which heat light atoms and cool heavy ones; a timestep that "
    "is too long",
    advice="don't sample with these forces under a global thermostat. Use conservative forces, or "
    "correct these by multiple time stepping with a conservative model (mts_tandem). A strong "
    "local thermostat hides the fault and slows diffusion",
    failure=Failure(
        short_title="unequal temperatures",
        meaning="Species have different temperatures in one simulation. Diffusion, structure and "
        "reaction rates are those of no temperature at all.",
    ),
    tolerances=Tolerances(
        screening=3.0,
        md=1.0,
        tight=0.3,
        reason="a species that is hot by 1 % is 3 K off at room temperature, about what a "
        "careful user sees and corrects for elsewhere; screening is where diffusion "
        "and structure visibly change, tight what a long run of a conservative model "
        "reaches",
        source="Bigi, Langer, Ceriotti, arXiv 2412.11569, table 3: T_H/T_O off by +36/-70 K "
        "(ORB), -4.4/+9.9 K (PET-NC), -0.4/+1.0 K (conservative) at 300 K",
    ),
    evaluations=_evaluations,
    options={budget: {"langevin_evaluations": n} for budget, n in _LANGEVIN.items()},
    shared=shared_evaluations,
    by_gradient=0,
    applies=_applies,
)
def measure_equipartition(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    groups: Mapping[str, ArrayLike] | None = None,
    evaluations: int = 24_000,
    langevin_evaluations: int = 0,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Every species has the same kinetic temperature.

    T_s = 2 <K_s>/(kB n_s), n_s = 3 sum over i in s of (1 - m_i/M), velocities from the middle of
    BAOAB. Judged is the largest difference between two groups, in percent of the bath's
    temperature. Its interval is that of
    :func:`~physcheck.checks.sampling.temperature_deviations.deviation_of`.

    Can't see: heat that flows into all species alike (thermostat_heat, nve_drift); wrong
    configurations at right temperatures. A local bath hides part of the fault (``langevin_K``).

    Parameters
    ----------
    start : ase.Atoms or Configurations with B = 1
        Best periodic and liquid-like; crystals exchange heat between modes slowly.
    trajectory, gradient, evaluations, replicas, temperature_K, timestep_fs
        A trajectory to share, or how one is made: see :func:`make_trajectory`. With ``gradient``
        none is made, and what follows from that is measured.
    tolerance : float, %
    groups : mapping of name to indices or mask
        Instead of the species.
    langevin_evaluations : int
        For baths of 1000, 100 and 10 fs; else only the equilibrating bath is reported.

    Raises
    ------
    CapabilityMissing
        Less than two groups, or two atoms alone.
    ValueError
        A group is empty, or holds all atoms or those of another.
    ModelError, NonFiniteOutput

    Cost: ``evaluations``, 32 a species, 60 for confirmation, ``langevin_evaluations`` at most.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, sec. 4.3.
    """
    masks = _compared_groups(start, groups)
    if gradient is not None:
        return measure_by_gradient(gradient, _most_apart(gradient, masks))
    sampled = sample_model(
        "equipartition", model, start, rng=rng, resolution=resolution, tolerance=tolerance,
        trajectory=trajectory, evaluations=evaluations, replicas=replicas,
        temperature_K=temperature_K, timestep_fs=timestep_fs,
    )  # fmt: skip
    return _measure(sampled, masks, langevin_evaluations)


def _measure(
    sampled: SampledModel, masks: Mapping[str, Bools], langevin_evaluations: int
) -> Measurement:
    if sampled.trajectory.blown_up:
        return measure_blow_up(sampled)
    confirmed = confirm_likely(_estimate(sampled, masks), sampled)
    further = _measure_further(sampled, masks, langevin_evaluations)
    return _report(sampled, masks, confirmed, further)


def _most_apart(gradient: GradientForces, masks: Mapping[str, Bools]) -> float:
    """By how much two groups can differ at most, percent: one is hotter, the other colder."""
    masses = gradient.start.system.masses
    return sum(sorted(gradient.hotter_by(masses[mask]) for mask in masks.values())[-2:])


def _compared_groups(start: Any, groups: Mapping[str, ArrayLike] | None) -> dict[str, Bools]:
    masks = groups_of(as_configurations(start).system, groups)
    if len(masks) < 2:
        raise CapabilityMissing("a single group has nothing to be compared with")
    return masks


def _estimate(sampled: SampledModel, masks: Mapping[str, Bools]) -> dict[Pair, Deviation]:
    """The difference of each pair of groups, in percent of the bath's temperature."""
    trajectory = sampled.trajectory
    percent = 100 / trajectory.temperature_K
    series = {name: percent * trajectory.temperatures(mask) for name, mask in masks.items()}
    noise = {name: trajectory.bath_noise_K(mask) for name, mask in masks.items()}
    bias = {name: trajectory.timestep_bias(mask) for name, mask in masks.items()}
    return {
        (a, b): deviation_of(
            series[a] - series[b],
            sampled.tolerance,
            trajectory,
            comparisons=math.comb(len(series), 2),
            smallest_share=float(min(masks[a].mean(), masks[b].mean())),
            bath_noise=percent * (noise[a] - noise[b]),
            timestep_bias=bias[a] - bias[b],
        )
        for a, b in combinations(series, 2)
    }


def _measure_further(
    sampled: SampledModel, masks: Mapping[str, Bools], langevin_evaluations: int
) -> dict[str, Any]:
    """Temperatures of other kinds, for the evidence; they decide nothing."""
    meter, trajectory, rng = sampled.meter, sampled.trajectory, sampled.rng
    return {
        "hypervirial_K": configurational_temperatures(meter, trajectory, rng),
        "langevin_K": langevin_series(meter, trajectory, masks, rng, langevin_evaluations),
    }


def _report(
    sampled: SampledModel,
    masks: Mapping[str, Bools],
    confirmed: Confirmed[Pair],
    further: Mapping[str, Any],
) -> Measurement:
    trajectory, pairs = sampled.trajectory, confirmed.deviations
    percent, kelvin = 100 / trajectory.temperature_K, trajectory.temperature_K / 100
    means = {
        name: replica_mean(percent * trajectory.corrected_temperatures(mask))
        for name, mask in masks.items()
    }
    worst = worst_of(pairs)
    shown = pairs[worst]
    listed = ", ".join(
        f"{name} {with_uncertainty(m.value * kelvin, m.error * kelvin, 'K')}"
        for name, m in means.items()
    )
    step = trajectory.timestep_fs
    evidence = {
        "place": f"{worst[0]} against {worst[1]}: {listed}{confirmed.note}",
        "scale": f"they differ by {figure(abs(shown.mean.value) * kelvin)} K in a simulation at "
        f"{trajectory.temperature_K:g} K under {type(trajectory.bath).__name__}",
        "quantities": {
            "temperatures_K": {name: m.value * kelvin for name, m in means.items()},
            "temperature_errors_K": {name: m.error * kelvin for name, m in means.items()},
            # tau = g dt/2 for a statistical inefficiency g = 1 + 2 tau/dt, tau long.
            "correlation_times_fs": {n: m.inefficiency * step / 2 for n, m in means.items()},
            "independent_values": {name: m.independent for name, m in means.items()},
            "halves_percent": list(shown.halves),
            "timestep_doubt_percent": shown.timestep_bias,
            "relaxing": shown.relaxing,
            "error_dof": shown.mean.dof,
            "replica_dispersion": shown.mean.dispersion,
            "velocity_correlation_fs": velocity_correlation_fs(trajectory),
            "trajectory": trajectory.facts(),
            **further,
            "jacobian_asymmetry": confirmed.figures,
        },
        "series": _plotted(masks, trajectory),
    }
    return measurement_of(pairs, sampled, evidence)


def _plotted(masks: Mapping[str, Bools], trajectory: Trajectory) -> dict[str, Any]:
    """Temperatures for a plot, K: means over replicas and a stretch of time, and their errors."""
    percent, kelvin = 100 / trajectory.temperature_K, trajectory.temperature_K / 100
    found: dict[str, Any] = {}
    length = max(1, trajectory.n_steps // _PLOT_POINTS)
    count = trajectory.n_steps // length
    for name, mask in masks.items():
        values = percent * trajectory.temperatures(mask)
        parts = values[: count * length].reshape(count, length, -1).mean(axis=1) * kelvin
        found[f"temperature_{name}_K"] = parts.mean(axis=1)
        error = np.std(parts, axis=1, ddof=1) if parts.shape[1] > 1 else np.zeros(count)
        found[f"temperature_{name}_error_K"] = error / math.sqrt(parts.shape[1])
    found["time_ps"] = 1e-3 * trajectory.timestep_fs * length * (np.arange(count) + 0.5)
    return found


assert_equipartition = derive_assert(measure_equipartition)
