"""A likely deviation counts where the forces have no potential."""

from __future__ import annotations

import numpy as np
import pytest
from support.springs import Springs, salt

from physcheck.checks.sampling.likely_violations import confirm_likely
from physcheck.checks.sampling.sampled_model import SampledModel
from physcheck.checks.sampling.temperature_deviations import Deviation
from physcheck.checks.sampling.trajectory_making import make_trajectory
from physcheck.model import Meter
from physcheck.numerics.series import ReplicaMean
from physcheck.system import Configurations


def sampled(pumping, tolerance=1.0, allotment=None):
    atoms = salt()
    one = Configurations.from_atoms(atoms)
    model = Springs(atoms, pumping=pumping, coupling=2.0, quartic=2.0)
    rng = np.random.default_rng(0)
    made = make_trajectory(model, one, rng=rng, evaluations=2000, replicas=8)
    meter = Meter(model, allotment=allotment)
    return SampledModel("equipartition", meter, one, made, tolerance, None, rng)


def likely():
    mean = ReplicaMean(5.0, 1.5, 7, 10.0, 60.0, 1, 1.0, 7)
    deviation = Deviation(
        mean=mean, halves=(5.0, 5.0), relaxing=False, low=0.0, high=10.0, detection_limit=9.0,
        likely_low=2.0,
    )  # fmt: skip
    return {"pair": deviation}


@pytest.mark.parametrize("pumping", [0.0, 0.07])
def test_with_a_potential_a_likely_difference_stays_open(pumping):
    found = confirm_likely(likely(), sampled(pumping))
    assert found.asymmetry is not None
    assert found.deviations["pair"].low == (2.0 if pumping else 0.0)
    assert bool(found.note) == bool(pumping)


def test_nothing_is_asked_where_nothing_depends_on_it():
    assert confirm_likely(likely(), sampled(0.07, tolerance=3.0)).asymmetry is None


def test_nothing_is_asked_without_room_for_it():
    assert confirm_likely(likely(), sampled(0.07, allotment=10)).asymmetry is None
