"""Multiple time stepping against plain velocity Verlet and exact results."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ase import units
from ase.build import bulk

from physcheck.dynamics import Langevin, MultipleTimeStepping, Simulation, draw_velocities
from physcheck.model import Capabilities, Meter
from physcheck.potentials import Gupta, Morse
from physcheck.system import Configurations, Evaluation


class Wells:
    """Independent oscillators of one stiffness about a reference, ``E = k/2 sum u²``."""

    def __init__(self, reference, stiffness):
        self.reference, self.stiffness = reference, stiffness

    @property
    def capabilities(self):
        return Capabilities("wells", "test", frozenset({"energy", "forces"}), batched=True)

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        u = configurations.positions - self.reference
        return Evaluation(0.5 * self.stiffness * (u**2).sum((1, 2)), -self.stiffness * u)


def crystal():
    return Configurations.from_atoms(bulk("Cu", cubic=True) * 2)


def tandem(fast, whole, *, stride, steps, dt=2.0, count=3, temperature_K=600.0, **options):
    one = crystal()
    velocities = draw_velocities(one.system, count, temperature_K, np.random.default_rng(0))
    run = MultipleTimeStepping(
        Meter(fast),
        Meter(whole),
        one.at(np.repeat(one.positions, count, axis=0)),
        velocities,
        timestep_fs=dt,
        stride=stride,
        **options,
    )
    run.run(steps // stride)
    return run, velocities


def test_at_stride_1_the_whole_force_alone_moves_the_atoms():
    run, velocities = tandem(Morse(), Gupta(), stride=1, steps=20)
    one = crystal()
    plain = Simulation(
        Meter(Gupta()), one.at(np.repeat(one.positions, 3, axis=0)), velocities, timestep_fs=2.0
    )
    plain.run(20)
    np.testing.assert_allclose(run.positions, plain.positions, atol=1e-11)
    np.testing.assert_allclose(run.velocities, plain.velocities, atol=1e-11)


def test_where_both_forces_are_equal_the_stride_does_not_matter():
    run, velocities = tandem(Gupta(), Gupta(), stride=5, steps=20)
    one = crystal()
    plain = Simulation(
        Meter(Gupta()), one.at(np.repeat(one.positions, 3, axis=0)), velocities, timestep_fs=2.0
    )
    plain.run(20)
    np.testing.assert_allclose(run.positions, plain.positions, atol=1e-11)


def test_left_uncorrected_the_fast_force_alone_moves_the_atoms():
    run, velocities = tandem(Morse(), Gupta(), stride=5, steps=20, correct=False)
    one = crystal()
    plain = Simulation(
        Meter(Morse()), one.at(np.repeat(one.positions, 3, axis=0)), velocities, timestep_fs=2.0
    )
    plain.run(20)
    np.testing.assert_allclose(run.positions, plain.positions, atol=1e-11)
    potential = Gupta().evaluate(one.at(plain.positions), want={"energy"}).energy
    np.testing.assert_allclose(run.trace().potential[-1], potential, atol=1e-9)


def test_it_is_reversible_and_costs_what_it_says():
    run, velocities = tandem(Morse(), Gupta(), stride=4, steps=24)
    assert (run.fast.evaluations, run.accurate.evaluations) == (3 * 25, 3 * 7)
    back = MultipleTimeStepping(
        run.fast,
        run.accurate,
        crystal().at(run.positions),
        -run.velocities,
        timestep_fs=2.0,
        stride=4,
    )
    back.run(6)
    np.testing.assert_allclose(back.positions - crystal().positions, 0, atol=1e-9)
    np.testing.assert_allclose(back.velocities, -velocities, atol=1e-9)


def test_the_shadow_energy_holds_to_fourth_order_in_the_outer_step():
    swings = {}
    for stride, dt in ((4, 1.0), (4, 0.5)):
        run, _ = tandem(Morse(), Gupta(), stride=stride, steps=int(160 / dt), dt=dt)
        trace = run.trace()
        known = np.isfinite(trace.shadow[:, 0])
        assert known.sum() == len(trace.shadow) - 2
        swings[dt] = [np.std(e[known], axis=0).mean() for e in (trace.shadow, trace.total)]
    for (shadow, plain), (finer, finer_plain) in [(swings[1.0], swings[0.5])]:
        assert plain / finer_plain == pytest.approx(4, rel=0.3)
        assert shadow / finer > 10
        assert shadow < 0.05 * plain


def test_a_stride_of_half_a_period_resonates():
    """A fast force with 0.9 of an oscillator's stiffness.

    Unstable where sin(omega_fast D) is near zero.
    """
    one = crystal()
    mass = one.system.masses[0]
    stiffness = 5.0
    period = 2 * math.pi * math.sqrt(mass / (0.9 * stiffness)) / units.fs
    gains = {}
    for share in (0.25, 0.48):
        stride = 12
        dt = share * period / stride
        run, _ = tandem(
            Wells(one.positions, 0.9 * stiffness),
            Wells(one.positions, stiffness),
            stride=stride,
            steps=stride * 200,
            dt=dt,
        )
        gains[share] = float((run.last_total / run.first_total).mean())
    assert gains[0.25] == pytest.approx(1.0, abs=0.3)
    assert gains[0.48] > 100


def test_with_a_bath_the_heat_is_booked():
    run, _ = tandem(
        Morse(),
        Gupta(),
        stride=3,
        steps=300,
        dt=1.0,
        count=8,
        temperature_K=900.0,
        bath=Langevin(300.0, 30.0),
        rng=np.random.default_rng(1),
        atom_kinetic=True,
    )
    trace = run.trace()
    assert trace.middle.shape == (300, 8, 32)
    gained = trace.total[-1] - trace.total[0]
    assert abs(trace.heat[-1]).min() > 0.2
    np.testing.assert_allclose(gained, trace.heat[-1], atol=0.02)
    np.testing.assert_allclose(
        trace.work[-1] + trace.heat[-1], trace.kinetic[-1] - trace.kinetic[0], atol=1e-12
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"stride": 0}, "stride is 0"),
        ({"dt": -1.0}, "timestep_fs is -1.0"),
        ({"bath": Langevin(300.0, 10.0)}, "a bath needs rng"),
    ],
)
def test_bad_input_is_named(change, text):
    with pytest.raises(ValueError, match=text):
        tandem(Morse(), Gupta(), **{"stride": 2, "steps": 2, **change})
