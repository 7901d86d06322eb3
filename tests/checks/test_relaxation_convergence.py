"""relaxation_convergence.

A minimum for gradients, a stall where there is none, and noise told from both.
"""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from support.family_runs import run

from physcheck import assert_relaxation_convergence, measure_relaxation_convergence
from physcheck.checks import find_checks
from physcheck.errors import CapabilityMissing, PhysicsFailure
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of
from physcheck.structures import catalogue

ID = "relaxation_convergence"


def outcome(spec, structure, seed=0, budget="quick"):
    found = run(make_builtin(spec), catalogue()[structure].configurations, ID, seed, budget)
    return found[ID]


@pytest.mark.parametrize(
    ("spec", "structure"),
    [
        ("harmonic", "ethanol"),
        ("gupta", "Cu12-slab"),
        ("gupta+float32+offset=1e3", "Cu12-slab"),
        ("gupta+forces-only", "Cu12-slab"),
        ("stillinger-weber+float32", "Si8"),
        ("lennard-jones", "Ar13"),
        ("water", "H2O"),
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_good_models_converge_within_the_allotment(spec, structure, seed):
    verdict, measured, evaluations = outcome(spec, structure, seed)
    assert verdict == "pass"
    assert measured.value <= 0.005
    assert measured.detection_limit == pytest.approx((0.01 + 1.5 * measured.noise_floor) / 0.8)
    start = catalogue()[structure].configurations
    assert evaluations <= find_checks(ID)[0].evaluations(start, None, "quick") == 136
    assert measured.evidence["quantities"]["converged_fraction"] > 0


@pytest.mark.parametrize(
    ("spec", "structure", "seeds"),
    [
        ("harmonic+curl=1e-2", "ethanol", (0, 1, 2)),
        ("water+local-curl=0.1", "H2O", (0, 1, 2)),
        ("water+species-direct=0.1", "H2O", (0, 1, 2)),
        ("water+species-direct=0.1", "H2O-box32", (0,)),
    ],
)
def test_forces_without_a_potential_stall(spec, structure, seeds):
    for seed in seeds:
        verdict, measured, _ = outcome(spec, structure, seed)
        assert verdict == "fail"
        assert measured.value > 0.02
        ((share, low),) = measured.evidence["quantities"]["antisymmetric_share_where_it_stalls"]
        assert 3e-4 < low < share


def test_the_stall_grows_with_the_strength_and_a_weak_one_passes():
    values = [outcome(f"water+local-curl={s}", "H2O")[1].value for s in (0.05, 0.1)]
    assert values[1] / values[0] == pytest.approx(2.0, rel=0.1)
    assert outcome("water+local-curl=5e-3", "H2O")[0] == "pass"


def test_noise_is_named_and_never_a_failure():
    for seed in range(3):
        verdict, measured, evaluations = outcome("gupta+noise=0.01", "Cu12-slab", seed)
        assert verdict == "inconclusive"
        assert "noise of the forces lets fmax reach" in measured.resolve
        assert 0.02 < measured.evidence["quantities"]["achievable_fmax"] < 0.2
        assert evaluations < 100


def test_a_slow_path_says_how_many_evaluations_it_needs():
    start = catalogue()["Cu12-slab"].configurations
    measured = measure_relaxation_convergence(
        make_builtin("gupta"),
            start,
            rng=np.random.default_rng(0),
            optimisers=("FIRE",),
            evaluations=30,
    )  # fmt: skip
    assert judge(measured, tolerance_of(ID, "md")).outcome is Outcome.INCONCLUSIVE
    assert "on its way" in measured.resolve
    assert 35 < measured.evidence["quantities"]["evaluations_needed"] < 120


def test_an_optimiser_that_stalls_on_a_good_model_proves_nothing():
    # MDMin's fixed timestep is too long for O-H bonds.
    measured = measure_relaxation_convergence(
        make_builtin("water"),
        catalogue()["H2O"].configurations,
        rng=np.random.default_rng(0),
        optimisers=("MDMin",),
        rattles=(0.05, 0.1),
    )
    assert judge(measured, tolerance_of(ID, "md")).outcome is Outcome.INCONCLUSIVE
    assert all(r["stalled"] for r in measured.evidence["quantities"]["runs"])


def test_a_jump_of_the_forces_is_not_taken_for_a_curl():
    class Stepped:
        """A force with a kink of the energy at every plane x = const.

        Stalls, but has a potential.
        """

        def __init__(self):
            self.inner = make_builtin("harmonic")
            self.capabilities = self.inner.capabilities

        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            from physcheck.system import Evaluation

            answer = self.inner.evaluate(configurations, want=want)
            x = configurations.positions - configurations.positions.mean(axis=1, keepdims=True)
            return Evaluation(
                answer.energy + 0.3 * np.abs(x).sum(axis=(1, 2)), answer.forces - 0.3 * np.sign(x)
            )

    for seed in range(3):
        start = catalogue()["ethanol"].configurations
        verdict, measured, _ = run(Stepped(), start, ID, seed)[ID]
        assert measured.value > 0.1
        assert verdict == "inconclusive"


def test_what_it_does_not_apply_to_and_constant_forces():
    with pytest.raises(CapabilityMissing, match="one atom"):
        measure_relaxation_convergence(
            make_builtin("gupta"), bulk("Cu"), rng=np.random.default_rng(0)
        )
    assert find_checks(ID)[0].applies(
        catalogue()["ethanol"].configurations, make_builtin("gupta").capabilities
    ) is None  # fmt: skip
    assert outcome("gupta+constant", "Cu12-slab")[0] == "inconclusive"
    with pytest.raises(ValueError, match="no start"):
        measure_relaxation_convergence(
            make_builtin("gupta"), bulk("Cu", cubic=True), rng=np.random.default_rng(0), rattles=()
        )


def test_the_derived_assertion():
    atoms = Atoms("H2O", positions=[[0, 0, 0], [0.97, 0, 0], [-0.3, 0.9, 0.1]])
    meter = Meter(make_builtin("water"))
    assert_relaxation_convergence(meter, atoms)
    assert meter.evaluations <= 136 + 25
    with pytest.raises(PhysicsFailure, match="round and round"):
        assert_relaxation_convergence(make_builtin("water+local-curl=0.1"), atoms)


def test_atoms_that_fall_onto_each_other_are_no_circling():
    """The Jacobian is probed within the distance of the nearest atoms, 0.001 Å there."""
    model, start = make_builtin("gupta+chiral"), catalogue()["ethanol"].configurations
    (spec,) = find_checks("relaxation_convergence")
    measured = measure_relaxation_convergence(
        model, start, rng=np.random.default_rng([0, 3716678144]), **spec.options["standard"]
    )
    stalls = measured.evidence["quantities"]["antisymmetric_share_where_it_stalls"]
    assert all(low == 0.0 for _, low in (one for one in stalls if one is not None))
    verdict = judge(measured, tolerance_of("relaxation_convergence", "md"))
    assert verdict.outcome is not Outcome.FAIL
