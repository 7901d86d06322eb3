"""Assertions as somebody else's test suite calls them."""

import pytest

import physcheck
from physcheck.errors import CapabilityMissing


def test_assertions_say_what_does_not_apply_and_take_calculators():
    from ase.build import bulk
    from ase.calculators.emt import EMT

    copper = bulk("Cu", cubic=True)
    copper.rattle(0.05, seed=1)
    with pytest.raises(
        CapabilityMissing, match="net_torque doesn't apply: the structure is periodic"
    ):
        physcheck.assert_net_torque(EMT(), copper)
    physcheck.assert_force_energy_gap(EMT(), copper)
