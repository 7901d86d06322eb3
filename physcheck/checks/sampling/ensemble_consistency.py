"""Do energies at two temperatures differ as one energy's ensembles must?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.units import kB

from physcheck.checks.dynamics.gradient_forces import GradientForces, measure_by_gradient
from physcheck.checks.sampling.blow_up import measure_blow_up
from physcheck.checks.sampling.sampled_model import (
    SampledModel,
    needs_inner_motion,
    sample_model,
)
from physcheck.checks.sampling.temperature_deviations import NO_ERROR, limit_of_certain
from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.checks.sampling.trajectory_making import make_trajectory, shared_evaluations
from physcheck.measurement import LOOK_CLOSER, Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import factor_to_settle
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS, student_quantile
from physcheck.numerics.series import ReplicaMean, replica_mean
from physcheck.registry import Budget, Failure, check, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats
from physcheck.text.numbers import figure
from physcheck.tolerances import Tolerances

__all__ = [
    "assert_ensemble_consistency",
    "measure_ensemble_consistency",
    "slope_error",
    "two_ensemble_slope",
]

_QUANTITY = "deviation of the slope of ln P2(E)/P1(E)"
# A FAIL needs so many standard errors beyond the tolerance.
_SIGMAS = 3.0
# The second temperature is so far away that mean energies differ by so many of the energy's
# standard deviations: the slope is sharp, and the ensembles overlap. It is at most this share of
# the first away.
_APART, _FARTHEST = 2.0, 0.25
_SECOND: dict[Budget, int] = {"quick": 3000, "standard": 3000, "full": 50_000}
# Newton's iteration: most steps, largest step, and when it has converged, in parameters of order
# 1. The exponent is kept from overflow, the curvature from being singular.
_NEWTON, _LONGEST_STEP, _CONVERGED = 50, 2, 1e-10
_LARGEST_EXPONENT, _REGULARISATION = 50, 1e-12


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return _SECOND[budget]


@check(
    family="sampling",
    quantity=_QUANTITY,
    unit="%",
    needs={"forces", "energy"},
    kind="law",
    title="energies at two temperatures are not those of one ensemble",
    causes="forces that are not the gradient of the energy; forces predicted directly",
    advice="run force_energy_gap: it shows whether the forces are the gradient of the reported "
    "energy. Until they are, don't reweight energies between temperatures or take heat "
    "capacities from their fluctuations",
    failure=Failure(
        short_title="not one ensemble",
        meaning="The configurations that dynamics visits aren't those of the reported energy. "
        "Reweighting, replica exchange, heat capacities and free energies are biased.",
    ),
    tolerances=Tolerances(
        screening=30.0,
        md=10.0,
        tight=3.0,
        reason="the slope is a difference of inverse temperatures: 10 % of it is what heat "
        "capacities and reweighting between temperatures are off by; a run of a "
        "picosecond can resolve 30 %, one of a nanosecond 3 %",
        source="Shirts, J. Chem. Theory Comput. 9, 909 (2013)",
    ),
    evaluations=_evaluations,
    options={budget: {"second_evaluations": n} for budget, n in _SECOND.items()},
    shared=shared_evaluations,
    by_gradient=0,
    applies=needs_inner_motion,
)
def measure_ensemble_consistency(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24_000,
    second_evaluations: int = 3000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Potential energies sampled at two temperatures differ by exp(-(1/kT1 - 1/kT2) E).

    The slope of ``ln P2(E)/P1(E)`` is found by maximum likelihood and held against 1/kT1 - 1/kT2;
    judged is its relative deviation, in percent. Its error follows from those of both mean energies
    and of the width (:func:`slope_error`), with Student's t. What a structure releases while it
    relaxes is allowed for. A FAIL needs three standard errors beyond the tolerance, and a chance of
    1e-4 under the law.

    Can't see: faults that are alike at both temperatures, such as an offset. Energies relax
    slowly in liquids, so that picoseconds resolve little there: small systems resolve most.

    Parameters
    ----------
    start : ase.Atoms or Configurations with B = 1
    trajectory, gradient, evaluations, replicas, temperature_K, timestep_fs
        A trajectory to share, or how one is made: see :func:`make_trajectory`. With ``gradient``
        none is made, and what follows from that is measured.
    tolerance : float, %
    second_evaluations : int
        Of the trajectory at the second temperature.

    Raises
    ------
    CapabilityMissing
        No energy, or a single atom.
    ModelError, NonFiniteOutput

    Cost: at most ``evaluations`` and ``second_evaluations``.

    Source: Shirts, J. Chem. Theory Comput. 9, 909 (2013).
    """
    if gradient is not None:
        return measure_by_gradient(gradient, _most_off(gradient))
    sampled = sample_model(
        "ensemble_consistency", model, start, rng=rng, resolution=resolution, tolerance=tolerance,
        trajectory=trajectory, evaluations=evaluations, replicas=replicas,
        temperature_K=temperature_K, timestep_fs=timestep_fs,
    )  # fmt: skip
    return _measure(sampled, second_evaluations, replicas)


def _measure(sampled: SampledModel, second_evaluations: int, replicas: int | None) -> Measurement:
    if sampled.trajectory.blown_up:
        return measure_blow_up(sampled)
    second = make_trajectory(
        sampled.meter, sampled.start, rng=sampled.rng,
        evaluations=second_evaluations, replicas=replicas,
        temperature_K=_choose_steps(sampled.trajectory), timestep_fs=sampled.trajectory.timestep_fs,
    )  # fmt: skip
    if second.blown_up:
        return measure_blow_up(sampled, second)
    return _report(sampled, second, _estimate(sampled.trajectory, second))


def _most_off(gradient: GradientForces) -> float:
    """By how much the slope can be off at most, percent.

    The heat that stays in all atoms makes either temperature another one, by as much in the other
    direction; their difference is that of a trajectory's (:func:`_choose_steps`), with the width
    of 3N/2 harmonic modes.
    """
    masses = gradient.start.system.masses
    apart = min(_FARTHEST, _APART / math.sqrt(1.5 * len(masses)))
    return 2 * gradient.hotter_by(masses) / apart


def _choose_steps(first: Trajectory) -> float:
    """The second temperature, K."""
    width = float(first.potential.std())
    apart = _FARTHEST
    if width > 0:
        # The mean energy moves by about var(E)/(kT) x (T2 - T1)/T1.
        apart = min(_FARTHEST, _APART * kB * first.temperature_K / width)
    return first.temperature_K * (1 + apart)


def two_ensemble_slope(first: Floats, second: Floats) -> float:
    """Slope b of ``ln P2(E)/P1(E) = a + b E`` by maximum likelihood, per unit of the energies.

    Newton's iteration on the logistic log-likelihood of which ensemble an energy came from.
    """
    energies = np.concatenate([first.ravel(), second.ravel()])
    centre, scale = float(energies.mean()), float(energies.std())
    if not scale > 0:
        return 0.0
    x = np.stack([np.ones(len(energies)), (energies - centre) / scale])
    labels = np.repeat([0.0, 1.0], [first.size, second.size])
    # Each ensemble counts alike, however long it is.
    weights = np.repeat([0.5 / first.size, 0.5 / second.size], [first.size, second.size])
    parameters = np.zeros(2)
    for _ in range(_NEWTON):
        exponents = np.clip(parameters @ x, -_LARGEST_EXPONENT, _LARGEST_EXPONENT)
        chance = 1 / (1 + np.exp(-exponents))
        gradient = x @ (weights * (labels - chance))
        curvature = (x * (weights * chance * (1 - chance))) @ x.T
        step = np.linalg.solve(curvature + _REGULARISATION * np.eye(2), gradient)
        parameters = parameters + np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        if float(np.abs(step).max()) < _CONVERGED:
            break
    return float(parameters[1]) / scale


def slope_error(
    first: Floats, second: Floats, means: tuple[ReplicaMean, ReplicaMean], expected: float
) -> float:
    """Standard error of :func:`two_ensemble_slope`, from those of both means and of the width.

    For normal distributions the slope is the difference of the means over the variance. So
    correlated and uncorrelated series are treated alike: by what their means are worth.
    """
    variance = 0.5 * (float(first.var()) + float(second.var()))
    if not variance > 0:
        return math.inf
    by_means = math.hypot(*(m.error for m in means)) / variance
    # The variance of n independent normal values has the relative error sqrt(2/n).
    by_width = abs(expected) * math.sqrt(2 / sum(max(m.independent, 1.0) for m in means))
    return math.hypot(by_means, by_width)


@dataclass(frozen=True, slots=True)
class _Slope:
    """The slope per eV; its relative error, and what relaxation may add to that, in percent."""

    value: float
    expected: float
    error: float
    relaxation: float
    dof: float
    replica_dof: float
    means: tuple[ReplicaMean, ReplicaMean]

    @property
    def deviation(self) -> float:
        """In percent."""
        return 100 * (self.value / self.expected - 1)


def _estimate(first: Trajectory, second: Trajectory) -> _Slope:
    expected = 1 / (kB * first.temperature_K) - 1 / (kB * second.temperature_K)
    energies = first.potential[1:], second.potential[1:]
    means = replica_mean(energies[0]), replica_mean(energies[1])
    variance = 0.5 * sum(float(e.var()) for e in energies)
    errors = [m.error**2 for m in means]
    # What each releases over the run shifts its mean by half of that.
    shifts = [
        t.energy_release() * t.start.n_atoms * 1e-3 * t.timestep_fs * t.n_steps / 2
        for t in (first, second)
    ]
    relaxation = 100 * sum(shifts) / variance / abs(expected) if variance > 0 else math.inf
    return _Slope(
        value=two_ensemble_slope(*energies),
        expected=expected,
        error=100 * slope_error(energies[0], energies[1], means, expected) / abs(expected),
        relaxation=relaxation,
        dof=_joint_dof(errors, [m.dof for m in means]),
        replica_dof=_joint_dof(errors, [m.replica_dof for m in means]),
        means=means,
    )


def _joint_dof(squares: Sequence[float], dofs: Sequence[int]) -> float:
    """Degrees of freedom of a sum of squared errors (Welch, Satterthwaite).

    0 where one of them has none.
    """
    if min(dofs) < 1:
        return 0.0
    spread = sum(e**2 / dof for e, dof in zip(squares, dofs, strict=True))
    return float(sum(squares)) ** 2 / spread if spread > 0 else 0.0


def _report(sampled: SampledModel, second: Trajectory, found: _Slope) -> Measurement:
    first, tolerance = sampled.trajectory, sampled.tolerance
    value = abs(found.deviation)
    rare = student_quantile(FALSE_FAIL / 2, found.replica_dof) * found.error
    below = max(_SIGMAS * found.error, rare - tolerance) + found.relaxation
    limit = found.relaxation + limit_of_certain(
        tolerance, found.error, found.replica_dof, FALSE_FAIL, found.replica_dof
    )
    above = student_quantile(FALSE_PASS, found.dof) * found.error + found.relaxation
    interval = max(0.0, value - below), value + above
    nothing = sampled.nothing_tested
    resolve, factor = "", math.inf
    if not first.potential.std() > 0:
        nothing = nothing or "the energy doesn't change"
    elif tolerance > 0:
        factor = factor_to_settle(tolerance, value, interval, 2)
        resolve = _how_to_resolve(sampled, second, factor)
    step_K = second.temperature_K - first.temperature_K
    seeming_K = found.value / found.expected * step_K
    return Measurement(
        value=value,
        uncertainty=math.hypot(found.error, found.relaxation),
        uncertainty_components={"sampling": found.error, "truncation": found.relaxation},
        interval=interval,
        detection_limit=limit if math.isfinite(limit) else None,
        limit_unknown="" if math.isfinite(limit) else NO_ERROR,
        noise_floor=found.relaxation,
        force_evaluations=sampled.meter.evaluations,
        nothing_tested=nothing,
        resolve=resolve,
        work_needed=factor,
        evidence={
            "place": f"slope {found.value:.3g} per eV between {first.temperature_K:g} and "
            f"{second.temperature_K:.4g} K, expected {found.expected:.3g} per eV",
            "scale": f"as if the temperatures were {seeming_K:.3g} K apart instead of {step_K:.3g}",
            "quantities": {
                "slope_per_eV": found.value,
                "expected_per_eV": found.expected,
                "temperatures_K": [first.temperature_K, second.temperature_K],
                "mean_energies_eV": [m.value for m in found.means],
                "mean_energy_errors_eV": [m.error for m in found.means],
                "settling_percent": found.relaxation,
                "trajectory": first.facts(),
                "second_trajectory": second.facts(),
            },
        },
    )


def _how_to_resolve(sampled: SampledModel, second: Trajectory, factor: float) -> str:
    """Both trajectories have to be longer: the error comes from the means at both temperatures."""
    if not math.isfinite(factor):
        return ""
    first = sampled.trajectory
    spent = first.n_steps * first.n_replicas + second.n_steps * second.n_replicas
    return (
        f"replicas of {figure(factor * second.replica_ps)} ps at either temperature "
        f"({figure(factor * spent)} evaluations in all) would settle it: "
        f"{LOOK_CLOSER}"
    )


assert_ensemble_consistency = derive_assert(measure_ensemble_consistency)
