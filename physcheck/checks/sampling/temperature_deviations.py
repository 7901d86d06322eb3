"""Mean deviations of temperatures: their intervals, and the measurement made of several of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from ase.units import kB

from physcheck.checks.sampling.control_variate import subtract_control_variate
from physcheck.checks.sampling.sampled_model import SampledModel
from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.measurement import Measurement
from physcheck.numerics.detection import factor_to_settle, limit_of_mean, needed_t
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS, student_quantile
from physcheck.numerics.series import ReplicaMean, replica_mean
from physcheck.system import Floats

__all__ = [
    "NO_ERROR",
    "Deviation",
    "deviation_of",
    "limit_of_certain",
    "measurement_of",
    "worst_of",
]

Key = TypeVar("Key")

#: Why there is no detection limit.
NO_ERROR = "too few independent values to call anything"

# Below so many independent values the error counts twice for a PASS ...
_ENOUGH, _FEW_VALUES_MARGIN = 50, 2.0
# ... and below so many nothing fails either: their scatter is too poor an estimate of the error.
_LEAST = 10
# A FAIL needs so many standard errors beyond the tolerance.
_SIGMAS = 3.0
# The chance of a FAIL by mistake in size where forces are known to have no potential: no good model
# can be wronged by it.
_LIKELY = 0.05
# A difference that shrinks from half to half is still relaxing, unless chance does that this often.
_RELAXING = 1e-2
# Correlation time in units of the statistical inefficiency g = 1 + 2 tau, for long tau.
_CORRELATION_PER_INEFFICIENCY = 0.5
# One standard error of half the run is sqrt(2) times that of the whole.
_HALF_RUN = math.sqrt(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """The mean of a series that a law wants to be zero, in percent of the temperature.

    Attributes
    ----------
    mean : ReplicaMean
    halves : (float, float)
        Means of the first and the second half.
    relaxing : bool
        Whether it shrinks from half to half more than chance would have it: it is then what the
        start left, not what forces build up.
    low, high : float
        Ends of the interval of its size.
    detection_limit : float
        The smallest true size that would have been called a violation with 95 % chance; infinite
        where there are too few values.
    noise_floor : float
        What the timestep and the start may have left.
    timestep_bias : float
        What the timestep adds where modes have mixed (:meth:`Trajectory.timestep_bias`).
    likely_low, likely_detection_limit : float
        As ``low`` and ``detection_limit`` at a chance of 5 % in place of 1e-4 a record, for forces
        that are known (at 1e-4) to have no potential. Of the second half alone where the deviation
        shrinks.
    """

    mean: ReplicaMean
    halves: tuple[float, float]
    relaxing: bool
    low: float
    high: float
    detection_limit: float
    noise_floor: float = 0.0
    timestep_bias: float = 0.0
    likely_low: float = 0.0
    likely_detection_limit: float = math.inf


def deviation_of(
    series: Floats,
    tolerance: float,
    trajectory: Trajectory,
    *,
    comparisons: int = 1,
    smallest_share: float = 1.0,
    bath_noise: Floats | None = None,
    timestep_bias: float = 0.0,
) -> Deviation:
    """The mean of ``series`` with its interval, one of ``comparisons`` made in a record.

    To be called a violation the mean has to be three standard errors beyond the tolerance, and
    never more likely than 1e-4 a record where the law holds. Allowed for besides are the heat
    that a structure releases while it still relaxes, and what the timestep may add. A PASS counts
    the error twice below 50 independent values; below 10 nothing FAILs.

    Parameters
    ----------
    series : (T, B) float, percent
    tolerance : float, percent
    smallest_share : float
        Share of the atoms that all the released heat may go to.
    bath_noise : (B,) float, percent
        Control variate (:mod:`physcheck.checks.sampling.control_variate`).
    timestep_bias : float, percent
        Of this, :attr:`Trajectory.mixing` is taken off the mean; a FAIL has to hold with all of it
        and with none.
    """
    centre = trajectory.mixing * timestep_bias
    series = series - centre
    fitted = 0
    if bath_noise is not None:
        series, fitted = subtract_control_variate(series, bath_noise)
    mean = replica_mean(series, fitted=fitted)
    halves, relaxing = _halves(series)
    released = _released_heat(mean, trajectory, smallest_share)
    hidden = released + abs(timestep_bias)
    certain, likely = _half_widths(mean, tolerance, comparisons, released)
    if relaxing:
        # Most of what the start left is gone in the second half, which is judged alone.
        likely *= _HALF_RUN
    margin = 1.0 if mean.independent >= _ENOUGH else _FEW_VALUES_MARGIN
    upper = mean.half_width(2 * FALSE_PASS) * margin
    remaining = halves[1] if relaxing else mean.value
    least = _least_size(remaining, centre, timestep_bias)
    enough = mean.independent >= _LEAST
    limits = _limits(mean, tolerance, comparisons, relaxing) if enough else (math.inf, math.inf)
    return Deviation(
        mean=mean,
        halves=halves,
        relaxing=relaxing,
        low=0.0 if relaxing else max(0.0, _least_size(mean.value, centre, timestep_bias) - certain),
        high=abs(mean.value) + upper + released + abs(centre),
        detection_limit=hidden + limits[0],
        noise_floor=hidden,
        timestep_bias=timestep_bias,
        likely_low=max(0.0, least - likely) if enough else 0.0,
        likely_detection_limit=hidden + limits[1],
    )


def _limits(
    mean: ReplicaMean, tolerance: float, comparisons: int, relaxing: bool
) -> tuple[float, float]:
    """The detection limits of a certain violation and of a likely one, nothing allowed for."""
    chance = FALSE_FAIL / comparisons
    certain = limit_of_certain(tolerance, mean.error, mean.dof, chance, mean.replica_dof)
    error = mean.error * (_HALF_RUN if relaxing else 1.0)
    return certain, limit_of_mean(tolerance, error, mean.dof, _LIKELY / comparisons)


def limit_of_certain(
    tolerance: float, error: float, dof: float, chance: float, replica_dof: float
) -> float:
    """The detection limit where a FAIL needs three standard errors beyond the tolerance.

    And no more than ``chance`` where the law holds exactly, which rests on the replicas alone, with
    their ``replica_dof``.  Infinite without degrees of freedom.
    """
    if not (dof > 0 and replica_dof > 0):
        return math.inf
    beyond = needed_t(_SIGMAS, dof) * error
    rare = needed_t(student_quantile(chance / 2, replica_dof), dof) * error
    return max(tolerance + beyond, rare)


def _halves(series: Floats) -> tuple[tuple[float, float], bool]:
    """Means of the first and second half of (T, B), and whether the mean is still relaxing.

    What a violation builds up grows, what the equilibration left shrinks.
    """
    middle = len(series) // 2
    first, second = series[:middle].mean(axis=0), series[middle:].mean(axis=0)
    halves = float(first.mean()), float(second.mean())
    change = np.sign(halves[0]) * (first - second)
    count = len(change)
    error = float(np.std(change, ddof=1)) / math.sqrt(count) if count > 1 else math.inf
    relaxing = bool(
        error > 0
        and abs(halves[1]) < abs(halves[0])
        and float(change.mean()) > student_quantile(_RELAXING, count - 1) * error
    )
    return halves, relaxing


def _released_heat(mean: ReplicaMean, trajectory: Trajectory, smallest_share: float) -> float:
    """Percent of temperature that the potential energy still released may account for.

    The heat stays with the atoms that get it for a correlation time.
    """
    memory_steps = _CORRELATION_PER_INEFFICIENCY * 1e-3 * mean.inefficiency
    memory_ps = memory_steps * trajectory.timestep_fs
    thermal = 1.5 * kB * trajectory.temperature_K * smallest_share
    return 100 * trajectory.energy_release() * memory_ps / thermal


def _half_widths(
    mean: ReplicaMean, tolerance: float, comparisons: int, released: float
) -> tuple[float, float]:
    """Half-widths below the mean: for a certain violation, and for a likely one."""
    rare = mean.half_width(FALSE_FAIL / comparisons)
    # The chance of 1e-4 counts from zero, where the law holds; three sigmas count from the
    # tolerance.
    certain = max(_SIGMAS * mean.error, rare - tolerance)
    if mean.independent < _LEAST:
        certain = math.inf
    return certain + released, mean.half_width(_LIKELY / comparisons) + released


def _least_size(value: float, centre: float, timestep_bias: float) -> float:
    """The size that is left of ``value`` with nothing or all of the timestep's bias taken off.

    ``centre`` of it is taken off already.
    """
    ends = value + centre, value + centre - timestep_bias
    return 0.0 if ends[0] * ends[1] < 0 else min(abs(end) for end in ends)


def worst_of(found: Mapping[Key, Deviation]) -> Key:
    """The deviation with the largest lower end; the largest where no lower end is above zero."""
    return max(found, key=lambda key: (found[key].low, abs(found[key].mean.value)))


def measurement_of(
    found: Mapping[Key, Deviation], sampled: SampledModel, evidence: Mapping[str, Any]
) -> Measurement:
    """The measurement of several deviations: the worst is shown, and any of them may FAIL."""
    shown = found[worst_of(found)]
    widest = max(found.values(), key=lambda deviation: deviation.detection_limit)
    certain = shown.low > sampled.tolerance
    limit = (shown if certain else widest).detection_limit
    factor = _factor(widest, sampled.tolerance)
    return Measurement(
        value=abs(shown.mean.value),
        uncertainty=shown.mean.error,
        uncertainty_components={"sampling": shown.mean.error},
        interval=(max(d.low for d in found.values()), max(d.high for d in found.values())),
        detection_limit=limit if math.isfinite(limit) else None,
        limit_unknown="" if math.isfinite(limit) else NO_ERROR,
        noise_floor=max(d.noise_floor for d in found.values()),
        force_evaluations=sampled.meter.evaluations,
        nothing_tested=sampled.nothing_tested,
        resolve=_how_to_resolve(widest, sampled, factor),
        work_needed=factor,
        evidence=evidence,
    )


def _factor(found: Deviation, tolerance: float) -> float:
    """How many times as long a run would settle the verdict; infinite if none would."""
    mean = found.mean
    if not tolerance > 0 or mean.dof < 1:
        return math.inf
    by_error = factor_to_settle(tolerance, abs(mean.value), (found.low, found.high), 2)
    return max(by_error, _ENOUGH / max(mean.independent, 1e-9))


def _how_to_resolve(found: Deviation, sampled: SampledModel, factor: float) -> str:
    """What would resolve an INCONCLUSIVE, in a sentence."""
    mean = found.mean
    if not (sampled.tolerance > 0):
        return ""
    if mean.dof < 1:
        return "a single replica shows no error of its mean: pass replicas=4 or more"
    why = ""
    if found.relaxing:
        why = (
            f"the difference is still shrinking ({found.halves[0]:.2g} to {found.halves[1]:.2g} % "
            "between the halves of the run), so that it may be left from the start; "
        )
    elif mean.independent < _ENOUGH:
        why = f"the run has only {mean.independent:.0f} independent values; "
    if mean.blocks == 1 and mean.dispersion > 1:
        why += "modes hardly exchange energy here, so that only more replicas help; "
    return why + sampled.longer_run(factor)
