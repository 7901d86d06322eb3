"""Near pairs are those that counting images by hand gives, in cells of every kind, in no time."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from physcheck.numerics.near_pairs import near_pairs
from physcheck.system import Configurations


def counted(positions, cell, pbc, radii):
    """(first, second, distance) of each pair, from images up to 9 cells away."""
    images = [range(-9, 10) if periodic else (0,) for periodic in pbc]
    found = []
    for shift in product(*images):
        apart = positions[None] + np.array(shift) @ cell - positions[:, None]
        distances = np.linalg.norm(apart, axis=2)
        near = distances < radii[:, None] + radii[None]
        if not any(shift):
            near &= ~np.eye(len(positions), dtype=bool)
        found += [(i, j, distances[i, j]) for i, j in np.argwhere(near)]
    return in_order(found)


def in_order(pairs):
    """(P, 3), by atoms, then distance."""
    rows = np.array(list(pairs), float).reshape(-1, 3)
    return rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_atoms=st.integers(1, 7),
    pbc=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    zeros=st.booleans(),
)
def test_near_pairs_are_those_that_counting_gives(seed, n_atoms, pbc, zeros):
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(3, 8, 3)) + rng.uniform(-1, 1, (3, 3))
    if zeros:
        cell[~np.array(pbc)] = 0.0
    positions = rng.uniform(0, 1, (n_atoms, 3)) @ np.diag([9.0, 9.0, 9.0])
    radii = rng.uniform(0.3, 2.5, n_atoms)
    atoms = Atoms(numbers=[1] * n_atoms, positions=positions, cell=cell, pbc=pbc)
    found = near_pairs(Configurations.from_atoms(atoms), radii)
    distances = np.linalg.norm(found.vectors, axis=1)
    np.testing.assert_allclose(found.distances, distances, atol=1e-9)
    rows = zip(found.first, found.second, found.distances, strict=True)
    np.testing.assert_allclose(in_order(rows), counted(positions, cell, pbc, radii), atol=1e-7)


@pytest.mark.parametrize("pbc", [(True, True, True), (False, True, False)])
def test_a_huge_box_costs_no_more_than_a_small_one(pbc):
    """Lists that are made box by box of the empty space don't end here."""
    positions = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [5e3, 5e3, 5e3]])
    atoms = Atoms("H3", positions=positions, cell=1e4 * np.eye(3), pbc=pbc)
    found = near_pairs(Configurations.from_atoms(atoms), 1.5)
    assert list(zip(found.first, found.second, strict=True)) == [(0, 1), (1, 0)]
