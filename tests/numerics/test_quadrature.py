from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hypothesis_settings import FEW

from physcheck.numerics.quadrature import (
    Spectrum,
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


def test_kinks_under_a_smooth_part_are_extrapolated_from_the_highest_harmonics():
    # Harmonics of a smooth force fall by 80 each; those of the end of a C2 switch by k^-3.
    k = np.arange(9)
    smooth, kinks = 80.0**-k, 1e-5 * np.where(k > 0, k, 1) ** -3.0
    at_sixteen = np.sqrt(2) * 1e-5 * 16**-3.0
    found = aliasing(Spectrum(np.hypot(smooth, kinks), 16))
    assert at_sixteen < found < 2 * at_sixteen
    # Of jumps, k^-1; and a smooth surface alone is left as it was.
    jumps = 1e-5 / np.where(k > 0, k, 1)
    assert aliasing(Spectrum(np.hypot(smooth, jumps), 16)) > 0.9 * np.sqrt(2) * 1e-5 / 16
    assert aliasing(Spectrum(0.5**k, 16)) == pytest.approx(0.0066, rel=0.01)


def test_rounding_is_no_kink():
    magnitudes = np.array([1.0, 1e3, 10.0, 0.1, *[1e-6] * 5])
    assert aliasing(Spectrum(magnitudes, 16), noise=1e-6) < 1e-12
    assert aliasing(Spectrum(magnitudes, 16)) > 3e-7


AMPLITUDES = st.lists(st.tuples(st.floats(-10, 10), st.floats(0, 7)), min_size=1, max_size=7)


def series(amplitudes, n, shift=0.0):
    """A constant of 0.7 and harmonics 1, 2, ... of amplitudes and phases, at n points."""
    t = 2 * np.pi * (np.arange(n) + shift) / n
    return 0.7 + sum(a * np.cos((k + 1) * t + p) for k, (a, p) in enumerate(amplitudes))


@FEW
@given(AMPLITUDES, st.sampled_from([16, 32, 17]), st.floats(0, 1), st.floats(0.1, 10))
def test_the_trapezoid_sees_no_harmonic_below_its_points(amplitudes, n, shift, period):
    values = series(amplitudes, n, shift)
    assert periodic_integral(values, period) == pytest.approx(0.7 * period, abs=1e-12 * n * period)
    found = spectrum(values, period).magnitudes
    expected = np.array([abs(a) * period / 2 for a, _ in amplitudes])
    assert found[1 : len(expected) + 1] == pytest.approx(expected, abs=1e-11 * period)


@FEW
@given(st.lists(st.floats(-1e3, 1e3), min_size=16, max_size=16), st.floats(0.1, 10))
def test_aliasing_scales_with_its_values_and_is_never_above_the_upper_harmonics(values, factor):
    values = np.array(values)
    pooled = spectrum(values)
    found = aliasing(pooled)
    # Of kinks the highest harmonic is extrapolated, whose cosine and sine alias alike.
    assert 0 <= found <= np.sqrt(2) * pooled.magnitudes[4:].max() * (1 + 1e-12)
    assert aliasing(spectrum(factor * values)) == pytest.approx(factor * found, abs=1e-9)
