"""Correlated series and repeated looks, against processes whose memory is known."""

from __future__ import annotations

import numpy as np
import pytest

from physcheck.numerics.sequential import doubling_looks, spending, student_half_width
from physcheck.numerics.series import (
    block_standard_error,
    correlation_steps,
    equilibration,
    replica_mean,
)


def remembering(rng, n, count, memory):
    """AR(1) with correlation exp(-t/memory): inefficiency coth(1/(2 memory))."""
    c = np.exp(-1 / memory)
    x = np.empty((n, count))
    x[0] = rng.standard_normal(count)
    for i in range(1, n):
        x[i] = c * x[i - 1] + np.sqrt(1 - c * c) * rng.standard_normal(count)
    return x


@pytest.mark.parametrize("memory", [0.5, 3.0, 10.0])
def test_correlation_steps(memory):
    rng = np.random.default_rng(0)
    exact = 1 / np.tanh(0.5 / memory)
    many = remembering(rng, 4000, 8, memory)
    assert correlation_steps(many) == pytest.approx(exact, rel=0.1)
    short = [correlation_steps(remembering(rng, 200, 1, memory)) for _ in range(60)]
    assert 0.85 * exact < np.mean(short) < 1.4 * exact


def test_edges_of_correlation_steps():
    assert correlation_steps(np.zeros(50)) == 1.0
    assert correlation_steps(np.arange(3.0)) == 3.0
    assert correlation_steps(np.tile([1.0, -1.0], 100)) < 1.1
    assert correlation_steps(np.arange(100.0)) > 20


def test_blocks_cover_the_mean():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(300):
        x = remembering(rng, 1600, 1, 4.0)
        error, dof = block_standard_error(x, 16)
        hits += abs(x.mean()) < 2.13 * error
    assert dof == 15
    assert 0.91 < hits / 300 < 0.98
    assert block_standard_error(np.arange(4.0), 1) == (np.inf, 0)
    with pytest.raises(ValueError, match="too few"):
        block_standard_error(np.arange(4.0), 5)


def test_equilibration_finds_the_transient():
    rng = np.random.default_rng(2)
    x = remembering(rng, 2000, 4, 3.0)
    start, _ = equilibration(x)
    assert start <= 400
    x += 20 * np.exp(-np.arange(2000) / 60)[:, None]
    start, inefficiency = equilibration(x)
    assert 180 <= start <= 700
    assert inefficiency < 15


def test_looks():
    assert doubling_looks(16, 100) == [16, 32, 64, 100]
    assert doubling_looks(16, 64) == [16, 32, 64]
    assert doubling_looks(16, 16) == [16]
    assert doubling_looks(16, 20) == [16, 20]
    with pytest.raises(ValueError, match="0 < first"):
        doubling_looks(10, 5)
    assert spending(3, 1e-4).sum() == pytest.approx(1e-4)
    assert spending(1, 0.05) == pytest.approx([0.05])
    with pytest.raises(ValueError, match="1 or more"):
        spending(0, 0.1)


def test_repeated_looks_keep_the_chance():
    rng = np.random.default_rng(3)
    looks = doubling_looks(16, 128)
    chances = spending(len(looks), 0.05)
    false = 0
    for _ in range(1500):
        walk = np.cumsum(rng.standard_normal((128, 6)), axis=0)
        means = [walk[n - 1] / n for n in looks]
        false += any(
            abs(m.mean()) > student_half_width(m, c) for m, c in zip(means, chances, strict=True)
        )
    assert false / 1500 < 0.06
    assert student_half_width(np.array([1.0]), 0.1) == np.inf


def _correlated(rng, n, count, memory):
    noise = rng.standard_normal((n, count))
    values = np.empty((n, count))
    values[0] = noise[0]
    for i in range(1, n):
        values[i] = memory * values[i - 1] + np.sqrt(1 - memory**2) * noise[i]
    return values


@pytest.mark.parametrize("frozen", [0.6, 1.0])
def test_rare_chances_rest_on_the_replicas_alone(frozen):
    # Four replicas agree by luck now and then, and blocks would make that a small error with many degrees of freedom.
    rng = np.random.default_rng(5)
    missed = 0
    for _ in range(1500):
        values = rng.standard_normal((200, 4)) * 2 + frozen * rng.standard_normal(4)
        found = replica_mean(values)
        assert found.replica_dof == 3
        missed += abs(found.value) > found.half_width(1e-3)
    assert missed <= 6
    single = replica_mean(rng.standard_normal((400, 1)))
    assert single.dof == single.replica_dof == 0
    assert single.half_width(0.05) == np.inf


@pytest.mark.parametrize("frozen", [0.0, 0.1, 1.0])
def test_the_error_over_replicas_covers_the_mean(frozen):
    # A part of each replica's value never changes: blocks alone would take it for truth.
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(400):
        values = _correlated(rng, 400, 10, 0.8) + frozen * rng.standard_normal(10)
        found = replica_mean(values)
        missed += abs(found.value) > found.half_width(0.05)
    assert missed <= 36
    if frozen == 1.0:
        assert found.dof == 9
        assert found.blocks == 1
    assert found.inefficiency >= 1


def test_a_single_replica_without_blocks_tells_no_error():
    found = replica_mean(np.linspace(0, 1, 10))
    assert found.dof == 0
    assert found.half_width(1e-4) == np.inf
