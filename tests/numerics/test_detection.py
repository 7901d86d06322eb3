"""The detection limit is what it says: violations of that size FAIL in 95 of 100 cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from physcheck.numerics.detection import (
    SampledRms,
    factor_to_settle,
    largest_rms_quantile,
    limit_of_difference,
    limit_of_excess,
    limit_of_mean,
    limit_of_square,
    needed_t,
)
from physcheck.numerics.quantiles import (
    FALSE_FAIL,
    plane_rms_quantile,
    rank2_quantile,
    student_quantile,
)

DRAWS = 20_000


def sampled(rms, *, count=8, error=0.0, dof=10.0, **more):
    return SampledRms(
        rms=rms, error=error, dof=dof, count=count, strays=plane_rms_quantile, **more
    )  # fmt: skip


@pytest.mark.parametrize("count", [4, 8, 32])
@pytest.mark.parametrize("error", [0.0, 0.2, 3.0])
def test_works_of_the_hardest_shape_fail_at_the_limit(count, error):
    """Laplace variates: the works of a rank 2 antisymmetry around loops in random planes."""
    rng = np.random.default_rng(count)
    limit = sampled(1.0, count=count, error=error).limit(1.0)
    works = rng.laplace(scale=limit / math.sqrt(2), size=(DRAWS, count))
    works += error * rng.standard_normal((DRAWS, count))
    rms = np.sqrt(np.mean(works**2, axis=1))
    found = sampled(1.0, count=count, error=error)
    called = (rms - found.noise_floor()) / found.upward() > 1.0
    assert 0.94 < called.mean() < 0.999
    third = (rms / 3 - found.noise_floor()) / found.upward() > 1.0
    assert third.mean() < called.mean() - 0.3


@pytest.mark.parametrize("replicas", [3, 8, 24])
def test_means_of_replicas_fail_at_the_limit(replicas):
    """With the limits that each run states from its own scatter, in the median."""
    rng = np.random.default_rng(replicas)
    values = rng.standard_normal((DRAWS, replicas))
    errors = values.std(axis=1, ddof=1) / math.sqrt(replicas)
    limit = limit_of_mean(2.0, float(np.median(errors)), replicas - 1, FALSE_FAIL)
    t = student_quantile(FALSE_FAIL / 2, replicas - 1)
    means = limit + values.mean(axis=1)
    called = means - t * errors > 2.0
    assert called.mean() == pytest.approx(0.95, abs=0.02)


def test_a_mean_without_scatter_is_known():
    assert limit_of_mean(2.0, 0.0, 7, FALSE_FAIL, allowance=0.5) == 2.75
    assert needed_t(3.0, 0) == math.inf
    assert limit_of_excess(1.0, 0.5, 1.0) == pytest.approx(1.75 + 1.645)


@pytest.mark.parametrize("probes", [1, 2, 5])
def test_differences_fail_at_the_limit(probes):
    """The largest of a few vectors of random direction and length."""
    rng = np.random.default_rng(probes)
    limit = limit_of_difference(1.0, allowance=0.1, scatter=0.0, probes=probes)
    vectors = limit * rng.standard_normal((DRAWS, probes, 3))
    largest = np.sqrt(np.mean(vectors**2, axis=2)).max(axis=1)
    assert (largest - 0.1 > 1.0).mean() == pytest.approx(0.95, abs=0.02)
    assert largest_rms_quantile(1000, 0.05) == 1.0


@pytest.mark.parametrize("size_spread", [0.0, 0.1])
@pytest.mark.parametrize("error", [0.0, 0.5])
def test_no_verdict_that_stays_open_has_a_value_above_its_limit(size_spread, error):
    """Whatever is measured: what isn't called FAIL is below the limit, which is above tolerance."""
    for rms in np.geomspace(0.1, 100, 40):
        found = sampled(float(rms), error=error, size_spread=size_spread)
        limit = found.limit(1.0)
        assert limit >= 1.0
        if not found.interval()[0] > 1.0:
            assert rms <= limit


def test_the_limit_falls_with_more_probes_down_to_what_the_noise_leaves():
    limits = [sampled(1.0, count=count, error=0.1).limit(1.0) for count in (4, 16, 64)]
    assert limits == sorted(limits, reverse=True)
    spans = SampledRms(
        rms=1.0, error=0.0, dof=10.0, count=30, strays=lambda k, p: rank2_quantile(k, 30, p)
    )
    assert spans.limit(1.0) == 1.0


def test_a_forecast_settles_by_the_same_rule_or_says_that_nothing_does():
    near = sampled(1.0)
    assert near.work_needed(1.0) == math.inf
    seen = sampled(2.5)
    factor = seen.work_needed(1.0)
    low, _ = seen.interval(int(seen.count * factor))
    assert 1 < factor < math.inf
    assert low > 1.0
    assert sampled(0.2).work_needed(1.0) == 1.0
    assert sampled(5.0, error=5.0).work_needed(1.0) == math.inf


def test_a_longer_run_is_forecast_from_the_room_that_is_left():
    assert factor_to_settle(1.0, 0.5, (0.0, 1.5), 2) == pytest.approx((1.0 / (0.8 * 0.5)) ** 2)
    assert factor_to_settle(1.0, 2.0, (0.5, 3.0), 2) == pytest.approx((1.5 / 0.8) ** 2)
    assert factor_to_settle(1.0, 0.95, (0.0, 1.5), 2) == math.inf
    assert factor_to_settle(1.0, 0.5, (0.0, math.inf), 2) == math.inf


def test_heat_of_the_second_order_is_called_at_its_limit():
    """Replicas scatter in proportion to a fault, their mean goes with its square."""
    rng = np.random.default_rng(0)
    replicas, mean, spread = 24, 1.0, 1.0
    errors = spread / math.sqrt(replicas)
    limit = limit_of_square(0.3, mean, errors, replicas - 1, FALSE_FAIL)
    strength = math.sqrt(limit / mean)
    powers = mean * strength**2 + spread * strength * rng.standard_normal((DRAWS, replicas))
    error = powers.std(axis=1, ddof=1) / math.sqrt(replicas)
    t = student_quantile(FALSE_FAIL / 2, replicas - 1)
    called = powers.mean(axis=1) - t * error > 0.3
    assert called.mean() == pytest.approx(0.95, abs=0.02)
    assert limit_of_square(0.3, 1.0, 0.5, 23, FALSE_FAIL) is None
