"""The piston's integrator: exact parts, order, reversibility, and its shadow energy."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.units import fs, kB

from physcheck.dynamics import ConstantPressure, Piston, draw_velocities
from physcheck.model import Capabilities, Meter
from physcheck.potentials import Gupta
from physcheck.system import Configurations, Evaluation

MASS = 3000 * (4 * fs / 0.15) ** 2


def start():
    atoms = bulk("Cu", cubic=True) * 2
    atoms.rattle(0.03, seed=1)
    return Configurations.from_atoms(atoms)


def run(timestep_fs, steps, model=None, spring=0.0):
    one = start()
    rng = np.random.default_rng(0)
    velocities = draw_velocities(one.system, 2, 600.0, rng, exact=True)
    rates = np.sqrt(kB * 600 / MASS) * np.array([1.0, -1.0])
    piston = Piston(MASS, 0.01, spring)
    made = ConstantPressure(
        Meter(model or Gupta()), one, velocities, rates, timestep_fs=timestep_fs, piston=piston
    )
    made.run(steps)
    return made


def swings(made):
    """The largest changes of H and of the shadow energy, eV."""
    trace = made.trace()
    shadow = trace.shadow[np.isfinite(trace.shadow[:, 0])]
    return np.abs(trace.total - trace.total[0]).max(), np.abs(shadow - shadow[0]).max()


def test_the_enthalpy_swings_with_the_square_of_the_timestep_and_the_shadow_hardly():
    coarse, middle, fine = (swings(run(dt, int(96 / dt))) for dt in (8.0, 4.0, 2.0))
    assert coarse[0] / middle[0] == pytest.approx(4, rel=0.05)
    assert middle[0] / fine[0] == pytest.approx(4, rel=0.05)
    # The shadow's error is dt^8, down to the kinks of the potential's cutoff.
    assert coarse[1] < coarse[0] / 300
    assert middle[1] < min(coarse[1] / 20, middle[0] / 3000)


def test_it_is_reversible_and_a_spring_changes_nothing_of_that():
    for spring in (0.0, 500.0):
        made = run(4.0, 20, spring=spring)
        assert np.abs(made.scale).max() > 1e-3
        assert swings(made)[1] < 1e-5
        made.momenta = -made.momenta
        made.run(20)
        assert np.abs(made.coordinates).max() < 1e-12


class Nothing:
    """An ideal gas."""

    capabilities = Capabilities(
        name="nothing",
        adapter="test",
        outputs=frozenset({"energy", "forces", "stress"}),
        dtype="float64",
    )

    def fresh(self):
        return self

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        count, atoms, _ = configurations.positions.shape
        return Evaluation(np.zeros(count), np.zeros((count, atoms, 3)), np.zeros((count, 3, 3)))


def test_an_ideal_gas_swells_as_its_equation_of_motion_says():
    """``W e'' = 2 K0 exp(-2 e) - 3 P V0 exp(3 e)``, solved to many digits."""
    from scipy.integrate import solve_ivp

    made = run(0.25, 160, Nothing())
    one, piston = start(), made.piston
    volume = float(one.volumes()[0])
    kinetic = 1.5 * kB * 600 * (one.n_atoms - 1)
    rates = np.sqrt(kB * 600 / MASS) * np.array([1.0, -1.0])
    for rate, found in zip(rates, made.scale, strict=True):

        def slope(time, state):
            e, v = state
            push = 2 * kinetic * np.exp(-2 * e) - 3 * piston.pressure * volume * np.exp(3 * e)
            return [v, push / MASS]

        exact = solve_ivp(slope, (0, 40 * fs), [0.0, rate], rtol=1e-10, atol=1e-13).y[0, -1]
        assert found == pytest.approx(exact, rel=1e-5)
    # Peculiar velocities shrink as lengths grow.
    assert made.last_kinetic == pytest.approx(kinetic * np.exp(-2 * made.scale))


def test_a_step_costs_an_evaluation_a_replica():
    made = run(4.0, 10)
    assert made.model.evaluations == 2 * 11
