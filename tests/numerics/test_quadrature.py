from __future__ import annotations

import numpy as np
import pytest

from physcheck.numerics.quadrature import (
    aliasing,
    periodic_integral,
    running_integral,
    spectrum,
)


def test_trapezoid_is_exact_for_short_fourier_series():
    t = 2 * np.pi * np.arange(16) / 16
    values = 0.7 + np.cos(3 * t) + np.sin(8 * t + 0.3)
    assert periodic_integral(values) == pytest.approx(2 * np.pi * 0.7, abs=1e-13)
    assert periodic_integral(values[::2]) != pytest.approx(2 * np.pi * 0.7, abs=1e-3)


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

            truth = periodic_integral(integrand(fine))
            sampled.append(integrand(t))
            errors.append(periodic_integral(sampled[-1]) - truth)
        beyond.append(np.sqrt(np.mean(np.square(errors))) > 3 * aliasing(spectrum(sampled)))
    assert np.mean(beyond) <= 0.02


def test_aliasing_refuses_a_short_spectrum():
    with pytest.raises(ValueError, match="8 points"):
        aliasing(spectrum(np.ones(8)))


@pytest.mark.parametrize("n", [15, 16])
def test_the_running_integral_is_exact_for_short_fourier_series(n):
    t = 2 * np.pi * np.arange(n) / n
    values = 0.7 + np.cos(3 * t) - 2 * np.sin(2 * t)
    ends = np.append(t, 2 * np.pi)
    expected = 0.7 * ends + np.sin(3 * ends) / 3 + np.cos(2 * ends) - 1
    assert running_integral(values) == pytest.approx(expected, abs=1e-12)
    assert running_integral(values)[-1] == pytest.approx(periodic_integral(values))
