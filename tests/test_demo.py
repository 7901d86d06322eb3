import pytest

from physcheck import demo
from physcheck.demo import Outcome, Run, builtin_runs, find_faults, said_of, story, trained_runs

MUST, MAY = frozenset({"loop_work", "nve_drift"}), frozenset({"net_force"})
GOOD = Run("conservative", "", "m.pt", (), good=True)
BAD = Run("direct", "", "m.pt", (), good=False, must_fail=MUST, may_fail=MAY)


def report(**verdicts):
    return {"records": [{"check": check, "verdict": v} for check, v in verdicts.items()]}


def test_right():
    good = report(loop_work="pass", stress="not_applicable", nve_drift="inconclusive")
    assert find_faults(GOOD, Outcome(0, good)) == []
    assert find_faults(BAD, Outcome(1, report(loop_work="fail", net_force="fail"))) == []


@pytest.mark.parametrize(
    ("run", "code", "found", "fault"),
    [
        (BAD, 0, report(loop_work="pass"), "loop_work didn't fail direct"),
        (BAD, 0, report(loop_work="fail"), "should be 1"),
        (BAD, 4, {}, "none of loop_work, nve_drift judged"),
        (BAD, 1, report(loop_work="fail", determinism="fail"), "shouldn't"),
        (GOOD, 1, report(loop_work="pass"), "should be 0"),
        (GOOD, 1, report(loop_work="fail"), "loop_work failed conservative"),
        (GOOD, 0, report(), "no check judged"),
        (GOOD, 4, {}, "no check judged"),
    ],
)
def test_faults_are_named(run, code, found, fault):
    assert any(fault in f for f in find_faults(run, Outcome(code, found)))


def test_only_what_passed_is_counted_as_passed():
    good = report(loop_work="pass", stress="not_applicable", net_force="pass", nve_drift="pass")
    bad = report(loop_work="fail", net_force="pass")
    said = said_of({"conservative": Outcome(0, good), "direct": Outcome(1, bad)})
    assert said.startswith("the conservative model passed 3 checks (1 not applicable)")
    assert said.endswith("failed 1: loop_work")
    good = report(loop_work="pass", nve_drift="inconclusive")
    said = said_of({"conservative": Outcome(0, good), "direct": Outcome(1, bad)})
    assert "passed 1 check (1 inconclusive at this budget, 0 not applicable)" in said


def test_the_story_has_both_models_in_a_line():
    record = {
        "check": "nve_drift",
        "verdict": "fail",
        "value": 2.585e-3,
        "uncertainty": 2.585e-4,
        "reference": {"verdict": "pass", "value": 0.0, "uncertainty": 2.6e-7},
    }
    lines = story({"direct": Outcome(1, {"records": [record]})})
    (line,) = [line for line in lines if line.startswith("drift at constant energy")]
    assert "10.0 ± 1.0 K/ps  FAIL" in line
    assert line.endswith("0.0000 ± 0.0010 K/ps  pass")


def test_the_repair_is_told_from_the_table_of_strides():
    rows = [
        {"name": "model alone", "stride": None, "drift": 0.0862, "drift_error": 0.02},
        {"name": "reference alone", "stride": None, "drift": 0.0, "drift_error": 1e-6},
        {"name": "stride 2", "stride": 2, "drift": 1e-6, "drift_error": 2.6e-5},
        {"name": "stride 4", "stride": 4, "drift": None, "drift_error": None},
    ]
    quantities = {"table": rows, "recommended_stride": 2}
    record = {"check": "mts_tandem", "evidence": {"quantities": quantities}}
    said = " ".join(story({"pair": Outcome(0, {"records": [record]})}))
    assert "every 2. In one" in said
    assert "falls from 333 ± 77 K/ps to 0.00 ± 0.10 K/ps" in said
    record["evidence"]["quantities"]["recommended_stride"] = None
    assert "repair" not in " ".join(story({"pair": Outcome(0, {"records": [record]})}))


def test_the_checkout_has_trained_networks_and_a_wheel_has_none(tmp_path):
    assert [run.good for run in trained_runs()] == [True, False, True]
    assert trained_runs(tmp_path) == []
    assert [run.name for run in builtin_runs()] == ["conservative", "direct"]


def test_runs_tell_what_they_gave(tmp_path, monkeypatch, capsys):
    """The whole way, with one check of built-in potentials, where no trained networks are."""
    monkeypatch.setattr(demo, "TRAINED", tmp_path)
    monkeypatch.setattr(demo, "trained_runs", lambda: [])
    monkeypatch.setattr(demo, "_folder", lambda: tmp_path)
    fast = ("--physcheck-structures=Cu12-slab", "--physcheck-checks=loop_work")
    runs = [
        Run("conservative", "good", "builtin::gupta", fast, good=True),
        Run("direct", "bad", "builtin::gupta+pair-curl=1e-2", fast, False, MUST),
    ]
    monkeypatch.setattr(demo, "builtin_runs", lambda: runs)
    assert demo.main() == 0
    said = capsys.readouterr().out
    assert "demo: OK: the conservative model passed 1 check" in said
    assert said.rstrip().endswith(str(tmp_path / "direct.html"))
    assert (tmp_path / "direct.html").is_file()
