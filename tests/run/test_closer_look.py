"""What an INCONCLUSIVE advises exists, would settle it, and isn't what the look already was."""

from __future__ import annotations

import math
import re

import pytest

from physcheck.checks import find_checks
from physcheck.measurement import NOTHING_SETTLES
from physcheck.potentials import make_builtin
from physcheck.registry import BUDGETS
from physcheck.run.closer_look import how_to_look_closer
from physcheck.run.entry import PlanEntry
from physcheck.structures import load_structures

CAPABILITIES = make_builtin("gupta").capabilities
STRUCTURE = load_structures("Cu32")[0]


def advice(check, level, work_needed, shared=0):
    (spec,) = find_checks(check)
    entry = PlanEntry(spec, STRUCTURE, 1000, (0, 0), shared=shared, looks=(level,))
    return how_to_look_closer(entry, level, CAPABILITIES, work_needed)


@pytest.mark.parametrize(
    ("check", "work_needed", "said"),
    [
        ("loop_work", 2.0, "rerun it alone with --physcheck-budget=standard"),
        ("loop_work", 5.0, "rerun it alone with --physcheck-budget=full"),
        ("loop_work", 200.0, "200 times as many evaluations, which no budget buys; in Python, "),
        ("loop_work", math.inf, NOTHING_SETTLES),
        ("loop_work", None, "--physcheck-budget=standard, which looks more closely"),
        # Twice as many directions; that finding the place costs more evaluations is no help.
        ("jacobian_asymmetry", 2.0, "rerun it alone with --physcheck-budget=standard"),
        ("jacobian_asymmetry", 3.0, "rerun it alone with --physcheck-budget=full"),
        ("stress_energy_gap", None, "no option makes this check look more closely"),
    ],
)
def test_the_smallest_budget_that_would_settle_it_is_named(check, work_needed, said):
    assert said in advice(check, "quick", work_needed)


def test_a_shared_trajectory_is_forecast_from_the_one_that_was_run():
    assert "--physcheck-budget=full" in advice("equipartition", "standard", 2.0, shared=24_000)
    assert "measure_equipartition takes evaluations" in advice(
        "equipartition", "standard", 9.0, shared=24_000
    )
    # A run that had to do with less than it wanted needs no larger one than that.
    assert "--physcheck-budget=standard" in advice("equipartition", "quick", 2.0, shared=8_000)


@pytest.mark.parametrize("level", BUDGETS)
@pytest.mark.parametrize("work_needed", [None, 1.5, 10.0, math.inf])
def test_no_advice_is_what_the_look_already_was(level, work_needed):
    smaller = BUDGETS[: BUDGETS.index(level) + 1]
    for spec in find_checks("*"):
        shared = spec.shared and spec.shared(STRUCTURE.configurations, CAPABILITIES, level)
        text = advice(spec.id, level, work_needed, shared=shared or 0)
        named = re.findall(r"--physcheck-budget=(\w+)", text)
        assert not set(named) & set(smaller)
