import numpy as np
import pytest
from support.springs import Springs, salt

from physcheck.checks.sampling.species_heat import assert_species_heat, measure_species_heat
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Outcome, judge
from physcheck.model import Capabilities, Meter
from physcheck.potentials import make_builtin
from physcheck.registry import registered_checks, tolerance_of
from physcheck.resolution import measure_resolution
from physcheck.structures import catalogue
from physcheck.system import Evaluation

ID = "species_heat"


def run(spec, structure, budget="quick", seed=0, model=None):
    check = registered_checks()[ID]
    model = model or make_builtin(spec)
    one = catalogue()[structure].configurations
    allotment = check.evaluations(one, model.capabilities, budget)
    meter = Meter(model, allotment=allotment)
    resolution = measure_resolution(Meter(model), one, rng=np.random.default_rng(seed))
    found = measure_species_heat(
        meter, one, rng=np.random.default_rng(seed), resolution=resolution, **check.options[budget]
    )
    assert found.force_evaluations == meter.evaluations
    return found, judge(found, tolerance_of(ID, "md")).outcome


@pytest.mark.parametrize(
    ("spec", "structure"),
    [
        ("lennard-jones", "NaCl8"),
        ("water", "H2O-box32"),
        ("morse", "ethanol"),
    ],
)
def test_a_conservative_model_is_zero_at_every_moment_and_passes_at_once(spec, structure):
    for seed in range(3):
        found, outcome = run(spec, structure, seed=seed)
        assert outcome is Outcome.PASS
        assert found.value < 1e-4
        assert found.force_evaluations <= 130
        assert found.interval[1] < 4e-4


class Fed:
    """Springs to sites, and a rotation about each H's site: H is driven round, X is left alone."""

    def __init__(self, one, strength, species=17):
        self.sites, self.strength = one.positions[0], strength
        self.driven = one.system.numbers == species
        self.capabilities = Capabilities("fed", "test", frozenset({"energy", "forces"}))

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        out = configurations.positions - self.sites
        turned = np.cross([0.0, 0.0, 1.0], out) * self.driven[:, None]
        return Evaluation(1.0 * (out**2).sum((1, 2)), -2.0 * out + self.strength * turned, None)


def test_the_species_that_is_driven_is_named():
    one = catalogue()["NaCl8"].configurations
    found, outcome = run(None, "NaCl8", "standard", model=Fed(one, 0.5))
    assert outcome is Outcome.FAIL
    quantities = found.evidence["quantities"]
    assert quantities["most_fed"] == "Cl"
    power = quantities["power_eV_per_atom_per_ps"]
    # The net force that the run takes off moves the others a little.
    assert power["Cl"] > 10 * abs(power["Na"])
    assert "Cl +" in found.evidence["place"]
    assert "would heat Cl by" in found.evidence["scale"]
    with pytest.raises(AssertionError, match="Cl"):
        assert_species_heat(Fed(one, 0.5), one, rng=np.random.default_rng(0), replicas=24, steps=80)


class OtherEnergy(Fed):
    """Reports 0.9 times the energy that its forces are the gradient of."""

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = super().evaluate(configurations, want=want)
        return Evaluation(0.9 * answer.energy, answer.forces, None)


def test_forces_of_another_energy_are_not_heat():
    one = catalogue()["NaCl8"].configurations
    for seed in range(3):
        found, outcome = run(None, "NaCl8", "standard", seed, model=OtherEnergy(one, 0.0))
        assert outcome is not Outcome.FAIL
        assert found.interval[0] <= 4e-4
        if found.interval[0] > 0:
            assert "another energy" in found.resolve


def test_where_it_does_not_apply_and_wrong_arguments():
    with pytest.raises(CapabilityMissing, match="single species"):
        measure_species_heat(make_builtin("gupta"), catalogue()["Cu32"].configurations)
    one = catalogue()["NaCl8"].configurations
    with pytest.raises(ValueError, match="should be 2 of 4 or more"):
        measure_species_heat(make_builtin("lennard-jones"), one, replicas=1)
    with pytest.raises(ValueError, match="every 0 steps"):
        measure_species_heat(make_builtin("lennard-jones"), one, every=0)
    with pytest.raises(ValueError, match="temperature_K"):
        measure_species_heat(make_builtin("lennard-jones"), one, temperature_K=-1.0)


def test_a_net_force_is_no_heat():
    # Springs to fixed places: conservative, but nothing pushes back.
    atoms = salt()
    model = Springs(atoms, coupling=2.0, quartic=2.0)
    found = measure_species_heat(model, atoms, rng=np.random.default_rng(0))
    assert found.interval[1] < 1e-6
