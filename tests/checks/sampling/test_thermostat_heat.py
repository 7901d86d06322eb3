"""thermostat_heat: flows into the bath, or none."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from support.springs import Springs, salt

from physcheck import measure_thermostat_heat
from physcheck.dynamics import injected_friction
from physcheck.measurement import Outcome, judge
from physcheck.potentials import DEFECTS, Gupta
from physcheck.registry import tolerance_of


def run(model, atoms, seed=0, profile="md", **options):
    options = {"evaluations": 2500, "replicas": 6} | options
    found = measure_thermostat_heat(model, atoms, rng=np.random.default_rng(seed), **options)
    return found, judge(found, tolerance_of("thermostat_heat", profile)).outcome


def copper():
    atoms = bulk("Cu", cubic=True)
    atoms.positions += 0.05 * np.random.default_rng(1).standard_normal(atoms.positions.shape)
    return atoms


@pytest.mark.parametrize("model", [Gupta(), DEFECTS["float32"](Gupta())])
def test_a_good_crystal_gives_no_heat(model):
    found, outcome = run(model, copper())
    assert outcome is not Outcome.FAIL
    assert found.interval[1] < 2.6e-4
    assert judge(found, tolerance_of("thermostat_heat", "screening")).outcome is Outcome.PASS
    if outcome is Outcome.INCONCLUSIVE:
        assert "would settle it" in found.resolve
    assert len(found.evidence["series"]["time_ps"]) <= 600


def test_a_known_flow_is_found_and_sized():
    # Friction that no account holds takes 2 rate K.
    with injected_friction(0.05):
        found, outcome = run(Gupta(), copper())
    assert outcome is Outcome.FAIL
    kinetic = 1.5 * 0.025852 * 9 / 12
    assert found.value == pytest.approx(2 * 0.05 * kinetic, rel=0.1)
    assert found.evidence["quantities"]["flow_eV_per_atom_per_ps"] < 0


@pytest.mark.parametrize("energy", [True, False])
def test_work_on_a_species_shows_with_and_without_an_energy(energy):
    atoms = salt()
    model = Springs(atoms, pumping=0.1, coupling=2.0, quartic=2.0, energy=energy)
    found, outcome = run(model, atoms, evaluations=6000)
    assert found.evidence["quantities"]["with_energy"] is energy
    assert found.evidence["quantities"]["flow_eV_per_atom_per_ps"] > 0
    # Without one a single picosecond can't tell it from a structure that relaxes.
    assert outcome is (Outcome.FAIL if energy else Outcome.INCONCLUSIVE)


def test_the_gradient_of_another_energy_is_not_called_heat():
    model = DEFECTS["force-scale"](Gupta(), 0.05)
    found, outcome = run(model, copper())
    assert outcome is not Outcome.FAIL
    assert found.detection_limit > 2.6e-6


def test_without_an_energy_relaxation_is_not_called_heat():
    found, outcome = run(DEFECTS["forces-only"](Gupta()), copper())
    assert outcome is Outcome.INCONCLUSIVE
    assert "With an energy it takes far less" in found.resolve
