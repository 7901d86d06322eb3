from __future__ import annotations

import numpy as np
import pytest

from physcheck.numerics.resampling import jackknife_sd


def test_jackknife_of_a_mean_is_the_standard_error():
    values = np.random.default_rng(5).standard_normal(20)
    assert jackknife_sd(lambda kept: float(values[kept].mean()), 20) == pytest.approx(
        values.std(ddof=1) / np.sqrt(20)
    )
    assert jackknife_sd(lambda kept: 0.0, 2) == np.inf
