"""equipartition: two species at one temperature, or not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from support.springs import Springs, salt

from physcheck import assert_equipartition, measure_equipartition
from physcheck.checks import find_checks
from physcheck.checks.sampling.likely_violations import CONFIRMATION_EVALUATIONS
from physcheck.dynamics import degrees_of_freedom
from physcheck.errors import CapabilityMissing, PhysicsFailure
from physcheck.measurement import LOOK_CLOSER, Outcome, judge
from physcheck.model import Meter
from physcheck.potentials import DEFECTS, Morse
from physcheck.registry import tolerance_of
from physcheck.system import Configurations

MD = tolerance_of("equipartition", "md")


def run(model, atoms, seed=0, **options):
    options = {"evaluations": 6000, "replicas": 16} | options
    found = measure_equipartition(model, atoms, rng=np.random.default_rng(seed), **options)
    return found, judge(found, MD).outcome


@pytest.mark.parametrize("pbc", [True, False])
@pytest.mark.parametrize("coupling", [0.0, 2.0])
def test_equal_temperatures_are_found_equal(pbc, coupling):
    atoms = salt(pbc)
    # Without coupling no mode ever gives another of its energy: only replicas tell the error.
    found, outcome = run(Springs(atoms, coupling=coupling, quartic=coupling), atoms)
    assert outcome is not Outcome.FAIL
    assert found.value < 4 * found.uncertainty
    quantities = found.evidence["quantities"]
    assert set(quantities["temperatures_K"]) == {"H", "O"}
    bath = "StochasticVelocityRescaling" if pbc else "Langevin"
    assert quantities["trajectory"]["bath"] == bath
    assert found.force_evaluations <= 6000 + 64
    if outcome is Outcome.INCONCLUSIVE:
        # The trajectory's digits, and whether its mean lies next to the tolerance, are the CPU's.
        assert ("evaluations) would settle it" in found.resolve) == math.isfinite(found.work_needed)
        assert found.resolve.endswith(LOOK_CLOSER)
    np.testing.assert_array_equal(atoms.positions, salt(pbc).positions)


def test_modes_that_do_not_mix_raise_no_false_alarm():
    atoms = salt()
    model = Springs(atoms)
    for seed in range(20):
        found, outcome = run(model, atoms, seed, evaluations=2500)
        assert outcome is not Outcome.FAIL
        assert found.evidence["quantities"]["error_dof"] >= 14


def test_a_pumped_species_is_found():
    atoms = salt()
    model = Springs(atoms, pumping=0.1, coupling=2.0, quartic=2.0)
    found, outcome = run(model, atoms)
    assert outcome is Outcome.FAIL
    temperatures = found.evidence["quantities"]["temperatures_K"]
    assert temperatures["H"] > 1.05 * temperatures["O"]
    # The bath holds the mean, and so hides it.
    system = Configurations.from_atoms(atoms).system
    n_dof = [degrees_of_freedom(system, mask) for mask in (atoms.numbers == 1, atoms.numbers == 8)]
    mean = (n_dof[0] * temperatures["H"] + n_dof[1] * temperatures["O"]) / sum(n_dof)
    assert mean == pytest.approx(300, rel=0.05)
    series = found.evidence["series"]
    assert len(series["time_ps"]) == len(series["temperature_H_K"]) <= 600
    with pytest.raises(PhysicsFailure, match="species differ in temperature"):
        assert_equipartition(model, atoms, evaluations=6000, replicas=16)


def test_a_likely_difference_fails_where_the_forces_have_no_potential():
    atoms = salt()
    found, outcome = run(Springs(atoms, pumping=0.07, coupling=2.0, quartic=2.0), atoms)
    assert outcome is Outcome.FAIL
    size, low = found.evidence["quantities"]["jacobian_asymmetry"]
    assert size > low > 1e-3
    assert "have no potential" in found.evidence["place"]
    assert found.force_evaluations <= 6000 + 64 + CONFIRMATION_EVALUATIONS


def test_a_stronger_bath_hides_more():
    atoms = salt()
    model = Springs(atoms, pumping=0.1, coupling=2.0, quartic=2.0)
    meter = Meter(model)
    found, _ = run(meter, atoms, evaluations=3000, langevin_evaluations=12_000)
    series = found.evidence["quantities"]["langevin_K"]
    assert list(series) == ["50 fs", "1000 fs", "100 fs", "10 fs"]
    (weak, weak_error), (strong, error) = (series[name]["H"] for name in ("1000 fs", "10 fs"))
    assert weak - 300 > 4 * weak_error
    assert abs(strong - 300) < 4 * error + 10
    assert weak - strong > 3 * np.hypot(weak_error, error)
    assert found.force_evaluations == meter.evaluations <= 15_000 + 64 + CONFIRMATION_EVALUATIONS
    good = run(Springs(atoms, coupling=2.0, quartic=2.0), atoms, langevin_evaluations=6000)[0]
    for bath in good.evidence["quantities"]["langevin_K"].values():
        for temperature, error in bath.values():
            assert abs(temperature - 300) < 5 * error


def test_groups_and_what_does_not_apply():
    atoms = salt()
    model = Springs(atoms)
    groups = {"first": [0, 1], "last": np.arange(16) > 10}
    found, _ = run(model, atoms, evaluations=1000, groups=groups)
    assert set(found.evidence["quantities"]["temperatures_K"]) == {"first", "last"}
    with pytest.raises(CapabilityMissing, match="single species"):
        run(Morse(), bulk("Cu", cubic=True))
    spec = find_checks("equipartition")[0]
    start = Configurations.from_atoms(atoms)
    assert spec.missing(start, DEFECTS["forces-only"](Morse()).capabilities) is None


@pytest.mark.parametrize("seed", range(3))
def test_one_replica_never_fails_a_good_crystal(seed):
    # Modes that never mix look like many independent blocks.
    atoms = salt()
    found, outcome = run(Springs(atoms), atoms, seed=seed, replicas=1, evaluations=1500)
    assert outcome is Outcome.INCONCLUSIVE
    assert "a single replica" in found.resolve


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature_K": 0.0}, "temperature_K is 0.0, should be positive"),
        ({"temperature_K": np.nan}, "temperature_K is nan"),
        ({"timestep_fs": -1.0}, "timestep_fs is -1.0"),
        ({"replicas": 0}, "replicas is 0, should be 1 or more"),
        ({"groups": {"a": [0, 1], "b": []}}, "group 'b' has 0 of 16"),
        ({"groups": {"a": [0], "b": [0]}}, "groups 'a' and 'b' are the same atoms"),
        ({"groups": {"a": [0], "b": [16]}}, "group 'b' names atom 16 of 16"),
        ({"groups": {"a": [0], "b": [0.5]}}, "should be indices or a mask"),
        ({"groups": {"a": [0], "b": [True]}}, "is a mask of"),
    ],
)
def test_a_wrong_option_is_an_error_before_it_costs(options, message):
    atoms = salt()
    meter = Meter(Springs(atoms))
    with pytest.raises(ValueError, match=message):
        run(meter, atoms, **options)
    assert meter.evaluations == 0


def test_a_timestep_beyond_stability_is_an_error():
    atoms = salt()
    with pytest.raises(ValueError, match="the fastest mode has"):
        run(Springs(atoms), atoms, timestep_fs=50.0)


def test_a_single_group_does_not_apply():
    atoms = salt()
    with pytest.raises(CapabilityMissing, match="a single group"):
        run(Springs(atoms), atoms, groups={"a": [0]})
    with pytest.raises(CapabilityMissing, match="two atoms"):
        run(Morse(), Atoms("HI", positions=[[0, 0, 0], [0, 0, 1.6]]))


def test_a_short_run_is_inconclusive():
    atoms = salt()
    found, outcome = run(Springs(atoms), atoms, replicas=2, evaluations=160)
    assert outcome is Outcome.INCONCLUSIVE
    assert "ps in all" in found.resolve
    with pytest.raises(ValueError, match="too few"):
        run(Springs(atoms), atoms, replicas=8, evaluations=60)
