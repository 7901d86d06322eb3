"""Which structures a shard has, and what a resumed run takes over."""

from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk, molecule

from physcheck.errors import SpecError
from physcheck.measurement import Outcome
from physcheck.run.facts import ModelIdentity, PlanSummary, RunFacts
from physcheck.run.record import Record, Report
from physcheck.run.resume import as_measured, resumed_from
from physcheck.run.same_run import structure_digest
from physcheck.run.settings import Settings
from physcheck.run.setup_costs import SetupCosts, counted_once_by_name
from physcheck.run.shard import Shard, parse_shard
from physcheck.system import as_configurations

SETTINGS = Settings(model="x.py", budget="auto", seed=3)
COSTS = {"a": 10, "b": 500, "c": 40, "d": 40, "e": 0, "f": 300, "g": 150}


def _record(**changes):
    values = {
        "check": "loop_work", "family": "conservation", "kind": "law", "structure": "H2O",
        "verdict": Outcome.PASS, "quantity": "work", "unit": "eV", "value": 1.0,
        "interval": (0.5, 1.5), "seed": (3, 1),
    }  # fmt: skip
    return Record(**(values | changes))


def _report(records=(), *, settings=SETTINGS, budget=8000):
    plan = PlanSummary(records=3, evaluations=100, budget=budget, structures={"H2O": "aa"})
    model = ModelIdentity(
        spec="x.py", fingerprint="f1", dtype="float64",
        capabilities={"details": {"weights_sha256": "w1"}},
    )  # fmt: skip
    facts = RunFacts(model=model, plan=plan)
    return Report(created="now", settings=settings, records=tuple(records), facts=facts)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_each_structure_is_in_one_shard_and_none_has_much_more_than_the_others(count):
    shares = [Shard(i + 1, count).structures(COSTS) for i in range(count)]
    assert sorted(name for share in shares for name in share) == sorted(COSTS)
    loads = [sum(COSTS[name] for name in share) for share in shares]
    assert max(loads) <= sum(COSTS.values()) / count + max(COSTS.values())
    assert shares == [Shard(i + 1, count).structures(dict(COSTS)) for i in range(count)]


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "a/b", "1/0", "-1/3", "1/3/4", "9" * 50])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(SpecError, match="should be i/n"):
        parse_shard(text)


def test_a_shard_needs_a_budget_that_is_the_same_in_each():
    for budget in ("auto", "90s"):
        with pytest.raises(SpecError, match="give --physcheck-budget=8000"):
            Settings(model="x.py", shard="1/2", budget=budget)
    assert Settings(model="x.py", shard="1/2", budget="quick").shard == "1/2"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"seed": 4}, "the --physcheck-seed of out.json is 3, of this run 4"),
        ({"profile": "tight"}, "--physcheck-profile of out.json is md, of this run tight"),
        ({"budget": "9000"}, "--physcheck-budget of out.json is auto, of this run 9000"),
        ({"checks": "loop_work"}, "--physcheck-checks of out.json is not given, of this run loop"),
        ({"model": "y.py"}, "--physcheck-model of out.json is x.py, of this run y.py"),
        ({"shard": "1/2", "budget": "8000"}, "--physcheck-shard of out.json is not given"),
    ],
)
def test_a_report_of_other_settings_is_refused_by_name(changes, text):
    with pytest.raises(SpecError) as raised:
        resumed_from("out.json", _report(), replace(SETTINGS, **changes))
    assert text in str(raised.value)


def test_options_that_no_number_rests_on_may_differ():
    settings = replace(SETTINGS, html="x.html", fail_on="law", budget="8000", known_failures="k")
    resumed = resumed_from("out.json", _report([_record()]), settings)
    assert list(resumed.records) == ["loop_work[H2O]"]
    assert resumed.spending.evaluations == 8000
    old = replace(_report(), physcheck="0.0.1")
    with pytest.raises(SpecError, match=r"physcheck version of out\.json is 0\.0\.1"):
        resumed_from("out.json", old, SETTINGS)


def test_other_weights_and_structures_are_refused_with_both_hashes():
    report = _report()
    resumed = resumed_from("out.json", report, SETTINGS)
    resumed.refuse_other_model(report.facts)
    other = replace(report.facts.model, capabilities={"details": {"weights_sha256": "w2"}})
    with pytest.raises(SpecError, match=r"weights of the model \(sha256\) of out\.json is w1.* w2"):
        resumed.refuse_other_model(replace(report.facts, model=other))
    plan = replace(report.facts.plan, structures={"CH4": "bb", "H2O": "cc"})
    with pytest.raises(SpecError, match=r"structure H2O .* of out\.json is aa, of this run cc"):
        resumed.refuse_other_model(replace(report.facts, plan=plan))


def test_what_was_not_measured_or_is_not_known_any_more_is_made_again():
    lost = _record(verdict=Outcome.ERROR, value=None, message="the process died")
    assert as_measured(lost) is None
    assert as_measured(_record(verdict=Outcome.KNOWN_FAILURE, reason="accepted")) is None
    assert as_measured(_record(verdict=Outcome.FAIL, reason="remove it from the list")) is None
    unheld = _record(verdict=Outcome.INCONCLUSIVE, reason="nothing tested")
    assert as_measured(unheld) == unheld
    evidence = {"quantities": {}, "baseline": {"measured_verdict": "pass", "change": "worse"}}
    worse = _record(verdict=Outcome.FAIL, reason="significantly worse", evidence=evidence)
    assert as_measured(worse) == _record()


def test_a_structure_has_the_same_hash_on_every_machine_and_another_one_when_moved():
    water = as_configurations(molecule("H2O"))
    shaken = water.at(water.positions + 1e-12)
    moved = water.at(water.positions + 1e-4)
    assert structure_digest(water) == structure_digest(shaken) != structure_digest(moved)
    # A change of this line means that reports of an earlier version can't be resumed.
    assert structure_digest(as_configurations(bulk("Cu", a=3.6, cubic=True))) == "987ea956a8c7cdf3"
    assert not np.array_equal(water.positions, moved.positions)


def test_setup_counts_once_what_several_processes_make_alike():
    first, second = SetupCosts(), SetupCosts()
    for costs in (first, second):
        costs.charge("plan", 30)
    first.charge("resolution[H2O]", 25)
    second.under("float64").charge("resolution[CH4]", 20)
    second.charge("nothing", 0)
    assert second.evaluations == {"plan": 30, "float64: resolution[CH4]": 20}
    together = counted_once_by_name([first.evaluations, second.evaluations])
    assert sum(together.values()) == 75
    assert (first.total, second.total) == (55, 50)
