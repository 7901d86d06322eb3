"""Strains and loops through them against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from physcheck.probes.strains import StrainLoop, commuting_strains, strained, symmetric_strains
from physcheck.system import Configurations


def triclinic():
    rng = np.random.default_rng(0)
    atoms = bulk("Si") * (2, 2, 1)
    atoms.positions += 0.05 * rng.standard_normal(atoms.positions.shape)
    strain = np.eye(3) + 0.02 * rng.standard_normal((3, 3))
    atoms.set_cell(atoms.cell @ strain, scale_atoms=True)
    return Configurations.from_atoms(atoms)


def test_strain_loops_close_and_their_tangents_are_right():
    rng = np.random.default_rng(1)
    start = triclinic()
    first, second = symmetric_strains(rng, 2)
    direction = rng.standard_normal((start.n_atoms, 3))
    loop = StrainLoop(first, second, direction, 0.01, 0.1, 0.3)
    n = 64
    path, tangents, gradients = loop.path(start, n)
    # Total velocity of the atoms: h s' + L x, by spectral differentiation of the closed path.
    k = np.fft.fftfreq(n, 1 / n)[:, None, None] * 1j
    velocity = np.fft.ifft(k * np.fft.fft(path.positions, axis=0), axis=0).real
    expected = tangents + path.positions @ np.swapaxes(gradients, 1, 2)
    assert np.abs(velocity - expected).max() < 1e-10


def test_symmetric_strains_are_an_orthonormal_frame():
    frame = symmetric_strains(np.random.default_rng(0))
    assert np.abs(np.einsum("aij,bij->ab", frame, frame) - np.eye(6)).max() < 1e-12
    assert np.abs(frame - np.swapaxes(frame, 1, 2)).max() == 0
    with pytest.raises(ValueError, match="there are 6"):
        symmetric_strains(np.random.default_rng(0), 7)


def test_commuting_strains_share_their_axes_and_never_turn_the_cell():
    rng = np.random.default_rng(0)
    strains = commuting_strains(rng)
    assert np.abs(np.einsum("aij,bij->ab", strains, strains) - np.eye(3)).max() < 1e-12
    start = triclinic()
    loop = StrainLoop(strains[0], strains[1], np.zeros((start.n_atoms, 3)), 0.1, 0.0, 0.3)
    _, _, gradients = loop.path(start, 16)
    assert np.abs(gradients - np.swapaxes(gradients, 1, 2)).max() < 1e-14
    with pytest.raises(ValueError, match="there are 3"):
        commuting_strains(rng, 4)


def test_strained_keeps_fractional_positions():
    start = triclinic()
    moved = strained(start, 0.01 * symmetric_strains(np.random.default_rng(0), 1))
    before = start.positions[0] @ np.linalg.inv(start.cells[0])
    after = moved.positions[0] @ np.linalg.inv(moved.cells[0])
    assert np.abs(before - after).max() < 1e-12
