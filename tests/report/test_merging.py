"""Reports of shards put together, and what is refused."""

from dataclasses import replace

import pytest

from physcheck.cli import main
from physcheck.errors import SpecError
from physcheck.measurement import Outcome
from physcheck.report.answer import answer
from physcheck.report.badge import badge
from physcheck.report.json_report import json_text
from physcheck.report.loading import load_report
from physcheck.report.merging import merge_reports, missing_lines
from physcheck.run.facts import ModelIdentity, NotScheduled, PlanSummary, RunFacts
from physcheck.run.record import Record, Report
from physcheck.run.settings import Settings

WHOLE = tuple(f"loop_work[{name}]" for name in "abcd")
MODEL = ModelIdentity(spec="x.py", fingerprint="f1", dtype="float64")


def _record(name, **changes):
    values = {
        "check": "loop_work", "family": "conservation", "kind": "law", "structure": name,
        "verdict": Outcome.PASS, "quantity": "work", "unit": "eV", "value": 1.0, "seed": (0, 1),
        "force_evaluations": 10, "seconds": 1.5,
    }  # fmt: skip
    return Record(**(values | changes))


def _shard(index, names, *, count=2, whole=WHOLE, records=None, **changes):
    plan = PlanSummary(
        records=len(names), evaluations=100 * len(names), budget=2500,
        names=tuple(f"loop_work[{n}]" for n in names), whole=whole, structures={"a": "1", "b": "2"},
    )  # fmt: skip
    made = [_record(n) for n in names] if records is None else records
    left = (NotScheduled("nve_drift", "a", "no room"),)
    report = Report(
        created=f"2030-01-0{index}", records=tuple(made), complete=len(made) == len(names),
        exit_code=0, setup={"plan": 7, f"resolution[{names[0]}]": 25},
        settings=Settings(model="x.py", budget="quick", shard=f"{index}/{count}"),
        facts=RunFacts(model=MODEL, plan=plan, not_scheduled=left),
    )  # fmt: skip
    return replace(report, **changes)


def _merged(*shards):
    return merge_reports([f"s{k}.json" for k in range(len(shards))], shards)


def test_a_merged_report_has_the_order_and_costs_of_one_run():
    merged = _merged(_shard(2, "bc"), _shard(1, "ad"))
    assert [r.structure for r in merged.records] == list("abcd")
    assert (merged.complete, merged.exit_code, merged.created) == (True, 0, "2030-01-01")
    assert merged.facts.plan.names == WHOLE
    assert (merged.facts.plan.records, merged.facts.plan.evaluations) == (4, 400)
    # What both shards have tried counts once.
    assert merged.summary.setup_evaluations == 7 + 25 + 25
    assert len(merged.facts.not_scheduled) == 1
    assert "shard" not in answer(merged)
    assert answer(merged).startswith("PASS")


def test_a_shard_is_no_pass_of_the_whole():
    assert "shard 1/2 only" in answer(_shard(1, "ad"))
    assert "shard 1/2 passes" in badge(_shard(1, "ad"))


def test_what_is_missing_is_named_and_the_run_not_complete():
    first, lone = _shard(1, "ad", count=3), _shard(3, "b", count=3)
    merged = _merged(first, lone)
    assert (merged.complete, merged.exit_code) == (False, 1)
    assert missing_lines([first, lone], merged) == [
        "shard 2/3 is missing", "1 of 4 records are missing: loop_work[c]",
    ]  # fmt: skip
    killed = _merged(_shard(1, "ad", records=[_record("a")]), _shard(2, "bc"))
    assert not killed.complete
    assert answer(killed).startswith("NOT COMPLETE: 3 of 4 records")


def test_what_one_shard_deselected_is_not_missing():
    merged = _merged(_shard(1, "a", whole=WHOLE[:3]), _shard(2, "bc"))
    assert merged.complete
    assert merged.facts.plan.names == WHOLE[:3]


def test_failures_and_empty_shards_decide_on_the_exit_code():
    failed = [_record("b", verdict=Outcome.FAIL), _record("c")]
    assert _merged(_shard(1, "ad"), _shard(2, "bc", records=failed)).exit_code == 1
    empty = _shard(2, "x", records=[], exit_code=5)
    plan = replace(empty.facts.plan, records=0, names=())
    empty = replace(empty, facts=replace(empty.facts, plan=plan), complete=True)
    assert _merged(_shard(1, "abcd"), empty).exit_code == 0


def test_nan_of_one_shard_is_the_failure_of_another_ones_finite_outputs():
    nan = _record(
        "a", verdict=Outcome.FAIL, value=float("nan"),
        evidence={"quantities": {}, "not_finite": {"output": "forces", "value": "nan"}},
    )  # fmt: skip
    finite = _record(
        "b", check="finite_outputs", family="implementation", value=0.0, interval=(0.0, 0.0)
    )
    whole = ("loop_work[a]", "finite_outputs[b]")
    plan = PlanSummary(records=1, evaluations=1, names=whole[1:], whole=whole, budget=2500)
    other = _shard(2, "b", whole=whole, records=[finite])
    other = replace(other, facts=replace(other.facts, plan=plan))
    merged = _merged(_shard(1, "a", whole=whole, records=[nan]), other)
    verdicts = {r.check: r.verdict for r in merged.records}
    assert verdicts == {"loop_work": Outcome.INCONCLUSIVE, "finite_outputs": Outcome.FAIL}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"physcheck": "0.0.1"}, "the physcheck version is"),
        ({"settings": Settings(model="x.py", budget="quick", shard="2/2", seed=1)}, "seed is 0 in"),
        ({"settings": Settings(model="x.py", budget="quick", shard="2/3")}, "number of shards is"),
        ({"settings": Settings(model="x.py", budget="quick")}, "number of shards is 2 in the"),
        ({"settings": Settings(model="x.py", budget="quick", shard="1/2")}, "both have shard 1/2"),
        ({"records": (_record("a"),)}, "both have loop_work[a]"),
        ({"error": "no weights"}, "s1.json has nothing to merge: no weights"),
        ({"facts": RunFacts(model=MODEL)}, "ended before the plan was made"),
    ],
)
def test_what_does_not_belong_together_is_refused(change, text):
    with pytest.raises(SpecError) as raised:
        _merged(_shard(1, "ad"), _shard(2, "bc", **change))
    assert text in str(raised.value)


def test_other_weights_and_structures_are_refused():
    other = _shard(2, "bc")
    facts = replace(other.facts, model=replace(MODEL, fingerprint="f2"))
    with pytest.raises(SpecError, match=r"the file or spec of the model \(sha256\) is f1 in the"):
        _merged(_shard(1, "ad"), replace(other, facts=facts))
    facts = replace(other.facts, plan=replace(other.facts.plan, structures={"a": "9"}))
    with pytest.raises(SpecError, match="the structure a "):
        _merged(_shard(1, "ad"), replace(other, facts=facts))
    with pytest.raises(SpecError, match="1 report is given"):
        _merged(_shard(1, "ad"))


def test_runs_on_other_structures_are_merged_too():
    runs = [
        _shard(1, name, whole=(), settings=Settings(model="x.py", budget="quick", structures=name))
        for name in "ab"
    ]
    merged = _merged(*runs)
    assert merged.settings.structures == "a,b"
    assert merged.complete
    assert merged.facts.plan.names == ("loop_work[a]", "loop_work[b]")


def test_the_command_writes_what_other_commands_read(tmp_path, capsys):
    paths = [tmp_path / "s1.json", tmp_path / "s2.json"]
    for path, shard in zip(paths, (_shard(1, "ad"), _shard(2, "bc")), strict=True):
        path.write_text(json_text(shard))
    target = tmp_path / "all.json"
    assert main(["merge", *map(str, paths), "-o", str(target)]) == 0
    assert "physcheck: PASS" in capsys.readouterr().out
    assert load_report(target).complete
    assert main(["merge", *map(str, paths), "-o", str(tmp_path / "all.html")]) == 4
    assert "should end in .json" in capsys.readouterr().err
