"""Run the suite on real models, each in an environment of its own: ``run.py [NAME...]``.

A subject is a folder here with ``subject.py`` (whose ``factory`` makes an ASE calculator), ``requirements.txt`` and,
where a package pins versions that don't install, ``requirements-no-deps.txt``.  Environments are ``.envs/NAME`` in the
project's root, reports ``out/models/NAME.json``.  A subject that can't be installed or run doesn't stop the others.
Exit code 1 if one could not be installed or gave no report; what its physics is like doesn't count.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TORCH = "torch==2.13.0"
# What the suite itself needs beside the subject's packages.
HARNESS = ("pytest>=8.2", "hypothesis>=6.100", "ase>=3.23", "numpy>=1.26", "scipy>=1.11")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one subject: ``problem`` is empty if there is a report."""

    name: str
    problem: str
    seconds: float
    report: dict[str, Any]


def install(name: str) -> Path:
    """The interpreter of the subject's environment, installed if its requirements changed.

    Raises
    ------
    subprocess.CalledProcessError
        An installation step failed.
    """
    folder = HERE / name
    environment = ROOT / ".envs" / name
    python = environment / "bin" / "python"
    lists = [folder / "requirements.txt", folder / "requirements-no-deps.txt"]
    wanted = "\n".join([TORCH, *HARNESS, *(p.read_text() for p in lists if p.exists())])
    digest = hashlib.sha256(wanted.encode()).hexdigest()
    stamp = environment / ".stamp"
    if stamp.exists() and stamp.read_text() == digest:
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # First, so that nothing else chooses a build for other hardware.
    subprocess.run([*pip, TORCH], check=True)
    subprocess.run([*pip, "-r", lists[0], *HARNESS], check=True)
    if lists[1].exists():
        subprocess.run([*pip, "--no-deps", "-r", lists[1]], check=True)
    subprocess.run([*pip, "--no-deps", "-e", ROOT], check=True)
    stamp.write_text(digest)
    return python


def judge(name: str, python: Path, out: Path) -> dict[str, Any]:
    """The JSON report of the suite on the subject; empty if the run gave none."""
    path = out / f"{name}.json"
    path.unlink(missing_ok=True)
    command = [
        *(python, "-m", "pytest", "-p", "no:cacheprovider", "--pyargs", "physcheck.suite"),
        f"--model={HERE / name / 'subject.py'}:factory",
        f"--physcheck-json={path}",
    ]
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    subprocess.run(command, cwd=out, env=environment, check=False)
    return json.loads(path.read_text()) if path.exists() else {}


def run(name: str, out: Path) -> Outcome:
    """Install and judge one subject."""
    print(f"\n== {name} ==", flush=True)
    started = time.perf_counter()
    report: dict[str, Any] = {}
    problem = ""
    try:
        report = judge(name, install(name), out)
        if not report.get("complete"):
            problem = str(report.get("error") or "no complete report")
    except subprocess.CalledProcessError as error:
        problem = (
            f"not installed: {' '.join(map(str, error.cmd[3:]))} ended with {error.returncode}"
        )
    return Outcome(name, problem, time.perf_counter() - started, report)


def summary(outcomes: list[Outcome]) -> str:
    """One line a subject: verdicts by count, the checks that failed, evaluations and seconds."""
    rows = [("model", "pass", "fail", "inconclusive", "failed checks", "evaluations", "seconds")]
    for outcome in outcomes:
        if outcome.problem:
            rows.append(
                (outcome.name, "-", "-", "-", outcome.problem, "-", f"{outcome.seconds:.0f}")
            )
            continue
        counts = outcome.report["summary"]
        records = outcome.report["records"]
        failed = sorted({r["check"] for r in records if r["verdict"] in ("fail", "error")})
        rows.append(
            (
                outcome.name,
                str(counts["pass"]),
                str(counts["fail"] + counts["error"]),
                str(counts["inconclusive"]),
                ", ".join(failed) or "none",
                str(counts["force_evaluations"]),
                f"{outcome.seconds:.0f}",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def main(names: list[str]) -> int:
    """Judge the named subjects, or all."""
    known = sorted(path.parent.name for path in HERE.glob("*/subject.py"))
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"no subject {', '.join(unknown)}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    out = ROOT / "out" / "models"
    out.mkdir(parents=True, exist_ok=True)
    outcomes = [run(name, out) for name in names or known]
    print("\n" + summary(outcomes))
    return 1 if any(outcome.problem for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
