"""``python -m physcheck.demo``: a good built-in potential passes, a defective one fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["find_faults", "main", "said_of_success"]

GOOD = "builtin::gupta"
DEFECT, STRENGTH = "pair-curl", "1e-2"
STRUCTURE = "Cu12-slab"


def main() -> int:
    """Run the suite on both, print both tables and what they say together.

    The exit code is 0 exactly if every record of the good potential passes, and of the defective
    one those checks fail that its defect names as ``must_fail``, with or without those that it
    names as ``may_fail``.
    """
    from physcheck.potentials import DEFECTS

    defect = DEFECTS[DEFECT]
    bad = f"{GOOD}+{DEFECT}={STRENGTH}"
    print(f"A many-body potential, its forces the gradient of its energy: {GOOD}\n", flush=True)
    good_code, good = _judged(GOOD)
    print(f"\nThe same with pair forces that are the gradient of nothing: {bad}\n", flush=True)
    bad_code, defective = _judged(bad)
    faults = find_faults(good_code, good, bad_code, defective, defect.must_fail, defect.may_fail)
    print()
    for fault in faults:
        print(f"demo: {fault}")
    if faults:
        print("demo: FAILED: don't trust what this installation says of a model")
        return 1
    print(f"demo: OK: {said_of_success(good, defective)}")
    return 0


def said_of_success(good: dict[str, Any], defective: dict[str, Any]) -> str:
    """What two reports (``physcheck-report/1``) without a fault say together."""
    verdicts = [record["verdict"] for record in good["records"]]
    passed, others = verdicts.count("pass"), verdicts.count("not_applicable")
    return (
        f"the good potential passed {passed} checks ({others} don't apply to it), and the "
        f"defective one failed {', '.join(sorted(_failed(defective)))}, as it must."
    )


def find_faults(
    good_code: int,
    good: dict[str, Any],
    bad_code: int,
    defective: dict[str, Any],
    must_fail: frozenset[str],
    may_fail: frozenset[str],
) -> list[str]:
    """What is wrong with two reports and exit codes, in sentences; empty if nothing.

    Checks of ``must_fail`` that this version of physcheck doesn't have are passed over, as long as
    one is left.
    """
    faults = []
    if good_code != 0:
        faults.append(f"the good potential's run ended with exit code {good_code}, should be 0")
    if bad_code != 1:
        faults.append(f"the defective one's run ended with exit code {bad_code}, should be 1")
    if not good.get("records"):
        faults.append("no check judged the good potential")
    for record in good.get("records", []):
        if record["verdict"] not in ("pass", "not_applicable"):
            faults.append(f"{record['check']} says {record['verdict']} of the good potential")
    present = {record["check"] for record in defective.get("records", [])}
    failed = _failed(defective)
    expected = must_fail & present
    if not expected:
        faults.append(f"none of {', '.join(sorted(must_fail))} judged the defective potential")
    faults += [
        f"{check} didn't fail the defective potential" for check in sorted(expected - failed)
    ]
    surplus = failed - must_fail - may_fail
    faults += [
        f"{check} failed the defective potential, which it shouldn't" for check in sorted(surplus)
    ]
    return faults


def _failed(report: dict[str, Any]) -> set[str]:
    return {r["check"] for r in report.get("records", []) if r["verdict"] == "fail"}


def _judged(spec: str) -> tuple[int, dict[str, Any]]:
    environment = dict(os.environ)
    environment.setdefault("OMP_NUM_THREADS", "1")
    environment.pop("PYTEST_ADDOPTS", None)
    # In a folder of its own: the settings of the project that this is called from don't matter.
    with tempfile.TemporaryDirectory(prefix="physcheck-demo-") as folder:
        path = Path(folder) / "report.json"
        command = [
            *(sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=no"),
            *("-p", "no:cacheprovider", "--pyargs", "physcheck.suite"),
            f"--model={spec}",
            f"--physcheck-structures={STRUCTURE}",
            "--physcheck-budget=quick",
            f"--physcheck-json={path}",
        ]
        code = subprocess.run(command, cwd=folder, env=environment, check=False).returncode
        report = json.loads(path.read_text()) if path.is_file() else {}
    return code, report


if __name__ == "__main__":
    sys.exit(main())
