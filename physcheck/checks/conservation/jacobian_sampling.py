"""How much lambda scatters because few random directions sample the Jacobian."""

from __future__ import annotations

import math

import numpy as np

from physcheck.checks.conservation.jacobian_differences import rms_of_pairs
from physcheck.numerics.resampling import jackknife_sd
from physcheck.system import Floats

__all__ = ["sampling_spreads", "shrinkage"]

# Keeps logarithms and quotients of zero finite.
_TINY = 1e-300


def sampling_spreads(antisymmetric: Floats, responses: Floats) -> tuple[float, float]:
    """Relative standard deviations of lambda and of |J|_F, by leaving one direction out.

    The whole sampling error where directions are few, none where they span the space.
    """
    k, n = responses.shape
    squares = np.sum(responses**2, axis=1)
    logs = np.log(np.maximum(squares, _TINY)) / 2

    def log_lambda(kept: list[int]) -> float:
        part = antisymmetric[np.ix_(kept, kept)]
        size = math.sqrt(float(np.mean(squares[kept])))
        return math.log(max(rms_of_pairs(part), _TINY) / max(size, _TINY))

    def log_size(kept: list[int]) -> float:
        return float(np.mean(logs[kept]))

    left = math.sqrt(max(0.0, 1 - k / n))
    return left * jackknife_sd(log_lambda, k), left * jackknife_sd(log_size, k)


def shrinkage(value: float, error: float, pairs: float) -> float:
    """Standard deviation of lambda over that of one pair's error, by averaging over the pairs.

    The mean square over m pairs with error e has the variance (2 e^4 + 4 e^2 lambda^2)/m, and
    sd(lambda) = sd(lambda^2)/(2 lambda).  Where lambda is lost in the error, lambda^2 is known to
    e^2 sqrt(2/m), so that lambda counts as no less than the root of that.
    """
    floor: float = max(value, error * (2 / pairs) ** 0.25, _TINY)
    return math.sqrt(2 * error**2 + 4 * value**2) / (2 * floor * math.sqrt(pairs))
