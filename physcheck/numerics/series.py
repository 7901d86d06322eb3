"""Means of correlated series: how long the memory is, and what the error of the mean is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from physcheck.numerics.quantiles import student_quantile
from physcheck.system import Floats

__all__ = ["ReplicaMean", "correlation_steps", "replica_mean"]

# The window over which the autocorrelation is summed, in correlation times (Sokal).
_WINDOW = 6.0
# Fewer values than this have no autocorrelation to speak of.
_FEWEST_VALUES = 4
# The mean is an estimate too and takes g/n of the variance away; never more than this share of it.
_MOST_TAKEN = 0.5
# A block is so many times the statistical inefficiency long, and a replica has at most so many.
_BLOCK_LENGTH = 5.0
_MOST_BLOCKS = 8
# Of more replicas than this, what they do alike in time is told from their own memory.
_FEW_REPLICAS = 3
# Below this chance blocks say nothing: the F test that admits them lets an offset of each replica
# pass now and then.
_RARE = 0.01
# Blocks serve where replicas don't differ by more than they allow, at this chance of doubting them
# wrongly.
_DOUBT = 0.05


def correlation_steps(values: Floats) -> float:
    """Statistical inefficiency g of a stationary series: n values are worth n/g independent ones.

    ``g = 1 + 2 sum over t of rho(t)``, the sum cut at the first t >= 6 g/2 (Sokal's self-consistent
    window); autocovariances of several replicas are averaged before dividing, about the common
    mean.  At least 1.

    Parameters
    ----------
    values : (n,) or (n, B) float
        One series, or replicas of it in columns.

    Source: Sokal, Monte Carlo methods in statistical mechanics (1997), sec. 3.
    """
    series = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    n = len(series)
    if n < _FEWEST_VALUES:
        return float(n)
    # The autocovariance by Fourier transforms, padded with as many zeros so that ends don't meet.
    centred = series - series.mean()
    spectrum = np.fft.rfft(centred, 2 * n, axis=0)
    covariance = np.fft.irfft((np.abs(spectrum) ** 2).mean(axis=1), 2 * n)[:n] / n
    if not covariance[0] > 0:
        return 1.0
    growing = 1.0 + 2.0 * np.cumsum(covariance[1:] / covariance[0])
    enough = np.arange(1, n) >= _WINDOW * np.maximum(growing, 1.0) / 2
    end = int(np.argmax(enough)) if enough.any() else n - 2
    raw = max(1.0, float(growing[end]))
    total = n * series.shape[1]
    # A window of lags up to end + 1, on both sides of zero, has 2 end + 3 terms.
    return float(min(raw / (1.0 - min(_MOST_TAKEN, (2 * end + 3) / total)), n))


@dataclass(frozen=True, slots=True)
class ReplicaMean:
    """Mean of a correlated series over moments and replicas, with its error.

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

        Chances below a percent rest on the replicas alone: that these agree with their blocks by
        accident, while something in them never changes, is likelier than that.
        """
        dof = self.replica_dof if chance < _RARE else self.dof
        return student_quantile(chance / 2, dof) * self.error if dof > 0 else math.inf


def replica_mean(values: Floats, *, fitted: int = 0) -> ReplicaMean:
    """The mean over moments and replicas, with an error from blocks or from replicas.

    Replicas are independent by construction, so their means always tell the error, with B - 1
    degrees of freedom.  Where blocks much longer than the correlation time fit into a replica, and
    the replicas' means scatter no more than such blocks let expect (F test), all blocks together
    tell it with more degrees of freedom; the larger of the two errors is taken even then.

    Parameters
    ----------
    values : (n, B) float
    fitted : int
        Degrees of freedom of the replicas' means that went into fits before.
    """
    series = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    n, count = series.shape
    # What all replicas do alike in time is no memory of theirs.
    alone = series - series.mean(axis=1, keepdims=True) if count > _FEW_REPLICAS else series
    inefficiency = correlation_steps(alone)
    means = series.mean(axis=0)
    value, spread = float(means.mean()), float(np.std(series))
    free = count - 1 - fitted
    between = float(np.sum((means - value) ** 2)) / free / count if free > 0 else math.inf
    error, dof, blocks, dispersion = math.sqrt(between), free, 1, math.nan
    wanted = int(min(_MOST_BLOCKS, n / (_BLOCK_LENGTH * inefficiency)))
    if wanted >= 2:
        within, inner_dof = _within_replicas(series, wanted)
        dispersion = between / within if within > 0 and free > 0 else math.nan
        if free < 1 or not (within > 0) or dispersion <= _f_quantile(free, inner_dof):
            parts = [(within, inner_dof)] + ([(between, free)] if free > 0 else [])
            dof = sum(weight for _, weight in parts)
            pooled = sum(part * weight for part, weight in parts) / dof
            error = math.sqrt(max(pooled, between if free > 0 else 0.0))
            blocks = wanted
    return ReplicaMean(
        value=value,
        error=error,
        # One replica tells nothing of what never changes in it.
        dof=max(dof, 0) if free > 0 else 0,
        inefficiency=inefficiency,
        independent=min((spread / error) ** 2 if error > 0 else math.inf, float(series.size)),
        blocks=blocks,
        dispersion=dispersion,
        replica_dof=max(free, 0),
    )


def _within_replicas(series: Floats, blocks: int) -> tuple[float, int]:
    """Squared error of the mean from blocks about the mean of their replica, and its freedom."""
    count = series.shape[1]
    length = len(series) // blocks
    means = series[: length * blocks].reshape(blocks, length, count).mean(axis=1)
    inner = means - means.mean(axis=0)
    dof = count * (blocks - 1)
    return float((inner**2).sum()) / dof / (blocks * count), dof


def _f_quantile(above: int, below: int) -> float:
    from scipy.special import fdtri

    return float(fdtri(above, below, 1 - _DOUBT))
