"""relax_with_two_models: the minimum is the conservative model's, and it is asked less often."""

from __future__ import annotations

import numpy as np
import pytest

from physcheck.errors import CapabilityMissing
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.relaxation import rattled, relax, relax_with_two_models
from physcheck.structures import catalogue


def start(structure, seed):
    return rattled(catalogue()[structure].configurations, 0.3, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("clean", "defect", "structure", "least"),
    [
        ("stillinger-weber", "pair-curl=1e-2", "Si8", 0.5),
        ("gupta", "lost-reaction=0.1", "Cu12-slab", 0.15),
    ],
)
def test_the_conservative_model_ends_it_in_fewer_evaluations(clean, defect, structure, least):
    alone = both = 0
    for seed in range(3):
        direct, conservative = Meter(make_builtin(f"{clean}+{defect}")), Meter(make_builtin(clean))
        found = relax_with_two_models(
            direct, conservative, start(structure, seed), fmax=0.005, switch=0.02
        )
        path = relax(make_builtin(clean), start(structure, seed), fmax=0.005, evaluations=200)
        assert found.converged
        assert found.fmax <= 0.005
        assert found.direct_evaluations == direct.evaluations
        assert found.conservative_evaluations == conservative.evaluations
        assert found.cost(10.0) == conservative.evaluations + direct.evaluations / 10
        energy = [
            float(make_builtin(clean).evaluate(x, want=frozenset({"energy"})).energy[0])
            for x in (found.final, path.final)
        ]
        assert energy[0] == pytest.approx(energy[1], abs=2e-3)
        alone += len(path)
        both += conservative.evaluations
    assert both < (1 - least) * alone


def test_a_direct_model_that_stalls_hands_over_early():
    clean = make_builtin("water")
    found = relax_with_two_models(
        make_builtin("water+local-curl=0.3"), clean, start("H2O", 0), fmax=0.005, switch=0.1
    )
    assert found.converged
    assert found.direct_evaluations < 70
    assert found.direct.fmax.min() > 0.1


def test_what_runs_away_is_not_handed_over_and_options_are_checked():
    class Repulsive:
        capabilities = make_builtin("water").capabilities

        def evaluate(self, configurations, *, want=frozenset()):
            from physcheck.system import Evaluation

            return Evaluation(
                energy=np.zeros(len(configurations)), forces=1e6 * configurations.positions
            )

    found = relax_with_two_models(
        Repulsive(), make_builtin("water"), start("H2O", 0), fmax=0.01, direct_evaluations=2000
    )
    assert found.conservative is None or found.direct.ended != "ran away"
    water = make_builtin("water")
    with pytest.raises(ValueError, match="should be fmax"):
        relax_with_two_models(water, water, start("H2O", 0), fmax=0.1, switch=0.01)
    with pytest.raises(ValueError, match="one of LBFGS"):
        relax_with_two_models(water, water, start("H2O", 0), fmax=0.1, optimiser="x")
    with pytest.raises(CapabilityMissing, match="needs an energy"):
        relax_with_two_models(
            make_builtin("water+forces-only"), water, start("H2O", 0), fmax=0.1,
            optimiser="BFGSLineSearch",
        )  # fmt: skip
