"""jacobian_asymmetry against Jacobians that are known, by differences and by exact products."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from support.linear import LinearModel

from physcheck import Meter, measure_jacobian_asymmetry
from physcheck.resolution import measure_resolution


def test_dense_asymmetry_is_within_ten_percent_at_24_directions():
    model = LinearModel(40, 3e-4, seed=1)
    result = measure_jacobian_asymmetry(
        model, model.start, rng=np.random.default_rng(0), directions=24
    )
    assert result.value == pytest.approx(3e-4, rel=0.1)


def test_full_jacobian_is_exact_and_maps_the_pairs():
    model = LinearModel(4, 2e-3, seed=2)
    result = measure_jacobian_asymmetry(model, model.start, rng=np.random.default_rng(0), full=True)
    assert result.value == pytest.approx(2e-3, rel=1e-6)
    pair_map = result.evidence["full"]["pair_lambda"]
    assert pair_map.shape == (4, 4)
    assert math.sqrt(float(np.sum(pair_map**2))) == pytest.approx(2e-3, rel=1e-6)
    assert result.evidence["full"]["species_lambda"]["Cu-Cu"] == pytest.approx(2e-3, rel=1e-6)


def test_tiny_asymmetry_is_resolved_in_a_big_system_with_64_evaluations():
    model = LinearModel(192, 1e-6, seed=3, stiff_spread=0.5)
    meter = Meter(model, allotment=64 + 16)
    resolution = measure_resolution(meter, model.start, rng=np.random.default_rng(0))
    result = measure_jacobian_asymmetry(
        meter, model.start, rng=np.random.default_rng(0), resolution=resolution
    )
    assert result.interval[0] > 0
    assert result.force_evaluations <= 64
    assert abs(result.value - 1e-6) <= 3 * result.uncertainty


class ExactLinear(LinearModel):
    """The linear model with exact Jacobian products."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.capabilities = replace(self.capabilities, differentiable=True)

    def jacobian_products(self, configuration, vectors, *, transpose):
        jacobian = -self.k + self.a
        flat = vectors.reshape(len(vectors), -1)
        return (flat @ (jacobian if transpose else jacobian.T)).reshape(vectors.shape)


@pytest.mark.parametrize("rank", [2, None])
def test_exact_products_agree_with_the_truth(rank):
    truth = 1e-3
    misses = 0
    for seed in range(30):
        model = ExactLinear(16, truth, rank=rank, seed=seed, stiff_spread=0.5)
        result = measure_jacobian_asymmetry(model, model.start, rng=np.random.default_rng(seed))
        assert result.jacobian_products <= 10
        assert result.force_evaluations <= 16 + 16  # the resolution is measured here too
        assert not result.interval[0] > truth
        misses += not (result.interval[1] >= truth)
    assert misses <= 3


def test_exact_products_of_a_conservative_model_resolve_rounding():
    model = ExactLinear(16, 0.0)
    result = measure_jacobian_asymmetry(model, model.start, rng=np.random.default_rng(0))
    assert result.jacobian_products == 10
    assert result.interval[0] == 0.0
    assert result.interval[1] < 1e-12
