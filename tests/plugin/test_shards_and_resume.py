"""Runs that are killed and resumed, or shared between shards, against one that ran through."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest

from physcheck.cli import main

SUITE = (
    "--physcheck-structures=H2O,CH4,NH3", "--physcheck-budget=2500",
    "--physcheck-checks=force_energy_gap,net_force,determinism,finite_outputs",
)  # fmt: skip
# What differs between two runs that do the same, and where their reports are.
LEFT_OUT = (
    "seconds", "model_seconds", "estimated_seconds", "created", "json", "resume", "shard",
    "configurations",
)  # fmt: skip

# Dawdles where it is told to, so that a signal meets it anywhere.
MODEL = """
import os
import time
from ase.calculators.emt import EMT

class Broken(EMT):
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        time.sleep(float(os.environ.get("PAUSE", "0")))
        x = self.atoms.positions - self.atoms.positions.mean(axis=0)
        self.results["forces"] = self.results["forces"] + 0.3 * x[:, [1, 0, 2]] * [1, -1, 0]
"""


def _without_times(value):
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if k not in LEFT_OUT}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def folder(subject):
    subject.pytester.makefile(".py", bent=MODEL)
    return subject.pytester.path


def _run(subject, name, *args, **changes):
    words = ("--physcheck-model=bent.py:Broken", *SUITE, *args)
    return subject.run(*words, factory=None, json_name=name, **changes)


def _report(subject, name):
    # What else this test process has imported is no part of a run's report.
    return {**_without_times(subject.report(name)), "environment": None}


def test_a_run_that_is_killed_twice_gives_the_report_of_one_that_ran_through(
    subject, folder, monkeypatch
):
    words = [
        sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest",
        "-p", "no:_hypothesis_pytestplugin", "--pyargs", "physcheck.suite",
        "--model=bent.py:Broken", *SUITE, "--physcheck-json=out.json",
        "--physcheck-resume=out.json",
    ]  # fmt: skip
    monkeypatch.setenv("PAUSE", "0.01")
    moments = random.Random(7)
    for least in (1, 4):
        with subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL) as process:
            _wait_for_records(folder / "out.json", least)
            time.sleep(moments.uniform(0, 0.3))
            process.send_signal(signal.SIGKILL)
        assert not subject.report()["complete"]
    monkeypatch.delenv("PAUSE")
    kept = len(subject.report()["records"])
    assert 4 <= kept < 12
    result = _run(subject, "out.json", "--physcheck-resume=out.json")
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"physcheck: {kept} of 12 records are taken from *out.json"])
    assert _run(subject, "whole.json").ret == 1
    assert _report(subject, "out.json") == _report(subject, "whole.json")


def _wait_for_records(path, least):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if path.exists() and len(json.loads(path.read_text())["records"]) >= least:
            return
        time.sleep(0.02)
    raise AssertionError("no records within a minute")


def test_shards_merged_are_the_report_of_an_undivided_run(subject, folder):
    assert _run(subject, "whole.json").ret == 1
    for index in (1, 2):
        result = _run(subject, f"s{index}.json", f"--physcheck-shard={index}/2")
        assert result.ret in (0, 1)
        result.stdout.fnmatch_lines([f"physcheck: shard {index}/2: * of 12 records; physcheck*"])
        assert "shard" in result.stdout.lines[-1] or result.ret
    paths = [str(folder / name) for name in ("s1.json", "s2.json", "all.json")]
    assert main(["merge", *paths[:2], "-o", paths[2]]) == 0
    assert _report(subject, "all.json") == _report(subject, "whole.json")


def test_a_shard_is_resumed_as_a_run_is(subject, folder):
    words = ("--physcheck-shard=2/2", "--physcheck-resume=s.json")
    assert _run(subject, "s.json", *words, "-k", "determinism").ret in (0, 1)
    few = len(subject.report("s.json")["records"])
    _run(subject, "s.json", *words)
    _run(subject, "anew.json", "--physcheck-shard=2/2")
    assert len(subject.report("s.json")["records"]) > few
    assert _report(subject, "s.json") == _report(subject, "anew.json")


def test_what_does_not_belong_to_a_run_is_refused_and_its_report_kept(subject, folder, monkeypatch):
    assert _run(subject, "out.json").ret == 1
    before = (folder / "out.json").read_text()
    resume = "--physcheck-resume=out.json"
    result = _run(subject, "out.json", resume, "--physcheck-seed=1")
    assert result.ret == 4
    assert "the --physcheck-seed of" in result.stderr.str() + result.stdout.str()
    (folder / "bent.py").write_text(MODEL.replace("0.3", "0.4"))
    monkeypatch.delitem(sys.modules, "bent", raising=False)
    result = _run(subject, "out.json", resume)
    assert result.ret == 4
    assert "file or spec of the model (sha256) of" in result.stderr.str() + result.stdout.str()
    assert (folder / "out.json").read_text() == before
    other = _run(subject, "other.json", "--physcheck-resume=none.json")
    assert other.ret == 4
    assert "none.json can't be read" in other.stderr.str() + other.stdout.str()


def test_workers_give_the_report_of_one_process_and_go_on_with_one(subject, folder):
    assert _run(subject, "whole.json").ret == 1
    assert _run(subject, "out.json", "-k", "force_energy_gap or finite_outputs").ret in (0, 1)
    assert _run(subject, "out.json", "--physcheck-resume=out.json", "-n2").ret == 1
    assert _report(subject, "out.json") == _report(subject, "whole.json")


def test_known_failures_are_applied_anew_to_what_is_taken_over(subject, folder):
    assert _run(subject, "out.json").ret == 1
    failed = [r for r in subject.report()["records"] if r["verdict"] == "fail"]
    table = '[[known_failure]]\ncheck = "{check}"\nstructure = "{structure}"\nreason = "known"\n'
    (folder / "known.toml").write_text("".join(table.format(**r) for r in failed))
    words = ("--physcheck-resume=out.json", "--physcheck-known-failures=known.toml")
    assert _run(subject, "again.json", *words).ret == 0
    again = {r["verdict"] for r in subject.report("again.json")["records"]}
    assert again == {"pass", "known_failure"}
