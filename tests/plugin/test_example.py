"""The worked example of another project: installed, and run as its README says."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jsonschema import validate

from physcheck.report.json_report import schema

EXAMPLE = Path(__file__).parents[2] / "examples" / "host_project"


def run(folder, *words, path):
    """pytest in ``folder``, with ``path`` first among the places of packages."""
    places = [str(path), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    for name in [n for n in environment if n.startswith(("PYTEST_", "COV_"))]:
        del environment[name]
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.fixture
def project(tmp_path):
    left_out = shutil.ignore_patterns("__pycache__", "build", "*.egg-info", ".pytest_cache")
    return Path(shutil.copytree(EXAMPLE, tmp_path / "project", ignore=left_out))


def records_of(project):
    report = json.loads((project / "physics.json").read_text())
    validate(report, schema())
    return report, {(r["check"], r["structure"]): r for r in report["records"]}


def test_installed_and_run_by_workers_it_is_green_with_one_known_failure(project, tmp_path):
    site = tmp_path / "site"
    install = ("-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index")
    done = run(tmp_path, *install, f"--target={site}", str(project), path=site)
    assert done.returncode == 0, done.stderr
    # Only what was installed may be found: no package beside the tests.
    shutil.rmtree(project / "silica")
    done = run(
        project, "-m", "pytest", "-n2", "--junitxml=junit.xml", "--physcheck-json=physics.json",
        "--physcheck-html=physics.html", path=site,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "physcheck: KNOWN FAILURES: 1 known failure, nothing new" in done.stdout

    report, records = records_of(project)
    assert report["complete"]
    assert report["exit_code"] == 0
    assert report["model"]["name"] == "Silica"
    assert report["model"]["capabilities"]["species"] == ["O", "Si"]
    assert report["summary"]["force_evaluations"] < 1000
    by_verdict = {}
    for key, record in records.items():
        by_verdict.setdefault(record["verdict"], set()).add(key)
    assert by_verdict["known_failure"] == {("short_range_repulsion", "quartz")}
    assert set(by_verdict) == {"pass", "known_failure", "not_applicable"}
    assert len(by_verdict["pass"]) >= 30
    known = records["short_range_repulsion", "quartz"]
    assert known["reason"].startswith("the dispersion term of BKS wins")
    assert 15 < known["value"] <= 20
    ours = {key: r for key, r in records.items() if key[0] == "isotope_independence"}
    assert {key[1]: r["tolerance"] for key, r in ours.items()} == {
        "quartz": 1e-4, "dimer": 1e-6, "silicon": 1e-6,
    }  # fmt: skip
    assert all(r["force_evaluations"] == 2 for r in ours.values())
    # As one process collects them, whichever worker was first.
    structures = [r["structure"] for r in report["records"]]
    assert structures == sorted(structures, key=("quartz", "dimer", "silicon").index)
    assert "isotope_independence" in (project / "physics.html").read_text()

    suite = ElementTree.parse(project / "junit.xml").getroot().find("testsuite")
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert "test_quartz_is_bound" in cases
    assert cases["test_the_crystal[loop_work-quartz]"].find("skipped") is None
    skipped = cases["test_the_crystal[short_range_repulsion-quartz]"].find("skipped")
    assert skipped.get("message").startswith("known failure: the dispersion term of BKS")
    assert len(cases) == len(records) + 10
    assert "test_forces_turn_with_the_crystal" in cases

    done = run(tmp_path, "-m", "physcheck", "checks", path=site)
    assert "isotope_independence" in done.stdout


def test_a_detached_term_fails_where_the_conftest_registers_the_check(project):
    potential = project / "silica" / "potential.py"
    text = potential.read_text()
    assert text.count("(screened + gaussian)") == 1
    potential.write_text(text.replace("(screened + gaussian)", "screened"))
    conftest = project / "tests" / "conftest.py"
    conftest.write_text(conftest.read_text() + "\n\nimport silica.laws\n")
    known = project / "known_failures.toml"
    known.write_text(known.read_text().replace('"short_range_repulsion"', '"net_force"'))
    chosen = "quartz and (gap or isotope or determinism or net_force)"
    done = run(project, "-m", "pytest", "-k", chosen, "--physcheck-json=physics.json", path=project)
    assert done.returncode == 1, done.stdout
    _, records = records_of(project)
    assert {key[0]: r["verdict"] for key, r in records.items()} == {
        "force_energy_gap": "fail",
        "stress_energy_gap": "fail",
        "net_force": "fail",
        "isotope_independence": "pass",
        "determinism": "pass",
    }
    assert "FAIL  force_energy_gap [quartz]" in done.stdout
    rerun = records["force_energy_gap", "quartz"]["rerun"]
    assert rerun == "pytest 'tests/test_physics.py::test_the_crystal[force_energy_gap-quartz]'"
    mended = records["net_force", "quartz"]
    assert mended["value"] < mended["tolerance"]
    assert mended["reason"].endswith("but it passes now: remove it from the list")
