"""Whatever is wrong with options, specs and files: one line and exit code 4; nothing is lost.

A slice of benchmarks/faults.py, each case in a process of its own, and runs with strange models.
"""

import random
import sys
from pathlib import Path

import pytest
from ase.build import bulk, molecule
from ase.io import write

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import fault_cases
import fault_models
import faults

SECONDS = 60
# Python 3.12 warns of threads that numpy's libraries started before the fork.
pytestmark = [
    pytest.mark.skipif(not hasattr(faults.os, "fork"), reason="each case is a forked process"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]
# Those that were bare tracebacks once, or a hang.
ONCE_UNCAUGHT = {
    "options": (
        "json: no such user", "json: long name", "markdown: NUL", "html: link loop",
        "structures: no such user", "structures: long name", "known-failures: pipe",
        "known-failures: link loop", "known-failures: TOML: deep", "known-failures: TOML: digits",
        "seed: 5,000 digits", "timeout: infinity", "evidence: in a file", "ini: only = perhaps",
        "checks: not UTF-8", "model: newlines", "resume: pipe", "baseline: report: digits",
        "structures: kept case: deep",
    ),
    "specs": (
        "argument given twice", "no such user's weights", "reference: long name", "digits", "which",
        "defects", "infinite cutoff", "pipe", "broken archive", "exported", "device",
    ),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _imported():
    faults.import_all()


def cases_of(kind):
    found = fault_cases.strange_options() if kind == "options" else fault_cases.strange_specs()
    return {case.about: case for case in found}


@pytest.mark.parametrize(
    ("kind", "about"), [(kind, about) for kind, names in ONCE_UNCAUGHT.items() for about in names]
)
def test_one_line_and_exit_code_4(kind, about):
    outcome = faults.run_case(cases_of(kind)[about], SECONDS)
    assert outcome.faults == [], outcome.output


# Each took finished records with it once, ended the run with code 0 or in a traceback, or was
# called a fault of physcheck.
@pytest.mark.parametrize(
    "about",
    [
        "another program",
        "no paths",
        "few descriptors",
        "closed sys.stdout",
        "less recursion",
        "another default_rng",
    ],
)
def test_a_model_that_spoils_the_process(about):
    case = fault_models.named_death(about, 0, random.Random(0))
    outcome = faults.run_case(case, SECONDS)
    assert outcome.faults == [], outcome.output


@pytest.mark.parametrize("kind", ["deaths", "disks"])
def test_random_ends(kind):
    case = fault_cases.make_case(kind, random.Random("slice:0"))
    outcome = faults.run_case(case, SECONDS)
    assert outcome.faults == [], (case, outcome.output)


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("kind", ["options", "specs", "files"])
def test_random_cases(kind, number):
    case = fault_cases.make_case(kind, random.Random(f"slice:{number}"))
    outcome = faults.run_case(case, SECONDS)
    assert outcome.faults == [], (case, outcome.output)


def test_the_fuzzer_sees_what_it_looks_for(tmp_path):
    good = fault_cases.Case("x", "good", ("--version",))
    assert faults.run_case(good, SECONDS).faults == []

    def spoken(words, code=1, **more):
        case = fault_cases.Case(
            "x", "x", ("--physcheck-json=out.json",), wrong=more.pop("wrong", 0)
        )
        return list(faults.faults_of(faults.Outcome(case, code, words, 1.0, **more)))

    assert spoken("all is well") == []
    assert spoken("Traceback (most recent call last)\n") != []
    assert spoken("please report it") != []
    assert spoken("", code=None) == ["it didn't end"]
    assert spoken("ERROR: physcheck: x", code=4, wrong=True) == []
    assert spoken("ERROR: physcheck: x", code=0, wrong=True) != []
    assert spoken("ERROR: a\nERROR: b", code=4, wrong=True) != []
    record = {"verdict": "pass"}
    assert spoken("", finished=2, report={"records": [record]}) != []
    assert spoken("physcheck: PASS", finished=1, report={"records": [record]}) == []
    assert spoken("", finished=1, report={"records": [record]}) != []
    assert spoken("", code=0, report={"records": [record], "plan": {"records": 2}}) != []
    assert spoken("", code=0, report={"records": [], "plan": {"records": 0}}) != []
    hanging = fault_cases.Case("x", "hangs", ("test_sleeps.py",), _write_sleeping)
    assert faults.run_case(hanging, 1.0).faults == ["it didn't end"]


def _write_sleeping(folder):
    (folder / "test_sleeps.py").write_text("import time\ntime.sleep(60)\n")


WANDERING = """
import os
from ase.calculators.emt import EMT

def factory():
    os.makedirs("elsewhere", exist_ok=True)
    os.chdir("elsewhere")
    return EMT()

def reference():
    return EMT()
"""


def test_a_factory_that_changes_the_folder(subject):
    folder = subject.pytester.path
    subject.pytester.makepyfile(wandering=WANDERING)
    write(folder / "s.extxyz", molecule("H2O"))
    result = subject.run(
        "--physcheck-model=wandering.py:factory",
        "--physcheck-reference=wandering.py:reference",
        "--physcheck-structures=s.extxyz",
        "--physcheck-checks=determinism,net_force",
        "--physcheck-markdown=out.md",
        factory=None,
        process=True,
    )
    assert result.ret == 0
    report = subject.report()
    assert [record["structure"] for record in report["records"]] == ["s.extxyz"] * 2
    assert (folder / "out.md").exists()
    assert not list((folder / "elsewhere").iterdir())
    # The file's fingerprint, not the spec's.
    from hashlib import sha256

    expected = sha256((folder / "wandering.py").read_bytes()).hexdigest()
    assert report["model"]["fingerprint"] == report["reference"]["fingerprint"] == expected


def test_the_report_says_which_frames_stand_for_a_file(subject):
    folder = subject.pytester.path
    frames = [bulk("Cu", cubic=True) for _ in range(20)]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.05, seed=seed)
    write(folder / "md.traj", frames)
    result = subject.run("--physcheck-structures=md.traj", "--physcheck-checks=determinism")
    assert result.ret == 0
    (remark,) = subject.report()["plan"]["remarks"]
    assert remark.startswith("md.traj has 20 frames (Cu4); judged are frames ")
    result.stdout.fnmatch_lines(["note: md.traj has 20 frames (Cu4); judged are frames *"])


def test_without_asserts(subject):
    words = ["--pyargs", "physcheck.suite", "--physcheck-model=subject.py:broken",
             "--physcheck-checks=loop_work,net_force", "--physcheck-structures=Cu32",
             "--physcheck-json=out.json", "-p", "no:cacheprovider"]  # fmt: skip
    result = subject.pytester.run(sys.executable, "-O", "-m", "pytest", *words)
    assert result.ret == 1
    verdicts = {r["check"]: r["verdict"] for r in subject.report()["records"]}
    assert verdicts == {"loop_work": "fail", "net_force": "pass"}


@pytest.mark.parametrize("seconds", ["1e300", "1e-300"])
def test_timeouts_of_any_size(subject, seconds):
    result = subject.run(
        f"--physcheck-timeout={seconds}", "--physcheck-checks=net_force,loop_work",
        "--physcheck-structures=Cu32",
    )  # fmt: skip
    verdicts = {record["verdict"] for record in subject.report()["records"]}
    assert verdicts == ({"error"} if seconds == "1e-300" else {"pass"})
    assert result.ret == int(seconds == "1e-300")
