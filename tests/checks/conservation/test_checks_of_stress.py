"""What the two checks of stress share: right stresses pass, wrong ones fail, costs are kept."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import molecule

from physcheck import measure_strain_loop_work, measure_stress_energy_gap
from physcheck.checks import all_checks
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of
from physcheck.resolution import measure_resolution
from physcheck.system import Configurations

MEASURES = (measure_stress_energy_gap, measure_strain_loop_work)


def verdict(measure, spec, atoms, seed=0, profile="md"):
    check = measure.__name__.removeprefix("measure_")
    result = measure(make_builtin(spec), atoms, rng=np.random.default_rng(seed))
    return judge(result, tolerance_of(check, profile)).outcome


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("name", ["cubic", "triclinic", "salt"])
@pytest.mark.parametrize("spec", ["gupta", "morse", "gupta+float32", "lennard-jones+float32"])
def test_right_stresses_never_fail(measure, name, spec, crystal):
    for seed in range(4):
        outcome = verdict(measure, spec, crystal(name, seed), seed)
        assert outcome in (Outcome.PASS, Outcome.INCONCLUSIVE)
        if "float32" not in spec:
            assert outcome is Outcome.PASS


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("name", ["cubic", "triclinic"])
@pytest.mark.parametrize(
    "defect", ["stress-sign", "stress-half", "stress-swap", "direct-stress=0.01"]
)
def test_wrong_stresses_fail(measure, name, defect, crystal):
    for seed in range(3):
        assert verdict(measure, f"gupta+{defect}", crystal(name, seed), seed) is Outcome.FAIL


@pytest.mark.parametrize("measure", MEASURES)
def test_stress_checks_need_three_periodic_directions(measure):
    with pytest.raises(CapabilityMissing, match="periodic in all three"):
        measure(make_builtin("gupta"), molecule("CH4"), rng=np.random.default_rng(0))


@pytest.mark.parametrize("measure", MEASURES)
def test_costs_are_within_the_allotment(measure, crystal):
    spec = all_checks()[measure.__name__.removeprefix("measure_")]
    for defect in ("", "+stress-half", "+float32"):
        model = make_builtin(f"gupta{defect}")
        start = Configurations.from_atoms(crystal("cubic"))
        allotted = spec.evaluations(start, model.capabilities, "quick")
        measure(
            Meter(model, allotment=allotted),
            start,
            rng=np.random.default_rng(0),
            resolution=measure_resolution(model, start, rng=np.random.default_rng(0)),
        )
