"""What the three checks of forces share: good models pass, bad ones fail, costs are kept."""

from __future__ import annotations

import numpy as np
import pytest
from support.linear import LinearModel

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
from physcheck.measurement import Outcome, judge
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of
from physcheck.resolution import measure_resolution
from physcheck.system import Configurations, Evaluation

MEASURES = (measure_loop_work, measure_jacobian_asymmetry, measure_force_energy_gap)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("spec", ["gupta", "morse", "gupta+float32", "morse+float32+offset=1e3"])
@pytest.mark.parametrize("name", ["ethanol", "copper", "water"])
def test_good_potentials_have_no_violation(measure, spec, name, rattled):
    model = make_builtin(spec)
    for seed in range(3):
        result = measure(model, rattled(name), rng=np.random.default_rng(seed))
        low, high = result.interval
        assert low == 0.0
        assert high >= result.value
        assert result.detection_limit > 0


@pytest.mark.parametrize("measure", MEASURES)
def test_float64_potentials_pass_even_tight(measure, rattled):
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


@pytest.mark.parametrize("measure", MEASURES)
def test_allotments_hold_and_add_up_to_250(measure, rattled):
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
def test_defects_fail_the_checks_they_must(spec, failing, rattled):
    model = make_builtin(spec)
    for assertion in (assert_loop_work, assert_jacobian_asymmetry, assert_force_energy_gap):
        check = assertion.__name__.removeprefix("assert_")
        if check in failing:
            with pytest.raises(PhysicsFailure) as caught:
                assertion(model, rattled("copper"))
            assert caught.value.measurement.evidence["place"] in " ".join(str(caught.value).split())
        else:
            assertion(model, rattled("copper"))


def test_forces_that_dont_respond_test_nothing(rattled):
    model = make_builtin("morse+constant")
    for measure in (measure_loop_work, measure_jacobian_asymmetry):
        result = measure(model, rattled("ethanol"), rng=np.random.default_rng(0))
        verdict = judge(result, tolerance_of(result.check, "md"))
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert "nothing tested" in verdict.message


class Hysteretic:
    """A model that remembers: each answer is pulled a little towards the one before."""

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
