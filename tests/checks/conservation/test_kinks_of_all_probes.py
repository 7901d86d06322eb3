"""Truncation on kinked surfaces comes from all probes: those that pilots don't meet count, too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from physcheck.checks.conservation.jacobian_differences import bends_over_those_of_pilots
from physcheck.checks.conservation.piece_length import Gaps, PieceLength
from physcheck.probes.directions import orthonormal_directions

N = 30


def length(pilots):
    return PieceLength(step=0.01, noise=1e-9, truncation=1e-3, gaps=pilots)


def test_bends_of_other_pieces_raise_the_truncation_in_rms():
    pilots = Gaps(np.zeros(2), np.array([0.1, 0.1]))
    others = Gaps(np.zeros(6), np.array([0.1] * 5 + [1.0]))
    together = pilots.followed_by(others)
    seen = length(pilots).seen_by_all(together)
    expected = np.sqrt(np.mean(together.bends**2)) / 0.1
    assert seen.truncation == pytest.approx(1e-3 * expected)
    assert len(together.values) == 8


def test_a_smooth_surface_and_noise_raise_nothing():
    pilots = Gaps(np.zeros(2), np.array([0.1, 0.1]))
    assert length(pilots).seen_by_all(pilots).truncation == 1e-3
    quiet = Gaps(np.zeros(2), np.zeros(2))
    noisy = Gaps(np.zeros(8), 1e-9 * np.ones(8))
    assert replace(length(quiet), noise=1e-9).seen_by_all(noisy).truncation <= 1.3e-3
    assert replace(length(quiet), noise=0.0).seen_by_all(quiet).truncation == 1e-3


def test_a_kink_along_another_direction_raises_that_of_a_jacobian():
    """Forces F = -x, and beyond a plane across one direction twice that."""
    rng = np.random.default_rng(0)
    frame = orthonormal_directions(N, 8, rng)

    def sides(kinked):
        ends = []
        for sign in (1.0, -1.0):
            moves = sign * 0.01 * frame
            along = moves @ kinked
            bent = -moves - np.outer(np.maximum(along, 0.0), kinked[::-1])
            ends.append(bent / 0.02 + rng.standard_normal(bent.shape) * 1e-6)
        return np.array(ends)

    smooth = bends_over_those_of_pilots(frame, sides(np.zeros(N)), 4)
    met = bends_over_those_of_pilots(frame, sides(frame[6]), 4)
    assert 1.0 <= smooth < 3.0
    assert met > 30.0
    assert bends_over_those_of_pilots(frame, sides(frame[6]), 1) == 1.0
