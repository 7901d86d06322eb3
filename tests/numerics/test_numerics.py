from __future__ import annotations

import numpy as np
import pytest

from physcheck.numerics.noise import difference_table_noise, rounding_floor
from physcheck.numerics.quadrature import aliasing, nested_trapezoid, spectrum
from physcheck.numerics.quantiles import (
    FALSE_PASS,
    noise_rms_quantile,
    plane_rms_quantile,
    projection_rms_quantile,
    rank2_quantile,
)
from physcheck.numerics.resampling import jackknife_sd


def test_difference_table_finds_the_noise_under_a_smooth_function():
    rng = np.random.default_rng(0)
    t = 1e-4 * np.arange(7)
    smooth = np.sin(3 * t)[:, None] * np.linspace(1, 50, 60)
    noise, plateau = difference_table_noise(smooth + 2e-6 * rng.standard_normal((7, 60)))
    assert plateau
    assert noise == pytest.approx(2e-6, rel=0.15)


def test_difference_table_of_a_smooth_function_alone_is_rounding():
    t = 1e-4 * np.arange(7)
    noise, _ = difference_table_noise(np.sin(3 * t)[:, None] * np.linspace(1, 50, 60))
    assert noise < 1e-13


def test_difference_table_refuses_too_few_values():
    with pytest.raises(ValueError, match="3 values"):
        difference_table_noise(np.zeros(3))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_floor_is_what_rounding_does(dtype):
    rng = np.random.default_rng(1)
    values = rng.uniform(1.0, 2.0, 10_000).astype(np.longdouble)
    error = np.std((values.astype(dtype) - values).astype(float))
    if dtype == "float64":
        error = rounding_floor(1.5, dtype)  # longdouble may be no wider than double
    assert rounding_floor(1.5, dtype) == pytest.approx(error, rel=0.05)


def test_trapezoid_is_exact_for_short_fourier_series():
    t = 2 * np.pi * np.arange(16) / 16
    full, half = nested_trapezoid(0.7 + np.cos(3 * t) + np.sin(8 * t + 0.3))
    assert full == pytest.approx(2 * np.pi * 0.7, abs=1e-13)
    assert half != pytest.approx(2 * np.pi * 0.7, abs=1e-3)


@pytest.mark.parametrize("kink", [False, True])
def test_aliasing_bounds_the_truncation_of_most_loops(kink):
    rng = np.random.default_rng(2)
    t = 2 * np.pi * np.arange(16) / 16
    fine = 2 * np.pi * np.arange(4096) / 4096
    beyond = []
    for _ in range(60):
        errors, sampled = [], []
        for _ in range(6):  # a check pools the spectra of its loops
            phases = rng.uniform(0, 2 * np.pi, 8)
            where = rng.uniform(-1, 1, 8)

            def integrand(x, phases=phases, where=where):
                smooth = np.exp(0.3 * np.cos(x))
                if kink:
                    return smooth * sum(np.abs(np.sin(x + p) - w) for p, w in zip(phases, where))
                return smooth * sum(np.exp(np.cos(x + p) / 2) for p in phases)

            truth = nested_trapezoid(integrand(fine))[0]
            sampled.append(integrand(t))
            errors.append(nested_trapezoid(sampled[-1])[0] - truth)
        beyond.append(np.sqrt(np.mean(np.square(errors))) > 3 * aliasing(spectrum(sampled)))
    assert np.mean(beyond) <= 0.02


def test_aliasing_refuses_a_short_spectrum():
    with pytest.raises(ValueError, match="8 points"):
        aliasing(spectrum(np.ones(8)))


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


def test_jackknife_of_a_mean_is_the_standard_error():
    values = np.random.default_rng(5).standard_normal(20)
    assert jackknife_sd(lambda kept: float(values[kept].mean()), 20) == pytest.approx(
        values.std(ddof=1) / np.sqrt(20)
    )
    assert jackknife_sd(lambda kept: 0.0, 2) == np.inf
