"""Equilibration: each replica with a share of energy of its own."""

from __future__ import annotations

import numpy as np

from physcheck.checks.sampling.equilibration import equilibrate_in_turn
from physcheck.checks.sampling.trajectory_making import make_trajectory
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.structures import load_structures


def test_replicas_of_a_liquid_leave_one_after_the_other():
    one = load_structures("H2O-box32")[0].configurations
    rng = np.random.default_rng(1)
    meter = Meter(make_builtin("water"))
    found = equilibrate_in_turn(meter, one, 3, 300.0, 0.5, 20, rng)
    assert meter.evaluations == 61
    assert found.velocities.shape == found.places.positions.shape == (3, 96, 3)
    moved = np.abs(np.diff(found.places.positions, axis=0, prepend=one.positions))
    assert (moved.max(axis=(1, 2)) > 0.05).all()
    assert found.kinetic.shape == (3, 96)
    assert found.time_fs == 30.0
    made = make_trajectory(
        make_builtin("water"), one, rng=rng, evaluations=240, replicas=4, timestep_fs=0.5
    )
    assert made.evaluations <= 240
    assert made.equilibration_bath.time_fs == 100.0
