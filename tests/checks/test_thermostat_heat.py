"""thermostat_heat and pressure_consistency: flows into the bath, and pressure against the energy."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from springs import Springs, salt

from physcheck import measure_pressure_consistency, measure_thermostat_heat
from physcheck.dynamics import injected_friction
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Outcome, judge
from physcheck.potentials import DEFECTS, Gupta, Morse
from physcheck.registry import tolerance_of


def run(measure, model, atoms, seed=0, profile="md", **options):
    options = {"evaluations": 2500, "replicas": 6} | options
    found = measure(model, atoms, rng=np.random.default_rng(seed), **options)
    check = measure.__name__.removeprefix("measure_")
    return found, judge(found, tolerance_of(check, profile)).outcome


def copper(repeat=1):
    atoms = bulk("Cu", cubic=True) * (repeat, repeat, repeat)
    atoms.positions += 0.05 * np.random.default_rng(1).standard_normal(atoms.positions.shape)
    return atoms


@pytest.mark.parametrize("model", [Gupta(), DEFECTS["float32"](Gupta())])
def test_a_good_crystal_feeds_nothing(model):
    found, outcome = run(measure_thermostat_heat, model, copper())
    assert outcome is not Outcome.FAIL
    assert found.interval[1] < 2.6e-4
    assert judge(found, tolerance_of("thermostat_heat", "screening")).outcome is Outcome.PASS
    if outcome is Outcome.INCONCLUSIVE:
        assert "would resolve it" in found.resolve
    assert len(found.evidence["series"]["time_ps"]) <= 600


def test_a_known_flow_is_found_and_sized():
    # Friction off the books takes 2 rate K: what no force and no bath accounts for.
    with injected_friction(0.05):
        found, outcome = run(measure_thermostat_heat, Gupta(), copper())
    assert outcome is Outcome.FAIL
    kinetic = 1.5 * 0.025852 * 9 / 12
    assert found.value == pytest.approx(2 * 0.05 * kinetic, rel=0.1)
    assert found.evidence["quantities"]["flow_eV_per_atom_per_ps"] < 0


def test_work_on_a_species_shows_with_and_without_an_energy():
    atoms = salt()
    for energy in (True, False):
        model = Springs(atoms, pumping=0.1, coupling=2.0, quartic=2.0, energy=energy)
        found, outcome = run(measure_thermostat_heat, model, atoms, evaluations=6000)
        assert found.evidence["quantities"]["with_energy"] is energy
        assert found.evidence["quantities"]["flow_eV_per_atom_per_ps"] > 0
        # Without one a single picosecond can't tell it from a structure that settles.
        assert outcome is (Outcome.FAIL if energy else Outcome.INCONCLUSIVE)


def test_the_gradient_of_another_energy_is_not_called_heat():
    model = DEFECTS["force-scale"](Gupta(), 0.05)
    found, outcome = run(measure_thermostat_heat, model, copper())
    assert outcome is not Outcome.FAIL
    assert found.detection_limit > 1e-6


def test_without_an_energy_settling_is_not_called_heat():
    found, outcome = run(measure_thermostat_heat, DEFECTS["forces-only"](Gupta()), copper())
    assert outcome is Outcome.INCONCLUSIVE
    assert "an energy would tell" in found.resolve


@pytest.mark.parametrize("model", [Gupta(), DEFECTS["offset"](DEFECTS["float32"](Gupta()), 1e3)])
def test_the_pressure_is_the_energys(model):
    found, outcome = run(measure_pressure_consistency, model, copper(2), evaluations=1000)
    assert outcome is Outcome.PASS
    assert found.force_evaluations <= 1000 + 80


@pytest.mark.parametrize(("defect", "strength"), [("stress-half", None), ("direct-stress", None)])
def test_a_wrong_pressure_is_found(defect, strength):
    model = DEFECTS[defect](Gupta(), strength)
    found, outcome = run(measure_pressure_consistency, model, copper(), evaluations=1000)
    assert defect == "direct-stress" or outcome is Outcome.FAIL
    assert found.value > 0


def test_pressure_needs_volume_stress_and_energy():
    with pytest.raises(CapabilityMissing, match="no energy"):
        run(measure_pressure_consistency, DEFECTS["forces-only"](Morse()), copper())
    atoms = copper()
    atoms.pbc = False
    with pytest.raises(CapabilityMissing, match="no volume"):
        run(measure_pressure_consistency, Morse(), atoms)
