from __future__ import annotations

import math

import numpy as np
import pytest
from ase.build import bulk, molecule
from linear import LinearModel

from physcheck import (
    Meter,
    PhysicsFailure,
    assert_force_energy_gap,
    assert_jacobian_asymmetry,
    assert_loop_work,
    measure_force_energy_gap,
    measure_jacobian_asymmetry,
    measure_loop_work,
)
from physcheck.checks import all_checks, find_checks
from physcheck.errors import CapabilityMissing, NonFiniteOutput
from physcheck.potentials import make_builtin
from physcheck.resolution import measure_resolution
from physcheck.system import Configurations, Evaluation

MEASURES = (measure_loop_work, measure_jacobian_asymmetry, measure_force_energy_gap)


def rattled(name, seed=0):
    atoms = {
        "ethanol": lambda: molecule("CH3CH2OH"),
        "water": lambda: molecule("H2O"),
        "copper": lambda: bulk("Cu", cubic=True) * (2, 2, 2),
        "salt": lambda: bulk("NaCl", "rocksalt", a=5.64, cubic=True),
    }[name]()
    atoms.positions += 0.05 * np.random.default_rng(seed).standard_normal(atoms.positions.shape)
    return atoms


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("spec", ["gupta", "morse", "gupta+float32", "morse+float32+offset=1e3"])
@pytest.mark.parametrize("name", ["ethanol", "copper", "water"])
def test_good_potentials_have_no_violation(measure, spec, name):
    model = make_builtin(spec)
    for seed in range(3):
        result = measure(model, rattled(name), rng=np.random.default_rng(seed))
        low, high = result.interval
        assert low == 0.0
        assert high >= result.value
        assert result.detection_limit > 0


@pytest.mark.parametrize("measure", MEASURES)
def test_float64_potentials_pass_even_tight(measure):
    from physcheck.measurement import Outcome, judge
    from physcheck.registry import tolerance_of

    check = measure.__name__.removeprefix("measure_")
    tolerance = tolerance_of(check, "tight")
    result = measure(
        make_builtin("gupta"),
        rattled("copper"),
        rng=np.random.default_rng(0),
        tolerance=tolerance.value,
    )
    assert judge(result, tolerance).outcome is Outcome.PASS


@pytest.mark.parametrize("rank", [2, 6, None])
@pytest.mark.parametrize("measure", [measure_loop_work, measure_jacobian_asymmetry])
def test_intervals_hold_the_known_asymmetry(measure, rank):
    truth = 1e-4
    low_misses = high_misses = far = 0
    runs = 40
    for seed in range(runs):
        model = LinearModel(20, truth, rank=rank, seed=seed)
        result = measure(model, model.start, rng=np.random.default_rng(seed + 1000))
        low_misses += not (result.interval[0] <= truth)
        high_misses += not (result.interval[1] >= truth)
        far += not (abs(result.value - truth) <= 3 * result.uncertainty)
    assert low_misses == 0
    assert high_misses <= 4  # 2.5 % expected at rank 2
    assert far <= 6


@pytest.mark.parametrize("measure", [measure_loop_work, measure_jacobian_asymmetry])
def test_a_violation_at_the_tolerance_is_never_a_failure(measure):
    for seed in range(60):
        model = LinearModel(12, 3e-5, rank=2, seed=seed)
        result = measure(model, model.start, rng=np.random.default_rng(seed), tolerance=3e-5)
        assert not result.interval[0] > 3e-5


def test_dense_asymmetry_is_within_ten_percent_at_24_directions():
    model = LinearModel(40, 3e-4, seed=1)
    result = measure_jacobian_asymmetry(
        model, model.start, rng=np.random.default_rng(0), directions=24
    )
    assert result.value == pytest.approx(3e-4, rel=0.1)


def test_full_jacobian_is_exact_and_maps_the_pairs():
    model = LinearModel(4, 2e-3, seed=2)
    result = measure_jacobian_asymmetry(model, model.start, rng=np.random.default_rng(0), full=True)
    assert result.value == pytest.approx(2e-3, rel=1e-6)
    pair_map = result.evidence["full"]["pair_lambda"]
    assert pair_map.shape == (4, 4)
    assert math.sqrt(float(np.sum(pair_map**2))) == pytest.approx(2e-3, rel=1e-6)
    assert result.evidence["full"]["species_lambda"]["Cu-Cu"] == pytest.approx(2e-3, rel=1e-6)


def test_tiny_asymmetry_is_resolved_in_a_big_system_with_64_evaluations():
    model = LinearModel(192, 1e-6, seed=3, stiff_spread=0.5)
    meter = Meter(model, allotment=64 + 16)
    resolution = measure_resolution(meter, model.start, rng=np.random.default_rng(0))
    result = measure_jacobian_asymmetry(
        meter, model.start, rng=np.random.default_rng(0), resolution=resolution
    )
    assert result.interval[0] > 0
    assert result.force_evaluations <= 64
    assert abs(result.value - 1e-6) <= 3 * result.uncertainty


def test_loop_work_is_the_exact_work_of_the_saved_loop():
    model = LinearModel(10, 1e-2, seed=4)
    result = measure_loop_work(model, model.start, rng=np.random.default_rng(0))
    loop = result.evidence["worst_loop"]
    exact = 2 * np.pi * loop["radius"] ** 2 * loop["u"].ravel() @ model.a @ loop["v"].ravel()
    # F = J x: W = 2 pi a^2 (v.J u - u.J v)/2 = -2 pi a^2 u.A v
    assert loop["work_eV"] == pytest.approx(-exact, rel=1e-6)
    assert result.evidence["confirmed"] is True


def test_uniform_curl_does_the_work_of_its_area():
    omega = 1e-2
    model = make_builtin(f"morse+curl={omega}")
    result = measure_loop_work(model, rattled("ethanol"), rng=np.random.default_rng(0))
    loop = result.evidence["worst_loop"]
    area = 0.5 * loop["radius"] ** 2 * np.pi * 2 * np.cross(loop["u"], loop["v"]).sum(axis=0)
    # F is relative to the centroid, so rigid shifts do no work: their area is taken off.
    mean_u, mean_v = loop["u"].mean(axis=0), loop["v"].mean(axis=0)
    area -= 9 * np.pi * loop["radius"] ** 2 * np.cross(mean_u, mean_v)
    per_axis = loop["work_eV"] / np.linalg.norm(area)
    assert abs(per_axis) <= 2 * omega * 1.01


def test_a_gap_of_known_size_is_measured():
    model = LinearModel(15, 0.0, seed=5)
    offset = np.random.default_rng(6).standard_normal((15, 3))
    offset *= 3e-3 / np.sqrt(np.mean(offset**2))

    class Shifted:
        capabilities = model.capabilities

        def evaluate(self, configurations, *, want):
            answer = model.evaluate(configurations, want=want)
            return Evaluation(answer.energy, answer.forces + offset)

    for seed in range(10):
        result = measure_force_energy_gap(
            Shifted(), model.start, rng=np.random.default_rng(seed), directions=45
        )
        assert abs(result.value - 3.0) <= 3.5 * result.uncertainty
        assert result.interval[0] <= 3.0 <= result.interval[1]
    # All 45 coordinates: nothing is left to chance.
    exact = measure_force_energy_gap(
        Shifted(), model.start, rng=np.random.default_rng(0), directions=45, tolerance=2.9
    )
    assert exact.value == pytest.approx(3.0, rel=1e-6)


def test_a_gap_needs_an_energy():
    with pytest.raises(CapabilityMissing, match="energy"):
        measure_force_energy_gap(
            make_builtin("morse+forces-only"), rattled("water"), rng=np.random.default_rng(0)
        )


@pytest.mark.parametrize("measure", MEASURES)
def test_allotments_hold_and_add_up_to_250(measure):
    checks = find_checks("conservation")
    for name in ("water", "ethanol", "copper"):
        start = Configurations.from_atoms(rattled(name))
        for spec in ("gupta", "gupta+float32", "morse+force-scale=0.1", "gupta+lost-reaction=0.1"):
            model = make_builtin(spec)
            check = measure.__name__.removeprefix("measure_")
            allotted = all_checks()[check].evaluations(start, model.capabilities, "quick")
            resolution = measure_resolution(model, start, rng=np.random.default_rng(0))
            result = measure(
                Meter(model, allotment=allotted),
                start,
                rng=np.random.default_rng(1),
                resolution=resolution,
            )
            assert result.force_evaluations <= allotted
            assert resolution.evaluations <= 16
    three = {"loop_work", "jacobian_asymmetry", "force_energy_gap"}
    start = Configurations.from_atoms(rattled("copper"))
    capabilities = make_builtin("gupta").capabilities
    total = sum(c.evaluations(start, capabilities, "quick") for c in checks if c.id in three)
    assert total + 16 <= 250


@pytest.mark.parametrize(
    ("spec", "failing"),
    [
        ("gupta+lost-reaction=1", {"loop_work", "jacobian_asymmetry", "force_energy_gap"}),
        ("gupta+force-scale=0.05", {"force_energy_gap"}),
        ("gupta+other-energy=0.05", {"force_energy_gap"}),
        ("gupta+pair-curl=0.1", {"loop_work", "jacobian_asymmetry", "force_energy_gap"}),
    ],
)
def test_defects_fail_the_checks_they_must(spec, failing):
    model = make_builtin(spec)
    for assertion in (assert_loop_work, assert_jacobian_asymmetry, assert_force_energy_gap):
        check = assertion.__name__.removeprefix("assert_")
        if check in failing:
            with pytest.raises(PhysicsFailure) as caught:
                assertion(model, rattled("copper"))
            assert caught.value.measurement.evidence["place"] in str(caught.value)
        else:
            assertion(model, rattled("copper"))


def test_forces_that_dont_respond_test_nothing():
    from physcheck.measurement import Outcome, judge
    from physcheck.registry import tolerance_of

    model = make_builtin("morse+constant")
    for measure in (measure_loop_work, measure_jacobian_asymmetry):
        result = measure(model, rattled("ethanol"), rng=np.random.default_rng(0))
        verdict = judge(result, tolerance_of(result.check, "md"))
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert "nothing tested" in verdict.message


def test_nan_is_named_with_its_place():
    model = LinearModel(5, 0.0)

    class Broken:
        capabilities = model.capabilities

        def evaluate(self, configurations, *, want):
            answer = model.evaluate(configurations, want=want)
            answer.forces[:, 3, 1] = np.nan
            return answer

    with pytest.raises(NonFiniteOutput, match=r"forces is nan at configuration 0, atom 3 \(Cu\)"):
        measure_loop_work(Broken(), model.start, rng=np.random.default_rng(0))


class Hysteretic:
    """A warm-started model: each answer is pulled a little towards the one before."""

    def __init__(self, memory):
        self.inner = LinearModel(6, 0.0, seed=7)
        self.capabilities = self.inner.capabilities
        self.memory = memory
        self.last = None

    def evaluate(self, configurations, *, want):
        answer = self.inner.evaluate(configurations, want=want)
        forces = answer.forces.copy()
        for i in range(len(forces)):
            exact = forces[i].copy()
            if self.last is not None:
                forces[i] += self.memory * (self.last - exact)
            self.last = exact
        return Evaluation(answer.energy, forces)


def test_history_noise_is_measured_and_is_no_work():
    for seed in range(20):
        model = Hysteretic(1e-4)
        resolution = measure_resolution(model, model.inner.start, rng=np.random.default_rng(seed))
        assert resolution.history_noise > 0
        for measure in (measure_loop_work, measure_jacobian_asymmetry):
            result = measure(
                model,
                model.inner.start,
                rng=np.random.default_rng(seed + 50),
                resolution=resolution,
            )
            assert not result.interval[0] > 3e-5
