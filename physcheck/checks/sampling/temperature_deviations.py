"""What the sampling checks say alike: of a trajectory that blew up, and of series for plots."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from ase.data import chemical_symbols
from ase.units import kB

from physcheck.checks.conservation.no_potential import has_no_potential, measure_proof
from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.measurement import Measurement
from physcheck.model import Meter
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS, student_quantile
from physcheck.numerics.series import ReplicaMean, replica_mean
from physcheck.resolution import Resolution
from physcheck.system import Floats

__all__ = [
    "Deviation",
    "advice",
    "blown_up",
    "deviation_of",
    "measurement_of",
    "proven",
    "said_of",
    "thinned_means",
    "velocity_memory_fs",
    "worst_of",
]

Key = TypeVar("Key")

_PLOT_POINTS = 300
# Independent values: with fewer than the first nothing passes easily (its error counts twice), with fewer than the
# second nothing fails either.
_ENOUGH, _LEAST = 50, 10
_SIGMAS = 3.0
# The chance of a FAIL by mistake in size where forces are known to have no potential: there's no good model to wrong.
_LIKELY = 0.05
# A difference that shrinks between the halves, more than chance would have it, is still relaxing.
_RELAXING = 1e-2
# So many replicas are needed to fit the slope of a control variate.
_CONTROLLED, _GAIN = 6, 0.7


@dataclass(frozen=True, slots=True)
class Deviation:
    """The mean of a series that a law wants to be zero, and what may be said of it.

    Attributes
    ----------
    mean : ReplicaMean
    halves : (float, float)
        Means of the first and the second half.
    relaxing : bool
        Whether it shrinks from half to half more than chance would have it: the start isn't forgotten.
    low, high : float
        Ends of the interval of its size.
    limit : float
        The smallest size that would have been called a violation.
    doubt : float
        What the timestep adds where modes have mixed; its share by :attr:`Trajectory.mixing` is taken off the mean.
    likely_low, likely_limit : float
        As ``low`` and ``limit``, at a chance of 5 % a record: for forces that are known to have no potential. Where the deviation
        shrinks, of the second half alone.
    """

    mean: ReplicaMean
    halves: tuple[float, float]
    relaxing: bool
    low: float
    high: float
    limit: float
    doubt: float = 0.0
    likely_low: float = 0.0
    likely_limit: float = math.inf


def deviation_of(
    series: Floats,
    target: float,
    comparisons: int,
    trajectory: Trajectory,
    smallest: float = 1.0,
    luck: Floats | None = None,
    doubt: float = 0.0,
) -> Deviation:
    """Judge the mean of ``series`` (T, B) against ``target``, one of ``comparisons`` made in a record.

    To be called a violation the mean has to be three standard errors beyond the target, and never more likely
    than 1e-4 a record where the law holds. While the structure still gives off potential energy, that heat
    stays a correlation time with the share of the atoms (``smallest``) that gets it; so much isn't called one.
    Nor is what ``doubt`` of the timestep's share (:meth:`Trajectory.step_doubt`), taken off in full or not at all, explains;
    the mean has :attr:`Trajectory.mixing` of it taken off.
    """
    fitted = 0
    centre = trajectory.mixing * doubt
    series = series - centre
    if luck is not None:
        series, fitted = without_luck(series, luck)
    mean = replica_mean(series, fitted=fitted)
    middle = len(series) // 2
    first, second = series[:middle].mean(axis=0), series[middle:].mean(axis=0)
    halves = float(first.mean()), float(second.mean())
    change = np.sign(halves[0]) * (first - second)
    count = len(change)
    error = float(np.std(change, ddof=1)) / math.sqrt(count) if count > 1 else math.inf
    # What a violation builds up grows, what the warming left over shrinks.
    relaxing = bool(
        error > 0
        and abs(halves[1]) < abs(halves[0])
        and float(change.mean()) > student_quantile(_RELAXING, count - 1) * error
    )
    margin = 1.0 if mean.independent >= _ENOUGH else 2.0
    rare = mean.half_width(FALSE_FAIL / comparisons)
    # Three standard errors beyond the tolerance, and never more likely than 1e-4 where the law holds.
    width = max(_SIGMAS * mean.error, rare - target)
    if mean.independent < _LEAST:
        width = math.inf
    memory_ps = 5e-4 * mean.inefficiency * trajectory.timestep_fs
    thermal = 1.5 * kB * trajectory.temperature_K * smallest
    released = 100 * trajectory.release() * memory_ps / thermal
    likely = mean.half_width(_LIKELY / comparisons) + released
    width += released
    size = abs(mean.value)
    unsure = abs(centre)

    def least(value: float) -> float:
        """The size that is left with either end of what the timestep may have added."""
        ends = value + centre, value + centre - doubt
        return 0.0 if ends[0] * ends[1] < 0 else min(abs(end) for end in ends)

    low = 0.0 if relaxing else max(0.0, least(mean.value) - width)
    if relaxing:
        # What the start left over is mostly gone in the second half.
        likely *= math.sqrt(2)
    likely_low = max(0.0, least(halves[1] if relaxing else mean.value) - likely)
    if mean.independent < _LEAST:
        likely_low = 0.0
    high = size + mean.half_width(2 * FALSE_PASS) * margin + released + unsure
    limit = target + width + abs(doubt)
    likely_limit = target + likely + abs(doubt)
    return Deviation(mean, halves, relaxing, low, high, limit, doubt, likely_low, likely_limit)


def proven(
    found: Mapping[Key, Deviation],
    target: float,
    meter: Meter,
    trajectory: Trajectory,
    rng: np.random.Generator,
    resolution: Resolution | None,
) -> tuple[Mapping[Key, Deviation], Measurement | None]:
    """The deviations, each judged at a chance of 5 % where that matters and the forces are proven to have no potential.

    Temperatures scatter for picoseconds, so that a violation is often likely long before it is sure. That the
    law is broken at all then needs no statistics of temperatures: ``jacobian_asymmetry`` at the last snapshot settles
    it for some 20 evaluations, at its own chance of 1e-4, and all that is left to the temperatures is how much. Where
    forces have a potential nothing changes.

    Returns
    -------
    deviations
        With ``low`` and ``limit`` the likely ones, if proven.
    proof : Measurement or None
        None where none was needed, or the allotment had no room.
    """
    if any(d.low > target for d in found.values()):
        return found, None
    if not any(d.likely_low > target for d in found.values()):
        return found, None
    place = trajectory.start.at(trajectory.snapshots.positions[-1])
    proof = measure_proof(meter, place, rng, resolution)
    if not has_no_potential(proof):
        return found, proof
    return {
        key: replace(d, low=d.likely_low, limit=d.likely_limit) for key, d in found.items()
    }, proof


def said_of(proof: Measurement | None) -> str:
    """What a proof adds to the place of a deviation."""
    if proof is None or not has_no_potential(proof):
        return ""
    return f"; the forces have no potential (lambda {proof.value:.1e}), so that a chance of 5 % decides"


def measurement_of(
    found: Mapping[Key, Deviation],
    worst: Key,
    target: float,
    trajectory: Trajectory,
    meter: Meter,
    resolution: Resolution | None,
    evidence: Mapping[str, Any],
) -> Measurement:
    """The measurement of several deviations, the worst of which is shown; what ``evidence`` cost is counted."""
    shown = found[worst]
    widest = max(found.values(), key=lambda deviation: deviation.limit)
    return Measurement(
        value=abs(shown.mean.value),
        uncertainty=shown.mean.error,
        uncertainty_components={"sampling": shown.mean.error},
        interval=(max(d.low for d in found.values()), max(d.high for d in found.values())),
        detection_limit=(shown if shown.low > target else widest).limit,
        force_evaluations=meter.evaluations,
        nothing_tested="" if resolution is None else resolution.rigid_reason,
        resolve=advice(widest, target, trajectory),
        evidence=evidence,
    )


def worst_of(found: Mapping[Key, Deviation]) -> Key:
    """The deviation that is surest, and the largest of those that aren't sure at all."""
    return max(found, key=lambda key: (found[key].low, abs(found[key].mean.value)))


def without_luck(series: Floats, luck: Floats) -> tuple[Floats, int]:
    """The series (T, B) less what a known random number (B,) of mean zero explains of the replicas' means.

    A control variate: where modes keep for long the energy that the warming noise gave them, most of the
    replicas' scatter is that, and goes. The slope is that of a straight line through the replicas.

    Returns
    -------
    series : (T, B) float
    fitted : int
        Degrees of freedom that it cost: 1, or 0 where nothing is gained.
    """
    count = len(luck)
    centred = luck - luck.mean()
    square = float(centred @ centred)
    if count < _CONTROLLED or not square > 0:
        return series, 0
    means = series.mean(axis=0)
    slope = float(centred @ means) / square
    rest = means - means.mean() - slope * centred
    # Not worth a degree of freedom unless it takes away a good part of the variance.
    if not float(rest @ rest) < _GAIN * float(np.sum((means - means.mean()) ** 2)):
        return series, 0
    # The line's end at zero luck is less certain than its middle.
    grown = math.sqrt(1 + count * float(luck.mean()) ** 2 / square)
    mean = float(means.mean() - slope * luck.mean())
    controlled: Floats = series - means + mean + grown * rest
    return controlled, 1


def advice(found: Deviation, target: float, trajectory: Trajectory) -> str:
    """The length that would resolve an INCONCLUSIVE, in a sentence."""
    mean = found.mean
    if not (target > 0):
        return ""
    if mean.dof < 1:
        return "a single replica says nothing of its error: take more"
    # To pass the interval's upper end has to come down to the tolerance.
    room = max(target - abs(mean.value), 0.5 * target)
    factor = max((2.0 * mean.error / room) ** 2, _ENOUGH / max(mean.independent, 1e-9), 1.5)
    evaluations = factor * trajectory.n_steps * trajectory.n_replicas
    why = ""
    if found.relaxing:
        why = (
            f"the deviation is still shrinking ({found.halves[0]:.2g} to {found.halves[1]:.2g} % between the "
            "halves), so the start is not forgotten; "
        )
    elif mean.independent < _ENOUGH:
        why = f"only {mean.independent:.0f} independent values; "
    if mean.blocks == 1 and mean.dispersion > 1:
        why += "the modes hardly mix under a global bath, so that only more replicas tell more; "
    return f"{why}{factor * trajectory.sampled_ps:.2g} ps in all ({evaluations:.2g} evaluations) would resolve it"


def blown_up(trajectory: Trajectory, meter: Meter) -> Measurement:
    """The measurement of a trajectory that ran away: a FAIL, unless a shorter timestep cures it.

    Where that could not be tried, a FAIL if the forces have no potential.
    """
    cured = bool(trajectory.unstable_step)
    shorter = f"{trajectory.retried_fs:.2g} fs"
    said, advised = f", and so did one at {shorter}", ""
    if cured:
        advised = f"{trajectory.blown_up}, but not at {shorter}: rerun with a shorter timestep_fs"
    elif trajectory.unstable_step is None:
        proof = measure_proof(meter, trajectory.start, np.random.default_rng(0), None)
        if proof is not None and has_no_potential(proof):
            said = f"; the forces have no potential (lambda {proof.value:.1e})"
        else:
            advised = (
                f"{trajectory.blown_up}, and too few evaluations were left to try {shorter}: rerun with a shorter "
                "timestep_fs, or a larger budget"
            )
    return Measurement(
        value=0.0 if advised else math.inf,
        uncertainty=math.inf,
        interval=(0.0, math.inf),
        detection_limit=math.inf,
        force_evaluations=meter.evaluations,
        nothing_tested=advised,
        evidence={
            "place": f"{trajectory.blown_up}" + ("" if advised else said),
            "scale": f"there is no dynamics at {trajectory.temperature_K:g} K to sample",
            "quantities": {"blow_up": not advised, "trajectory": trajectory.facts()},
            "configurations": trajectory.start,
        },
    )


def thinned_means(
    series: Mapping[str, Floats], trajectory: Trajectory, scale: float
) -> dict[str, Any]:
    """Series (T, B) for plots: means over replicas and a stretch of time, and their standard errors, K."""
    found: dict[str, Any] = {}
    length = max(1, trajectory.n_steps // _PLOT_POINTS)
    count = trajectory.n_steps // length
    for name, values in series.items():
        parts = values[: count * length].reshape(count, length, -1).mean(axis=1) * scale
        found[f"temperature_{name}_K"] = parts.mean(axis=1)
        error = np.std(parts, axis=1, ddof=1) if parts.shape[1] > 1 else np.zeros(count)
        found[f"temperature_{name}_error_K"] = error / math.sqrt(parts.shape[1])
    found["time_ps"] = 1e-3 * trajectory.timestep_fs * length * (np.arange(count) + 0.5)
    return found


def velocity_memory_fs(trajectory: Trajectory) -> dict[str, float]:
    """Integral of each species' velocity autocorrelation to its first zero, fs: what a bath may shorten."""
    velocities = trajectory.velocities
    n = len(velocities)
    if n < 4:
        return {}
    numbers = trajectory.start.system.numbers
    found: dict[str, float] = {}
    for z in sorted(set(numbers.tolist())):
        own = velocities[:, :, numbers == z].reshape(n, -1).astype(np.float64)
        spectrum = np.fft.rfft(own, 2 * n, axis=0)
        covariance = np.fft.irfft((np.abs(spectrum) ** 2).mean(axis=1), 2 * n)[:n]
        covariance /= np.arange(n, 0, -1)
        if not covariance[0] > 0:
            continue
        shape = covariance[: n // 2] / covariance[0]
        below = shape <= 0
        end = int(np.argmax(below)) if below.any() else len(shape)
        found[chemical_symbols[z]] = trajectory.timestep_fs * float(shape[:end].sum() - 0.5)
    return found
