"""strain_loop_work on paths that turn the cell and on those that don't."""

from __future__ import annotations

import numpy as np
import pytest

from physcheck import measure_strain_loop_work, measure_stress_energy_gap
from physcheck.checks.conservation import strain_loop_work
from physcheck.measurement import Outcome, judge
from physcheck.potentials import make_builtin
from physcheck.probes.strains import symmetric_strains
from physcheck.registry import tolerance_of
from physcheck.system import Evaluation


class SeenStrained:
    """Gupta's energy of a strained copy of its input: an energy that knows the lab frame.

    Its stress is symmetrised.
    """

    strain = np.eye(3) + np.array([[0.05, 0.02, 0.0], [0.02, -0.03, 0.01], [0.0, 0.01, 0.0]])
    inner = make_builtin("gupta")
    capabilities = inner.capabilities

    def evaluate(self, configurations, *, want):
        seen = configurations.at(
            configurations.positions @ self.strain, configurations.cells @ self.strain
        )
        answer = self.inner.evaluate(seen, want=want)
        stress = answer.stress
        if stress is not None:
            # The strain is symmetric; times a volume this is the derivative by a further strain.
            stress = np.linalg.det(self.strain) * self.strain @ stress @ np.linalg.inv(self.strain)
            stress = (stress + np.swapaxes(stress, 1, 2)) / 2
        return Evaluation(answer.energy, answer.forces @ self.strain, stress)


@pytest.mark.parametrize("seed", range(3))
def test_a_symmetric_stress_of_an_energy_that_knows_the_lab_frame_does_no_work(
    seed, monkeypatch, crystal
):
    def outcome(measure):
        atoms = crystal("triclinic", seed)
        result = measure(SeenStrained(), atoms, rng=np.random.default_rng(seed))
        return judge(result, tolerance_of(result.check, "md")).outcome

    assert outcome(measure_stress_energy_gap) is Outcome.PASS
    assert outcome(measure_strain_loop_work) is Outcome.PASS
    # On a path that turns the cell, what such a stress lacks is work.
    monkeypatch.setattr(strain_loop_work, "commuting_strains", symmetric_strains)
    assert outcome(measure_strain_loop_work) is Outcome.FAIL
