from __future__ import annotations

import numpy as np
import pytest

from physcheck.numerics.noise import difference_table_noise, grid_spacing, rounding_floor


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


def test_grid_spacing_knows_float32_and_decimals_and_nothing_in_float64():
    values = 2e4 + np.random.default_rng(2).standard_normal(14)
    assert grid_spacing(values) == 0.0
    assert grid_spacing(values.astype(np.float32)) == 2.0**-9
    assert grid_spacing(np.round(values, 5)) == pytest.approx(1e-5)
    # What never changes is no number that was cut.
    assert grid_spacing(np.full(14, 0.5)) == pytest.approx(2.0**-24)
    assert grid_spacing(np.zeros(3)) == grid_spacing(np.array([np.inf, 1.0])) == 0.0
    short = np.random.default_rng(3).standard_normal(30).astype(np.float16)
    assert grid_spacing(short) == np.spacing(np.abs(short).max())
