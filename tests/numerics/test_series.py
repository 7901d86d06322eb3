"""Correlated series, against processes whose memory is known."""

from __future__ import annotations

import numpy as np
import pytest

from physcheck.numerics.series import correlation_steps, replica_mean


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


@pytest.mark.parametrize("frozen", [0.6, 1.0])
def test_rare_chances_rest_on_the_replicas_alone(frozen):
    # Four replicas agree by accident now and then, and blocks would make that a small error with
    # many degrees of freedom.
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
    # A part of each replica's value never changes: blocks alone would take it for the mean.
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(400):
        values = remembering(rng, 400, 10, -1 / np.log(0.8)) + frozen * rng.standard_normal(10)
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
