"""pressure_consistency: the virial pressure against -dE/dV."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from physcheck import measure_pressure_consistency
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Outcome, judge
from physcheck.potentials import DEFECTS, Gupta, Morse
from physcheck.registry import tolerance_of


def run(model, atoms, seed=0, profile="md", **options):
    options = {"evaluations": 2500, "replicas": 6} | options
    found = measure_pressure_consistency(model, atoms, rng=np.random.default_rng(seed), **options)
    return found, judge(found, tolerance_of("pressure_consistency", profile)).outcome


def copper(repeat=1):
    atoms = bulk("Cu", cubic=True) * (repeat, repeat, repeat)
    atoms.positions += 0.05 * np.random.default_rng(1).standard_normal(atoms.positions.shape)
    return atoms


@pytest.mark.parametrize("model", [Gupta(), DEFECTS["offset"](DEFECTS["float32"](Gupta()), 1e3)])
def test_the_pressure_is_the_energys(model):
    found, outcome = run(model, copper(2), evaluations=1000)
    assert outcome is Outcome.PASS
    assert found.force_evaluations <= 1000 + 80


@pytest.mark.parametrize(("defect", "strength"), [("stress-half", None), ("direct-stress", None)])
def test_a_wrong_pressure_is_found(defect, strength):
    model = DEFECTS[defect](Gupta(), strength)
    found, outcome = run(model, copper(), evaluations=1000)
    assert defect == "direct-stress" or outcome is Outcome.FAIL
    assert found.value > 0


def test_pressure_needs_volume_stress_and_energy():
    with pytest.raises(CapabilityMissing, match="no energy"):
        run(DEFECTS["forces-only"](Morse()), copper())
    atoms = copper()
    atoms.pbc = False
    with pytest.raises(CapabilityMissing, match="no volume"):
        run(Morse(), atoms)
