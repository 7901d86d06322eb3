"""A known random number of mean zero, taken off a mean so that its error falls."""

from __future__ import annotations

import math

import numpy as np

from physcheck.system import Floats

__all__ = ["subtract_control_variate"]

# So many replicas are needed to fit the slope.
_FEWEST_REPLICAS = 6
# The fit costs a degree of freedom: what it leaves of the variance has to be less than this.
_REMAINING_VARIANCE = 0.7


def subtract_control_variate(series: Floats, variate: Floats) -> tuple[Floats, int]:
    """The series less what a control variate explains of the replicas' means.

    ``y_r - b (x_r - 0)`` with b the slope of a straight line through the replicas: their mean is
    then the line's value at x = 0, the variate's known expectation. Where modes keep for long
    the energy that the noise of the equilibrating bath gave them, that noise is most of the
    replicas' scatter. What is alike in all replicas, as a violation is, stays.

    Parameters
    ----------
    series : (T, B) float
    variate : (B,) float
        Of expectation zero whatever the model.

    Returns
    -------
    series : (T, B) float
    fitted : int
        Degrees of freedom that it cost: 1, or 0 where nothing is gained.

    Source: Lavenberg, Welch, Management Science 27, 322 (1981), for the variance of the estimate.
    """
    count = len(variate)
    centred = variate - variate.mean()
    square = float(centred @ centred)
    if count < _FEWEST_REPLICAS or not square > 0:
        return series, 0
    means = series.mean(axis=0)
    slope = float(centred @ means) / square
    rest = means - means.mean() - slope * centred
    before = float(np.sum((means - means.mean()) ** 2))
    if not float(rest @ rest) < _REMAINING_VARIANCE * before:
        return series, 0
    # The variance of a line's value at x = 0 is that at the replicas' mean x times
    # 1 + B mean(x)²/sum (x - mean)²; the residuals are stretched so that they show it.
    stretched = math.sqrt(1 + count * float(variate.mean()) ** 2 / square) * rest
    mean = float(means.mean() - slope * variate.mean())
    controlled: Floats = series - means + mean + stretched
    return controlled, 1
