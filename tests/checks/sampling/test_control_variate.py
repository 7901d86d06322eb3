"""The noise of the equilibrating bath as a control variate."""

from __future__ import annotations

import numpy as np
import pytest
from support.springs import Springs, salt

from physcheck.checks.sampling.control_variate import subtract_control_variate
from physcheck.checks.sampling.trajectory_making import make_trajectory
from physcheck.numerics.series import replica_mean
from physcheck.system import Configurations


def test_the_noise_of_the_equilibrating_bath_is_told_from_the_law():
    atoms = salt()
    one = Configurations.from_atoms(atoms)
    made = make_trajectory(
        Springs(atoms), one, rng=np.random.default_rng(3), evaluations=6000, replicas=24
    )
    light = atoms.numbers == 1
    noise = made.bath_noise_K(light) - made.bath_noise_K(~light)
    raw = made.temperatures(light) - made.temperatures(~light)
    # Uncoupled modes keep what the noise gave them, and its expectation is zero.
    assert np.corrcoef(noise, raw.mean(axis=0))[0, 1] > 0.8
    assert abs(noise.mean()) < 4 * noise.std() / 24**0.5
    series, fitted = subtract_control_variate(raw, noise)
    assert fitted == 1
    assert replica_mean(series, fitted=1).error < 0.6 * replica_mean(raw).error
    # A violation alike in all replicas stays.
    shifted, _ = subtract_control_variate(raw + 50, noise)
    assert shifted.mean() == pytest.approx(series.mean() + 50)
    assert subtract_control_variate(raw[:, :3], noise[:3])[1] == 0
