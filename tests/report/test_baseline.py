"""A run held against an older report."""

import json
from dataclasses import replace

import pytest

from physcheck.cli import main
from physcheck.errors import SpecError
from physcheck.measurement import Outcome
from physcheck.report.answer import answer
from physcheck.report.baseline import Baseline, baseline_lines, load_baseline, updated_baseline
from physcheck.report.json_report import json_text
from physcheck.report.loading import load_report
from physcheck.run.settings import Settings
from tests.report.test_documents import ERROR, PASS, RECORD, report


def baseline(*records):
    found = {(r.check, r.structure): r for r in records}
    return Baseline("old.json", report(*records), found)


def test_a_failure_as_before_is_known_and_a_worse_one_fails():
    old = baseline(RECORD)
    same = old.judge(RECORD)
    assert same.verdict is Outcome.KNOWN_FAILURE
    assert same.reason.startswith("no worse than in the baseline: 14 meV (14 to 14)")
    worse = old.judge(replace(RECORD, value=20.0, interval=(19.0, 21.0)))
    assert worse.verdict is Outcome.FAIL
    assert worse.reason.startswith("significantly worse than the baseline")
    assert answer(report(worse)) == "FAIL: 1 record worse than in the baseline (loop_work[H2O])"


def test_a_pass_that_gets_worse_fails_though_it_is_within_the_tolerance():
    old = baseline(replace(PASS, value=1e-3, interval=(5e-4, 2e-3)))
    made = old.judge(replace(PASS, value=0.05, interval=(0.04, 0.06)))
    assert made.verdict is Outcome.FAIL
    within = old.judge(replace(PASS, value=0.05, interval=(1e-3, 0.06)))
    assert within.verdict is Outcome.PASS


def test_what_vanished_and_what_is_new_is_told():
    old = baseline(RECORD)
    mended = old.judge(replace(PASS, interval=(0.0, 0.02)))
    new = old.judge(replace(PASS, check="net_force"))
    lines = baseline_lines(report(mended, new))
    assert mended.verdict is Outcome.PASS
    assert lines[0].startswith("better than the baseline: loop_work[H2O]: 14 meV")
    assert lines[0].endswith("it passes now: update the baseline")
    assert lines[1] == "not in the baseline: net_force[H2O]"
    quiet = baseline_lines(report(old.judge(RECORD)))
    assert quiet == ["nothing differs from the baseline beyond noise in 1 record"]
    assert baseline_lines(report(RECORD)) == []
    untested = old.judge(replace(RECORD, verdict=Outcome.INCONCLUSIVE, reason="nothing tested"))
    assert baseline_lines(report(mended, untested))[1:] == []


def test_an_error_and_a_new_failure_stay_what_they_are():
    assert baseline(PASS).judge(ERROR).verdict is Outcome.ERROR
    assert baseline(PASS).judge(replace(RECORD, check="other")).verdict is Outcome.FAIL


def test_what_the_run_lacks_is_named():
    old = baseline(RECORD, replace(PASS, check="net_force"))
    (line,) = old.lines_of_what_is_missing(report(RECORD))
    assert line == "in the baseline, but not made in this run: net_force[H2O]"


def test_a_mismatch_says_which(tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json_text(report(RECORD)))
    spec = "x.py"
    ok = Settings(model=spec, baseline=str(path))
    assert load_baseline(ok) is not None
    assert load_baseline(Settings(model=spec)) is None
    with pytest.raises(SpecError, match="has the profile md, this run tight"):
        load_baseline(replace(ok, profile="tight"))
    with pytest.raises(SpecError, match=r"is of the model x\.py, this run is of y\.py"):
        load_baseline(replace(ok, model="y.py"))
    with pytest.raises(SpecError, match=r"no record of the structure 'Si8'.*known: H2O"):
        baseline(RECORD).refuse_structures(["H2O", "Si8"])


def test_float32_seeds_raise_no_alarm_and_a_defect_does(runs):
    old = runs.report("float32")
    held = Baseline("old", old, {(r.check, r.structure): r for r in old.records})
    for record in runs.report("float32", "--physcheck-seed=2").records:
        judged = held.judge(record)
        assert not (judged.reason or "").startswith("significantly worse"), judged.reason
    worse = [held.judge(r) for r in runs.report("curl").records]
    names = {r.check for r in worse if (r.reason or "").startswith("significantly worse")}
    assert {"loop_work", "jacobian_asymmetry"} <= names


def test_one_record_is_updated_with_its_reason(tmp_path, capsys):
    other = replace(PASS, check="net_force")
    old, new = report(RECORD, other), report(PASS, replace(other, value=0.05))
    paths = [tmp_path / "old.json", tmp_path / "new.json"]
    for path, one in zip(paths, (old, new), strict=True):
        path.write_text(json_text(one))
    words = ["baseline", "update", *map(str, paths), "--only", "loop_work[H2O]"]
    assert main([*words, "--reason", "mended in 1.2"]) == 0
    assert "is that of" in capsys.readouterr().out
    again = load_report(paths[0])
    assert [r.value for r in again.records] == [PASS.value, other.value]
    note = json.loads(paths[0].read_text())["records"][0]["evidence"]["baseline_updated"]
    assert note["reason"] == "mended in 1.2"
    assert note["replaced"] == RECORD.value


@pytest.mark.parametrize(
    ("only", "text"),
    [("loop_work", "should be CHECK"), ("loop_wrk[H2O]", r"did you mean loop_work\[H2O\]")],
)
def test_an_update_of_nothing_is_refused(only, text):
    with pytest.raises(SpecError, match=text):
        updated_baseline(report(RECORD), report(PASS), only, "")


def test_a_record_shows_itself_in_a_line():
    assert repr(RECORD) == "<Record loop_work[H2O]: FAIL, 14.20 ± 0.03 meV, tolerance 0.10 meV>"
