"""stress_energy_gap against gaps that are known."""

from __future__ import annotations

import numpy as np
import pytest
from ase.units import GPa

from physcheck import measure_stress_energy_gap
from physcheck.measurement import Outcome, judge
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of
from physcheck.system import Evaluation


class Shifted:
    """Gupta's model with a constant added to its stress, eV/Å³."""

    inner = make_builtin("gupta")
    capabilities = inner.capabilities

    def __init__(self, extra):
        self.extra = extra

    def evaluate(self, configurations, *, want):
        answer = self.inner.evaluate(configurations, want=want)
        stress = None if answer.stress is None else answer.stress + self.extra
        return Evaluation(answer.energy, answer.forces, stress)


def test_a_gap_in_stress_is_measured_exactly(crystal):
    extra = np.array([[0.3, 0.1, 0.0], [0.1, -0.2, 0.05], [0.0, 0.05, 0.1]]) * GPa
    result = measure_stress_energy_gap(
        Shifted(extra), crystal("triclinic"), rng=np.random.default_rng(0)
    )
    truth = np.linalg.norm(extra) / 3 / GPa
    assert result.value == pytest.approx(truth, rel=1e-3)
    assert result.interval[0] <= truth * 1.0001
    assert result.interval[1] >= truth * 0.9999


def test_an_antisymmetric_stress_is_a_gap(crystal):
    extra = np.zeros((3, 3))
    extra[0, 1], extra[1, 0] = 1e-3, -1e-3
    result = measure_stress_energy_gap(
        Shifted(extra), crystal("cubic"), rng=np.random.default_rng(0)
    )
    assert judge(result, tolerance_of("stress_energy_gap", "md")).outcome is Outcome.FAIL
