"""Vibrations: rigid modes, exact force constants, and growth that is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from physcheck.model import Capabilities, Meter
from physcheck.potentials import make_builtin
from physcheck.relaxation import relax
from physcheck.relaxation.vibrations import (
    PER_PS,
    confirm_pair,
    growth_rate,
    measure_vibrations,
    rigid_modes,
)
from physcheck.resolution import measure_resolution
from physcheck.structures import catalogue
from physcheck.system import Configurations, Evaluation, as_configurations


class Linear:
    """F = -K (x - x0) with any K (3N, 3N).

    Its vibrations are the eigenvalues of M^-1/2 K M^-1/2.
    """

    def __init__(self, atoms, stiffness):
        self.home, self.stiffness = atoms.positions.ravel(), stiffness
        self.capabilities = Capabilities("linear", "test", frozenset({"forces"}))

    def evaluate(self, configurations, *, want=frozenset()):
        x = configurations.positions.reshape(len(configurations), -1) - self.home
        return Evaluation(forces=-(x @ self.stiffness.T).reshape(configurations.positions.shape))


def two_modes(gap, turn, soft=1.0):
    """Argon dimer with a periodic cell.

    Eigenvalues of K are soft +- gap/2 coupled by an antisymmetric turn.
    """
    atoms = Atoms("Ar2", positions=[[0, 0, 0], [3, 0, 0]], cell=[9, 9, 9], pbc=True)
    k = np.diag([5.0, 6.0, 7.0, soft - gap / 2, soft + gap / 2, 9.0])
    k[3, 4], k[4, 3] = turn, -turn
    shift = np.tile(np.eye(3), 2) / np.sqrt(2)
    mix = np.concatenate([shift, np.linalg.svd(shift)[2][3:]])
    return atoms, Linear(atoms, mix.T @ k @ mix)


@pytest.mark.parametrize(
    ("atoms", "turns"),
    [
        (molecule("CH3CH2OH"), 3),
        (molecule("CO2"), 2),
        (Atoms("Ar", positions=[[1.0, 2.0, 3.0]]), 0),
        (Atoms("Ar2", positions=[[0, 0, 0], [0, 1, 3]], cell=[9, 9, 9], pbc=True), 0),
        (Atoms("Ar2", positions=[[0, 0, 0], [0, 1, 3]], cell=[9, 9, 9], pbc=(0, 0, 1)), 1),
        (Atoms("Ar2", positions=[[0, 0, 0], [0, 1, 3]], cell=[9, 9, 9], pbc=(1, 1, 0)), 0),
    ],
)
def test_rigid_modes(atoms, turns):
    shifts, rotations = rigid_modes(as_configurations(atoms))
    assert (len(shifts), len(rotations)) == (3, turns)
    both = np.concatenate([shifts, rotations])
    assert np.allclose(both @ both.T, np.eye(3 + turns), atol=1e-10)


def test_growth_is_the_imaginary_part_of_the_frequency():
    assert growth_rate(np.array([-4.0, 0.0, 9.0])).tolist() == [0, 0, 0]
    # omega = 3 + 0.1i
    assert growth_rate(np.array([(3 + 0.1j) ** 2]))[0] == pytest.approx(0.1 * PER_PS)
    assert pytest.approx(98.2, rel=1e-3) == PER_PS


def test_a_known_pair_is_found_and_confirmed():
    atoms, model = two_modes(gap=0.02, turn=0.03)
    start = as_configurations(atoms)
    rng = np.random.default_rng(0)
    resolution = measure_resolution(model, start, rng=rng)
    meter = Meter(model)
    found = measure_vibrations(meter, start, products=3, rng=rng, resolution=resolution)
    assert found.complete
    assert meter.evaluations == found.evaluations <= 2 * 3 + 4 * 3
    mass = start.system.masses[0]
    omega = np.sqrt((1.0 + 1j * np.sqrt(0.03**2 - 0.01**2)) / mass) * PER_PS
    assert growth_rate(found.eigenvalues).max() == pytest.approx(omega.imag, rel=1e-5)
    pair = confirm_pair(meter, found, rng=rng, resolution=resolution)
    assert pair.evaluations == 8
    assert pair.rate == pytest.approx(omega.imag, rel=1e-4)
    assert 0.9 * omega.imag < pair.low <= pair.rate
    assert pair.frequency == pytest.approx(omega.real, rel=1e-3)


def test_modes_far_apart_stay_real_whatever_couples_them():
    atoms, model = two_modes(gap=0.2, turn=0.03)
    rng = np.random.default_rng(0)
    start = as_configurations(atoms)
    resolution = measure_resolution(model, start, rng=rng)
    found = measure_vibrations(Meter(model), start, products=9, rng=rng, resolution=resolution)
    assert growth_rate(found.eigenvalues).max() == 0
    assert confirm_pair(Meter(model), found, rng=rng, resolution=resolution) is None


def test_frequencies_of_water_are_those_of_its_potential():
    # k_r and k_theta of the built-in water by a tight relaxation and plain differences.
    model = Meter(make_builtin("water"))
    rng = np.random.default_rng(0)
    path = relax(model, catalogue()["H2O"].configurations, fmax=1e-6, evaluations=60)
    resolution = measure_resolution(model, path.final, rng=rng)
    found = measure_vibrations(model, path.final, products=9, rng=rng, resolution=resolution)
    omega = np.sqrt(np.sort(np.linalg.eigvalsh(found.inner + found.inner.T) / 2)) * PER_PS
    h = 1e-4
    moves = np.concatenate([h * np.eye(9), -h * np.eye(9)])
    ahead, behind = model.evaluate(path.final.displaced(moves)).forces.reshape(2, 9, 9)
    root = np.repeat(np.sqrt(path.final.system.masses), 3)
    full = -(ahead - behind) / (2 * h) / np.outer(root, root)
    expected = np.sqrt(np.linalg.eigvalsh((full + full.T) / 2)[-3:]) * PER_PS
    assert omega == pytest.approx(expected, rel=1e-5)
    assert found.turns == 3
    assert np.abs(found.block[:3]).max() < 1e-4 * np.abs(found.block).max()


def test_a_krylov_subspace_finds_the_ends_of_the_spectrum():
    model = Meter(make_builtin("gupta"))
    start: Configurations = catalogue()["Cu32"].configurations
    rng = np.random.default_rng(0)
    path = relax(model, start, fmax=0.005, evaluations=60)
    resolution = measure_resolution(model, start, rng=rng)
    part = measure_vibrations(model, path.final, products=30, rng=rng, resolution=resolution)
    full = measure_vibrations(model, path.final, products=93, rng=rng, resolution=resolution)
    assert (part.complete, full.complete) == (False, True)
    assert part.eigenvalues.real.max() == pytest.approx(full.eigenvalues.real.max(), rel=1e-3)
    assert part.lowest[0] >= full.lowest[0] - 1e-9
    assert part.growth_at_most(rng) < 0.1
