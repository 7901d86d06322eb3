"""nph_drift: stresses that are no derivative are called, nothing else is taken for heat."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from physcheck import assert_nph_drift, measure_nph_drift
from physcheck.checks import find_checks
from physcheck.checks.dynamics.gradient_forces import measure_gradient_forces
from physcheck.checks.dynamics.nph_gradient import BY_GRADIENT_EVALUATIONS
from physcheck.checks.dynamics.nph_runs import fitted_piston
from physcheck.errors import CapabilityMissing, PhysicsFailure
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.potentials import DEFECTS, Gupta, LennardJones, StillingerWeber, make_builtin
from physcheck.registry import tolerance_of
from physcheck.resolution import measure_resolution
from physcheck.structures import catalogue
from physcheck.system import as_configurations

MD = tolerance_of("nph_drift", "md")


def copper():
    atoms = bulk("Cu", cubic=True) * 2
    atoms.rattle(0.03, seed=1)
    return atoms


def silicon():
    return catalogue()["Si8"].configurations


def run(model, start, seed=0, **options):
    found = measure_nph_drift(model, start, rng=np.random.default_rng(seed), **options)
    return found, judge(found, MD).outcome


@pytest.mark.parametrize(
    ("model", "start"),
    [(Gupta(), copper), (DEFECTS["float32"](Gupta()), copper), (StillingerWeber(), silicon)],
)
def test_a_good_model_passes_within_400_evaluations(model, start):
    meter = Meter(model, allotment=400)
    found, outcome = run(meter, start())
    assert outcome is Outcome.PASS
    assert found.force_evaluations == meter.evaluations <= 400
    # Of float32 the rounding of the energies is seen.
    assert (
        2.6e-6 <= found.detection_limit < (3e-5 if "float32" in str(model.capabilities) else 5e-6)
    )


@pytest.mark.parametrize("defect", ["stress-half=1", "stress-sign=1", "direct-stress=0.02"])
def test_a_stress_that_is_no_derivative_fails(defect):
    model = Meter(make_builtin(f"gupta+{defect}"), allotment=600)
    found, outcome = run(model, copper())
    assert outcome is Outcome.FAIL
    work = found.evidence["quantities"]["strain_loop_work"]
    assert work[1] > tolerance_of("strain_loop_work", "md").value


def test_the_limit_is_that_of_single_runs():
    """Their rms is known, though their mean, of either sign, is not."""
    for seed in range(2):
        found, outcome = run(make_builtin("gupta+stress-half=1.5e-3"), copper(), seed)
        assert outcome is Outcome.FAIL
        # sqrt(31/1.6), by what an rms of six may stray, times the tolerance and what is taken off.
        assert 4 * MD.value < found.detection_limit < 10 * MD.value
        assert found.value < 2 * found.detection_limit
        _, outcome = run(make_builtin("gupta+stress-half=3e-4"), copper(), seed)
        assert outcome is not Outcome.FAIL


def test_half_a_stress_fails_in_silicon():
    found, outcome = run(make_builtin("stillinger-weber+stress-half=0.2"), silicon())
    assert outcome is Outcome.FAIL
    assert "forces and stress have no potential" in found.evidence["place"]


def test_drifts_of_single_runs_are_those_of_the_stress():
    """Twice as wrong, twice the work around each closed path, nearly."""
    drifts = [
        run(make_builtin(f"gupta+stress-half={s}"), copper())[0].evidence["quantities"]
        for s in (1e-3, 2e-3)
    ]
    first, second = (d["single_runs_drift"][0] for d in drifts)
    assert second / first == pytest.approx(2, rel=0.02)
    # Resolved far below the tolerance.
    clean = run(Gupta(), copper())[0]
    assert clean.interval[1] < first / 50


@pytest.mark.parametrize("defect", ["other-energy", "force-scale=0.01"])
def test_forces_of_another_energy_than_the_stress_heat(defect):
    """No energy has both for its derivatives: loops of atoms and cell do work."""
    found, outcome = run(make_builtin(f"gupta+{defect}"), copper())
    assert outcome is Outcome.FAIL
    assert found.evidence["quantities"]["strain_loop_work"][1] > 0


class Other:
    """The energy alone is another one, by a hundredth."""

    def __init__(self, model):
        self.model, self.capabilities = model, model.capabilities

    def fresh(self):
        return self

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = self.model.evaluate(configurations, want=want)
        energy = None if answer.energy is None else 1.01 * answer.energy
        return type(answer)(energy, answer.forces, answer.stress)


def test_another_energy_is_not_taken_for_heat():
    found, outcome = run(Other(Gupta()), copper())
    assert outcome is not Outcome.FAIL
    # The enthalpy does drift apart from the work, which is said and not counted.
    assert found.interval[0] == 0
    assert "may be derivatives of another energy" in found.evidence["place"]


class Pressed:
    """A constant pressure added to the stress: the derivative of another energy."""

    def __init__(self, model, pressure):
        self.model, self.pressure = model, pressure
        self.capabilities = model.capabilities

    def fresh(self):
        return self

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = self.model.evaluate(configurations, want=want)
        if answer.stress is None:
            return answer
        return type(answer)(answer.energy, answer.forces, answer.stress - self.pressure * np.eye(3))


def test_a_constant_pressure_in_the_stress_is_no_heat():
    _, outcome = run(Pressed(Gupta(), 0.01), copper())
    # The pressure outside is the one that the model says, so that the energy's own is off by it.
    assert outcome is not Outcome.FAIL


@pytest.mark.parametrize("structure", ["NaCl8", "Mg8"])
def test_structures_far_from_equilibrium_keep_their_size(structure):
    start = catalogue()[structure].configurations
    meter = Meter(LennardJones())
    found, outcome = run(meter, start)
    assert outcome is not Outcome.FAIL
    assert found.evidence["quantities"]["drift_eV_per_atom_per_ps"] < 1e-3
    assert fitted_piston(meter, start, 1.0, 300.0).thermal_scale(300.0) <= 0.01 / np.sqrt(2) * 1.001


def bound(model, start, seed=0):
    meter, one = Meter(model), as_configurations(start)
    resolution = measure_resolution(meter, one, rng=np.random.default_rng(seed))
    gradient = measure_gradient_forces(
        meter, one, rng=np.random.default_rng(seed), resolution=resolution
    )
    asked = Meter(model)
    found, outcome = run(asked, one, seed, gradient=gradient, resolution=resolution)
    assert asked.evaluations == found.force_evaluations <= BY_GRADIENT_EVALUATIONS
    return found, outcome


def test_it_follows_where_forces_and_stress_are_derivatives():
    salt = catalogue()["NaCl8"].configurations
    for model, start in ((Gupta(), copper()), (LennardJones(), salt)):
        found, outcome = bound(model, start)
        assert outcome is Outcome.PASS
        assert found.interval[1] < 1e-6
        assert "-V tr(stress)" in found.bound_by


@pytest.mark.parametrize("defect", ["stress-half=1e-3", "direct-stress=1e-3", "pair-curl=0.1"])
def test_it_does_not_follow_where_they_are_not(defect):
    found, outcome = bound(make_builtin(f"gupta+{defect}"), copper())
    assert outcome is Outcome.INCONCLUSIVE
    assert found.interval[1] > 10 * MD.value


def test_where_it_applies():
    (spec,) = find_checks("nph_drift")
    water = catalogue()["H2O"].configurations
    assert "periodic in all three" in spec.missing(water, Gupta().capabilities)
    with pytest.raises(CapabilityMissing):
        measure_nph_drift(DEFECTS["forces-only"](Gupta()), copper())
    with pytest.raises(ValueError, match="9 or more"):
        measure_nph_drift(Gupta(), copper(), steps=8)
    for budget, most in (("quick", 431), ("standard", 1709), ("full", 19000)):
        start = as_configurations(copper())
        assert spec.evaluations(start, Gupta().capabilities, budget) <= most


def test_the_assertion_says_what_to_do():
    with pytest.raises(PhysicsFailure, match="constant-pressure dynamics heats or cools"):
        assert_nph_drift(make_builtin("gupta+stress-sign=1"), copper())
