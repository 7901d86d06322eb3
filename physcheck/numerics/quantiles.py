"""How far an rms over a few random probes can stray from the truth, at a stated chance.

Each quantile is one of ``rms over probes / true rms`` (so 1 is the truth).  For the probes'
sampling it is the worst case over defects, so that no shape of defect breaks the stated chance.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

__all__ = [
    "FALSE_FAIL",
    "FALSE_FAIL_SDS",
    "FALSE_PASS",
    "binomial_interval",
    "noise_rms_quantile",
    "plane_rms_quantile",
    "plane_rms_spread",
    "projection_rms_quantile",
    "rank2_quantile",
    "student_quantile",
]

# The chance of a false FAIL a record, and of a violation above the upper end of an interval.
FALSE_FAIL = 1e-4
FALSE_PASS = 0.025
# Standard deviations that a normal variate exceeds with half of FALSE_FAIL: 3.9, rounded up.
FALSE_FAIL_SDS = 4

# rms of L independent Laplace variates of unit variance: quantiles 2.5 %, 5 %, 99.99 % and
# 99.995 %, from a million samples or more each (relative error < 1 %).  L = 1 is exact:
# -log(p)/sqrt(2).
_LAPLACE_L = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 32, 48, 64])
_LAPLACE = {
    0.025: [0.0179, 0.0970, 0.1735, 0.2352, 0.2857, 0.3270, 0.3617, 0.3914, 0.4169, 0.4395,
            0.4775, 0.5086, 0.5345, 0.5755, 0.6072, 0.6533, 0.7106, 0.7461],
    0.05: [0.0363, 0.1414, 0.2293, 0.2955, 0.3476, 0.3892, 0.4233, 0.4523, 0.4771, 0.4989,
           0.5350, 0.5637, 0.5878, 0.6263, 0.6554, 0.6979, 0.7493, 0.7808],
    1 - 1e-4: [6.51, 5.01, 4.30, 3.88, 3.578, 3.352, 3.171, 3.022, 2.900, 2.799, 2.633, 2.507,
               2.398, 2.238, 2.120, 1.951, 1.757, 1.644],
    1 - 5e-5: [7.00, 5.36, 4.61, 4.13, 3.793, 3.543, 3.349, 3.192, 3.057, 2.943, 2.746, 2.610,
               2.502, 2.324, 2.196, 2.026, 1.808, 1.690],
}  # fmt: skip


# Nodes of the quadrature in rank2_quantile, the range in which it looks for the quantile (far
# beyond those of any chance that is used), and how exactly.
_NODES, _RATIOS, _PRECISION = 400, (1e-3, 20.0), 1e-4


def student_quantile(chance: float, dof: float) -> float:
    """What Student's t exceeds with ``chance``, one-sided; infinite without degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(dof, 1 - chance)) if dof > 0 else math.inf


def plane_rms_quantile(n_planes: int, probability: float) -> float:
    """rms of the works around ``n_planes`` loops in random planes, over its expectation.

    The worst case is an antisymmetric part of rank 2, A ~ p q^T - q p^T: the work
    u.A v = (u.p)(v.q) - (u.q)(v.p) of normal u, v is a Laplace variate.

    Parameters
    ----------
    n_planes : int
        Beyond 64 the value at 64 is returned, which is on the safe side.
    probability : 0.025, 0.05, 1 - 1e-4 or 1 - 5e-5
    """
    table = _LAPLACE[probability]
    return float(np.interp(np.log(n_planes), np.log(_LAPLACE_L), table))


def plane_rms_spread(n_planes: int) -> float:
    """Relative standard deviation of the rms work around ``n_planes`` loops in random planes.

    Of Laplace variates (rank 2): their kurtosis is 6, so that the mean square has the relative
    variance (6 - 1)/L, and the root halves its standard deviation.  The spread of a few such
    heavy-tailed works would understate it.
    """
    return math.sqrt(5 / n_planes) / 2


def projection_rms_quantile(n_probes: int, dimension: int, probability: float) -> float:
    """rms component of a vector along orthonormal random directions, over the true rms.

    Exact: |P g|^2/|g|^2 is Beta(d/2, (n - d)/2).  1 when the probes span the space.
    """
    if n_probes >= dimension:
        return 1.0
    from scipy.special import betaincinv

    share = betaincinv(n_probes / 2, (dimension - n_probes) / 2, probability)
    return math.sqrt(float(share) * dimension / n_probes)


@cache
def rank2_quantile(n_directions: int, dimension: int, probability: float) -> float:
    """|J_anti| estimated from k orthonormal random directions over its true value, for rank 2.

    Of p and q the k directions measure the projections.  Their Gram determinant is a product of
    Beta(k/2, (n-k)/2) and Beta((k-1)/2, (n-k)/2), in the limit n >> k chi2_k chi2_{k-1}/(k(k-1)).
    Higher ranks spread less.  1 when the directions span the space.

    Raises
    ------
    ValueError
        Fewer than 2 directions.
    """
    k, n = n_directions, dimension
    if k >= n:
        return 1.0
    if k < 2:
        raise ValueError("an antisymmetric part needs at least 2 directions")
    from scipy.optimize import brentq
    from scipy.special import betainc, betaincinv

    scale = n * (n - 1) / (k * (k - 1))
    # Integrating over the first factor's probability keeps the integrand bounded; the nodes crowd
    # at both ends, where the tails of the product are made: probability sin^2, midpoints of the
    # angle.
    angle = (np.arange(_NODES) + 0.5) * np.pi / (2 * _NODES)
    factor = betaincinv(k / 2, (n - k) / 2, np.sin(angle) ** 2)
    weight = np.sin(2 * angle) * np.pi / (2 * _NODES)

    def distribution(ratio: float) -> float:
        other = np.minimum(ratio**2 / scale / factor, 1.0)
        return float(weight @ betainc((k - 1) / 2, (n - k) / 2, other)) - probability

    lowest, highest = _RATIOS
    return float(brentq(distribution, lowest, min(highest, math.sqrt(scale)), xtol=_PRECISION))


def noise_rms_quantile(n_values: int, dof: float, probability: float = 1 - FALSE_FAIL / 2) -> float:
    """rms of ``n_values`` noise values over the estimated standard deviation of that noise.

    ``sqrt(F_{m, dof})`` (Fisher): Student's t for one value, chi for a noise that is known exactly.
    """
    from scipy.special import fdtri

    return math.sqrt(float(fdtri(n_values, dof, probability)))


def binomial_interval(successes: int, trials: int) -> tuple[float, float]:
    """The share of successes, each end missed with a chance of 2.5 % at most; (0, 1) of no trials.

    Source: Clopper, Pearson, Biometrika 26, 404 (1934).
    """
    from scipy.special import betaincinv

    low, high = 0.0, 1.0
    if successes > 0:
        low = float(betaincinv(successes, trials - successes + 1, FALSE_PASS))
    if successes < trials:
        high = float(betaincinv(successes + 1, trials - successes, 1 - FALSE_PASS))
    return low, high
