"""Means of correlated series: how long the memory is, where equilibrium begins, what the error is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from physcheck.numerics.quantiles import student_quantile
from physcheck.system import Floats

__all__ = [
    "ReplicaMean",
    "block_standard_error",
    "correlation_steps",
    "equilibration",
    "replica_mean",
]

# The window over which the autocorrelation is summed, in correlation times (Sokal).
_WINDOW = 6.0
# A block is so many times the statistical inefficiency long, and there are at most so many in a replica.
_BLOCK_LENGTH = 5.0
_MOST_BLOCKS = 8
# A chance for which blocks don't speak: the F test that admits them lets an offset of each replica pass now and then.
_RARE = 0.01
# Blocks serve where replicas don't differ by more than they allow, at this chance of doubting them wrongly.
_DOUBT = 0.05


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


@dataclass(frozen=True, slots=True)
class ReplicaMean:
    """Mean of a correlated series over moments and replicas, with an honest error.

    Attributes
    ----------
    value : float
    error : float
        One standard deviation.
    dof : int
        Degrees of freedom behind the error, for Student's t; 0 where there is none.
    inefficiency : float
        Values that say as much as one independent one, within a replica.
    independent : float
        How many independent values the mean is worth, (spread/error)².
    blocks : int
        Units in a replica that the error was taken from; 1 where replicas themselves are the unit.
    dispersion : float
        Variance of the replicas' means over what blocks within replicas allow; NaN with one block.
    replica_dof : int
        Degrees of freedom of the replicas' means alone.
    """

    value: float
    error: float
    dof: int
    inefficiency: float
    independent: float
    blocks: int
    dispersion: float
    replica_dof: int

    def half_width(self, chance: float) -> float:
        """Half the two-sided interval missed with ``chance``; infinite without degrees of freedom.

        Chances below a percent rest on the replicas alone: that these agree with their blocks by luck, while something
        in them never changes, is likelier than that.
        """
        dof = self.replica_dof if chance < _RARE else self.dof
        return student_quantile(chance / 2, dof) * self.error if dof > 0 else math.inf


def replica_mean(values: Floats, *, fitted: int = 0) -> ReplicaMean:
    """The mean over moments and replicas (n, B), its error from blocks or, where these don't mix, replicas.

    Replicas are independent by construction, so their means always tell the error, with B - 1 degrees of
    freedom.  Where blocks much longer than the correlation time fit into a replica, and the replicas'
    means scatter no more than such blocks let expect (F test), all blocks together tell it with more degrees
    of freedom; the larger of the two errors is taken even then.

    Parameters
    ----------
    values : (n, B) float
    fitted : int
        Degrees of freedom of the replicas' means that went into fits before.
    """
    series = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    n, count = series.shape
    # What all replicas do alike in time is no memory of theirs.
    alone = series - series.mean(axis=1, keepdims=True) if count > 3 else series
    inefficiency = correlation_steps(alone)
    means = series.mean(axis=0)
    value, spread = float(means.mean()), float(np.std(series))
    free = count - 1 - fitted
    between = float(np.sum((means - value) ** 2)) / free / count if free > 0 else math.inf
    blocks = int(min(_MOST_BLOCKS, n / (_BLOCK_LENGTH * inefficiency)))
    error, dof, dispersion = math.sqrt(between), free, math.nan
    if blocks >= 2:
        length = n // blocks
        block_means = series[: length * blocks].reshape(blocks, length, count).mean(axis=1)
        inner = block_means - block_means.mean(axis=0)
        inner_dof = count * (blocks - 1)
        within = float((inner**2).sum()) / inner_dof / (blocks * count)
        dispersion = between / within if within > 0 and free > 0 else math.nan
        if free < 1 or not (within > 0) or dispersion <= _f_quantile(free, inner_dof):
            parts = [(within, inner_dof)] + ([(between, free)] if free > 0 else [])
            dof = sum(weight for _, weight in parts)
            pooled = sum(part * weight for part, weight in parts) / dof
            error = math.sqrt(max(pooled, between if free > 0 else 0.0))
        else:
            blocks = 1
    else:
        blocks = 1
    if free < 1:
        # One replica tells nothing of what never changes in it.
        dof = 0
    independent = (spread / error) ** 2 if error > 0 else math.inf
    return ReplicaMean(
        value, error, max(dof, 0), inefficiency, min(independent, float(series.size)), blocks,
        dispersion, max(free, 0),
    )  # fmt: skip


def _f_quantile(above: int, below: int) -> float:
    from scipy.special import fdtri

    return float(fdtri(above, below, 1 - _DOUBT))
