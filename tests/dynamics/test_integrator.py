"""The integrators against ASE's and against exact results."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.md.verlet import VelocityVerlet

from physcheck.adapters.ase import ModelCalculator
from physcheck.dynamics import (
    Langevin,
    Simulation,
    StochasticVelocityRescaling,
    degrees_of_freedom,
    draw_velocities,
    fastest_frequency,
    injected_friction,
    pre_relax,
    shadow_correction,
    stable_timestep_fs,
)
from physcheck.model import Capabilities, Meter
from physcheck.potentials import Gupta, LennardJones, Morse
from physcheck.system import Configurations, Evaluation


class Wells:
    """Independent oscillators ``E = sum k_i x_i²/2`` about a reference.

    Every mode known exactly.
    """

    def __init__(self, reference: np.ndarray, stiffness: np.ndarray) -> None:
        self.reference, self.stiffness = reference, stiffness

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("wells", "test", frozenset({"energy", "forces"}), batched=True)

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        u = configurations.positions - self.reference
        k = self.stiffness[:, None]
        return Evaluation(0.5 * (k * u**2).sum((1, 2)), -k * u)


def crystal(repeat: int = 2) -> Configurations:
    return Configurations.from_atoms(bulk("Cu", cubic=True) * repeat)


def replicas(one: Configurations, count: int) -> Configurations:
    return one.at(np.repeat(one.positions, count, axis=0))


def nve(model, one, velocities, dt, n_steps, **options):
    simulation = Simulation(
        Meter(model), replicas(one, len(velocities)), velocities, timestep_fs=dt, **options
    )
    simulation.run(n_steps)
    return simulation


def test_velocity_verlet_is_ases():
    rng = np.random.default_rng(1)
    one = crystal()
    velocities = draw_velocities(one.system, 2, 500, rng)
    ours = nve(Morse(), one, velocities, 4.0, 40)
    for replica in range(2):
        atoms = one.to_atoms()
        atoms.calc = ModelCalculator(Morse())
        atoms.set_velocities(velocities[replica])
        with VelocityVerlet(atoms, 4.0 * units.fs) as dynamics:
            dynamics.run(40)
        np.testing.assert_allclose(ours.positions[replica], atoms.positions, atol=1e-12)
        np.testing.assert_allclose(ours.velocities[replica], atoms.get_velocities(), atol=1e-12)
        trace = ours.trace()
        assert trace.kinetic[-1, replica] == pytest.approx(atoms.get_kinetic_energy(), rel=1e-11)
        assert trace.potential[-1, replica] == pytest.approx(
            atoms.get_potential_energy(), rel=1e-11
        )


def test_work_of_the_forces_is_the_kinetic_energy():
    one = crystal(1)
    trace = nve(
        Morse(), one, draw_velocities(one.system, 3, 300, np.random.default_rng(0)), 2.0, 9
    ).trace()
    np.testing.assert_allclose(trace.work, trace.kinetic - trace.kinetic[0], atol=1e-13)
    assert not trace.heat.any()
    assert trace.middle.shape == (9, 3)
    assert trace.time_fs[-1] == 18


def test_the_callers_arrays_stay():
    one = crystal(1)
    velocities = draw_velocities(one.system, 1, 300, np.random.default_rng(0))
    kept = velocities.copy()
    nve(Morse(), one, velocities, 2.0, 3)
    np.testing.assert_array_equal(velocities, kept)


def test_net_force_moves_nothing():
    one = crystal(1)

    class Pulled(Morse):
        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            answer = super().evaluate(configurations, want=want)
            return Evaluation(answer.energy, answer.forces + 0.3)

    simulation = nve(Pulled(), one, np.zeros((1, 4, 3)), 2.0, 5)
    np.testing.assert_allclose(simulation.positions, one.positions, atol=1e-12)


@pytest.mark.parametrize("dt", [2.0, 4.0])
def test_shadow_energy_is_conserved_far_better_than_the_energy(dt):
    one = crystal()
    trace = nve(
        Gupta(), one, draw_velocities(one.system, 2, 300, np.random.default_rng(0)), dt, 60
    ).trace()
    known = np.isfinite(trace.shadow[:, 0])
    assert known.sum() == 61 - 8
    assert not known[:4].any()
    assert not known[-4:].any()
    plain = trace.total[known].std(axis=0).mean()
    assert trace.shadow[known].std(axis=0).mean() < plain / (1e5 if dt == 2.0 else 3e3)


def test_the_three_point_shadow_formula():
    one = crystal()
    simulation = Simulation(
        Meter(Gupta()),
        replicas(one, 1),
        draw_velocities(one.system, 1, 300, np.random.default_rng(0)),
        timestep_fs=2.0,
    )
    forces, velocities = [], []
    for _ in range(60):
        forces.append(simulation.forces)
        velocities.append(simulation.velocities)
        simulation.run(1)
    total = simulation.trace().total[:, 0]
    shadow = [
        total[n]
        + shadow_correction(
            velocities[n], forces[n - 1], forces[n], forces[n + 1], one.system.masses, 2 * units.fs
        )[0]
        for n in range(1, 59)
    ]
    assert np.std(shadow) < np.std(total) / 200
    exact = simulation.trace().shadow[10, 0]
    assert shadow[9] == pytest.approx(exact, abs=20 * np.std(shadow))


def test_friction_drains_at_the_known_rate():
    one = crystal()
    velocities = draw_velocities(one.system, 4, 600, np.random.default_rng(0))
    with injected_friction(1e-3):
        trace = nve(Morse(), one, velocities, 2.0, 60).trace()
    expected = -2e-3 * np.trapezoid(trace.kinetic[4:-4], trace.time_fs[4:-4] * 1e-3, axis=0)
    np.testing.assert_allclose(trace.shadow[-5] - trace.shadow[4], expected, rtol=1e-3)
    assert nve(Morse(), one, velocities, 2.0, 1)._damping == 1.0


def _bath_run(bath, dt, n_steps=3000, n_batch=8):
    """Mean kinetic temperature over the target in the middle and at the end, three frequencies
    at once.
    """
    masses = np.array([1.0, 16.0, 63.5, 16.0, 1.0, 63.5])
    frequency = np.array([0.35, 0.1, 0.05, 0.2, 0.15, 0.02])
    stiffness = masses * (frequency / units.fs) ** 2
    atoms = Atoms("HOCuOHCu", positions=3.0 * np.arange(18).reshape(6, 3))
    atoms.set_masses(masses)
    one = Configurations.from_atoms(atoms)
    rng = np.random.default_rng(5)
    start = replicas(one, n_batch)
    spread = np.sqrt(units.kB * 300 / stiffness)[:, None]
    start = start.at(start.positions + spread * rng.standard_normal(start.positions.shape))
    simulation = Simulation(
        Meter(Wells(one.positions, stiffness)),
        start,
        draw_velocities(one.system, n_batch, 300, rng),
        timestep_fs=dt,
        bath=bath,
        rng=rng,
        atom_kinetic=True,
    )
    simulation.run(n_steps)
    return one, simulation.trace()


@pytest.mark.parametrize(
    "bath", [Langevin(300, 20.0), StochasticVelocityRescaling(300, 10.0)], ids=["langevin", "svr"]
)
def test_kinetic_temperature_in_the_middle_of_the_step(bath):
    one, trace = _bath_run(bath, 1.0)
    total = trace.middle.sum(axis=2).mean()
    assert total == pytest.approx(0.5 * units.kB * 300 * degrees_of_freedom(one.system), rel=0.02)


def test_langevin_gives_each_atom_its_share():
    one, trace = _bath_run(Langevin(300, 20.0), 1.5, n_steps=12000)
    share = np.array([degrees_of_freedom(one.system, np.arange(6) == i) for i in range(6)])
    found = trace.middle.mean(axis=(0, 1)) / (0.5 * units.kB * 300 * share)
    # The fastest mode has omega dt = 0.5: end-of-step velocities would read 6 % low.
    np.testing.assert_allclose(found, 1.0, atol=0.03)


def test_bath_heat_closes_the_books():
    _, trace = _bath_run(Langevin(300, 50.0), 0.5, n_steps=2000)
    total = trace.total - trace.heat
    known = slice(1, -1)
    assert np.isnan(trace.conserved[[0, -1]]).all()
    drift = trace.conserved[-2] - trace.conserved[1]
    assert np.abs(drift).max() < 0.02 * np.abs(trace.heat[-1]).max() + 2e-4
    assert trace.conserved[known].std(axis=0).mean() < 0.35 * total[known].std(axis=0).mean()
    np.testing.assert_allclose(trace.work + trace.heat, trace.kinetic - trace.kinetic[0], atol=0.02)


def test_svr_samples_the_canonical_kinetic_energy():
    masses = np.array([1.0, 4.0, 9.0])
    rng = np.random.default_rng(3)
    bath = StochasticVelocityRescaling(300, 5.0)
    velocities = rng.standard_normal((4000, 3, 3)) * 0.01
    velocities -= np.tensordot(velocities, masses, axes=(1, 0))[:, None] / masses.sum()
    for _ in range(40):
        velocities = bath.act(velocities, masses, 1.0 * units.fs, rng)
    kinetic = 0.5 * (masses[:, None] * velocities**2).sum((1, 2)) / (units.kB * 300)
    # Gamma with shape 3: mean 3, variance 3.
    assert kinetic.mean() == pytest.approx(3.0, abs=0.11)
    assert kinetic.var() == pytest.approx(3.0, abs=0.5)


def test_velocities():
    system = Configurations.from_atoms(Atoms("OH2", positions=np.eye(3))).system
    rng = np.random.default_rng(0)
    drawn = draw_velocities(system, 5, 300, rng, exact=True)
    np.testing.assert_allclose(np.tensordot(drawn, system.masses, axes=(1, 0)), 0, atol=1e-12)
    kinetic = 0.5 * (system.masses[:, None] * drawn**2).sum((1, 2))
    np.testing.assert_allclose(kinetic, 0.5 * 6 * units.kB * 300)
    assert degrees_of_freedom(system) == pytest.approx(6)
    oxygen = degrees_of_freedom(system, system.numbers == 8)
    assert oxygen == pytest.approx(3 * (1 - 15.999 / 18.015))
    many = draw_velocities(system, 20000, 300, rng)
    of_oxygen = 0.5 * 15.999 * (many[:, 0] ** 2).sum(-1).mean()
    assert of_oxygen == pytest.approx(0.5 * oxygen * units.kB * 300, rel=0.03)
    assert not draw_velocities(system.take([0]), 2, 300, rng, exact=True).any()


@pytest.mark.parametrize(("model", "symbol"), [(Gupta(), "Cu"), (LennardJones(), "Cu")])
def test_fastest_frequency(model, symbol):
    one = Configurations.from_atoms(bulk(symbol, cubic=True) * (2, 1, 1))
    n = one.n_coordinates
    h = 1e-3
    plus, minus = (
        model.evaluate(one.displaced(s * h * np.eye(n))).forces.reshape(n, n) for s in (1, -1)
    )
    root = np.sqrt(np.repeat(one.system.masses, 3))
    dynamical = -(plus - minus) / (2 * h) / np.outer(root, root)
    exact = np.sqrt(np.linalg.eigvalsh(dynamical)[-1]) * units.fs
    found = [fastest_frequency(Meter(model), one, np.random.default_rng(s)) for s in range(5)]
    assert min(found) > 0.9 * exact
    assert max(found) < 1.05 * exact
    assert stable_timestep_fs(exact, 0.2) == pytest.approx(min(0.2 / 1.1 / exact, 10.0))
    assert stable_timestep_fs(0.0, 0.2, longest_fs=5.0) == 5.0


def test_settle():
    one = crystal()
    meter = Meter(Morse())
    assert pre_relax(meter, one)[0] is one
    assert meter.evaluations == 1
    rattled = one.displaced(0.1 * np.random.default_rng(0).standard_normal((1, 32, 3)))
    before = np.abs(Morse().evaluate(rattled).forces).max()
    meter = Meter(Morse(), allotment=12)
    settled, forces = pre_relax(meter, rattled)
    assert np.abs(forces).max() < 0.15 * before
    found = Morse().evaluate(settled).forces[0]
    np.testing.assert_allclose(forces, found, atol=1e-10)


def test_errors():
    one = crystal(1)
    still = np.zeros((1, 4, 3))
    with pytest.raises(ValueError, match="a bath needs rng"):
        Simulation(Meter(Morse()), one, still, timestep_fs=1.0, bath=Langevin(300, 10))
    with pytest.raises(ValueError, match="should be positive"):
        Simulation(Meter(Morse()), one, still, timestep_fs=0.0)
    with pytest.raises(ValueError, match="velocities have shape"):
        Simulation(Meter(Morse()), one, still[0], timestep_fs=1.0)
