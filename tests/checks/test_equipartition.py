"""equipartition: two species at one temperature, or not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from springs import Springs, salt

from physcheck import assert_equipartition, measure_equipartition
from physcheck.checks import find_checks
from physcheck.checks.conservation.no_potential import PROOF_EVALUATIONS
from physcheck.checks.sampling.temperature_deviations import (
    Deviation,
    deviation_of,
    proven,
    said_of,
    without_luck,
)
from physcheck.checks.sampling.trajectory import groups_of, make_trajectory
from physcheck.checks.sampling.warming import warm_in_turn
from physcheck.dynamics import degrees_of_freedom
from physcheck.dynamics.preparation import thermal_timestep_fs
from physcheck.errors import CapabilityMissing, PhysicsFailure
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.numerics.series import ReplicaMean, replica_mean
from physcheck.potentials import DEFECTS, Gupta, Morse, make_builtin
from physcheck.registry import tolerance_of
from physcheck.run.plan import make_plan
from physcheck.run.runner import Runner
from physcheck.run.settings import Settings
from physcheck.structures import load_structures
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
        assert "would resolve it" in found.resolve
        assert "evaluations" in found.resolve
    np.testing.assert_array_equal(atoms.positions, salt(pbc).positions)


def test_modes_that_do_not_mix_raise_no_false_alarm():
    atoms = salt()
    model = Springs(atoms)
    for seed in range(20):
        found, outcome = run(model, atoms, seed, evaluations=2500)
        assert outcome is not Outcome.FAIL
        assert found.evidence["quantities"]["error_dof"] >= 14


def test_the_luck_of_the_warming_is_told_from_the_law():
    atoms = salt()
    one = Configurations.from_atoms(atoms)
    made = make_trajectory(
        Springs(atoms), one, rng=np.random.default_rng(3), evaluations=6000, replicas=24
    )
    light = atoms.numbers == 1
    luck = made.luck_of(light) - made.luck_of(~light)
    raw = made.temperatures(light) - made.temperatures(~light)
    # Uncoupled modes keep what the noise gave them, and the noise is fair.
    assert np.corrcoef(luck, raw.mean(axis=0))[0, 1] > 0.8
    assert abs(luck.mean()) < 4 * luck.std() / 24**0.5
    series, fitted = without_luck(raw, luck)
    assert fitted == 1
    assert replica_mean(series, fitted=1).error < 0.6 * replica_mean(raw).error
    # Nothing is taken for luck that isn't: a violation alike in all replicas stays.
    shifted, _ = without_luck(raw + 50, luck)
    assert shifted.mean() == pytest.approx(series.mean() + 50)
    assert without_luck(raw[:, :3], luck[:3])[1] == 0


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
    assert found.force_evaluations <= 6000 + 64 + PROOF_EVALUATIONS


@pytest.mark.parametrize("pumping", [0.0, 0.07])
def test_without_a_proof_a_likely_difference_stays_open(pumping):
    atoms = salt()
    one = Configurations.from_atoms(atoms)
    meter = Meter(Springs(atoms, pumping=pumping, coupling=2.0, quartic=2.0))
    rng = np.random.default_rng(0)
    made = make_trajectory(meter, one, rng=rng, evaluations=2000, replicas=8)
    mean = ReplicaMean(5.0, 1.5, 7, 10.0, 60.0, 1, 1.0, 7)
    likely = Deviation(mean, (5.0, 5.0), False, 0.0, 10.0, 9.0, likely_low=2.0)
    found, proof = proven({"pair": likely}, 1.0, meter, made, rng, None)
    assert proof is not None
    assert found["pair"].low == (2.0 if pumping else 0.0)
    assert bool(said_of(proof)) == bool(pumping)
    # What still shrinks is judged by its second half.
    steady = np.linspace(9.0, 5.0, 500)[:, None] + rng.standard_normal((500, 10))
    shrinking = deviation_of(steady, 1.0, 1, made)
    assert shrinking.relaxing
    assert shrinking.low == 0
    assert 5.0 < shrinking.likely_low < 6.0
    # Nothing is asked where nothing hangs on it, or where there is no room.
    assert proven({"pair": likely}, 3.0, meter, made, rng, None)[1] is None
    full = Meter(meter, allotment=10)
    assert proven({"pair": likely}, 1.0, full, made, rng, None)[1] is None


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
    assert found.force_evaluations == meter.evaluations <= 15_000 + 64 + PROOF_EVALUATIONS
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
    system = Configurations.from_atoms(atoms).system
    with pytest.raises(ValueError, match="should be a part"):
        groups_of(system, {"all": np.arange(16)})
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


def test_nonsense_is_refused_before_it_costs():
    atoms = salt()
    meter = Meter(Springs(atoms))
    for options, message in [
        ({"temperature_K": 0.0}, "temperature_K is 0.0, should be positive"),
        ({"temperature_K": np.nan}, "temperature_K is nan"),
        ({"timestep_fs": -1.0}, "timestep_fs is -1.0"),
        ({"replicas": 0}, "replicas is 0, should be 1 or more"),
        ({"groups": {"a": [0, 1], "b": []}}, "group 'b' has 0 of 16"),
        ({"groups": {"a": [0], "b": [0]}}, "groups 'a' and 'b' are the same atoms"),
        ({"groups": {"a": [0], "b": [16]}}, "group 'b' names atom 16 of 16"),
        ({"groups": {"a": [0], "b": [0.5]}}, "should be indices or a mask"),
        ({"groups": {"a": [0], "b": [True]}}, "is a mask of"),
    ]:
        with pytest.raises(ValueError, match=message):
            run(meter, atoms, **options)
    assert meter.evaluations == 0
    with pytest.raises(ValueError, match="the fastest mode has"):
        run(meter, atoms, timestep_fs=50.0)
    with pytest.raises(CapabilityMissing, match="a single group"):
        run(meter, atoms, groups={"a": [0]})
    with pytest.raises(CapabilityMissing, match="two atoms"):
        run(Morse(), Atoms("HI", positions=[[0, 0, 0], [0, 0, 1.6]]))


def test_light_atoms_without_modes_get_a_timestep_for_their_speed():
    system = Configurations.from_atoms(Atoms("HU", positions=[[0, 0, 0], [0, 0, 4.0]])).system
    assert thermal_timestep_fs(system, 300.0) == pytest.approx(2.94, abs=0.05)
    assert thermal_timestep_fs(system, 3000.0) == pytest.approx(0.93, abs=0.02)


def test_a_short_run_is_inconclusive():
    atoms = salt()
    found, outcome = run(Springs(atoms), atoms, replicas=2, evaluations=160)
    assert outcome is Outcome.INCONCLUSIVE
    assert "ps in all" in found.resolve
    with pytest.raises(ValueError, match="too few"):
        run(Springs(atoms), atoms, replicas=8, evaluations=60)


def test_temperatures_of_the_fast_and_the_slow_have_no_bias_of_the_timestep():
    atoms = salt(pbc=False)
    one = Configurations.from_atoms(atoms)
    rng = np.random.default_rng(1)
    made = make_trajectory(Springs(atoms), one, rng=rng, evaluations=30_000, replicas=40)
    # Velocities at the end of a step would read 7 % low for the fastest mode, whose phase is 0.55.
    for mask in (atoms.numbers == 1, atoms.numbers == 8):
        mean = replica_mean(made.temperatures(mask))
        assert mean.error < 4.5
        assert mean.value == pytest.approx(300, abs=4 * mean.error)
    # The same of the configurations: <F²>/<-tr J> is the temperature of harmonic wells.
    squares = (made.snapshot_forces**2).mean() / 4.0 / 8.617e-5
    assert squares == pytest.approx(300, rel=0.15)


def test_what_the_timestep_may_add_under_a_global_bath_is_not_called_a_fault():
    doubts = {}
    for pbc in (True, False):
        atoms = salt(pbc)
        one = Configurations.from_atoms(atoms)
        rng = np.random.default_rng(2)
        made = make_trajectory(Springs(atoms), one, rng=rng, evaluations=4000, replicas=10)
        doubts[pbc] = [made.step_doubt(atoms.numbers == z) for z in (1, 8)]
    light, heavy = doubts[True]
    # (omega dt)²/4 is 7.6 % for the light atoms, whose phase is 0.55, and hardly anything for the heavy ones.
    assert light - heavy == pytest.approx(7.2, abs=1.0)
    assert doubts[False] == [0.0, 0.0]
    steady = 5.0 + np.random.default_rng(0).standard_normal((500, 10))
    plain = deviation_of(steady, 1.0, 1, made)
    doubted = deviation_of(steady, 1.0, 1, made, doubt=7.0)
    assert plain.low > 1.0 > doubted.low
    assert deviation_of(-steady, 1.0, 1, made, doubt=7.0).low == pytest.approx(plain.low, abs=0.1)


def test_half_of_what_the_timestep_adds_is_taken_off_in_a_liquid():
    one = load_structures("H2O-box32")[0].configurations
    rng = np.random.default_rng(0)
    made = make_trajectory(
        make_builtin("water"), one, rng=rng, evaluations=240, replicas=4, timestep_fs=0.5
    )
    assert made.mixing == 0.5
    masks = groups_of(one.system, None)
    for mask in masks.values():
        taken = (made.temperatures(mask) - made.readings(mask)).mean()
        assert taken == pytest.approx(1.5 * made.step_doubt(mask))
    steady = 5.0 + rng.standard_normal((500, 10))
    doubted = deviation_of(steady, 1.0, 1, made, doubt=2.0)
    plain = deviation_of(steady, 1.0, 1, made)
    assert doubted.mean.value == pytest.approx(plain.mean.value - 1)
    assert doubted.low == pytest.approx(plain.low - 2)
    assert doubted.high == pytest.approx(plain.high)


@pytest.mark.parametrize("energy", [True, False])
def test_a_model_that_blows_up_fails(energy):
    atoms = salt()
    found, outcome = run(Springs(atoms, pumping=40.0, energy=energy), atoms)
    assert outcome is Outcome.FAIL
    assert "blew up" in found.evidence["place"]


def test_a_timestep_too_long_is_not_the_models_fault():
    atoms = salt()
    found, outcome = run(Springs(atoms, quartic=50.0), atoms, timestep_fs=8.0)
    assert outcome is Outcome.INCONCLUSIVE
    assert "shorter timestep" in found.nothing_tested
    assert found.force_evaluations <= 6000


def test_a_late_runaway_is_judged_by_the_forces():
    # Too few evaluations are left to try again: whether the forces have a potential says whose fault it is.
    atoms = salt()
    one = Configurations.from_atoms(atoms)
    rng = np.random.default_rng(0)
    for pumping, expected in ((0.0, Outcome.INCONCLUSIVE), (0.3, Outcome.FAIL)):
        meter = Meter(Springs(atoms, pumping=pumping))
        made = make_trajectory(meter, one, rng=rng, evaluations=600, replicas=4)
        lost = replace(made, blown_up="replica 0 blew up", unstable_step=None, retried_fs=0.5)
        found = measure_equipartition(meter, one, rng=rng, trajectory=lost)
        assert judge(found, MD).outcome is expected
        assert ("too few evaluations" in found.nothing_tested) == (pumping == 0)


def test_the_trajectory_is_planned_at_standard_and_shared(tmp_path):
    atoms = salt()
    model = Springs(atoms, pumping=0.1, coupling=2.0, quartic=2.0)
    quick = make_plan(model, Settings(model="springs"))
    reasons = [n.reason for n in quick.not_scheduled if n.check == "equipartition"]
    assert reasons
    assert reasons[0].endswith("needs standard")
    settings = Settings(model="springs", budget="standard", checks="sampling")
    plan = make_plan(model, settings)
    assert plan.evaluations <= 25_000
    shared = {entry.shared for entry in plan.entries if entry.allotment or entry.shared}
    assert len(shared) == 1
    runner = Runner(model, settings, lambda: tmp_path)
    records = [runner.run(entry) for entry in plan.entries]
    spent = runner.setup_evaluations
    assert 20_000 < spent + sum(r["force_evaluations"] or 0 for r in records) <= 25_000
    alone = Runner(model, settings, lambda: tmp_path)
    again = alone.run(plan.entries[-1])
    for key in ("verdict", "value", "interval", "force_evaluations"):
        assert again[key] == records[-1][key]
    verdicts = {r["check"]: r["verdict"] for r in records}
    assert verdicts["equipartition"] == "fail"


def test_the_whole_plan_of_a_catalogue_keeps_to_standard():
    plan = make_plan(Gupta(), Settings(model="builtin::gupta", budget="standard"))
    assert plan.evaluations <= 25_000
    served = {entry.structure.name for entry in plan.entries if entry.shared}
    assert len(served) == 1
    one = load_structures(served.pop())[0].configurations
    assert len(set(one.system.numbers.tolist())) > 1
    assert Meter(Gupta()).capabilities.refuses(one) is None


def test_replicas_of_a_liquid_leave_one_after_the_other():
    one = load_structures("H2O-box32")[0].configurations
    rng = np.random.default_rng(1)
    meter = Meter(make_builtin("water"))
    warmed = warm_in_turn(meter, one, 3, 300.0, 0.5, 20, rng)
    assert meter.evaluations == 61
    assert warmed.velocities.shape == warmed.places.positions.shape == (3, 96, 3)
    moved = np.abs(np.diff(warmed.places.positions, axis=0, prepend=one.positions))
    assert (moved.max(axis=(1, 2)) > 0.05).all()
    assert warmed.kinetic.shape == (3, 96)
    assert warmed.time_fs == 30.0
    made = make_trajectory(
        make_builtin("water"), one, rng=rng, evaluations=240, replicas=4, timestep_fs=0.5
    )
    assert made.evaluations <= 240
    assert made.warming_bath.time_fs == 100.0
