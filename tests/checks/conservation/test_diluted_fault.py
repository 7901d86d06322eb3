"""A fault in one atom or molecule of many is found by its own block, which nothing dilutes."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from support.large_systems import Ring, waters

from physcheck import measure_jacobian_asymmetry
from physcheck.checks.conservation.diluted_fault import diluted_fault_cost, suspected_group
from physcheck.potentials import make_builtin
from physcheck.probes.directions import orthonormal_directions
from physcheck.system import as_configurations

TOLERANCE = 3e-5


def copper(cells=4):
    atoms = bulk("Cu", cubic=True) * (cells, cells, cells)
    atoms.rattle(0.08, seed=1)
    return atoms


def measured(spec, atoms, seed=0, **options):
    model = make_builtin(spec, dtype=options.pop("dtype", "float64"))
    return measure_jacobian_asymmetry(model, atoms, rng=np.random.default_rng(seed), **options)


@pytest.mark.parametrize("seed", range(2))
def test_a_swirl_of_one_atom_that_the_whole_dilutes_fails_and_is_named(seed):
    found = measured("gupta+atom-curl=0.002:77", copper(), seed)
    assert found.interval[0] > TOLERANCE
    quantities = found.evidence["quantities"]
    # lambda of the whole is below the tolerance, and would have passed.
    assert quantities["antisymmetric_norm"] / quantities["jacobian_norm"] < TOLERANCE / 2
    assert "the violation sits in the atom 77 (Cu)" in found.evidence["place"]
    # 16 of the resolution, 2 x 16 + 8, and 6 + 4 for the atom: nothing that grows with N.
    assert found.force_evaluations == 66


def test_float32_hides_the_fault_from_lambda_of_the_whole_but_not_from_that_of_the_block():
    found = measured("gupta+atom-curl=0.03:77", copper(), dtype="float32")
    assert found.interval[0] > TOLERANCE
    assert "the atom 77 (Cu)" in found.evidence["place"]
    assert found.force_evaluations <= 100


def test_the_detection_limit_is_that_of_the_block():
    found = measured("gupta+atom-curl=0.003:77", copper())
    # At zero the same block has a lambda of zero, so that it is in proportion to the strength.
    weakest = 0.003 * found.detection_limit / found.value
    assert found.detection_limit < 1.1 * TOLERANCE
    assert measured(f"gupta+atom-curl={1.05 * weakest}:77", copper()).interval[0] > TOLERANCE
    assert measured(f"gupta+atom-curl={0.9 * weakest}:77", copper()).interval[1] < TOLERANCE


@pytest.mark.parametrize("spec", ["gupta", "gupta+pair-curl=1e-4"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_nobody_is_suspected_where_nothing_or_everything_is_at_fault(spec, dtype):
    found = measured(spec, copper(), dtype=dtype)
    assert not found.interval[0] > TOLERANCE
    assert "block_lambda" not in found.evidence["quantities"]
    assert found.force_evaluations <= 80


def test_suspects_are_rarer_than_the_chance_of_a_false_alarm_in_noise():
    rng = np.random.default_rng(0)
    start = as_configurations(copper())
    chances = []
    for _ in range(25):
        frame = orthonormal_directions(start.n_coordinates, 12, rng)
        noise = rng.standard_normal((12, 12))
        suspect = suspected_group(start, frame, noise - noise.T)
        chances.append(suspect.chance)
    # What is called the chance is a bound on the smallest of 2 N: its median lies above a tenth.
    assert np.median(chances) > 0.1
    assert min(chances) > 1e-4


@pytest.mark.parametrize("which", [60])
def test_a_molecule_is_suspected_as_one(which):
    atoms = waters(5)
    found = measured(f"water+local-curl=0.003:{which}", atoms, directions=16)
    assert f"in the molecule of atoms {3 * which} (O)" in found.evidence["place"]
    assert found.evidence["quantities"]["block_lambda"] > TOLERANCE
    assert found.interval[0] > TOLERANCE
    assert found.force_evaluations <= 16 + 40 + 22


def test_an_atom_of_ten_thousand_is_named_by_evaluations_that_do_not_grow():
    counts = []
    for cells, atom in ((4, 77), (14, 7_840)):
        start = as_configurations(bulk("Cu", cubic=True) * (cells, cells, cells))
        model = Ring(start, atom, 0.01)
        found = measure_jacobian_asymmetry(model, start, rng=np.random.default_rng(0))
        assert found.interval[0] > TOLERANCE
        assert f"the violation sits in the atom {atom} (Cu)" in found.evidence["place"]
        counts.append(found.force_evaluations)
    assert max(counts) <= 16 + 60 + diluted_fault_cost(start, 16, 4)


def test_small_structures_are_judged_as_a_whole():
    start = as_configurations(copper(3))
    assert diluted_fault_cost(start, 16) == 0
    frame = orthonormal_directions(start.n_coordinates, 8, np.random.default_rng(0))
    assert suspected_group(start, frame, np.zeros((8, 8))) is None
