"""Runs held against a baseline, and what CI gets of a run, through real pytest."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree

from physcheck.cli import main

FAST = (
    "--physcheck-structures=H2O", "--physcheck-budget=quick",
    "--physcheck-checks=jacobian_asymmetry,loop_work",
)  # fmt: skip
# The model of the same file and name before and after a change.
CHANGE = "\n\ndef factory():\n    return {}()\n"

# Answers until the second record is on its way.
LATE = """
import time
from ase.calculators.emt import EMT

class Late(EMT):
    calls = 0
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        type(self).calls += 1
        if self.calls > 100:
            time.sleep(60)
"""


def _change(subject, name):
    path = subject.pytester.path / "subject.py"
    text = path.read_text().split("\n\ndef factory")[0]
    path.write_text(text + CHANGE.format(name))


def _run(subject, *args, **changes):
    return subject.run(*FAST, *args, factory="factory", process=True, **changes)


def test_only_what_got_worse_fails(subject):
    _change(subject, "Broken")
    assert _run(subject, json_name="old.json").ret == 1
    same = _run(subject, "--physcheck-baseline=old.json")
    assert same.ret == 0
    same.stdout.fnmatch_lines(["nothing differs from the baseline beyond noise in 2 records"])
    assert {r["verdict"] for r in subject.report()["records"]} == {"known_failure"}
    _change(subject, "EMT")
    better = _run(subject, "--physcheck-baseline=old.json")
    assert better.ret == 0
    better.stdout.fnmatch_lines(["better than the baseline: loop_work[[]H2O[]]*"])
    assert _run(subject, json_name="good.json").ret == 0
    _change(subject, "Broken")
    worse = _run(subject, "--physcheck-baseline=good.json", "-n2")
    assert worse.ret == 1
    worse.stdout.fnmatch_lines(
        [
            "worse than the baseline: *loop_work[[]H2O[]]*",
            "physcheck: FAIL: 2 records worse than in the baseline (*",
        ]
    )


def test_a_baseline_of_something_else_is_refused_by_name(subject):
    assert subject.run(*FAST, json_name="old.json").ret == 0
    for words, text in (
        (("--physcheck-profile=tight",), "has the profile md, this run tight"),
        (("--physcheck-structures=CH4",), "has no record of the structure 'CH4'"),
    ):
        result = subject.run(*FAST, *words, "--physcheck-baseline=old.json", process=True)
        assert result.ret == 4
        assert text in result.stdout.str() + result.stderr.str()
    other = subject.run(*FAST, "--physcheck-baseline=old.json", factory="broken", process=True)
    assert other.ret == 4
    assert "is of the model subject.py:model" in other.stderr.str() + other.stdout.str()
    none = subject.run(*FAST, "--physcheck-baseline=none.json", process=True)
    assert none.ret == 4


def test_ci_gets_properties_summary_annotations_and_a_badge(subject, monkeypatch):
    summary = subject.pytester.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    result = subject.run(
        *FAST, "--junitxml=j.xml", "--physcheck-annotate", "--physcheck-badge=badge.svg",
        factory="broken", process=True,
    )  # fmt: skip
    assert result.ret == 1
    assert summary.read_text().startswith("## physcheck: FAIL")
    result.stdout.fnmatch_lines(["::error title=physcheck%3A loop_work[[]H2O[]]::forces do work*"])
    assert "violated" in (subject.pytester.path / "badge.svg").read_text()
    cases = ElementTree.parse(subject.pytester.path / "j.xml").iter("testcase")
    found = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in cases
    }
    record = next(r for r in subject.report()["records"] if r["check"] == "loop_work")
    told = found["loop_work[H2O]"]
    assert told["physcheck_verdict"] == "fail"
    assert float(told["physcheck_value"]) == record["value"]
    assert float(told["physcheck_tolerance"]) == record["tolerance"]
    assert float(told["physcheck_limit"]) == record["detection_limit"]


def test_the_short_summary_is_a_sentence_and_the_verdict_our_last_line(subject):
    result = subject.run(*FAST, factory="broken", process=True)
    lines = result.stdout.lines
    (line,) = [one for one in lines if one.startswith("FAIL ") and "loop_work[H2O] - " in one]
    assert re.fullmatch(r".* - work in a closed loop, \d+x over", line)
    assert len(line) <= 80
    verdict = next(i for i, one in enumerate(lines) if one.startswith("physcheck: FAIL"))
    assert "short test summary" in lines[verdict + 1]
    shared = subject.run(*FAST, "-n2", factory="broken")
    shared.stdout.fnmatch_lines(["FAIL *loop_work[[]H2O[]] - work in a closed loop, *x over"])


def test_the_short_summary_is_whole_on_a_ci_machine(subject, monkeypatch):
    monkeypatch.setenv("CI", "true")
    result = subject.run(*FAST, factory="broken", process=True)
    result.stdout.fnmatch_lines(["FAIL *loop_work[[]H2O[]] - *loop: *, tolerance 3e-5"])


def test_a_killed_run_has_a_page_that_says_what_is_missing(subject):
    path = subject.pytester.path / "out.json"
    subject.pytester.makefile(".py", late=LATE)
    words = [
        sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--pyargs", "physcheck.suite",
        "--model=late.py:Late", "--physcheck-json=out.json", "--physcheck-structures=H2O",
        "--physcheck-budget=quick", "--physcheck-checks=jacobian_asymmetry,loop_work",
    ]  # fmt: skip
    with subprocess.Popen(
        words, cwd=subject.pytester.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        end = time.monotonic() + 60
        while time.monotonic() < end and not _has_records(path):
            time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)
    assert _has_records(path)
    page = subject.pytester.path / "out.html"
    assert main(["report", str(path), "-o", str(page)]) == 0
    text = page.read_text()
    assert "The run is not complete: 1 record of 2 missing" in text
    assert "No violation was found" not in text


def _has_records(path):
    return path.exists() and bool(json.loads(path.read_text())["records"])
