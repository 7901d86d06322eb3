"""minimum_stability: vibrations of gradients keep their size, pairs that feed each other are
found.
"""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from support.family_runs import run

from physcheck import assert_minimum_stability, measure_minimum_stability
from physcheck.checks import find_checks
from physcheck.errors import CapabilityMissing, PhysicsFailure
from physcheck.model import Capabilities
from physcheck.potentials import make_builtin
from physcheck.structures import catalogue
from physcheck.system import Evaluation

ID = "minimum_stability"


def outcome(spec, structure, seed=0, budget="quick"):
    found = run(make_builtin(spec), catalogue()[structure].configurations, ID, seed, budget)
    return found[ID]


@pytest.mark.parametrize(
    ("spec", "structure"),
    [
        ("harmonic", "ethanol"),
        ("gupta+float32", "Cu12-slab"),
        ("stillinger-weber+float32", "Si8"),
        ("gupta+float32", "Cu32"),
        ("water+float32", "H2O"),
    ],
)
def test_good_models_pass_within_the_allotment(spec, structure):
    for seed in range(2):
        verdict, measured, evaluations = outcome(spec, structure, seed)
        assert verdict == "pass"
        assert measured.interval[0] == 0
        assert measured.detection_limit > 0
        start = catalogue()[structure].configurations
        assert evaluations <= find_checks(ID)[0].evaluations(start, None, "quick") <= 178


@pytest.mark.parametrize(
    ("spec", "structure"),
    [
        ("water+local-curl=0.01", "H2O"),
        ("water+local-curl=0.01+float32", "H2O"),
        ("harmonic+curl=1e-3", "ethanol"),
    ],
)
def test_modes_that_feed_each_other_fail(spec, structure):
    for seed in range(2):
        verdict, measured, _ = outcome(spec, structure, seed)
        assert verdict == "fail"
        # What errors hide of softer modes isn't what they hide of these.
        assert measured.noise_floor < measured.value
        assert measured.interval[0] > 1
        assert measured.evidence["quantities"]["pair"]["rate"] == measured.value


def test_growth_follows_the_root_of_the_strength_where_turns_are_free():
    rates = [outcome(f"water+local-curl={s}", "H2O", 1)[1].value for s in (0.005, 0.02)]
    assert rates[1] / rates[0] == pytest.approx(2.0, rel=0.3)


def test_a_structure_that_is_moved_comes_back():
    back = outcome("gupta", "Cu12-slab")[1].evidence["quantities"]["came_back"]
    assert back["converged"]
    assert back["ended_A"] < 0.2 * back["moved_A"]


def test_noise_floppy_modes_and_no_minimum_are_inconclusive():
    verdict, measured, _ = outcome("gupta+noise=0.01", "Cu12-slab")
    assert (verdict, measured.interval[0]) == ("inconclusive", 0)
    verdict, measured, _ = outcome("harmonic+float32", "ethanol")
    assert verdict == "inconclusive"
    assert "softest modes" in measured.resolve
    verdict, measured, _ = outcome("morse", "C6H6")
    assert verdict == "inconclusive"
    assert "no minimum was reached" in measured.nothing_tested
    assert outcome("gupta+constant", "Cu12-slab")[0] == "inconclusive"


class DoubleWell:
    """Two atoms in a cell: springs along x and z, E = c (y² - a²)² along y of their distance, a
    saddle at y = 0.
    """

    def __init__(self, c=0.1, a=0.5):
        self.c, self.a = c, a
        self.capabilities = Capabilities("double-well", "test", frozenset({"forces"}))

    def evaluate(self, configurations, *, want=frozenset()):
        r = configurations.positions[:, 1] - configurations.positions[:, 0]
        pull = np.stack(
            [
                -3.0 * (r[:, 0] - 2.0),
                -4 * self.c * r[:, 1] * (r[:, 1] ** 2 - self.a**2),
                -3.0 * r[:, 2],
            ],
            axis=1,
        )
        return Evaluation(forces=np.stack([-pull, pull], axis=1))


def test_a_saddle_is_left_along_its_slope():
    atoms = Atoms("Ar2", positions=[[0, 0, 0], [2, 0, 0]], cell=[9, 9, 9], pbc=True)
    found = [
        measure_minimum_stability(
            DoubleWell(), atoms, rng=np.random.default_rng(4), rounds=r, steps=200
        )
        for r in (1, 2)
    ]
    assert "saddle" in found[0].nothing_tested
    assert found[1].nothing_tested == ""
    there = found[1].evidence["configurations"].positions[0]
    assert abs(there[1, 1] - there[0, 1]) == pytest.approx(0.5, abs=0.05)
    assert [m.interval[0] for m in found] == [0, 0]


def test_what_it_does_not_apply_to_and_the_derived_assertion():
    with pytest.raises(CapabilityMissing, match="one atom"):
        measure_minimum_stability(make_builtin("gupta"), bulk("Cu"), rng=np.random.default_rng(0))
    start = catalogue()["H2O"].configurations
    assert_minimum_stability(make_builtin("water"), start)
    with pytest.raises(PhysicsFailure, match="grow by themselves"):
        assert_minimum_stability(make_builtin("water+local-curl=0.01"), start)
