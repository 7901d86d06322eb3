"""What rounding heats: little in a good float32 potential, not so a fault of float32 alone."""

from __future__ import annotations

import numpy as np
import pytest

from physcheck import measure_nve_drift
from physcheck.checks.dynamics.gradient_forces import measure_gradient_forces
from physcheck.checks.dynamics.rounding_work import (
    ROUNDING_EVALUATIONS,
    RoundingWork,
    measure_rounding_work,
)
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of
from physcheck.structures import load_structures

# Added in float32 alone; each is far below what its own check asks for at md, or near it.
FAULTS = (
    "morse+stateful=1e-4@ethanol",
    "morse+noise=1e-5@ethanol",
    "morse+curl=1e-5@ethanol",
    "morse+pair-curl=1e-4@ethanol",
    "water+species-direct=1e-4@H2O",
)


def work_of(fault, structure, seed=0):
    start = load_structures(structure)[0].configurations
    model, finer = Meter(make_builtin(f"{fault}+float32")), Meter(make_builtin(fault.split("+")[0]))
    found = measure_rounding_work(model, finer, start, rng=np.random.default_rng(seed))
    assert model.evaluations + finer.evaluations <= ROUNDING_EVALUATIONS
    return found, finer, start


@pytest.mark.parametrize("name", ["morse@ethanol", "water@H2O"])
def test_float32_of_a_good_potential_passes(name):
    potential, _, structure = name.partition("@")
    found, finer, start = work_of(potential, structure)
    rng = np.random.default_rng(1)
    gradient = measure_gradient_forces(finer, start, rng=rng)
    measured = measure_nve_drift(finer, start, rng=rng, gradient=gradient, rounding=found)
    assert judge(measured, tolerance_of("nve_drift", "md")).outcome is Outcome.PASS
    assert measured.force_evaluations == 0
    assert found.most < 1.5e-6


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_float32_alone_is_above_the_tolerance(name):
    fault, _, structure = name.partition("@")
    found, _, _ = work_of(fault, structure)
    assert found.most > 4 * tolerance_of("nve_drift", "md").value


def test_random_work_counts_by_its_error_and_a_lasting_one_in_full():
    rng = np.random.default_rng(0)
    random = RoundingWork(1e-5 * rng.standard_normal((96, 8)), 9, 300.0)
    assert 2e-7 < random.most < 2e-6
    lasting = RoundingWork(np.full((96, 8), 1e-4), 9, 300.0)
    # The same power for 100 ps: 9 atoms 1e-8 100/(kB 300 K) = 3.5e-4, and itself.
    assert lasting.most == pytest.approx(1e-4 + 3.5e-4, rel=0.01)
    of_either_sign = RoundingWork(1e-4 * np.tile([1.0, -1.0], (96, 4)), 9, 300.0)
    assert of_either_sign.most > 3.5e-4
    assert RoundingWork(np.empty((0, 8)), 9, 300.0).most == np.inf
