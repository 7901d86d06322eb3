"""What grows with the size of a cell fails; what is the same in every cell doesn't."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk, molecule

from physcheck import measure_size_consistency
from physcheck.checks import all_checks
from physcheck.errors import CapabilityMissing
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.system import as_configurations

TOLERANCE = 3e-5


def copper(n=2):
    return as_configurations(bulk("Cu", cubic=True) * (n, n, n))


def measured(spec, seed=0, start=None, **options):
    meter = Meter(make_builtin(spec), allotment=options.pop("allotment", None))
    start = copper() if start is None else start
    return measure_size_consistency(meter, start, rng=np.random.default_rng(seed), **options)


def test_a_potential_passes_whatever_the_size():
    found = measured("gupta")
    assert found.interval[1] <= TOLERANCE
    assert [row["atoms"] for row in found.evidence["quantities"]["sizes"]] == [32, 256]
    energies = [row["energy_eV_per_atom"] for row in found.evidence["quantities"]["sizes"]]
    assert energies[0] == pytest.approx(energies[1], abs=0.02)
    # For each size the noise, 16, lambda, 2 x 16 + 8, and the forces themselves.
    assert found.force_evaluations == 2 * (16 + 40 + 1)


@pytest.mark.parametrize("seed", range(2))
def test_a_violation_that_grows_with_the_number_of_atoms_fails(seed):
    found = measured("gupta+growing-curl=0.01", seed)
    assert found.interval[0] > TOLERANCE
    quantities = found.evidence["quantities"]
    # By 1 for the number of atoms; images in the small cell move together and show less.
    assert 0.9 < quantities["exponent"] < 1.7
    assert quantities["exponent_uncertainty"] < 0.1
    assert "lambda ~ N^1." in found.evidence["place"]


def test_at_its_detection_limit_it_fails():
    clean, grown = measured("gupta"), measured("gupta+growing-curl=0.01")
    assert clean.detection_limit < 6 * TOLERANCE
    # The growth is in proportion to the strength.  The limit is for a smallest cell that is clean;
    # here it has a tenth of lambda, with an interval of its own.
    strength = 0.01 * 1.5 * clean.detection_limit / grown.value
    assert measured(f"gupta+growing-curl={strength}").interval[0] > TOLERANCE


def test_a_violation_that_is_the_same_in_every_cell_is_not_called_growth():
    found = measured("gupta+pair-curl=0.1")
    assert found.interval[0] == 0
    assert found.evidence["quantities"]["exponent"] < 0.8


def test_it_asks_for_periodic_structures_that_can_grow():
    with pytest.raises(CapabilityMissing, match="atoms are more than"):
        measured("gupta", start=copper(7))
    with pytest.raises(CapabilityMissing, match="periodic"):
        measured("gupta", start=as_configurations(molecule("H2O")))


def test_the_allotment_holds():
    spec = all_checks()["size_consistency"]
    model = make_builtin("gupta+growing-curl=0.1")
    for budget in ("quick",):
        allotment = spec.evaluations(copper(), model.capabilities, budget)
        found = measured("gupta+growing-curl=0.1", allotment=allotment, **spec.options[budget])
        assert found.force_evaluations <= allotment
