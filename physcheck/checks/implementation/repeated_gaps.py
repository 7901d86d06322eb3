"""A difference that is the same at every repetition, told from noise that is drawn anew."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from physcheck.numerics.detection import MISSED_SDS
from physcheck.numerics.noise import rounding_floor
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS, student_quantile
from physcheck.system import Floats

__all__ = ["Gap", "gap_of"]

# Outputs that are compared at most: each has its share of the chance of a false FAIL.
_OUTPUTS = 4


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The rms s of a difference over places, each asked at several copies with noise n.

    The mean over the m copies of a place has a mean square ``M = s² + n²/m``, and without a
    difference ``M m/n²`` is Fisher's F, as in an analysis of variance.

    Attributes
    ----------
    name : str
        Of the output.
    mean_square : float
        M, over places and components.
    noise : float
        n, from the scatter of copies about their place's mean.
    copies : int
    independent : float
        Components whose noise is independent, all places together.
    rounding : float
        Of storing one answer: no difference below it means anything.
    """

    name: str
    mean_square: float
    noise: float
    copies: int
    independent: float
    rounding: float

    @property
    def _of_mean(self) -> float:
        """n²/m: what noise alone leaves of the mean square."""
        return self.noise**2 / self.copies

    @property
    def _dof(self) -> float:
        return self.independent * (self.copies - 1)

    @cached_property
    def _quantiles(self) -> tuple[float, float]:
        """Of F, exceeded with the chance of a false FAIL, and not reached with that of a PASS."""
        from scipy.special import fdtri

        chances = (1 - FALSE_FAIL / _OUTPUTS, FALSE_PASS)
        high, low = (float(fdtri(self.independent, self._dof, chance)) for chance in chances)
        return high, low

    @property
    def error(self) -> float:
        """One standard deviation of s where it is above the noise."""
        return max(math.sqrt(self._of_mean / self.independent), self.rounding)

    @property
    def value(self) -> float:
        """s, zero where the noise explains all."""
        return math.sqrt(max(0.0, self.mean_square - self._of_mean))

    @property
    def noise_floor(self) -> float:
        """What noise alone may feign."""
        feigned = math.sqrt(max(0.0, self._of_mean * (self._quantiles[0] - 1)))
        return max(feigned, self.rounding)

    @property
    def low(self) -> float:
        """M = s² + 2 s b + q n²/m solved for s: noise that points along the difference."""
        b = student_quantile(FALSE_FAIL / _OUTPUTS, self._dof) * self._along
        left = self.mean_square - self._of_mean * self._quantiles[0]
        s = math.sqrt(b**2 + left) - b if left > 0 else 0.0
        return max(0.0, s - self.rounding)

    @property
    def high(self) -> float:
        """As :attr:`low`, with noise that points against it."""
        b = student_quantile(FALSE_PASS, self._dof) * self._along
        left = max(0.0, self.mean_square - self._of_mean * self._quantiles[1])
        return b + math.sqrt(b**2 + left) + self.rounding

    @property
    def _along(self) -> float:
        return math.sqrt(self._of_mean / self.independent)

    def limit(self, tolerance: float) -> float:
        """The difference at these places that is called FAIL with 95 % chance.

        The noise is an estimate, and comes out larger by chance in another run.
        """
        larger = 1 + MISSED_SDS / math.sqrt(2 * self._dof)
        needed, along = tolerance + self.rounding, larger * self._along
        b = student_quantile(FALSE_FAIL / _OUTPUTS, self._dof) * along
        noise = larger**2 * self._of_mean * max(0.0, self._quantiles[0] - 1)
        lost = MISSED_SDS * along
        return lost + math.sqrt(lost**2 + needed**2 + 2 * needed * b + noise)


def gap_of(
    name: str,
    answers: tuple[Floats, Floats],
    shape: tuple[int, int, int],
    scale: float,
    independent: int,
    dtype: str,
) -> Gap:
    """The gap of two models' answers.

    Parameters
    ----------
    answers : two arrays of (places * copies, ...)
    shape : (places, copies, -1)
    scale : float
        What differences are divided by.
    independent : int
        Components of one answer whose noise is independent.
    dtype : str
    """
    places, copies, _ = shape
    apart = ((answers[0] - answers[1]) / scale).reshape(shape)
    means = apart.mean(axis=1)
    noise = math.sqrt(float(np.mean(np.var(apart, axis=1, ddof=1))))
    largest = max(float(np.abs(answer).max()) for answer in answers)
    return Gap(
        name=name,
        mean_square=float(np.mean(means**2)),
        noise=noise,
        copies=copies,
        independent=float(places * independent),
        rounding=rounding_floor(largest, dtype) / scale if noise > 0 else 0.0,
    )
