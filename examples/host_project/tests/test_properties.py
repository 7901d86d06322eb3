"""Laws asked of structures that hypothesis draws, with physcheck's strategies and assertions.

A test that fails shows the smallest structure that it fails at.
"""

import numpy as np
from hypothesis import Phase, given, settings
from silica import Silica
from structures import quartz

from physcheck import (
    Configurations,
    assert_force_energy_gap,
    assert_loop_work,
    assert_net_torque,
    strategies,
)

MODEL = Silica()
# Below 0.9 sums of covalent radii the potential has a hole: known_failures.toml says so.
NO_CLOSER = 0.9
# The same structures in every run; without this line each run draws new ones.
# Explanations would name lines of physcheck's code rather than of ours.
PHASES = set(Phase) - {Phase.explain}
settings.register_profile("physics", derandomize=True, deadline=None, database=None, phases=PHASES)
FEW = settings(settings.get_profile("physics"), max_examples=6)
MANY = settings(FEW, max_examples=40)

clusters = strategies.clusters("Si,O", min_atoms=2, max_atoms=6, closest=NO_CLOSER)
crystals = strategies.crystals("Si,O", max_atoms=6, closest=NO_CLOSER)


def forces_at(one: Configurations):
    return MODEL.get_forces(one.to_atoms())


@FEW
@given(clusters)
def test_forces_are_the_gradient_of_the_energy(cluster):
    assert_force_energy_gap(MODEL, cluster, profile="md")


@FEW
@given(strategies.rattled(quartz(), max_displacement=0.2, closest=NO_CLOSER))
def test_no_work_is_done_around_a_loop(crystal):
    assert_loop_work(MODEL, crystal)


@FEW
@given(clusters)
def test_a_cluster_doesnt_turn_itself(cluster):
    assert_net_torque(MODEL, cluster)


# Plain properties need no assertion of physcheck: two answers, and how far apart they may be.
@MANY
@given(crystals, strategies.rotations(improper=True))
def test_forces_turn_with_the_crystal(crystal, turn):
    turned = crystal.at(crystal.positions @ turn.T, crystal.cells @ turn.T)
    here = forces_at(crystal)
    assert np.abs(forces_at(turned) - here @ turn.T).max() < 1e-9 * (1 + np.abs(here).max())
