"""Every change of description leaves what it should, at structures that hypothesis draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hypothesis_settings import FEW

from physcheck import strategies as physical
from physcheck.potentials.neighbours import find_pairs
from physcheck.probes import transformations as change

CRYSTALS = physical.crystals("H,O,Si", max_atoms=6)
CLUSTERS = physical.clusters("H,O,Si", min_atoms=2, max_atoms=6)
ANY = st.one_of(CLUSTERS, CRYSTALS)
SEEDS = st.integers(0, 2**32 - 1)
REACH = 2.5


def answer(one):
    """Energy (eV), forces (N, 3) and virial (3, 3) of a pair potential exp(-d), unlike elements
    apart; beyond ``REACH`` nothing, however the pair got there.
    """
    pairs = find_pairs(one, REACH)
    numbers = one.system.numbers
    weight = np.sqrt(numbers[pairs.first] * numbers[pairs.second])
    # Zero at the reach with its derivatives, so that rounding takes no pair in or out.
    x = np.maximum(0.0, 1 - pairs.distances / REACH)
    energy = float((weight * x**3).sum())
    slope = -3 * weight * x**2 / REACH
    forces = pairs.forces(-slope[:, None] * pairs.directions)[0]
    vectors = pairs.distances[:, None] * pairs.directions
    virial = np.einsum("p,pa,pb->ab", slope, pairs.directions, vectors)
    return energy, forces, virial


def follows(transformation, start):
    """Energy, forces and virial of the changed structure are those of the original, carried."""
    energy, forces, virial = answer(start)
    other = transformation.apply(start)
    new_energy, new_forces, new_virial = answer(other)
    scale = 1 + abs(energy)
    copies = transformation.copies
    assert new_energy == pytest.approx(copies * energy, abs=1e-9 * scale)
    back = transformation.forces_back(new_forces[None])
    expected = transformation.expected_forces(forces[None])
    assert np.abs(back - expected).max() < 1e-9 * scale
    stress = transformation.stress_back(new_virial[None])[0]
    assert np.abs(stress - copies * virial).max() < 1e-8 * scale
    volume = abs(np.linalg.det(start.cells[0]))
    assert abs(np.linalg.det(other.cells[0])) == pytest.approx(copies * volume, rel=1e-9)


@FEW
@given(ANY, SEEDS)
def test_moved_turned_inverted_and_listed_anew(start, seed):
    rng = np.random.default_rng(seed)
    follows(change.rigid_shift(start, 7.0, rng), start)
    follows(change.rigid_rotation(start, rng), start)
    follows(change.inversion(start), start)
    follows(change.relabelling(start, rng), start)


@FEW
@given(CRYSTALS.filter(lambda one: one.system.is_periodic), SEEDS)
def test_lattices_described_otherwise(start, seed):
    rng = np.random.default_rng(seed)
    axes = np.flatnonzero(start.system.pbc)
    follows(change.lattice_shifts(start, 3, rng), start)
    follows(change.supercell(start, int(axes[0]), 2), start)
    if len(axes) > 1:
        follows(change.new_basis(start, rng), start)
        follows(change.exchanged_vectors(start, rng), start)


@FEW
@given(CRYSTALS.filter(lambda one: one.system.is_periodic))
def test_axes_that_mean_nothing(start):
    energy, forces, _ = answer(start)
    for other in (change.axes_in_other_rows(start), change.box_that_means_nothing(start, 30.0)):
        new_energy, new_forces, _ = answer(other.apply(start))
        assert new_energy == pytest.approx(energy, rel=1e-9, abs=1e-9)
        assert np.abs(new_forces - forces).max() < 1e-9 * (1 + abs(energy))


@FEW
@given(CLUSTERS)
def test_a_far_copy_adds_its_energy(start):
    energy, forces, _ = answer(start)
    new_energy, new_forces, _ = answer(change.doubled(start))
    assert new_energy == pytest.approx(2 * energy, rel=1e-9, abs=1e-9)
    assert np.abs(new_forces - np.tile(forces, (2, 1))).max() < 1e-9 * (1 + abs(energy))
