"""path_smoothness: the heat that it foretells is the heat that velocity Verlet makes."""

from __future__ import annotations

import numpy as np
import pytest
from ase.units import kB
from support.family_runs import structure
from support.zigzag import Zigzag

from physcheck import PhysicsFailure, assert_path_smoothness, measure_path_smoothness
from physcheck.checks import find_checks
from physcheck.checks.smoothness.path_smoothness import _least
from physcheck.dynamics import Simulation, draw_velocities
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of
from physcheck.structures import catalogue

MD = tolerance_of("path_smoothness", "md")


def silicon(strength):
    return Zigzag(make_builtin("stillinger-weber"), strength), catalogue()["Si8"].configurations


def measured(model, start, loops=8, seed=0):
    meter = Meter(model)
    found = measure_path_smoothness(meter, start, rng=np.random.default_rng(seed), loops=loops)
    # The resolution is measured first.
    assert 24 * loops < found.force_evaluations <= 24 * loops + 31
    return found


def heat_of_velocity_verlet(model, start, seed=0):
    """eV/atom/ps from the growth of the shadow energy's variance at 1 fs, and the temperature."""
    rng = np.random.default_rng(seed)
    places = start.at(np.repeat(start.positions, 24, axis=0))
    velocities = draw_velocities(start.system, 24, 600, rng, exact=True)
    run = Simulation(Meter(model), places, velocities, timestep_fs=1.0)
    run.run(160)
    trace = run.trace()
    known = np.flatnonzero(np.isfinite(trace.shadow[:, 0]))[60:]
    changes = np.diff(trace.shadow[known][::20], axis=0)
    kelvin = 2 * trace.kinetic[known].mean() / ((3 * start.n_atoms - 3) * kB)
    growth = np.mean(changes**2) / 0.020
    return growth / (2 * kB * 300 * start.n_atoms), kelvin


@pytest.mark.parametrize("strength", [3.0, 30.0])
def test_the_heat_is_that_of_velocity_verlet(strength):
    model, start = silicon(strength)
    found = measured(model, start, loops=24)
    heat, kelvin = heat_of_velocity_verlet(model, start)
    # Crossings go as the speed, the variance of each as its fourth power.
    heat *= (300 / kelvin) ** 2.5
    assert found.interval[0] < heat < found.interval[1]
    assert found.value == pytest.approx(heat, rel=0.5)


def test_heat_goes_as_the_square_of_the_roughness():
    weak, strong = (measured(*silicon(s)).value for s in (10.0, 20.0))
    assert strong / weak == pytest.approx(4, rel=0.02)


def test_it_passes_below_the_tolerance_and_fails_above():
    model, start = silicon(1.0)
    unit = measured(model, start, loops=24).value
    limit = measured(model, start).detection_limit
    assert MD.value < limit < 6 * MD.value
    assert judge(measured(*silicon(0.3 * (MD.value / unit) ** 0.5)), MD).outcome is Outcome.PASS
    strength = 1.2 * (limit / unit) ** 0.5
    outcomes = [judge(measured(*silicon(strength), seed=s), MD).outcome for s in range(3)]
    assert outcomes == [Outcome.FAIL] * 3
    assert judge(measured(*silicon(strength), loops=1), MD).outcome is Outcome.INCONCLUSIVE
    with pytest.raises(PhysicsFailure, match="rough forces heat"):
        assert_path_smoothness(silicon(10 * strength)[0], start)


@pytest.mark.parametrize("spec", ["gupta", "morse+float32", "lennard-jones", "morse+noise=1e-5"])
@pytest.mark.parametrize("name", ["ethanol", "copper"])
def test_analytic_models_pass_at_every_profile(spec, name):
    found = measured(make_builtin(spec), structure(name), loops=2)
    assert found.interval[1] < tolerance_of("path_smoothness", "tight").value


def test_a_rare_kink_is_not_taken_for_many():
    """One circle of eight that meets something says nothing of how often it is met."""
    heats = np.array([0.0] * 7 + [1.0])
    assert _least(heats) == 0
    assert _least(np.ones(1)) == 0
    assert 0.25 < _least(np.ones(8)) < 0.6


def test_its_cost():
    (spec,) = find_checks("path_smoothness")
    start = catalogue()["Si8"].configurations
    capabilities = make_builtin("gupta").capabilities
    costs = [spec.evaluations(start, capabilities, b) for b in ("quick", "standard", "full")]
    assert costs == [24, 192, 576]
