"""Do energies at two temperatures differ as one energy's ensembles must?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.units import kB

from physcheck.checks.sampling.temperature_deviations import blown_up
from physcheck.checks.sampling.trajectory import Trajectory, make_trajectory, shared_evaluations
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS, student_quantile
from physcheck.numerics.series import ReplicaMean, replica_mean
from physcheck.registry import Budget, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = [
    "assert_ensemble_consistency",
    "measure_ensemble_consistency",
    "slope_error",
    "two_ensemble_slope",
]

_QUANTITY = "deviation of the energies' log ratio from its slope"
_SIGMAS = 3.0
# The second temperature is so many standard deviations of the energy away, as far as overlap allows (and at most so
# much of the first).
_APART, _FARTHEST = 2.0, 0.25
_SECOND: dict[Budget, int] = {"quick": 3000, "standard": 3000, "full": 50_000}
_NEWTON = 50


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return _SECOND[budget]


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    return "one atom alone has no inner motion" if start.n_atoms < 2 else None


@check(
    family="sampling",
    quantity=_QUANTITY,
    unit="%",
    needs={"forces", "energy"},
    kind="law",
    title="energies at two temperatures are not those of one ensemble",
    causes="forces that are not the gradient of the energy; forces predicted directly",
    advice="report the energy whose gradient the forces are (force_energy_gap), or sample "
    "with conservative forces before energies are reweighted",
    tolerances=Tolerances(
        screening=30.0,
        md=10.0,
        tight=3.0,
        reason="the slope is a difference of inverse temperatures: 10 % of it is what heat "
        "capacities and reweighting between temperatures are off by; statistics of a "
        "picosecond tell 30 %, those of a nanosecond 3 %",
        source="Shirts, J. Chem. Theory Comput. 9, 909 (2013)",
    ),
    evaluations=_evaluations,
    options={budget: {"second_evaluations": n} for budget, n in _SECOND.items()},
    shared=shared_evaluations,
    applies=_applies,
)
def measure_ensemble_consistency(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    tolerance: float | None = None,
    evaluations: int = 24_000,
    second_evaluations: int = 3000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Potential energies sampled at two temperatures differ by exp(-(1/kT1 - 1/kT2) E).

    A second trajectory runs at a temperature two standard deviations of the energy away (25 % at most). The slope
    of ``ln P2(E)/P1(E)`` is found by maximum likelihood (logistic regression) and held against
    ``1/kT1 - 1/kT2``; judged is its relative deviation, in percent. The error follows from those of both mean
    energies (blocks or replicas) and of the width, with Student's t; energy that a structure gives off while
    it settles is allowed for. A FAIL needs three standard errors beyond the tolerance, and a chance of 1e-4.

    Can't see: faults that are alike at both temperatures, such as an offset. Energies relax slowly in liquids, so
    that picoseconds say little there: small systems tell most.

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    trajectory : Trajectory
        The first one, shared with other checks; else it is made here.
    tolerance : float, %
    evaluations, replicas : int
        Of the first trajectory, if it is made here; so are ``temperature_K`` and ``timestep_fs``.
    second_evaluations : int
        Of the second trajectory.

    Raises
    ------
    CapabilityMissing
        No energy, or a single atom.
    ModelError, NonFiniteOutput

    Cost: at most ``evaluations`` and ``second_evaluations``.

    Source: Shirts, J. Chem. Theory Comput. 9, 909 (2013).
    """
    meter = Meter(model)
    one = as_configurations(start)
    target = default_tolerance("ensemble_consistency") if tolerance is None else tolerance
    if trajectory is None:
        trajectory = make_trajectory(
            meter, one, rng=rng, evaluations=evaluations, replicas=replicas,
            temperature_K=temperature_K, timestep_fs=timestep_fs,
        )  # fmt: skip
    if trajectory.blown_up:
        return blown_up(trajectory, meter)
    first_K = trajectory.temperature_K
    width = float(trajectory.potential.std())
    apart = _FARTHEST if not width > 0 else min(_FARTHEST, _APART * kB * first_K / width)
    second_K = first_K * (1 + apart)
    other = make_trajectory(
        meter, one, rng=rng, evaluations=second_evaluations, temperature_K=second_K,
        timestep_fs=trajectory.timestep_fs, replicas=replicas,
    )  # fmt: skip
    if other.blown_up:
        return blown_up(other, meter)
    found = _compare(trajectory, other, 1 / (kB * first_K) - 1 / (kB * second_K))
    value, error = abs(found.deviation), found.error
    rare = student_quantile(FALSE_FAIL / 2, found.replica_dof) * error
    beyond = max(_SIGMAS * error, rare - target) + found.settling
    ahead = student_quantile(FALSE_PASS, found.dof) * error + found.settling
    length = 1e-3 * other.timestep_fs * other.n_steps
    factor = max(1.5, (ahead / max(target - value, 0.5 * target)) ** 2) if target > 0 else math.inf
    spent = trajectory.n_steps * trajectory.n_replicas + other.n_steps * other.n_replicas
    nothing = "" if resolution is None else resolution.rigid_reason
    return Measurement(
        value=value,
        uncertainty=math.hypot(error, found.settling),
        uncertainty_components={"sampling": error, "truncation": found.settling},
        interval=(max(0.0, value - beyond), value + ahead),
        detection_limit=target + beyond,
        force_evaluations=meter.evaluations,
        nothing_tested=nothing or ("" if width > 0 else "the energy doesn't change"),
        resolve=""
        if not width > 0
        else f"replicas of {factor * length:.2g} ps ({factor * spent:.2g} evaluations in all) would resolve it",
        evidence={
            "place": f"slope {found.slope:.3g} between {first_K:g} and {second_K:.4g} K, expected {found.expected:.3g} "
            "per eV",
            "scale": f"as if the temperatures were {found.slope / found.expected * (second_K - first_K):.3g} K apart "
            f"instead of {second_K - first_K:.3g}",
            "quantities": {
                "slope_per_eV": found.slope,
                "expected_per_eV": found.expected,
                "temperatures_K": [first_K, second_K],
                "mean_energies_eV": [m.value for m in found.means],
                "mean_energy_errors_eV": [m.error for m in found.means],
                "settling_percent": found.settling,
                "trajectory": trajectory.facts(),
                "second_trajectory": other.facts(),
            },
        },
    )


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
        chance = 1 / (1 + np.exp(-np.clip(parameters @ x, -50, 50)))
        gradient = x @ (weights * (labels - chance))
        curvature = (x * (weights * chance * (1 - chance))) @ x.T
        step = np.linalg.solve(curvature + 1e-12 * np.eye(2), gradient)
        parameters = parameters + np.clip(step, -2, 2)
        if float(np.abs(step).max()) < 1e-10:
            break
    return float(parameters[1]) / scale


def slope_error(
    first: Floats, second: Floats, means: tuple[ReplicaMean, ReplicaMean], expected: float
) -> float:
    """Standard error of :func:`two_ensemble_slope`, from those of both means and of the width.

    For normal distributions the slope is the difference of the means over the variance, so that correlated and
    uncorrelated series are treated alike: by what their means are worth.
    """
    variance = 0.5 * (float(first.var()) + float(second.var()))
    if not variance > 0:
        return math.inf
    by_means = math.hypot(*(m.error for m in means)) / variance
    by_width = abs(expected) * math.sqrt(2 / sum(max(m.independent, 1.0) for m in means))
    return math.hypot(by_means, by_width)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The slope, and its relative deviation in percent with what it may be off by."""

    slope: float
    expected: float
    error: float
    settling: float
    dof: float
    replica_dof: float
    means: tuple[ReplicaMean, ReplicaMean]

    @property
    def deviation(self) -> float:
        """In percent."""
        return 100 * (self.slope / self.expected - 1)


def _compare(first: Trajectory, second: Trajectory, expected: float) -> _Comparison:
    energies = first.potential[1:], second.potential[1:]
    means = replica_mean(energies[0]), replica_mean(energies[1])
    slope = two_ensemble_slope(*energies)
    variance = 0.5 * sum(float(e.var()) for e in energies)
    errors = [m.error**2 for m in means]
    dof, replica_dof = (
        _welch(errors, [getattr(m, kind) for m in means]) for kind in ("dof", "replica_dof")
    )
    # What each gives off over the run shifts its mean by half of that.
    drifts = [
        t.release() * t.start.n_atoms * 1e-3 * t.timestep_fs * t.n_steps / 2
        for t in (first, second)
    ]
    settling = 100 * sum(drifts) / variance / abs(expected) if variance > 0 else math.inf
    error = 100 * slope_error(energies[0], energies[1], means, expected) / abs(expected)
    return _Comparison(slope, expected, error, settling, dof, replica_dof, means)


def _welch(squares: Sequence[float], dofs: Sequence[int]) -> float:
    """Degrees of freedom of a sum of squared errors (Welch and Satterthwaite); 0 where one of them has none."""
    if min(dofs) < 1:
        return 0.0
    spread = sum(e**2 / dof for e, dof in zip(squares, dofs, strict=True))
    return float(sum(squares)) ** 2 / spread if spread > 0 else 0.0


assert_ensemble_consistency = derive_assert(measure_ensemble_consistency)
