"""nve_drift: a drift of known size is found and sized, nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.units import kB
from scipy.integrate import cumulative_trapezoid

from physcheck import assert_nve_drift, measure_nve_drift
from physcheck.adapters.ase import CalculatorModel
from physcheck.checks import find_checks
from physcheck.checks.dynamics.loop_closing import energy_gap_between
from physcheck.dynamics import Simulation, draw_velocities, injected_friction
from physcheck.errors import CapabilityMissing, NonFiniteOutput, PhysicsFailure
from physcheck.measurement import Outcome, judge
from physcheck.model import Capabilities, Meter
from physcheck.potentials import DEFECTS, Gupta, Morse, make_builtin
from physcheck.registry import tolerance_of
from physcheck.resolution import measure_resolution
from physcheck.structures import catalogue
from physcheck.system import Configurations, Evaluation

MD = tolerance_of("nve_drift", "md")


def copper(repeat=2, rattle=0.0):
    atoms = bulk("Cu", cubic=True) * repeat
    atoms.rattle(rattle, seed=1)
    return atoms


def run(model, atoms=None, seed=0, **options):
    atoms = copper() if atoms is None else atoms
    found = measure_nve_drift(model, atoms, rng=np.random.default_rng(seed), **options)
    return found, judge(found, MD).outcome


@pytest.mark.parametrize("model", [Gupta(), Morse(), DEFECTS["float32"](Gupta())])
def test_a_good_model_passes_within_600_evaluations(model):
    meter = Meter(model, allotment=600)
    found, outcome = run(meter, copper(rattle=0.03))
    assert outcome is Outcome.PASS
    assert 2.6e-6 <= found.detection_limit < 4e-6
    assert found.force_evaluations == meter.evaluations <= 600


def test_emt_passes():
    atoms = bulk("Cu", cubic=True) * (2, 1, 1)
    before = atoms.positions.copy()
    found, outcome = run(CalculatorModel(EMT()), atoms)
    assert outcome is Outcome.PASS
    assert found.value < 1e-7
    np.testing.assert_array_equal(atoms.positions, before)


def test_an_isolated_system_keeps_its_angular_momentum():
    cluster = catalogue()["Ar13"].configurations
    quantities = run(make_builtin("lennard-jones"), cluster)[0].evidence["quantities"]
    assert quantities["angular_momentum_change"] < 1e-12
    turned = run(DEFECTS["curl"](make_builtin("lennard-jones"), 1e-2), cluster)[0]
    assert turned.evidence["quantities"]["angular_momentum_change"] > 1e-3
    assert "angular_momentum_change" not in run(Gupta())[0].evidence["quantities"]


@pytest.mark.parametrize("seed", range(4))
def test_a_sustained_drift_of_1e_6_is_resolved(seed):
    with injected_friction(1.3e-5):
        found, _ = run(Meter(Gupta(), allotment=600), seed=seed)
    quantities = found.evidence["quantities"]
    # dE/dt = -2 rate K, in eV/atom/ps, and the slope of what that adds up to.
    series = found.evidence["series"]
    # The drift is that of the moments whose shadow energy is known.
    known = np.isfinite(series["shadow_change_eV_per_atom"])
    series = {name: values[known] for name, values in series.items()}
    power = 2 * 1.3e-5 * 1.5 * 31 / 32 * kB * series["temperature_K"]
    lost = cumulative_trapezoid(power, series["time_ps"], initial=0.0)
    expected = np.polyfit(series["time_ps"], lost, 1)[0]
    assert expected == pytest.approx(1e-6, rel=0.2)
    assert found.value == pytest.approx(expected, rel=0.02)
    assert quantities["drift_eV_per_atom_per_ps"] < 0
    low, high = found.interval
    assert 0 < low < expected < high
    assert 2.6e-6 <= found.detection_limit < 4e-6
    halves = quantities["drift_first_half"], quantities["drift_second_half"]
    np.testing.assert_allclose(halves, -expected, rtol=0.4)  # as the temperature does on its way


@pytest.mark.parametrize("rate", [0.1, -0.1])
def test_a_strong_drift_is_called_early(rate):
    with injected_friction(rate):
        found, outcome = run(Meter(Gupta(), allotment=128))
    assert outcome is Outcome.FAIL
    assert found.value == pytest.approx(1e-2, rel=0.3)
    assert found.force_evaluations <= 128
    assert np.sign(found.evidence["quantities"]["drift_K_per_ps"]) == -np.sign(rate)


@pytest.mark.parametrize(
    "text", ["force-scale=0.1", "other-energy=0.1", "missing-switch-derivative"]
)
def test_the_gradient_of_another_energy_does_not_heat(text):
    name, _, strength = text.partition("=")
    inner = Morse() if name == "missing-switch-derivative" else Gupta()
    model = DEFECTS[name](inner, float(strength) if strength else None)
    found, outcome = run(model)
    quantities = found.evidence["quantities"]
    assert outcome is not Outcome.FAIL
    assert found.value < 1e-6
    if quantities["closed_by_lines"]:
        assert abs(quantities["energy_gap_rate"]) > 100 * found.value
        assert "gradient of another energy" in found.evidence["place"]
    else:
        assert name == "missing-switch-derivative"


def test_forces_that_are_no_gradient_are_seen():
    model = DEFECTS["detached"](Gupta(), 0.1)
    found, outcome = run(model)
    assert outcome is not Outcome.PASS
    assert found.value > 1e-5
    assert found.evidence["quantities"]["wander_eV_per_atom"] > 1e-4


def test_the_integrators_drift_is_not_the_forces():
    found, outcome = run(Gupta(), timestep_fs=36.0)
    assert outcome is not Outcome.FAIL
    quantities = found.evidence["quantities"]
    assert quantities["timestep_fs"] == 18.0
    assert quantities["integrator_allowance"] > MD.value or quantities.get("control_unstable")
    assert "timestep" in found.resolve


def test_rounding_of_large_energies_costs_no_resolution():
    model = DEFECTS["float32"](DEFECTS["offset"](Gupta(), 1e4))
    found, outcome = run(model)
    assert outcome is Outcome.PASS
    assert found.evidence["quantities"]["closed_by_lines"]
    assert found.evidence["quantities"]["wander_eV_per_atom"] > 1e-5
    with injected_friction(0.1):
        assert run(model)[1] is Outcome.FAIL


def test_what_is_left_open_says_how_long_it_would_take():
    found, outcome = run(DEFECTS["noise"](Gupta(), 3e-4))
    assert outcome is Outcome.INCONCLUSIVE
    assert "would settle it" in found.resolve or "would tell" in found.resolve


class Hole(Morse):
    """Atoms that have moved far enough fall without end: energy and force both say so."""

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = super().evaluate(configurations, want=want)
        moved = configurations.positions - copper().positions
        far = np.linalg.norm(moved, axis=-1, keepdims=True) > 0.12
        return Evaluation(answer.energy, answer.forces + 300.0 * far * moved)


def test_a_blow_up_is_called_at_once():
    found, outcome = run(Hole())
    assert outcome is Outcome.FAIL
    assert found.force_evaluations < 450
    assert "blows up" in found.evidence["scale"]
    assert found.evidence["quantities"]["blow_up"]


class OtherEnergy:
    """Morse's forces with an energy that isn't theirs."""

    def __init__(self, factor):
        self.model, self.factor = Morse(), factor

    capabilities = property(lambda self: self.model.capabilities)

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = self.model.evaluate(configurations, want=want)
        return Evaluation(self.factor * answer.energy, answer.forces, answer.stress)


@pytest.mark.parametrize("factor", [0.0, -1.0, 0.9, 3.0])
def test_the_energy_of_other_forces_is_no_blow_up(factor):
    one = catalogue()["ethanol"].configurations
    for seed in range(3):
        found, outcome = run(OtherEnergy(factor), one, seed=seed)
        assert outcome is not Outcome.FAIL
        assert found.force_evaluations <= 598


def test_a_blow_up_of_the_integrator_alone_is_not_called():
    found, outcome = run(Gupta(), timestep_fs=120.0)
    assert outcome is Outcome.INCONCLUSIVE
    assert "but not at 0.79 fs" in found.evidence["place"] or found.evidence["quantities"].get(
        "control_unstable"
    )


def test_what_it_does_not_apply_to():
    with pytest.raises(CapabilityMissing, match="no energy"):
        run(DEFECTS["forces-only"](Gupta()))
    with pytest.raises(CapabilityMissing, match="one atom"):
        run(Gupta(), bulk("Cu"))
    spec = find_checks("nve_drift")[0]
    start = Configurations.from_atoms(copper())
    forces_only = DEFECTS["forces-only"](Gupta()).capabilities
    assert spec.missing(start, forces_only) == "the model gives no energy"
    assert spec.missing(start, Gupta().capabilities) is None
    assert spec.evaluations(start, Gupta().capabilities, "quick") <= 600


def test_a_constant_model_tests_nothing():
    found, outcome = run(DEFECTS["constant"](Gupta()))
    assert outcome is Outcome.INCONCLUSIVE
    assert "nothing tested" in judge(found, MD).message


def test_too_short_runs_are_refused():
    with pytest.raises(ValueError, match="9 or more"):
        run(Gupta(), steps=5)
    with pytest.raises(ValueError, match="2 or more"):
        run(Gupta(), replicas=1)


def test_nan_forces_come_through():
    with pytest.raises(NonFiniteOutput):
        run(DEFECTS["nan"](Gupta(), 10.0))


def test_same_seed_same_numbers_and_evidence_for_plots():
    first, second = run(Gupta(), seed=3)[0], run(Gupta(), seed=3)[0]
    assert first.value == second.value
    series = first.evidence["series"]
    lengths = {len(values) for values in series.values()}
    assert lengths == {len(series["time_ps"])}
    assert 10 < lengths.pop() <= 300


def test_the_derived_assertion():
    assert_nve_drift(Gupta(), copper())
    with injected_friction(0.1), pytest.raises(PhysicsFailure, match="K in a nanosecond"):
        assert_nve_drift(Gupta(), copper())


def test_the_gap_between_two_ends():
    one = Configurations.from_atoms(copper())
    velocities = draw_velocities(one.system, 3, 600, np.random.default_rng(0))
    start = one.at(np.repeat(one.positions, 3, axis=0))
    for scale in (0.0, 0.05):
        model = DEFECTS["force-scale"](Gupta(), scale)
        simulation = Simulation(Meter(model), start, velocities, timestep_fs=3.0)
        simulation.run(40)
        begin, end = simulation.shadow_start, simulation.shadow_end
        gap, error = energy_gap_between(Meter(model), one, begin, end)
        expected = -scale * (end.energies - begin.energies)
        # Work is that of the scaled forces: E' = (1 + scale) E.
        assert np.abs(gap - expected).max() < 1e-6
        assert error.max() < 1e-6


def test_capabilities_without_an_energy_are_not_asked_for_it():
    with pytest.raises(CapabilityMissing):
        run(ForcesAlone())


class ForcesAlone:
    capabilities = Capabilities("forces alone", "test", frozenset({"forces"}))

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        raise AssertionError("asked")


def test_heat_that_no_line_closes_is_called_where_the_forces_have_no_potential():
    """Layers of the slab slide on and on: their work is gone when a line closes the path."""
    found = measure_nve_drift(
        make_builtin("gupta+pair-curl=1e-2"),
        catalogue()["Cu12-slab"].configurations,
        rng=np.random.default_rng(0),
        replicas=16,
        steps=150,
        control_steps=50,
    )
    assert found.interval[0] > 1e-2
    assert "no potential" in found.evidence["place"]


def test_falling_down_a_potential_is_no_fault_of_the_dynamics():
    """Atoms without repulsion get as hot as they like, and E + K stays."""

    class Falling:
        capabilities = Capabilities("falling", "test", frozenset({"energy", "forces"}))

        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            x = configurations.positions - 100.0
            r = np.linalg.norm(x, axis=2, keepdims=True)
            return Evaluation(5.0 * r.sum((1, 2)), -5.0 * x / r)

    for seed in range(3):
        _, outcome = run(Falling(), copper(rattle=0.1), seed=seed, timestep_fs=10.0)
        assert outcome is not Outcome.FAIL


@pytest.mark.parametrize(
    ("spec", "structure"),
    [
     ("gupta+pair-curl=0.3", "Cu12-slab"), ("water+local-curl=0.3", "H2O")],
)  # fmt: skip
def test_single_runs_that_drift_either_way_fail_where_there_is_no_potential(spec, structure):
    """Mean heat takes picoseconds to show; that single runs don't keep their energy doesn't."""
    model = make_builtin(spec)
    one = catalogue()[structure].configurations
    for seed in range(3):
        resolution = measure_resolution(model, one, rng=np.random.default_rng(seed))
        found, outcome = run(model, one, seed=seed, resolution=resolution)
        assert outcome is Outcome.FAIL
        assert found.force_evaluations <= 598
        assert found.interval[0] <= found.value <= found.interval[1]
        assert "K/ps" in found.evidence["scale"]


@pytest.mark.parametrize("spec", ["morse+float32", "morse", "morse+float32+offset=1e4", "water"])
def test_single_runs_of_a_conservative_model_are_called_nothing(spec):
    model, one = make_builtin(spec), catalogue()["H2O"].configurations
    for seed in range(4):
        resolution = measure_resolution(model, one, rng=np.random.default_rng(seed))
        found, outcome = run(model, one, seed=seed, resolution=resolution)
        assert outcome is not Outcome.FAIL
        assert found.evidence["quantities"]["single_runs_drift"][1] == 0


@pytest.mark.parametrize("seed", range(3))
def test_atoms_that_fall_onto_each_other_are_no_work_of_the_forces(seed):
    """Handed energies of 1 eV collapse ethanol, whose soft core no usual timestep resolves."""
    model, start = make_builtin("gupta+chiral"), catalogue()["ethanol"].configurations
    measured = measure_nve_drift(model, start, rng=np.random.default_rng(seed))
    verdict = judge(measured, tolerance_of("nve_drift", "md"))
    assert verdict.outcome is not Outcome.FAIL
