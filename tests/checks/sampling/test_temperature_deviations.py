"""The interval of a mean deviation: relaxation, and the timestep's bias."""

from __future__ import annotations

import numpy as np
import pytest
from support.springs import Springs, salt

from physcheck.checks.sampling.temperature_deviations import deviation_of
from physcheck.checks.sampling.trajectory_making import make_trajectory
from physcheck.potentials import make_builtin
from physcheck.structures import load_structures
from physcheck.system import Configurations


def spring_trajectory(pbc):
    atoms = salt(pbc)
    one = Configurations.from_atoms(atoms)
    rng = np.random.default_rng(2)
    return make_trajectory(Springs(atoms), one, rng=rng, evaluations=2000, replicas=8)


def test_what_still_shrinks_is_judged_by_its_second_half():
    noise = np.random.default_rng(0).standard_normal((500, 10))
    steady = np.linspace(9.0, 5.0, 500)[:, None] + noise
    shrinking = deviation_of(steady, 1.0, spring_trajectory(pbc=True))
    assert shrinking.relaxing
    assert shrinking.low == 0
    assert 5.0 < shrinking.likely_low < 6.0


def test_what_the_timestep_may_add_is_not_called_a_violation():
    made = spring_trajectory(pbc=False)
    steady = 5.0 + np.random.default_rng(0).standard_normal((500, 10))
    plain = deviation_of(steady, 1.0, made)
    biased = deviation_of(steady, 1.0, made, timestep_bias=7.0)
    assert plain.low > 1.0 > biased.low
    negative = deviation_of(-steady, 1.0, made, timestep_bias=7.0)
    assert negative.low == pytest.approx(plain.low, abs=0.1)


def test_half_of_what_the_timestep_adds_is_taken_off_in_a_liquid():
    one = load_structures("H2O-box32")[0].configurations
    rng = np.random.default_rng(0)
    made = make_trajectory(
        make_builtin("water"), one, rng=rng, evaluations=240, replicas=4, timestep_fs=0.5
    )
    steady = 5.0 + rng.standard_normal((500, 10))
    plain = deviation_of(steady, 1.0, made)
    biased = deviation_of(steady, 1.0, made, timestep_bias=2.0)
    assert biased.mean.value == pytest.approx(plain.mean.value - 1)
    assert biased.low == pytest.approx(plain.low - 2)
    assert biased.high == pytest.approx(plain.high)
