"""The smallest true violation that a measurement calls FAIL with 95 % chance.

A check FAILs where the low end of its interval is above the tolerance.  A true violation V gives a
number that scatters about V: by noise, and because few probes sample it.  The *detection limit* is
the V at which that number is still large enough in 95 of 100 repetitions.  It is never below the
tolerance.  The *noise floor* is another number: what rounding, roughness and memory may feign by
themselves, below which the low end is zero whatever is measured.

Every check computes both here, from what its own rule for a FAIL is:

- :class:`SampledRms`: an rms over random probes (loops, directions) of any violation;
- :func:`limit_of_mean`: a mean over replicas or snapshots (Student's t);
- :func:`limit_of_difference`: a difference that a law says is zero, the largest of several;
- :func:`limit_of_excess`: a number that is known but for its noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from physcheck.numerics.quantiles import (
    FALSE_FAIL,
    FALSE_FAIL_SDS,
    FALSE_PASS,
    noise_rms_quantile,
    student_quantile,
)

__all__ = [
    "INDEPENDENT",
    "MISSED",
    "MISSED_SDS",
    "SampledRms",
    "factor_to_settle",
    "largest_rms_quantile",
    "limit_of_difference",
    "limit_of_excess",
    "limit_of_mean",
    "limit_of_square",
    "needed_t",
]

#: The chance that a violation at the detection limit isn't called FAIL.
MISSED = 0.05
#: Standard deviations that a normal variate falls short of its mean with that chance.
MISSED_SDS = 1.645
#: Independent components of a difference: noise and violations are often alike in many of them.
INDEPENDENT = 3
# A number so near to the tolerance, as a share of it, isn't told from it by more of the same; the
# share of the room between them that an error is to be brought down to; and the least by which a
# run is to be longer for another verdict.
_NEXT_TO, _ROOM, _LEAST_FACTOR = 0.1, 0.8, 1.5
# How much larger an allowance may come out in another run: the integrator's in nve_drift, and noise
# known from a difference table, vary by a factor of 1.5 between seeds.
_ALLOWANCE_VARIES = 1.5
# Standard errors beyond which a mean was seen.
_SEEN_SDS = 3.0
# A forecast doubles the number of probes up to this many times.
_MOST_DOUBLINGS = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampledRms:
    """An rms over random probes, and how far it may be from the true one.

    FAIL is called where ``(rms - noise_floor)/upward > tolerance``.

    Attributes
    ----------
    rms : float
        Over the probes, noise included.
    error : float
        Standard deviation of one value by noise and truncation.
    dof : float
        Degrees of freedom behind the error.
    count : int
        Probes.
    strays : callable (count, probability) -> float
        Quantile of the rms over so many probes divided by the true rms, for the shape of a
        violation that is hardest to sample.
    values : callable (count) -> int
        How many values so many probes give: as many, or the number of their pairs.
    size_spread : float
        Relative standard deviation of the unit that the rms is measured in.
    share : float
        Of the chance of a false FAIL, what this look may take.
    """

    rms: float
    error: float
    dof: float
    count: int
    strays: Callable[[int, float], float]
    values: Callable[[int], int] = int
    size_spread: float = 0.0
    share: float = 1.0

    def noise_floor(self, count: int | None = None) -> float:
        """What noise and truncation alone exceed with half the chance of a false FAIL."""
        return self.error * noise_rms_quantile(self.values(count or self.count), self.dof)

    def upward(self, count: int | None = None) -> float:
        """How much too large the rms may come out, unit included, at the chance of a false FAIL."""
        quantile = self.strays(count or self.count, 1 - self.share * FALSE_FAIL / 2)
        return quantile * math.exp(FALSE_FAIL_SDS * self._spread(count))

    def interval(self, count: int | None = None) -> tuple[float, float]:
        """Low and high end; with ``count`` as they would be if so many probes gave the same rms."""
        low = max(0.0, self.rms - self.noise_floor(count)) / self.upward(count)
        high = self.rms / self.strays(count or self.count, FALSE_PASS)
        return low, max(high, self.error)

    def limit(self, tolerance: float, count: int | None = None) -> float:
        """The detection limit, for ``count`` probes where more were at hand than were needed."""
        number = count or self.count
        scatter = self.error / math.sqrt(self.values(number))
        needed = tolerance * self.upward(count) + self.noise_floor(count) + MISSED_SDS * scatter
        falls_short = self.strays(number, MISSED) * math.exp(-MISSED_SDS * self._spread(count))
        return max(tolerance, needed / falls_short)

    def work_needed(self, tolerance: float) -> float:
        """By what factor the probes must grow to settle the verdict, if the rms stays as it is.

        Infinite where no number of them does: the noise, or a value next to the tolerance.
        """
        for doubling in range(_MOST_DOUBLINGS):
            low, high = self.interval(self.count * 2**doubling)
            if low > tolerance or high <= tolerance:
                return float(2**doubling)
        return math.inf

    def _spread(self, count: int | None) -> float:
        return self.size_spread * math.sqrt(self.count / (count or self.count))


def needed_t(threshold: float, dof: float) -> float:
    """The true mean over its *estimated* standard error at which t exceeds ``threshold`` in 95 %.

    The noncentrality of Student's t, over the median of the estimated error, which is too small
    more often than too large where replicas are few.  Infinite without degrees of freedom.
    """
    from scipy.special import chdtri, nctdtrinc

    if not dof > 0 or not math.isfinite(threshold):
        return math.inf
    median = math.sqrt(float(chdtri(dof, 0.5)) / dof)
    return float(nctdtrinc(dof, MISSED, threshold)) / median


def limit_of_mean(
    tolerance: float, error: float, dof: float, chance: float, *, allowance: float = 0.0
) -> float:
    """The detection limit of ``|mean| - t(1 - chance/2) error - allowance > tolerance``.

    Parameters
    ----------
    error : float
        Estimated standard error of the mean, with ``dof`` degrees of freedom.
    chance : float
        Two-sided, of a false FAIL.
    allowance : float
        What else may have made the mean, such as the integrator.  It is an estimate, which comes
        out half as large again in one run or another.
    """
    least = tolerance + _ALLOWANCE_VARIES * allowance
    if error == 0:
        return least
    return least + needed_t(student_quantile(chance / 2, dof), dof) * error


def limit_of_square(
    tolerance: float, mean: float, error: float, dof: float, chance: float
) -> float | None:
    """The detection limit of a mean that goes as the square of a fault, its scatter as the fault.

    So does the heat of forces without a potential: replicas scatter by their work, of either sign,
    and its mean is of second order.  With the mean m and its error e at hand, a fault x times as
    strong gives m x² and e x, and is called where ``m x² - t e x > tolerance`` with 95 % chance.
    None where the mean is within 3 errors of zero: its scatter is then not that of a fault.
    """
    if not abs(mean) > _SEEN_SDS * error or not dof > 0:
        return None
    lost = needed_t(student_quantile(chance / 2, dof), dof) * error
    strength = (lost + math.sqrt(lost**2 + 4 * abs(mean) * tolerance)) / (2 * abs(mean))
    return abs(mean) * strength**2


def largest_rms_quantile(count: int, probability: float, components: int = INDEPENDENT) -> float:
    """The largest of ``count`` rms over few independent components, over the true rms.

    At most 1: more probes than needed don't make a violation larger than it is.
    """
    from scipy.special import chdtri

    value = chdtri(components, 1 - probability ** (1 / count)) / components
    return min(1.0, math.sqrt(float(value)))


def limit_of_difference(
    tolerance: float,
    *,
    allowance: float,
    scatter: float,
    probes: int = 1,
    components: int = INDEPENDENT,
) -> float:
    """The detection limit of ``rms - allowance > tolerance`` in any of ``probes`` differences.

    A violation differs from one random transformation or place to the next.  It is taken to be as
    uneven as a vector of random direction and length (three components), as noise is; where one
    random number makes all of it, ``components`` is 1.

    Parameters
    ----------
    allowance : float
        What noise alone exceeds with the chance of a false FAIL.
    scatter : float
        Standard deviation of the rms by noise.
    """
    needed = tolerance + allowance + MISSED_SDS * scatter
    return max(tolerance, needed / largest_rms_quantile(probes, MISSED, components))


def limit_of_excess(tolerance: float, allowance: float, scatter: float = 0.0) -> float:
    """The detection limit of ``value - allowance > tolerance`` where nothing is sampled.

    The allowance is an estimate, as in :func:`limit_of_mean`.
    """
    return tolerance + _ALLOWANCE_VARIES * allowance + MISSED_SDS * scatter


def factor_to_settle(
    tolerance: float, value: float, interval: tuple[float, float], exponent: float
) -> float:
    """By what factor a run must grow to settle its verdict, if the value stays as it is.

    The half-widths of the interval fall as the length to the power ``-1/exponent`` (2 for a mean of
    independent values).  Infinite where the value is within a tenth of the tolerance.
    """
    low, high = interval
    apart = abs(tolerance - value)
    width = high - value if value < tolerance else value - low
    if not apart > _NEXT_TO * tolerance or not math.isfinite(width):
        return math.inf
    return float(max(_LEAST_FACTOR, (width / (_ROOM * apart)) ** exponent))
