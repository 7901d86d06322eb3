"""The recipes for CI: their YAML can be read and has what its reader expects, their shell runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML is in the dev extra")

ROOT = Path(__file__).parents[1]
HOST = ROOT / "examples" / "host_project"
ACTION = ROOT / "action.yml"
WORKFLOW = HOST / ".github" / "workflows" / "physics.yml"
GITLAB = HOST / ".gitlab-ci.yml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
CONFIG = HOST / ".pre-commit-config.yaml"


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf8"))


def scripts():
    """Every shell step: (where, text)."""
    found = [(f"action: {s['name']}", s["run"]) for s in read(ACTION)["runs"]["steps"]]
    for name, job in read(WORKFLOW)["jobs"].items():
        found += [(f"{name}: {s['name']}", s["run"]) for s in job["steps"] if "run" in s]
    for name, job in read(GITLAB).items():
        if isinstance(job, dict):
            lines = [*job.get("before_script", []), *job.get("script", [])]
            found += [(f"gitlab {name}", line) for line in lines]
    return found


@pytest.mark.parametrize(("where", "text"), scripts(), ids=[where for where, _ in scripts()])
def test_shell_steps_can_be_read_by_bash(where, text):
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # An expression in a script would put the text of an input into it.
    assert "${{" not in text


def test_the_action_is_a_composite_one_whose_inputs_are_used():
    action = read(ACTION)
    assert action["runs"]["using"] == "composite"
    assert all(step["shell"] == "bash" for step in action["runs"]["steps"])
    text = ACTION.read_text(encoding="utf8")
    assert all(f"inputs.{name}" in text for name in action["inputs"])
    assert all(put["description"] for put in action["inputs"].values())


def test_the_workflow_has_jobs_that_github_can_run():
    workflow = read(WORKFLOW)
    # YAML 1.1 reads the key `on` as true.
    assert set(workflow[True]) == {"push", "pull_request", "release"}
    for job in workflow["jobs"].values():
        assert job["runs-on"]
        assert all(("run" in step) != ("uses" in step) for step in job["steps"])
        assert all("@" in step["uses"] for step in job["steps"] if "uses" in step)
    physics = workflow["jobs"]["physics"]
    names = [entry["name"] for entry in physics["strategy"]["matrix"]["include"]]
    assert len(set(names)) == len(names) > 1


def test_gitlabs_jobs_have_stages_and_scripts():
    pipeline = read(GITLAB)
    jobs = {name: job for name, job in pipeline.items() if "script" in job}
    assert set(jobs) == {"tests", "physics"}
    assert all(job["stage"] in pipeline["stages"] for job in jobs.values())
    assert all(job["extends"] in pipeline for job in jobs.values())


def test_the_hook_calls_a_command_that_there_is():
    (hook,) = read(HOOKS)
    ((local,),) = [repo["hooks"] for repo in read(CONFIG)["repos"]]
    assert (hook["id"], hook["entry"], hook["files"]) == tuple(
        local[key] for key in ("id", "entry", "files")
    )
    words = hook["entry"].split()
    command = [sys.executable, "-m", *words, str(HOST / "known_failures.toml")]
    assert subprocess.run(command, capture_output=True).returncode == 0


def run_action(folder, **inputs):
    """The action's main step with its inputs, as a runner of GitHub gives them."""
    action = read(ACTION)
    (step,) = [s for s in action["runs"]["steps"] if s.get("id") == "run"]
    given = {name: put.get("default", "") for name, put in action["inputs"].items()} | inputs
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    for name, value in step["env"].items():
        environment[name] = given[value.split("inputs.")[1].removesuffix("}}").strip()]
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment["GITHUB_OUTPUT"] = str(folder / "output")
    environment["GITHUB_STEP_SUMMARY"] = str(folder / "summary.md")
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True)


def test_the_action_runs_the_suite_and_leaves_reports(tmp_path):
    options = {"checks": "force_energy_gap,net_force", "structures": "Cu32"}
    done = run_action(tmp_path, model="builtin::gupta+pair-curl=0.1", **options)
    assert done.returncode == 1, done.stdout + done.stderr
    # As GitHub's runner reads annotations.
    assert "::error" in done.stdout
    reports = tmp_path / "physcheck-reports"
    assert {path.name for path in reports.glob("*.*")} >= {
        "physcheck.json", "physcheck.html", "junit.xml",
    }  # fmt: skip
    outputs = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    records = json.loads((tmp_path / outputs["json"]).read_text())["records"]
    assert {r["check"]: r["verdict"] for r in records} == {
        "force_energy_gap": "fail", "net_force": "pass",
    }  # fmt: skip
    assert "force_energy_gap" in (tmp_path / "summary.md").read_text()
