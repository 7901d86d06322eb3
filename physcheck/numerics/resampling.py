"""Spread of an estimate from leaving one probe out."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

__all__ = ["jackknife_sd"]


def jackknife_sd(estimate: Callable[[list[int]], float], n_probes: int) -> float:
    """Jackknife standard deviation of ``estimate(kept indices)`` over ``n_probes`` probes.

    ``sqrt((n-1)/n sum (theta_i - mean)^2)``; infinite for fewer than three probes.

    Source: Tukey, Ann. Math. Stat. 29, 614 (1958).
    """
    # Two probes leave one: its estimate says nothing of a spread.
    if n_probes < 3:
        return math.inf
    everyone = list(range(n_probes))
    values = np.array([estimate([j for j in everyone if j != i]) for i in everyone])
    return math.sqrt((n_probes - 1) / n_probes * float(np.sum((values - values.mean()) ** 2)))
