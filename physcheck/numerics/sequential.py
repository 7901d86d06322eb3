"""Looking several times at growing data without raising the chance of a false verdict."""

from __future__ import annotations

import math

import numpy as np

from physcheck.numerics.quantiles import student_quantile
from physcheck.system import Floats

__all__ = ["doubling_looks", "spending", "student_half_width"]

# A look at data that grew by less than this factor costs a share of the chance and says little new.
_SMALLEST_STEP = 1.5


def doubling_looks(first: int, last: int) -> list[int]:
    """first, 2 first, 4 first ... and last: the sizes at which one looks.

    A step below 1.5 is left out: ``doubling_looks(16, 100) == [16, 32, 64, 100]``, and
    ``doubling_looks(16, 80) == [16, 32, 80]``.

    Raises
    ------
    ValueError
        Not ``0 < first <= last``.
    """
    if not 0 < first <= last:
        raise ValueError(f"looks from {first} to {last}: should be 0 < first <= last")
    looks = [first]
    while 2 * looks[-1] <= last:
        looks.append(2 * looks[-1])
    if looks[-1] != last:
        if len(looks) > 1 and last < _SMALLEST_STEP * looks[-1]:
            looks.pop()
        looks.append(last)
    return looks


def spending(looks: int, alpha: float, *, last_share: float = 0.5) -> Floats:
    """(looks,) the chance of a false verdict that each look may take; they sum to ``alpha``.

    The last look, where most is known, gets ``last_share`` and the earlier ones equal parts.  The
    sum bounds the chance over all looks whatever their dependence (Bonferroni).

    Raises
    ------
    ValueError
        No look at all.

    Source: Lan and DeMets, Biometrika 70, 659 (1983), for the idea of spending alpha.
    """
    if looks < 1:
        raise ValueError(f"{looks} looks, should be 1 or more")
    if looks == 1:
        return np.array([alpha])
    early = (1.0 - last_share) * alpha / (looks - 1)
    return np.array([early] * (looks - 1) + [last_share * alpha])


def student_half_width(values: Floats, chance: float) -> float:
    """Half the two-sided interval of the mean of ``values`` (B,), missed with ``chance``.

    ``t_{B-1}(1 - chance/2) s/sqrt(B)``; infinite for fewer than two values.
    """
    count = len(values)
    if count < 2:
        return math.inf
    error = float(np.std(values, ddof=1)) / math.sqrt(count)
    return student_quantile(chance / 2, count - 1) * error
