"""A violation in one molecule is named and shown by a loop; one that is spread names no place."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from support.large_systems import Ring, waters

from physcheck import measure_jacobian_asymmetry
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.system import as_configurations


@pytest.mark.parametrize("which", [0, 37, 63])
def test_a_curl_on_one_molecule_of_64_is_found_and_named(which):
    model = make_builtin(f"water+local-curl=0.3:{which}")
    atoms = waters()
    for seed in range(3):
        result = measure_jacobian_asymmetry(
            Meter(model, allotment=68 + 16), atoms, rng=np.random.default_rng(seed)
        )
        assert result.interval[0] > 3e-5
        assert f"molecule of atoms {3 * which} (O)" in result.evidence["place"]
        assert result.force_evaluations <= 84


def test_localise_walks_the_worst_loop():
    model = make_builtin("water+local-curl=0.3:5")
    result = measure_jacobian_asymmetry(
        model, waters(3), rng=np.random.default_rng(0), localise=True
    )
    loop = result.evidence["worst_loop"]
    # A rotation-like antisymmetric block F = s w x r has |A| = s: W = 2 pi a^2 s in its plane.
    assert abs(loop["work_eV"]) == pytest.approx(2 * np.pi * 0.05**2 * 0.3, rel=0.02)
    assert loop["share"] == pytest.approx(1.0, abs=0.3)
    assert set(loop["atoms"]) == {15, 16, 17}


def test_a_spread_fault_names_no_place():
    model = make_builtin("water+pair-curl=0.1")
    for seed in range(5):
        result = measure_jacobian_asymmetry(model, waters(3), rng=np.random.default_rng(seed))
        assert result.interval[0] > 3e-5
        assert "sits in" not in result.evidence["place"]


def test_one_atom_of_ten_thousand_is_named_within_400_evaluations():
    start = as_configurations(bulk("Cu", cubic=True) * (14, 14, 14))
    assert start.n_atoms == 10_976
    found = measure_jacobian_asymmetry(
        Ring(start, 7_840, 0.1), start, rng=np.random.default_rng(0), directions=32, localise=True
    )
    assert found.interval[0] > 3e-5
    assert found.evidence["place"].startswith("the violation sits in the atom 7840 (Cu)")
    assert found.force_evaluations <= 190
