"""``python -m physcheck.demo [--seed N]``: two models of like accuracy; one of them obeys physics.

In a checkout they are two heads of one trained network each for ethanol and for water
(``fixtures/trained``).  Without these files a built-in potential stands beside the same with a
defect.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physcheck.text.numbers import with_uncertainty
from physcheck.text.phrases import count, verdict_word

__all__ = ["Run", "builtin_runs", "find_faults", "main", "said_of", "story", "trained_runs"]

GOOD, DEFECTIVE = "conservative", "direct"
_ROOT = Path(__file__).resolve().parents[1]
TRAINED = _ROOT / "fixtures" / "trained"
_DEFECT, _STRENGTH = "pair-curl", "1e-2"
# So many runs at a time: each has one thread.
_AT_A_TIME = 2


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the suite.

    Attributes
    ----------
    name : str
        Of the report's files.
    about : str
        What is judged, in a line.
    spec : str
    options : tuple of str
    good : bool
        Whether nothing should fail.
    must_fail, may_fail : frozenset of check ids
        What should fail otherwise, and what may.
    """

    name: str
    about: str
    spec: str
    options: tuple[str, ...]
    good: bool
    must_fail: frozenset[str] = frozenset()
    may_fail: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left: its exit code, its report (``physcheck-report/1``), its last line."""

    code: int
    report: Mapping[str, Any]
    last_line: str = ""


def trained_runs(folder: Path = TRAINED) -> list[Run]:
    """The runs on the trained networks; empty where their files aren't there."""
    ethanol = folder / "ethanol_both.pt"
    if not ethanol.is_file():
        return []
    everything = frozenset({"*"})
    return [
        Run(
            GOOD,
            "ethanol, forces from the gradient of the network's energy",
            f"{ethanol},forces=conservative",
            ("--physcheck-budget=10000",),
            good=True,
        ),
        Run(
            DEFECTIVE,
            "ethanol, forces from the direct head of the same network",
            f"{ethanol},forces=direct",
            ("--physcheck-budget=10000", "--physcheck-reference=auto"),
            good=False,
            must_fail=frozenset(
                {"loop_work", "jacobian_asymmetry", "nve_drift", "relaxation_convergence"}
            ),
            may_fail=everything,
        ),
        Run(
            "pair",
            "ethanol, both heads in multiple time stepping",
            f"{ethanol},forces=direct",
            (
                *("--physcheck-budget=standard", "--physcheck-reference=auto"),
                # What a run of seconds can settle: 2 K/ps.
                *("--physcheck-checks=mts_tandem", "--physcheck-profile=screening"),
            ),
            good=True,
        ),
    ]


def builtin_runs() -> list[Run]:
    """The runs on a built-in potential, without and with a defect."""
    from physcheck.potentials import DEFECTS

    defect = DEFECTS[_DEFECT]
    options = ("--physcheck-structures=Cu12-slab", "--physcheck-budget=quick")
    return [
        Run(
            GOOD,
            "a many-body potential, its forces the gradient of its energy",
            "builtin::gupta",
            options,
            good=True,
        ),
        Run(
            DEFECTIVE,
            "the same with pair forces that are the gradient of nothing",
            f"builtin::gupta+{_DEFECT}={_STRENGTH}",
            (*options, "--physcheck-reference=builtin::gupta"),
            good=False,
            must_fail=defect.must_fail,
            may_fail=defect.may_fail,
        ),
    ]


def main(arguments: Sequence[str] = ()) -> int:
    """Run the suite on all models and tell what came out.

    The exit code is 0 exactly if nothing of the good models fails, and of the others those checks
    fail that must.
    """
    parser = argparse.ArgumentParser("python -m physcheck.demo", description="May I run physics?")
    parser.add_argument("--seed", type=int, default=0, help="of the runs; default 0")
    seed = parser.parse_args(arguments).seed
    started = time.perf_counter()
    trained = trained_runs()
    runs = trained or builtin_runs()
    for line in _introduction(TRAINED) if trained else ["Two built-in potentials."]:
        print(line)
    print()
    folder = _folder()
    outcomes: dict[str, Outcome] = {}
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        waiting = [pool.submit(_judged, run, folder, seed) for run in runs]
        for run, future in zip(runs, waiting):
            outcome = outcomes[run.name] = future.result()
            print(f"{run.about}\n    --model={_shown(run.spec)} {' '.join(run.options)}")
            print(f"    {outcome.last_line}\n", flush=True)
    for line in story(outcomes):
        print(line)
    faults = [fault for run in runs for fault in find_faults(run, outcomes[run.name])]
    for fault in faults:
        print(f"demo: {fault}")
    if faults:
        print("demo: FAILED: don't trust what this installation says of a model")
    else:
        print(f"demo: OK: {said_of(outcomes)} ({time.perf_counter() - started:.0f} s)")
    print(f"The direct one's page, with pictures: {folder / f'{DEFECTIVE}.html'}")
    return 1 if faults else 0


def _introduction(folder: Path) -> list[str]:
    lines = [
        "Two models: the two ways in which one trained network predicts the forces in ethanol (and",
        "in water). Mean errors of force components on trajectories that it hasn't seen, in meV/Å:",
        "",
        f"    {'':8}  {GOOD}  {DEFECTIVE}",
    ]
    for subject in ("ethanol", "water"):
        errors = json.loads((folder / f"{subject}.json").read_text())["mean_absolute_errors"]
        lines.append(f"    {subject:8}  {errors[GOOD]:12.1f}  {errors[DEFECTIVE]:6.1f}")
    return [*lines, "", "By these errors they are alike. Held against physical laws:"]


def story(outcomes: Mapping[str, Outcome]) -> list[str]:
    """What force errors don't show: a few laws, each with the direct and the conservative model's
    number.
    """
    rows = [
        ("work around closed loops, relative", DEFECTIVE, "loop_work", 1.0, ""),
        ("drift at constant energy (NVE)", DEFECTIVE, "nve_drift", _KELVIN, "K/ps"),
        ("net heat fed to a species", DEFECTIVE, "species_heat", 1.0, "eV/atom/ps"),
        ("largest force where relaxations end", DEFECTIVE, "relaxation_convergence", 1e3, "meV/Å"),
    ]
    told = [("", DEFECTIVE, GOOD)]
    for what, run, check, factor, unit in rows:
        record = _record(outcomes, run, check)
        if record is not None:
            both = [_said(one, factor, unit) for one in (record, record.get("reference") or {})]
            told.append((what, both[0], both[1]))
    first, second = (max(len(line[k]) for line in told) + 2 for k in (0, 1))
    lines = [f"{what:{first}}{direct:{second}}{good}" for what, direct, good in told]
    return [*lines, *_repair(_record(outcomes, "pair", "mts_tandem")), ""]


def _repair(record: Mapping[str, Any] | None) -> list[str]:
    """What multiple time stepping makes of the heating, from the table of ``mts_tandem``."""
    quantities = (record or {}).get("evidence", {}).get("quantities") or {}
    rows = {row["name"]: row for row in quantities.get("table", []) if row["drift"] is not None}
    best = quantities.get("recommended_stride")
    names = ("model alone", f"stride {best}")
    if not set(names) <= set(rows):
        return []
    before, after = (
        with_uncertainty(_KELVIN * row["drift"], _KELVIN * row["drift_error"], "K/ps")
        for row in (rows[name] for name in names)
    )
    return [
        "",
        f"The repair, multiple time stepping: {DEFECTIVE} forces at every step, {GOOD} ones every",
        f"{best}. In one and the same test the drift falls from {before} to {after}.",
    ]


# eV/atom/ps to K/ps: half of the heat goes to potential energy (nve_drift).
_KELVIN = 1 / (3 * 8.617333262e-5)


def _said(result: Mapping[str, Any], factor: float, unit: str) -> str:
    value, error = result.get("value"), result.get("uncertainty")
    if value is None:
        return verdict_word(str(result.get("verdict", "not judged")))
    figures = with_uncertainty(factor * value, factor * (error or 0.0), unit)
    return f"{figures}  {verdict_word(result['verdict'])}"


def _record(outcomes: Mapping[str, Outcome], run: str, check: str) -> Mapping[str, Any] | None:
    if run not in outcomes:
        return None
    records = outcomes[run].report.get("records", [])
    return next((record for record in records if record["check"] == check), None)


def said_of(outcomes: Mapping[str, Outcome]) -> str:
    """What the reports of the good and the defective model say together; only passes are passes."""
    verdicts: dict[str, set[str]] = {}
    for record in outcomes[GOOD].report["records"]:
        verdicts.setdefault(record["check"], set()).add(record["verdict"])
    # A check that is open on one structure is open.
    words = ("inconclusive", "pass", "not_applicable")
    told = [next((word for word in words if word in found), "") for found in verdicts.values()]
    counts = {word: told.count(word) for word in words}
    others = [f"{counts['not_applicable']} not applicable"]
    if counts["inconclusive"]:
        others.insert(0, f"{counts['inconclusive']} inconclusive at this budget")
    failed = sorted(_failed(outcomes[DEFECTIVE].report))
    return (
        f"the {GOOD} model passed {count(counts['pass'], 'check')} ({', '.join(others)}), the "
        f"other failed {len(failed)}: {', '.join(failed)}"
    )


def find_faults(run: Run, outcome: Outcome) -> list[str]:
    """What is wrong with the outcome of a run, in sentences; empty if nothing.

    Checks of ``must_fail`` that this version of physcheck doesn't have are passed over, as long as
    one is left.
    """
    expected_code = 0 if run.good else 1
    faults = []
    if outcome.code != expected_code:
        faults.append(
            f"the run of {run.name} ended with exit code {outcome.code}, should be {expected_code}"
        )
    records = outcome.report.get("records", [])
    failed = _failed(outcome.report)
    if run.good:
        faults += [] if records else [f"no check judged {run.name}"]
        faults += [f"{check} failed {run.name}" for check in sorted(failed)]
        return faults
    expected = run.must_fail & {record["check"] for record in records}
    if not expected:
        faults.append(f"none of {', '.join(sorted(run.must_fail))} judged {run.name}")
    faults += [f"{check} didn't fail {run.name}" for check in sorted(expected - failed)]
    surplus = set() if "*" in run.may_fail else failed - run.must_fail - run.may_fail
    faults += [f"{check} failed {run.name}, which it shouldn't" for check in sorted(surplus)]
    return faults


def _failed(report: Mapping[str, Any]) -> set[str]:
    wrong = ("fail", "error")
    return {r["check"] for r in report.get("records", []) if r["verdict"] in wrong}


def _shown(spec: str) -> str:
    return spec.replace(f"{_ROOT}{os.sep}", "")


def _folder() -> Path:
    """Where reports go: ``out/demo`` of a checkout, else a folder of their own."""
    if (_ROOT / "pyproject.toml").is_file() and os.access(_ROOT, os.W_OK):
        folder = _ROOT / "out" / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    return Path(tempfile.mkdtemp(prefix="physcheck-demo-"))


def _judged(run: Run, folder: Path, seed: int) -> Outcome:
    environment = dict(os.environ)
    environment.setdefault("OMP_NUM_THREADS", "1")
    environment.pop("PYTEST_ADDOPTS", None)
    # The settings of the project that this is called from don't matter.
    (folder / "pytest.ini").write_text("[pytest]\n")
    path = folder / f"{run.name}.json"
    path.unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=no"),
        *("-p", "no:cacheprovider", "--pyargs", "physcheck.suite"),
        f"--model={run.spec}",
        *run.options,
        f"--physcheck-seed={seed}",
        f"--physcheck-json={path}",
        f"--physcheck-html={path.with_suffix('.html')}",
    ]
    done = subprocess.run(
        command, cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    path.with_suffix(".txt").write_text(done.stdout + done.stderr)
    report = json.loads(path.read_text()) if path.is_file() else {}
    return Outcome(done.returncode, report, _last_line(done.stdout.splitlines()))


def _last_line(lines: Sequence[str]) -> str:
    said = [line for line in lines if line.startswith("physcheck: ")]
    return said[-1] if said else "no verdict"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
