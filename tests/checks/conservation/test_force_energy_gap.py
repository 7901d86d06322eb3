"""force_energy_gap against a gap that is known."""

from __future__ import annotations

import numpy as np
import pytest
from support.linear import LinearModel

from physcheck import measure_force_energy_gap
from physcheck.errors import CapabilityMissing
from physcheck.potentials import make_builtin
from physcheck.system import Evaluation


def test_a_gap_of_known_size_is_measured():
    model = LinearModel(15, 0.0, seed=5)
    offset = np.random.default_rng(6).standard_normal((15, 3))
    offset *= 3e-3 / np.sqrt(np.mean(offset**2))

    class Shifted:
        capabilities = model.capabilities

        def evaluate(self, configurations, *, want):
            answer = model.evaluate(configurations, want=want)
            return Evaluation(answer.energy, answer.forces + offset)

    for seed in range(10):
        result = measure_force_energy_gap(
            Shifted(), model.start, rng=np.random.default_rng(seed), directions=45
        )
        assert abs(result.value - 3.0) <= 3.5 * result.uncertainty
        assert result.interval[0] <= 3.0 <= result.interval[1]
    # All 45 coordinates: nothing is left to chance.
    exact = measure_force_energy_gap(
        Shifted(), model.start, rng=np.random.default_rng(0), directions=45, tolerance=2.9
    )
    assert exact.value == pytest.approx(3.0, rel=1e-6)


def test_a_gap_needs_an_energy(rattled):
    with pytest.raises(CapabilityMissing, match="energy"):
        measure_force_energy_gap(
            make_builtin("morse+forces-only"), rattled("water"), rng=np.random.default_rng(0)
        )
