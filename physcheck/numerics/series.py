"""Means of correlated series: how long the memory is, where equilibrium begins, what the error is."""

from __future__ import annotations

import math

import numpy as np

from physcheck.system import Floats

__all__ = ["block_standard_error", "correlation_steps", "equilibration"]

# The window over which the autocorrelation is summed, in correlation times (Sokal).
_WINDOW = 6.0


def correlation_steps(values: Floats) -> float:
    """Statistical inefficiency g of a stationary series: n values say as much as n/g independent ones.

    ``g = 1 + 2 sum over t of rho(t)``, the sum cut at the first t >= 6 g/2 (Sokal's self-consistent window);
    autocovariances of several replicas are averaged before dividing, about the common mean.  At least 1.

    Parameters
    ----------
    values : (n,) or (n, B) float
        One series, or replicas of it in columns.

    Source: Sokal, Monte Carlo methods in statistical mechanics (1997), sec. 3.
    """
    series = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    n = len(series)
    if n < 4:
        return float(n)
    centred = series - series.mean()
    spectrum = np.fft.rfft(centred, 2 * n, axis=0)
    covariance = np.fft.irfft((np.abs(spectrum) ** 2).mean(axis=1), 2 * n)[:n] / n
    if not covariance[0] > 0:
        return 1.0
    # The mean is an estimate too: it takes g/n of the variance away, which matters for short series.
    growing = 1.0 + 2.0 * np.cumsum(covariance[1:] / covariance[0])
    enough = np.arange(1, n) >= _WINDOW * np.maximum(growing, 1.0) / 2
    end = int(np.argmax(enough)) if enough.any() else n - 2
    raw = max(1.0, float(growing[end]))
    total = n * series.shape[1]
    return float(min(raw / (1.0 - min(0.5, (2 * end + 3) / total)), n))


def block_standard_error(values: Floats, n_blocks: int) -> tuple[float, int]:
    """Standard error of the mean from ``n_blocks`` equal blocks a replica, and its degrees of freedom.

    Blocks have to be longer than the correlation time; the last, incomplete one is left out.

    Parameters
    ----------
    values : (n,) or (n, B) float
    """
    series = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    length = len(series) // n_blocks
    if length < 1:
        raise ValueError(f"{len(series)} values are too few for {n_blocks} blocks")
    means = series[: length * n_blocks].reshape(n_blocks, length, -1).mean(axis=1).ravel()
    if len(means) < 2:
        return math.inf, 0
    return float(np.std(means, ddof=1)) / math.sqrt(len(means)), len(means) - 1


def equilibration(values: Floats, *, candidates: int = 12) -> tuple[int, float]:
    """Where a series is best cut so that the rest is equilibrated, and the inefficiency g of the rest.

    The start that leaves the most independent values, ``max over t0 of (n - t0)/g(t0)``, among
    ``candidates`` starts up to half of the series.

    Parameters
    ----------
    values : (n,) or (n, B) float

    Returns
    -------
    start : int
    inefficiency : float

    Source: Chodera, J. Chem. Theory Comput. 12, 1799 (2016).
    """
    series = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    n = len(series)
    starts = np.unique(np.linspace(0, n // 2, candidates).astype(int))
    choices = []
    for start in starts:
        inefficiency = correlation_steps(series[start:])
        choices.append(((n - start) / inefficiency, -int(start), inefficiency))
    _, start, inefficiency = max(choices)
    return -start, inefficiency
