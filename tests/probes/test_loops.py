import numpy as np

from physcheck.probes.loops import molecule_turned_and_deformed
from physcheck.structures import catalogue


def test_a_strained_turn_is_closed_and_its_tangents_are_derivatives():
    start = catalogue()["H2O-box32"].configurations
    loop = molecule_turned_and_deformed(start, np.random.default_rng(0))
    center, n = start.positions[0], 4096
    positions, tangents = loop.path(center, n)
    assert np.allclose(positions[0], center)
    steps = (np.roll(positions, -1, axis=0) - np.roll(positions, 1, axis=0)) / (4 * np.pi / n)
    assert np.abs(steps - tangents).max() < 1e-5
    still = np.setdiff1d(np.arange(start.n_atoms), loop.atoms)
    assert np.array_equal(positions[:, still], np.repeat(center[None, still], n, axis=0))
    # Strained by 8 % at most, on the way.
    ends = positions[:, loop.atoms] - positions[:, loop.atoms].mean(axis=1, keepdims=True)
    sizes = np.linalg.norm(ends, axis=2) / np.linalg.norm(ends[0], axis=1)
    assert 1.0 < sizes.max() < 1.17


def test_without_molecules_there_is_no_turn():
    start = catalogue()["Cu32"].configurations
    assert molecule_turned_and_deformed(start, np.random.default_rng(0)) is None
