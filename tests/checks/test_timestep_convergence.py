"""timestep_convergence: order 2 for gradients, none for what a shorter step can't help."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from physcheck import assert_timestep_convergence, measure_timestep_convergence
from physcheck.checks import find_checks
from physcheck.errors import CapabilityMissing, PhysicsFailure
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.potentials import DEFECTS, Gupta, Morse, make_builtin
from physcheck.registry import tolerance_of
from physcheck.resolution import measure_resolution
from physcheck.system import Configurations

MD = tolerance_of("timestep_convergence", "md")


def copper():
    return bulk("Cu", cubic=True) * 2


def run(model, atoms=None, seed=0, **options):
    found = measure_timestep_convergence(
        model, copper() if atoms is None else atoms, rng=np.random.default_rng(seed), **options
    )
    return found, judge(found, MD).outcome


@pytest.mark.parametrize(
    "spec", ["gupta", "morse", "gupta+float32", "gupta+offset=1e2+float32", "lennard-jones"]
)
@pytest.mark.parametrize("seed", range(3))
def test_good_models_have_order_two(spec, seed):
    spec_ = find_checks("timestep_convergence")[0]
    start = Configurations.from_atoms(copper())
    meter = Meter(make_builtin(spec), allotment=spec_.evaluations(start, None, "quick"))
    found, outcome = run(meter, seed=seed)
    assert outcome is Outcome.PASS
    assert found.evidence["quantities"]["order"] == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("spec", ["gupta+force-scale=0.03", "gupta+other-energy=0.05"])
def test_an_energy_that_is_not_the_forces(spec):
    found, outcome = run(make_builtin(spec))
    assert outcome is Outcome.FAIL
    assert found.value > 1


def test_noise_of_the_energy_is_not_called():
    model = make_builtin("gupta+offset=1e4+float32")
    found, outcome = run(model)
    assert outcome is Outcome.INCONCLUSIVE
    assert "noise" in found.resolve
    resolution = measure_resolution(model, copper(), rng=np.random.default_rng(0))
    assert run(model, resolution=resolution)[1] is Outcome.INCONCLUSIVE


def test_a_smaller_gap_than_the_integrators_swing_shows_in_the_order():
    orders = [
        run(make_builtin(f"gupta+force-scale={s}"))[0].evidence["quantities"]["order"]
        for s in (1e-5, 3e-2)
    ]
    assert orders[0] > 1.9
    assert orders[1] < 0.5


def test_what_it_does_not_apply_to():
    with pytest.raises(CapabilityMissing, match="no energy"):
        run(DEFECTS["forces-only"](Gupta()))
    with pytest.raises(CapabilityMissing, match="one atom"):
        run(Gupta(), bulk("Cu"))
    _, outcome = run(DEFECTS["constant"](Gupta()))
    assert outcome is Outcome.INCONCLUSIVE


def test_the_derived_assertion():
    atoms = copper()
    assert_timestep_convergence(Morse(), atoms)
    np.testing.assert_array_equal(atoms.positions, copper().positions)
    with pytest.raises(PhysicsFailure, match="timestep squared"):
        assert_timestep_convergence(make_builtin("gupta+force-scale=0.1"), atoms)


def test_what_noise_may_explain_altogether_is_no_pass():
    """Where nothing would have been seen, nothing passes."""
    found, outcome = run(make_builtin("gupta+noise=1e-2"))
    if found.detection_limit is None:
        assert outcome is not Outcome.PASS
        assert found.interval[1] >= 2
        assert "all that fluctuates" in found.limit_unknown
