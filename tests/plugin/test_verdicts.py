"""What a run says of models, good and bad, through real pytest processes."""

import json

import pytest
from ase.io import read
from jsonschema import validate

from physcheck.report.json_report import schema

CHECKS = "--physcheck-checks=force_energy_gap,jacobian_asymmetry,loop_work"
SMALL = (CHECKS, "--physcheck-structures=H2O")
ONE = ("--physcheck-structures=H2O", "--physcheck-checks=jacobian_asymmetry")


def test_a_good_calculator_passes(subject):
    result = subject.run(
        CHECKS, "--physcheck-html=out.html", "--physcheck-markdown=out.md", process=True
    )
    assert result.ret == 0
    report = subject.report()
    validate(report, schema())
    assert report["complete"]
    assert report["exit_code"] == 0
    assert {r["verdict"] for r in report["records"]} == {"pass"}
    assert len({r["structure"] for r in report["records"]}) == 3
    assert any("No EMT-potential for Si" in left["reason"] for left in report["not_scheduled"])
    spent = report["summary"]["force_evaluations"]
    assert spent <= report["plan"]["evaluations"] <= 2500
    assert spent == sum(r["force_evaluations"] for r in report["records"])
    assert report["summary"]["setup_evaluations"] > 0
    result.stdout.fnmatch_lines(
        [
            "physcheck: model subject.py:model; profile md, budget quick*",
            "physcheck: EMT (ase, float64, cpu): 9 records planned, at most*evaluations*",
            "pass: conservation: 9 records of 3 checks on *",
            "physcheck: PASS: no violation found by 3 checks on 3 structures",
        ]
    )
    assert "\x1b[" not in result.stdout.str()
    assert "PASS" in (subject.pytester.path / "out.html").read_text()
    assert "| jacobian_asymmetry |" in (subject.pytester.path / "out.md").read_text()


def test_a_broken_calculator_fails_in_words_alone_and_among_workers(subject):
    result = subject.run(*SMALL, factory="broken", process=True)
    assert result.ret == 1
    report = subject.report()
    validate(report, schema())
    record = next(r for r in report["records"] if r["check"] == "loop_work")
    assert record["verdict"] == "fail"
    frames = read(record["evidence"]["configurations"], ":")
    assert len(frames) > 4
    assert "out-evidence" in record["evidence"]["configurations"]
    result.stdout.fnmatch_lines(
        [
            "FAIL  loop_work [[]H2O[]]   forces do work around a closed loop",
            "  *lambda* = * ± *",
            "  tolerance 3e-5 (md): *x over;  detection limit *;  noise floor *",
            "  saved: out-evidence/loop_work-H2O.extxyz",
            "  usual causes: *",
            "  what to do: *",
            "  rerun: pytest --pyargs physcheck.suite --model=subject.py:broken "
            "--physcheck-checks=loop_work --physcheck-structures=H2O --physcheck-seed=0 "
            "--physcheck-budget=2500",
            "physcheck: FAIL: *violated*",
        ]
    )
    alone = subject.verdicts()
    _, *words = record["rerun"].split()
    again = subject.pytester.runpytest_subprocess(*words, "--physcheck-json=again.json")
    assert again.ret == 1
    assert subject.verdicts("again.json") == {("loop_work", "H2O"): alone["loop_work", "H2O"]}

    result = subject.run(*SMALL, "-n2", factory="broken", json_name="shared.json")
    assert result.ret == 1
    assert subject.verdicts("shared.json") == alone
    shared = subject.report("shared.json")
    validate(shared, schema())
    assert shared["complete"]
    assert shared["model"]["name"] == "Broken"
    assert shared["summary"]["setup_evaluations"] >= report["summary"]["setup_evaluations"]
    result.stdout.fnmatch_lines(["physcheck: FAIL: *"])


def test_an_item_can_be_named(subject):
    result = subject.pytester.runpytest_subprocess(
        "--pyargs",
        "physcheck.suite.laws::loop_work[H2O]",
        "--model=subject.py",
        "--physcheck-structures=H2O",
        "-v",
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(["physcheck/suite/laws.py::loop_work[[]H2O[]] PASSED*"])
    result.assert_outcomes(passed=1)


def test_a_worker_that_dies_leaves_a_record(subject):
    result = subject.run(
        CHECKS, "--physcheck-structures=Cu32", "-n1", "--max-worker-restart=0", factory="dying"
    )
    assert result.ret != 0
    report = subject.report()
    validate(report, schema())
    assert [r for r in report["records"] if r["verdict"] == "error" and "died" in r["message"]]


def test_not_a_number_fails_by_name_of_the_output(subject):
    result = subject.run(*ONE, factory="not_a_number")
    assert result.ret == 1
    validate(subject.report(), schema())
    text = (subject.pytester.path / "out.json").read_text()
    (record,) = json.loads(text, parse_constant=pytest.fail)["records"]
    assert record["verdict"] == "fail"
    assert record["value"] == "nan"
    assert "forces is nan at configuration 0, atom 0 (O) of H2O" in record["message"]


@pytest.mark.parametrize(
    ("factory", "text"),
    [("raising", "no weights for this"), ("wrong_shape", "has shape (1, 2, 3)")],
)
def test_what_the_model_does_wrong_is_an_error_record(subject, factory, text):
    result = subject.run(*ONE, factory=factory)
    assert result.ret == 1
    validate(subject.report(), schema())
    (record,) = subject.report()["records"]
    assert record["verdict"] == "error"
    assert record["value"] is None
    assert text in record["message"]


def test_a_model_that_raises_everywhere_is_reported_once(subject):
    result = subject.run(CHECKS, factory="raising")
    assert result.ret == 1
    records = subject.report()["records"]
    assert {r["verdict"] for r in records} == {"error"}
    assert len({r["structure"] for r in records}) == 1


def test_a_factory_that_raises(subject):
    result = subject.run(factory="no_factory")
    assert result.ret == 4
    report = subject.report()
    validate(report, schema())
    assert "weights are corrupt" in report["error"]
    assert report["records"] == []
    result.stdout.fnmatch_lines(["physcheck: ERROR: *weights are corrupt"])


def test_an_interrupted_run_keeps_what_it_has(subject):
    result = subject.run(*SMALL, factory="interrupted", process=True)
    assert result.ret == 2
    report = subject.report()
    validate(report, schema())
    assert not report["complete"]
    assert report["exit_code"] == 2
    assert report["records"]
    made = len(report["records"])
    planned = report["plan"]["records"]
    assert made < planned
    result.stdout.fnmatch_lines(
        [f"physcheck: NOT COMPLETE: {made} of {planned} records made, none of them failed"]
    )


def test_a_record_that_takes_too_long_is_an_error(subject):
    result = subject.run(*ONE, "--physcheck-timeout=1", factory="slow")
    assert result.ret == 1
    (record,) = subject.report()["records"]
    assert record["verdict"] == "error"
    assert "--physcheck-timeout" in record["message"]


def test_nothing_judged_exits_with_5(subject):
    result = subject.run("--physcheck-species=Xe")
    assert result.ret == 5
    assert subject.report()["records"] == []
    result.stdout.fnmatch_lines(["physcheck: NOTHING JUDGED*"])


def test_a_constant_model_is_not_judged(subject):
    result = subject.run(*ONE, "--physcheck-model=builtin::lennard-jones+constant", factory=None)
    assert result.ret == 5
    (record,) = subject.report()["records"]
    assert record["verdict"] == "inconclusive"
    assert record["reason"].startswith("nothing tested")


def test_inconclusive_is_a_skip_to_junit_and_can_be_made_to_fail(subject):
    args = (*ONE, "--physcheck-profile=tight", "--physcheck-model=builtin::harmonic+float32")
    result = subject.run(*args, "--junitxml=junit.xml", factory=None)
    assert result.ret == 0
    (record,) = subject.report()["records"]
    assert record["verdict"] == "inconclusive"
    text = (subject.pytester.path / "junit.xml").read_text()
    assert 'skipped="1"' in text
    assert 'message="inconclusive: ' in text
    result.stdout.fnmatch_lines(["*1 inconclusive*"])
    assert subject.run(*args, "--physcheck-fail-on=inconclusive", factory=None).ret == 1


def test_known_failures(subject):
    path = subject.pytester.path / "known.toml"
    entry = (
        '[[known_failure]]\ncheck = "jacobian_asymmetry"\nstructure = "H2O"\n'
        'reason = "being mended"\n'
    )
    path.write_text(entry)
    args = (*ONE, "--physcheck-known-failures=known.toml")
    assert subject.run(*args, factory="broken").ret == 0
    (record,) = subject.report()["records"]
    assert (record["verdict"], record["reason"]) == ("known_failure", "being mended")
    result = subject.run(*args)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["physcheck: FAIL: *remove it from the list*"])
    path.write_text(entry + "until = 2001-01-01\n")
    assert subject.run(*args, factory="broken").ret == 1
    assert "expired" in subject.report()["records"][0]["reason"]
    path.write_text(entry.replace("H2O", "H20"))
    result = subject.run(*args)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*no structure is called 'H20'; did you mean H2O*"])


def test_a_reference_is_judged_beside_the_model(subject):
    result = subject.run(
        *SMALL,
        "--physcheck-reference=auto",
        "--physcheck-html=out.html",
        "--physcheck-markdown=out.md",
        "--physcheck-model=subject.py:heads,forces=direct",
        factory=None,
    )
    assert result.ret == 1
    report = subject.report()
    validate(report, schema())
    assert report["reference"]["spec"] == "subject.py:heads,forces=conservative"
    verdicts = {r["check"]: (r["verdict"], r["reference"]["verdict"]) for r in report["records"]}
    assert verdicts["loop_work"] == verdicts["jacobian_asymmetry"] == ("fail", "pass")
    spent = sum(r["reference"]["force_evaluations"] for r in report["records"])
    assert report["summary"]["reference_evaluations"] == spent > 0
    result.stdout.fnmatch_lines(
        [
            "physcheck: compared with the reference auto",
            "*reference: PASS *",
            "check *noise floor *detection limit *reference *evaluations",
            "loop_work *FAIL *pass *",
            "cost: * of the reference, *",
        ]
    )
    assert "<p>reference: pass" in (subject.pytester.path / "out.html").read_text()
    assert "| reference |" in (subject.pytester.path / "out.md").read_text()


def test_a_reference_that_fails_or_is_unfit_fails_no_run(subject):
    result = subject.run(*SMALL, "--physcheck-reference=subject.py:broken")
    assert result.ret == 0
    result = subject.run(*SMALL, "--physcheck-reference=builtin::stillinger-weber")
    assert result.ret == 0
    results = [r["reference"] for r in subject.report()["records"]]
    assert {t["verdict"] for t in results} == {"not_applicable"}
    assert "species" in results[0]["message"]
    assert subject.run(*SMALL, "--physcheck-reference=builtin::watter").ret == 4


def test_a_practice_that_does_not_count_is_named_and_fails_no_headline(subject):
    lab = ("--physcheck-model=builtin::morse+lab-frame=0.05", "--physcheck-structures=Cu12-slab")
    words = (*lab, "--physcheck-checks=rotation_equivariance,net_force")
    strict = subject.run(*words, factory=None)
    lax = subject.run(*words, "--physcheck-fail-on=law", factory=None)
    assert (strict.ret, lax.ret) == (1, 0)
    strict.stdout.fnmatch_lines(["physcheck: FAIL: 1 check violated (rotation_equivariance)*"])
    lax.stdout.fnmatch_lines(
        [
            "physcheck: PASS: *; rotation_equivariance failed, "
            "which --physcheck-fail-on=law doesn't count"
        ]
    )


def test_a_fault_of_batches_is_said_alike_alone_and_among_workers(subject):
    args = (
        "--pyargs", "physcheck.suite", "--physcheck-model=builtin::gupta+batch-padding=0.01",
        "--physcheck-checks=batch_invariance,force_energy_gap,cutoff_smoothness",
        "--physcheck-structures=Si8", "-p", "no:cacheprovider",
    )  # fmt: skip
    for name, more in (("alone.json", ()), ("shared.json", ("-n2",))):
        result = subject.pytester.runpytest_subprocess(
            *args, *more, f"--physcheck-json={name}", timeout=120
        )
        assert result.ret == 1
        remarks = subject.report(name)["plan"]["remarks"]
        assert any("one configuration at a time" in remark for remark in remarks)
    found = subject.verdicts("shared.json")
    assert found == subject.verdicts("alone.json")
    fails = {check for (check, _), (verdict, *_) in found.items() if verdict == "fail"}
    assert fails == {"batch_invariance"}
