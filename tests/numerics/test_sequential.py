"""Repeated looks at growing data."""

from __future__ import annotations

import numpy as np
import pytest

from physcheck.numerics.sequential import doubling_looks, spending, student_half_width


def test_looks():
    assert doubling_looks(16, 100) == [16, 32, 64, 100]
    assert doubling_looks(16, 64) == [16, 32, 64]
    assert doubling_looks(16, 16) == [16]
    assert doubling_looks(16, 20) == [16, 20]
    with pytest.raises(ValueError, match="0 < first"):
        doubling_looks(10, 5)
    assert spending(3, 1e-4).sum() == pytest.approx(1e-4)
    assert spending(1, 0.05) == pytest.approx([0.05])
    with pytest.raises(ValueError, match="1 or more"):
        spending(0, 0.1)


def test_repeated_looks_keep_the_chance():
    rng = np.random.default_rng(3)
    looks = doubling_looks(16, 128)
    chances = spending(len(looks), 0.05)
    false = 0
    for _ in range(1500):
        walk = np.cumsum(rng.standard_normal((128, 6)), axis=0)
        means = [walk[n - 1] / n for n in looks]
        false += any(
            abs(m.mean()) > student_half_width(m, c) for m, c in zip(means, chances, strict=True)
        )
    assert false / 1500 < 0.06
    assert student_half_width(np.array([1.0]), 0.1) == np.inf
