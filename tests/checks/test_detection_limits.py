"""Defects of exactly the stated limit FAIL, those of a third of it rarely do.

A slice of ``benchmarks/power.py``, whose table for all checks is in docs/method.md.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from support.family_runs import run

from physcheck.measurement import Outcome, judge, limit_beside
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of
from physcheck.structures import load_structures

SEEDS = 6


@pytest.fixture(scope="module")
def power():
    path = Path(__file__).parents[2] / "benchmarks" / "power.py"
    spec = importlib.util.spec_from_file_location("power", path)
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look their module up.
    sys.modules["power"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["power"]


@pytest.mark.parametrize("check", ["net_force", "separated_additivity", "determinism"])
def test_a_defect_at_the_limit_fails_and_one_of_a_third_does_not(power, check):
    case = next(case for case in power.CASES if case.check == check)
    found = power.power_of(case, SEEDS)
    assert found.limit >= found.tolerance
    assert found.noise_floor < found.tolerance
    assert found.at_limit >= 5 / 6
    assert found.at_third <= 1 / 6


@pytest.mark.parametrize(
    "model", ["gupta", "gupta+float32", "gupta+noise=1e-5", "gupta+pair-curl=1e-3"]
)
def test_no_limit_is_below_the_tolerance_and_no_open_value_above_its_limit(model):
    start = load_structures("Si8")[0].configurations
    for families in ("conservation", "symmetry", "smoothness"):
        for check, (_, measured, _) in run(make_builtin(model), start, families).items():
            tolerance = tolerance_of(check, "md")
            verdict, limit = judge(measured, tolerance), limit_beside(measured, tolerance)
            assert limit is None or limit >= tolerance.value
            assert limit is None or limit == measured.detection_limit
            assert measured.noise_floor >= 0
            if verdict.outcome is Outcome.INCONCLUSIVE and limit is not None:
                assert measured.value <= limit
