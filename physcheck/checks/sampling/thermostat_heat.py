"""Does heat keep flowing between a system at constant temperature and its bath?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.units import kB

from physcheck.checks.dynamics.gradient_forces import GradientForces, measure_by_gradient
from physcheck.checks.dynamics.replicas import slopes_of
from physcheck.checks.sampling.blow_up import measure_blow_up
from physcheck.checks.sampling.sampled_model import (
    SampledModel,
    needs_inner_motion,
    sample_model,
)
from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.checks.sampling.trajectory_making import shared_evaluations
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import factor_to_settle, limit_of_mean
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS
from physcheck.numerics.sequential import student_half_width
from physcheck.registry import Budget, Failure, check, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats
from physcheck.text.numbers import figure
from physcheck.tolerances import Tolerances

__all__ = ["assert_thermostat_heat", "measure_thermostat_heat"]

_QUANTITY = "sustained flow of heat into the bath"
_UNIT = "eV/atom/ps"
# What a structure may release while it relaxes, eV/atom: about copper's heat of melting.
_LATENT = 0.13
# Heat P raises the temperature by P/(3 kB): half of it becomes potential energy.
_HEAT_CAPACITY = 3 * kB
# The least by which a run is to be longer for another verdict.
_LEAST_FACTOR = 1.5
# Moments of the series kept for a plot.
_PLOT_POINTS = 300


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return 0


@check(
    family="sampling",
    quantity=_QUANTITY,
    unit=_UNIT,
    needs={"forces"},
    kind="law",
    title="heat keeps flowing between a system and its thermostat",
    causes="forces predicted directly; a detached term; noise in the forces",
    advice="sample with conservative forces, or correct these by multiple time stepping with a "
    "conservative model (mts_tandem). A thermostat holds the temperature, but heat still flows: "
    "the simulation isn't at equilibrium",
    failure=Failure(
        short_title="heat flows for good",
        meaning="The thermostat has to take up or supply heat without end. The simulation is a "
        "driven steady state, not an ensemble.",
    ),
    tolerances=Tolerances(
        screening=2.6e-4,
        md=2.6e-6,
        tight=2.6e-8,
        reason="as nve_drift: P/(3 kB) of 1 K/ps, 10 K/ns and 0.1 K/ns is what the system "
        "would heat by if the bath didn't take it",
        source="Bigi, Langer, Ceriotti, arXiv 2412.11569: PET-NC heats by 7 K/ps, ORB-v2 by "
        "70 K/ps",
    ),
    evaluations=_evaluations,
    shared=shared_evaluations,
    by_gradient=0,
    applies=needs_inner_motion,
)
def measure_thermostat_heat(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24_000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """A system at a constant temperature neither takes heat from its bath nor gives any for good.

    With an energy: the drift of ``E + K - heat``, by the shadow energy exact to dt^4; judged is the
    mean slope over the replicas, its error from their spread (Student's t). Where the energy isn't
    the one whose gradient the forces are, it wanders and the replicas scatter, but there is no
    drift.

    Without an energy: the heat that the bath took in the run. Of it 0.13 eV/atom may come from a
    structure that relaxes, and isn't called a violation.

    Can't see: work that is done on one species and taken from another (equipartition). nve_drift is
    finer at the same cost; this one sees what happens at a temperature that holds.

    Parameters
    ----------
    start : ase.Atoms or Configurations with B = 1
    trajectory, gradient, evaluations, replicas, temperature_K, timestep_fs
        A trajectory to share, or how one is made: see :func:`make_trajectory`. With ``gradient``
        none is made, and what follows from that is measured.
    tolerance : float, eV/atom/ps

    Raises
    ------
    CapabilityMissing
        A single atom.
    ModelError, NonFiniteOutput

    Cost: at most ``evaluations`` for the trajectory, nothing more.

    Source: Bussi, Donadio, Parrinello, J. Chem. Phys. 126, 014101 (2007), eq. 15 (conserved
    quantity); Engle, Skeel, Drees, J. Comput. Phys. 206, 432 (2005) (shadow energy).
    """
    if gradient is not None:
        return measure_by_gradient(gradient, gradient.power(gradient.start.system.masses))
    sampled = sample_model(
        "thermostat_heat", model, start, rng=rng, resolution=resolution, tolerance=tolerance,
        trajectory=trajectory, evaluations=evaluations, replicas=replicas,
        temperature_K=temperature_K, timestep_fs=timestep_fs,
    )  # fmt: skip
    if sampled.trajectory.blown_up:
        return measure_blow_up(sampled)
    if sampled.trajectory.has_energy:
        return _report(sampled, _measure_conserved(sampled.trajectory))
    return _report(sampled, _measure_heat(sampled.trajectory))


@dataclass(frozen=True, slots=True, eq=False)
class _Flow:
    """A series (T, B) per atom whose slope is the flow, and what isn't the forces' of it.

    ``slopes`` (B,) are the flows of the replicas; ``truncation`` is what else may drift. Per
    atom and ps, in eV.
    """

    series: Floats
    slopes: Floats
    truncation: float


def _measure_conserved(trajectory: Trajectory) -> _Flow:
    """The drift of E + K - heat with the shadow energy's correction."""
    n_atoms = trajectory.start.n_atoms
    series = trajectory.shadow_less_heat[1:-1] / n_atoms
    time = 1e-3 * trajectory.timestep_fs * np.arange(len(series), dtype=np.float64)
    slopes = slopes_of(time, series)
    uncorrected = slopes_of(time, trajectory.total_less_heat[1:-1] / n_atoms)
    return _Flow(series, slopes, _judge_truncation(trajectory, slopes, uncorrected))


def _judge_truncation(trajectory: Trajectory, slopes: Floats, uncorrected: Floats) -> float:
    """What the integrator may leave of a drift.

    The correction takes off an error of dt². What is left is one of dt^4, smaller by (omega dt)².
    """
    phase = float(trajectory.modes.get("fastest_rad_per_fs", 1.0)) * trajectory.timestep_fs
    return abs(float((uncorrected - slopes).mean())) * min(1.0, phase**2)


def _measure_heat(trajectory: Trajectory) -> _Flow:
    """Heat given to the bath, its mean rates, and what relaxation may account for."""
    series = -trajectory.heat / trajectory.start.n_atoms
    length = 1e-3 * trajectory.timestep_fs * (len(series) - 1)
    return _Flow(series, (series[-1] - series[0]) / length, _LATENT / length)


def _report(sampled: SampledModel, flow: _Flow) -> Measurement:
    trajectory, slopes = sampled.trajectory, flow.slopes
    has_energy, length = trajectory.has_energy, trajectory.replica_ps
    nothing = sampled.nothing_tested
    if not nothing and has_energy and not np.ptp(trajectory.potential) > 0:
        nothing = "the energy doesn't change"
    mean, count = float(slopes.mean()), len(slopes)
    value = abs(mean)
    error = float(np.std(slopes, ddof=1)) / math.sqrt(count) if count > 1 else math.inf
    below = student_half_width(slopes, FALSE_FAIL) + flow.truncation
    above = student_half_width(slopes, 2 * FALSE_PASS)
    # Relaxation only adds to the heat: it excuses some of it, but hides none.
    above += flow.truncation if has_energy else 0.0
    interval = max(0.0, value - below), value + above
    factor = _longer(sampled, value, interval)
    kind = "drift of E + K less heat" if has_energy else "heat given to the bath"
    return Measurement(
        value=value,
        uncertainty=math.hypot(error, flow.truncation),
        uncertainty_components={"sampling": error, "truncation": flow.truncation},
        interval=interval,
        detection_limit=limit_of_mean(
            sampled.tolerance, error, count - 1, FALSE_FAIL, allowance=flow.truncation
        ),
        noise_floor=flow.truncation,
        force_evaluations=sampled.meter.evaluations,
        nothing_tested=nothing,
        resolve=_how_to_resolve(sampled, factor),
        work_needed=factor,
        evidence={
            "place": f"{kind} in {count} replicas over {length:.2g} ps at "
            f"{trajectory.timestep_fs:.2g} fs",
            "scale": f"without a bath the system would {'heat' if mean > 0 else 'cool'} by "
            f"{figure(value / _HEAT_CAPACITY)} K/ps",
            "quantities": {
                "flow_eV_per_atom_per_ps": mean,
                "flow_K_per_ps": mean / _HEAT_CAPACITY,
                "replica_flows": slopes.tolist(),
                "with_energy": has_energy,
                "allowance": flow.truncation,
                "length_ps": length,
                "trajectory": trajectory.facts(),
            },
            "series": _plotted(flow.series, trajectory.timestep_fs),
        },
    )


def _plotted(series: Floats, timestep_fs: float) -> dict[str, Floats]:
    thin = slice(None, None, max(1, len(series) // _PLOT_POINTS))
    change = series - series[0]
    return {
        "time_ps": (1e-3 * timestep_fs * np.arange(len(series)))[thin],
        "change_eV_per_atom": change.mean(axis=1)[thin],
        "spread_eV_per_atom": change.std(axis=1)[thin],
    }


def _longer(sampled: SampledModel, value: float, interval: tuple[float, float]) -> float:
    """How many times as long a run would settle the verdict; infinite if none would."""
    tolerance, length = sampled.tolerance, sampled.trajectory.replica_ps
    if not (tolerance > 0):
        return math.inf
    if not sampled.trajectory.has_energy:
        return max(_LEAST_FACTOR, interval[1] / tolerance, (_LATENT / length) / tolerance)
    # The error of a slope over a bounded swing falls as the length, with noise as its 3/2th power.
    return factor_to_settle(tolerance, value, interval, 1)


def _how_to_resolve(sampled: SampledModel, factor: float) -> str:
    text = sampled.longer_run(factor)
    if math.isfinite(factor) and not sampled.trajectory.has_energy:
        text += ". With an energy it takes far less, here and in nve_drift"
    return text


assert_thermostat_heat = derive_assert(measure_thermostat_heat)
