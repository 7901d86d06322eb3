"""Near pairs are those that counting images by hand gives, in cells of every kind, in no time."""

from __future__ import annotations

import sys
from itertools import product

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from physcheck.errors import SpecError
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


def assert_counted(positions, cell, pbc, radii):
    """Near pairs are those that counting gives; vectors are as long as distances."""
    atoms = Atoms(numbers=[1] * len(positions), positions=positions, cell=cell, pbc=pbc)
    found = near_pairs(Configurations.from_atoms(atoms), radii)
    distances = np.linalg.norm(found.vectors, axis=1)
    np.testing.assert_allclose(found.distances, distances, atol=1e-9)
    rows = zip(found.first, found.second, found.distances, strict=True)
    np.testing.assert_allclose(in_order(rows), counted(positions, cell, pbc, radii), atol=1e-7)


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
    assert_counted(positions, cell, pbc, radii)


@pytest.mark.parametrize("pbc", [(True, True, True), (False, True, False)])
def test_a_huge_box_costs_no_more_than_a_small_one(pbc):
    """Lists that are made box by box of the empty space don't end here."""
    positions = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [5e3, 5e3, 5e3]])
    atoms = Atoms("H3", positions=positions, cell=1e4 * np.eye(3), pbc=pbc)
    found = near_pairs(Configurations.from_atoms(atoms), 1.5)
    assert list(zip(found.first, found.second, strict=True)) == [(0, 1), (1, 0)]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_atoms=st.integers(2, 7),
    pbc=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    stretched=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    power=st.integers(2, 6),
    flipped=st.booleans(),
)
def test_long_gaps_hide_and_make_no_pairs(seed, n_atoms, pbc, stretched, power, flipped):
    """Two groups of atoms far apart along some axes, in cells that are long there."""
    rng = np.random.default_rng(seed)
    far = np.where(stretched, 10.0**power, 1.0)
    cell = (np.diag(rng.uniform(3, 8, 3)) + rng.uniform(-1, 1, (3, 3))) * far[:, None]
    if flipped:
        cell = cell[[1, 0, 2]]
        pbc = tuple(np.array(pbc)[[1, 0, 2]])
    groups = rng.integers(0, 2, n_atoms)[:, None] * rng.uniform(0, 1, 3) @ cell
    positions = groups + rng.uniform(-3, 3, (n_atoms, 3))
    radii = rng.uniform(0.3, 2.5, n_atoms)
    # Places 1e6 Å away have digits down to 1e-10 Å.
    assert_counted(positions, cell, pbc, radii)


@pytest.mark.parametrize(
    ("positions", "cell", "pbc"),
    [
        ([[0, 0, 0], [0, 0, 1], [1e6, 0, 0]], np.zeros((3, 3)), False),
        ([[0, 0, 0], [0, 0, 1], [5e3, 5e3, 0]], np.zeros((3, 3)), False),
        ([[0, 0, 0], [0, 0, 1], [0, 0, 1e9]], np.diag([4, 4, 0]), (True, True, False)),
        ([[0, 0, 0], [0, 0, 1], [5e5, 0, 0]], np.diag([1e6, 4, 4]), True),
        ([[0, 0, 0], [0, 0, 1], [5e3, 5e3, 0]], np.diag([1e4, 1e4, 4]), True),
    ],
)
def test_space_that_is_long_and_narrow_ends_no_process(positions, cell, pbc):
    """vesin's list divides by zero there, which no exception tells."""
    start = Configurations.from_atoms(Atoms("H3", positions=positions, cell=cell, pbc=pbc))
    found = near_pairs(start, 1.5)
    assert list(zip(found.first, found.second, strict=True)) == [(0, 1), (1, 0)]


def test_sparse_atoms_in_a_plane_end_no_process():
    """No gap is long there, and a thousand boxes a side are too many for a plane."""
    positions = np.array([[4.0 * (i % 90) * 9, 9 * 4.0 * (i // 90), 0] for i in range(8100)])
    positions[1] = positions[0] + [0.0, 0.0, 1.0]
    found = near_pairs(Configurations.from_atoms(Atoms("H8100", positions=positions)), 1.5)
    assert list(zip(found.first, found.second, strict=True)) == [(0, 1), (1, 0)]


def test_no_reach_has_no_pairs():
    start = Configurations.from_atoms(Atoms("H2", positions=[[0, 0, 0], [0, 0, 0]]))
    assert len(near_pairs(start, 0.0).first) == 0


def test_a_missing_package_is_told_in_a_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "vesin", None)
    start = Configurations.from_atoms(Atoms("H"))
    with pytest.raises(SpecError, match=r"needs the package vesin.*pip install vesin"):
        near_pairs(start, 1.0)
