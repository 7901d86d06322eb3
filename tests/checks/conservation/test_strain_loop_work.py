"""strain_loop_work on paths that turn the cell and on those that don't."""

from __future__ import annotations

import numpy as np
import pytest

from physcheck import measure_strain_loop_work, measure_stress_energy_gap
from physcheck.checks.conservation import strain_loop_work
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
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


class KinkedPressure:
    """Gupta with a pressure more that changes slope each half ``width`` (Å) of the cell's edge.

    It depends on the volume alone, so that its work is exact; ``missing`` is the share of one row
    of Gupta's own stress that is left out.
    """

    inner = make_builtin("gupta")
    capabilities = inner.capabilities
    size, width = 1e-3, 1e-3

    def __init__(self, missing=0.0):
        self.missing = missing

    def evaluate(self, configurations, *, want):
        answer = self.inner.evaluate(configurations, want=want)
        stress = answer.stress
        if stress is not None:
            phase = np.cbrt(np.abs(np.linalg.det(configurations.cells))) / self.width % 1.0
            pressure = self.size * (1 - 4 * np.abs(phase - 0.5))
            left = np.diag([1 - self.missing, 1.0, 1.0])
            stress = left @ stress @ left + pressure[:, None, None] * np.eye(3)
        return Evaluation(answer.energy, answer.forces, stress)


@pytest.mark.parametrize("seed", range(3))
def test_among_kinks_the_loops_are_small_and_tell_right_stresses_from_wrong(seed, crystal):
    def measured(missing):
        model = Meter(KinkedPressure(missing))
        return measure_strain_loop_work(
            model, crystal("salt", seed), rng=np.random.default_rng(seed)
        )

    right, wrong = measured(0.0), measured(0.3)
    tolerance = tolerance_of(right.check, "md")
    assert right.force_evaluations == 6 + 4 * 16 + 16
    assert wrong.force_evaluations == 6 + 4 * 16 + 16 + 16
    assert right.evidence["quantities"]["strain_radius"] < 1e-4
    assert judge(right, tolerance).outcome is Outcome.PASS
    assert judge(wrong, tolerance).outcome is Outcome.FAIL


def test_work_around_large_loops_alone_is_found_among_kinks(crystal, monkeypatch):
    monkeypatch.setattr(strain_loop_work, "_shows_again", lambda *args: True)
    found = measure_strain_loop_work(
        KinkedPressure(), crystal("triclinic"), rng=np.random.default_rng(0)
    )
    assert found.evidence["quantities"]["strain_radius"] == pytest.approx(1e-3)
    assert judge(found, tolerance_of(found.check, "md")).outcome is Outcome.INCONCLUSIVE
