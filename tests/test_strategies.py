from collections import defaultdict

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.data import covalent_radii
from ase.neighborlist import primitive_neighbor_list
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from hypothesis.statistics import collector

from physcheck import strategies as physical
from physcheck.potentials import make_builtin
from physcheck.probes.loops import Circle, RigidRotation
from physcheck.probes.random_structures import closest_contact, random_crystal, room
from physcheck.structures import catalogue

# Reproducible in every run; benchmarks/strategies.py explores.
COMMON = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
MANY = settings(COMMON, max_examples=300)
SOME = settings(COMMON, max_examples=25)
CLOSEST = 0.8

CRYSTALS = physical.crystals(closest=CLOSEST)
CLUSTERS = physical.clusters(closest=CLOSEST)


def smallest_contact(one):
    """By ASE, within contacts of 1.6; infinite if there is none."""
    radii = covalent_radii[one.system.numbers]
    i, j, d = primitive_neighbor_list(
        "ijd", one.system.pbc, one.cells[0], one.positions[0], 1.6 * radii, self_interaction=False
    )
    return (d / (radii[i] + radii[j])).min(initial=np.inf)


@pytest.mark.parametrize(
    "strategy",
    [
        CRYSTALS,
        CLUSTERS,
        physical.rattled(CRYSTALS, closest=CLOSEST),
        physical.rattled(CLUSTERS, closest=CLOSEST),
    ],
    ids=["crystals", "clusters", "rattled-crystals", "rattled-clusters"],
)
def test_no_overlap_and_no_rejection(strategy):
    contacts = []

    @MANY
    @given(strategy)
    def look(one):
        assert len(one) == 1
        contacts.append(smallest_contact(one))
        assert contacts[-1] >= CLOSEST * (1 - 1e-12)

    statistics = []
    with collector.with_value(statistics.append):
        look()
    cases = statistics[0]["generate-phase"]["test-cases"]
    assert {case["status"] for case in cases} == {"valid"}
    assert len(contacts) == 300
    # Not a gas: most structures have atoms in contact.
    assert np.median(contacts) < 1.6


def test_all_species_and_all_pbc_come():
    seen = defaultdict(set)

    @MANY
    @given(physical.crystals(["Si", "O", 8, 14, "Cu"], min_atoms=6))
    def look(one):
        seen[tuple(one.system.pbc.tolist())] |= set(one.system.symbols)
        assert one.cells.any() == one.system.is_periodic

    look()
    assert set(seen) == set(physical.PBCS)
    assert all(symbols == {"Si", "O", "Cu"} for symbols in seen.values())


def test_the_bounds_are_kept():
    slabs = physical.crystals("Fe", min_atoms=3, max_atoms=5, pbc=(True, True, False), reach=0)

    @SOME
    @given(slabs, physical.clusters([79, "H"], min_atoms=2, max_atoms=2, closest=1.0, loosest=1.0))
    def look(slab, dimer):
        assert 3 <= slab.n_atoms <= 5
        assert slab.system.pbc.tolist() == [True, True, False]
        assert closest_contact(slab) >= 0.8
        assert closest_contact(dimer) == pytest.approx(1.0, abs=1e-8)

    look()


def test_failures_shrink_to_few_atoms_of_the_first_species():
    smallest = find(CRYSTALS, lambda one: one.n_atoms >= 3, settings=COMMON)
    assert smallest.n_atoms == 3
    assert set(smallest.system.symbols) == {"H"}
    assert not smallest.system.is_periodic
    assert find(CLUSTERS, lambda one: True, settings=COMMON).n_atoms == 1
    np.testing.assert_array_equal(
        find(physical.rotations(), lambda q: True, settings=COMMON), np.eye(3)
    )
    assert not find(physical.strains(), lambda e: True, settings=COMMON).any()


@SOME
@given(physical.rotations(), physical.rotations(improper=True), physical.strains(max_strain=0.1))
def test_rotations_and_strains(proper, any_turn, strain):
    np.testing.assert_allclose(proper @ proper.T, np.eye(3), atol=1e-14)
    assert np.linalg.det(proper) == pytest.approx(1)
    assert abs(np.linalg.det(any_turn)) == pytest.approx(1)
    np.testing.assert_array_equal(strain, strain.T)
    assert np.abs(strain).max() <= 0.1


def test_strains_may_turn():
    twisted = find(
        physical.strains(symmetric=False),
        lambda e: np.abs(e - e.T).max() > 0.01,
        settings=settings(COMMON, max_examples=200),
    )
    assert twisted.shape == (3, 3)


ETHANOL, BOX = (catalogue()[name].configurations for name in ("ethanol", "H2O-box32"))


@SOME
@given(physical.loops(ETHANOL), physical.loops(BOX, kinds=["atom", "collective"], closest=0.5))
def test_loops_close_and_keep_atoms_apart(loop, in_water):
    for one, start in ((loop, ETHANOL), (in_water, BOX)):
        positions, tangents = one.path(start.positions[0], 16)
        assert isinstance(one, Circle | RigidRotation)
        assert np.abs(tangents.mean(axis=0)).max() < 1e-12
        assert np.abs(tangents).max() > 0
        if isinstance(one, Circle):
            for moved in start.at(positions[::4]):
                assert smallest_contact(moved) >= 0.5


def test_the_kinds_of_loops():
    found = {
        kind: find(physical.loops(ETHANOL, kinds=[kind]), lambda loop: True, settings=COMMON)
        for kind in ("atom", "collective", "molecule")
    }
    assert np.count_nonzero(np.abs(found["atom"].u).sum(axis=1)) == 1
    assert np.count_nonzero(np.abs(found["collective"].u).sum(axis=1)) == 9
    assert len(found["molecule"].atoms) == 9


@SOME
@given(st.integers(0, 100), st.floats(0, 1))
def test_atoms_use_their_room_and_no_more(seed, closest):
    rng = np.random.default_rng(seed)
    crystal = random_crystal(
        [11, 17, 17, 11, 8],
        pbc=(True, False, True),
        contact=1.0,
        lattice="fcc",
        deformation=rng.uniform(-0.2, 0.2, (3, 3)),
        jitter=0.2,
        rng=rng,
    )
    free = room(crystal, closest, 5.0)
    worst = np.inf
    for _ in range(20):
        steps = rng.standard_normal((5, 3))
        moved = crystal.displaced(free[:, None] * steps / np.linalg.norm(steps, axis=1)[:, None])
        worst = min(worst, smallest_contact(moved))
    # Own images don't move against each other.
    assert worst >= min(closest, 1.0) - 1e-9


def test_rattled_takes_atoms_and_keeps_the_system():
    silicon = bulk("Si", cubic=True)
    silicon.info["note"] = "kept"

    @SOME
    @given(physical.rattled(silicon, max_displacement=0.2))
    def look(one):
        assert one.system.info["note"] == "kept"
        steps = np.linalg.norm(one.positions[0] - silicon.positions, axis=1)
        assert steps.max() <= 0.2

    look()


def test_an_overlap_that_is_there_gets_no_worse():
    hydrogen = molecule("H2")
    before = hydrogen.get_distance(0, 1)

    @SOME
    @given(physical.rattled(hydrogen, closest=2.0))
    def look(one):
        assert one.to_atoms().get_distance(0, 1) == pytest.approx(before)

    look()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: physical.clusters("Xx"), "'Xx' is no element"),
        (lambda: physical.clusters([]), "species is empty"),
        (lambda: physical.clusters(min_atoms=0), "min_atoms, max_atoms are 0, 12"),
        (lambda: physical.clusters(max_species=0), "max_species is 0"),
        (lambda: physical.crystals(closest=2.0), "closest, loosest are 2.0, 1.3"),
        (lambda: physical.crystals(pbc=[(True, False)]), "should be three bools"),
        (lambda: physical.crystals(max_jitter=0.5), "max_jitter are 0.25, 0.5"),
        (lambda: physical.strains(max_strain=0.5), "max_strain is 0.5"),
        (lambda: physical.loops(molecule("H2"), kinds=["knot"]), "no loop is of kind 'knot'"),
        (lambda: physical.loops(bulk("Cu"), kinds=["molecule"]), "Cu has no loops of kinds"),
    ],
)
def test_faults(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# Property tests of the built-in potentials, on what the strategies make.

POTENTIALS = {name: make_builtin(name) for name in ("lennard-jones", "morse", "harmonic", "gupta")}
EVERYTHING = frozenset({"energy", "forces", "stress"})
ANY = physical.crystals(max_atoms=5, closest=0.85, max_species=2)


@pytest.mark.parametrize("name", POTENTIALS)
@SOME
@given(start=ANY, seed=st.integers(0, 2**32 - 1))
def test_a_batch_equals_its_members(name, start, seed):
    rng = np.random.default_rng(seed)
    batch = start.displaced(0.05 * rng.standard_normal((3, start.n_atoms, 3)))
    together = POTENTIALS[name].evaluate(batch, want=EVERYTHING)
    for index, one in enumerate(batch):
        alone = POTENTIALS[name].evaluate(one, want=EVERYTHING)
        scale = 1 + np.abs(alone.forces).max()
        assert np.abs(together.forces[index] - alone.forces[0]).max() <= 1e-12 * scale
        assert together.energy[index] == pytest.approx(alone.energy[0], rel=1e-12, abs=1e-12)
        if start.system.is_fully_periodic:
            np.testing.assert_allclose(
                together.stress[index], alone.stress[0], rtol=1e-9, atol=1e-12
            )


@pytest.mark.parametrize("name", POTENTIALS)
@SOME
@given(start=ANY, seed=st.integers(0, 2**32 - 1))
def test_forces_are_the_energy_s_gradient(name, start, seed):
    direction = np.random.default_rng(seed).standard_normal((start.n_atoms, 3))
    direction /= np.linalg.norm(direction)
    h = 1e-3
    steps = h * np.array([1, -1, 2, -2])[:, None, None] * direction
    model = POTENTIALS[name]
    p1, m1, p2, m2 = model.evaluate(start.displaced(steps), want=EVERYTHING).energy
    slope = (8 * (p1 - m1) - (p2 - m2)) / (12 * h)
    answer = model.evaluate(start, want=EVERYTHING)
    assert slope == pytest.approx(
        -float((answer.forces[0] * direction).sum()),
        abs=1e-6 * (1 + np.abs(answer.forces).max() + abs(answer.energy[0])),
    )


@pytest.mark.parametrize("name", POTENTIALS)
@SOME
@given(start=ANY, turn=physical.rotations(improper=True))
def test_forces_and_stress_turn_with_the_structure(name, start, turn):
    model = POTENTIALS[name]
    here = model.evaluate(start, want=EVERYTHING)
    there = model.evaluate(
        start.at(start.positions @ turn.T, start.cells @ turn.T), want=EVERYTHING
    )
    scale = 1 + np.abs(here.forces).max()
    assert np.abs(there.forces - here.forces @ turn.T).max() <= 1e-8 * scale
    assert there.energy[0] == pytest.approx(here.energy[0], rel=1e-9, abs=1e-9)
    if start.system.is_fully_periodic:
        error = np.abs(there.stress - turn @ here.stress @ turn.T).max()
        assert error <= 1e-8 * (1 + np.abs(here.stress).max())


@SOME
@given(physical.rattled(BOX, max_displacement=0.05, closest=0.6))
def test_water_has_no_net_force(box):
    forces = make_builtin("water").evaluate(box).require_forces()
    assert np.abs(forces.sum(axis=1)).max() < 1e-9
