"""A replica that ran away: the model's fault, or the timestep's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.springs import Springs, salt

from physcheck import measure_equipartition
from physcheck.checks.sampling.trajectory_making import make_trajectory
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.registry import tolerance_of
from physcheck.system import Configurations

MD = tolerance_of("equipartition", "md")


def run(model, atoms, seed=0, **options):
    options = {"evaluations": 6000, "replicas": 16} | options
    found = measure_equipartition(model, atoms, rng=np.random.default_rng(seed), **options)
    return found, judge(found, MD).outcome


@pytest.mark.parametrize("energy", [True, False])
def test_a_model_that_blows_up_fails(energy):
    atoms = salt()
    found, outcome = run(Springs(atoms, pumping=40.0, energy=energy), atoms)
    assert outcome is Outcome.FAIL
    assert "blew up" in found.evidence["place"]


def test_a_timestep_too_long_is_not_the_models_fault():
    atoms = salt()
    found, outcome = run(Springs(atoms, quartic=50.0), atoms, timestep_fs=8.0)
    assert outcome is Outcome.INCONCLUSIVE
    assert "timestep shorter" in found.nothing_tested
    assert found.force_evaluations <= 6000


@pytest.mark.parametrize(
    ("pumping", "expected"), [(0.0, Outcome.INCONCLUSIVE), (0.3, Outcome.FAIL)]
)
def test_a_late_runaway_is_judged_by_the_forces(pumping, expected):
    # Too few evaluations are left to try again: it is the model's fault if the forces have no
    # potential.
    atoms = salt()
    one = Configurations.from_atoms(atoms)
    rng = np.random.default_rng(0)
    meter = Meter(Springs(atoms, pumping=pumping))
    made = make_trajectory(meter, one, rng=rng, evaluations=600, replicas=4)
    lost = replace(made, blown_up="replica 0 blew up", unstable_step=None, retried_fs=0.5)
    found = measure_equipartition(meter, one, rng=rng, trajectory=lost)
    assert judge(found, MD).outcome is expected
    assert ("too few evaluations" in found.nothing_tested) == (pumping == 0)
