from __future__ import annotations

import numpy as np
import pytest

from physcheck.numerics.quantiles import (
    FALSE_PASS,
    noise_rms_quantile,
    plane_rms_quantile,
    plane_rms_spread,
    projection_rms_quantile,
    rank2_quantile,
)


def test_plane_quantiles_are_those_of_rank_two():
    rng = np.random.default_rng(3)
    g = rng.standard_normal((40_000, 8, 4))
    works = (g[..., 0] * g[..., 3] - g[..., 1] * g[..., 2]) / np.sqrt(2)
    rms = np.sqrt(np.mean(works**2, axis=1))
    assert np.quantile(rms, FALSE_PASS) == pytest.approx(
        plane_rms_quantile(8, FALSE_PASS), rel=0.02
    )
    assert np.quantile(rms, 1 - 1e-4) == pytest.approx(plane_rms_quantile(8, 1 - 1e-4), rel=0.1)


@pytest.mark.parametrize(("k", "expected"), [(8, 0.38), (16, 0.54), (32, 0.67)])
def test_rank2_quantile_in_the_limit_of_many_coordinates(k, expected):
    assert rank2_quantile(k, 10**6, FALSE_PASS) == pytest.approx(expected, abs=0.006)


def test_rank2_quantile_against_sampling_in_few_coordinates():
    rng = np.random.default_rng(4)
    n, k = 12, 5
    ratios = []
    for _ in range(8000):
        q = np.linalg.qr(rng.standard_normal((n, n)))[0]
        p, r = q[0, :k], q[1, :k]
        gram = (p @ p) * (r @ r) - (p @ r) ** 2
        ratios.append(np.sqrt(gram * n * (n - 1) / (k * (k - 1))))
    assert np.quantile(ratios, FALSE_PASS) == pytest.approx(
        rank2_quantile(k, n, FALSE_PASS), rel=0.06
    )
    assert np.quantile(ratios, 0.99) == pytest.approx(rank2_quantile(k, n, 0.99), rel=0.04)


def test_spanning_probes_leave_no_sampling_error():
    assert rank2_quantile(9, 9, 0.5) == 1.0
    assert projection_rms_quantile(9, 9, 0.5) == 1.0


def test_noise_quantile_is_students_t_for_one_value():
    from scipy.stats import t

    assert noise_rms_quantile(1, 7, 0.99) == pytest.approx(t.ppf(0.995, 7))


def test_spread_of_the_rms_over_many_planes():
    rng = np.random.default_rng(6)
    works = rng.laplace(size=(4000, 50))
    rms = np.sqrt(np.mean(works**2, axis=1))
    assert np.std(rms) / np.mean(rms) == pytest.approx(plane_rms_spread(50), rel=0.1)
