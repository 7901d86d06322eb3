"""What physcheck itself costs: beside a model of 5 ms an evaluation, and before the first record.

    python benchmarks/harness.py [--structures a,b] [--repeats 3]

Prints, for the whole suite at quick on a potential that sleeps 5 ms an evaluation, the share of
time spent outside the model, with the checks that take most of it; and how much longer pytest's
start with physcheck and a model file takes than the frameworks' own imports.  Time is that of the
processor, so that other programs don't matter: a model that sleeps takes none.  Byte code is
written in a first run, as an installed package has it.  Exit code 1 where a limit is exceeded.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SECONDS_PER_EVALUATION = 0.005
# The most of a quick run that may go to physcheck, and the most that its start may add, s.
LIMIT_SHARE, LIMIT_START = 0.10, 2.5
# A pytest plugin and a model that count, each a file.
_COUNTER = """
import json, time

evaluations, busy, begun = 0, 0.0, 0.0

def pytest_collection_finish(session):
    global evaluations, busy, begun
    evaluations, busy, begun = 0, 0.0, time.process_time()

def pytest_unconfigure(config):
    spent = time.process_time() - begun
    with open("spent.json", "w") as file:
        json.dump(
            {"evaluations": evaluations, "busy": busy, "spent": spent, "begun": begun}, file
        )
"""
# What pytest's own end takes (other plugins' imports for its summary, a last collection of
# garbage) is no part of the start: both are read where the first record would be made.
_FRAMEWORKS = """
import json, time
import torch, ase

with open("spent.json", "w") as file:
    json.dump({"begun": time.process_time()}, file)
"""
_MODEL = """
import time
import ase, torch
import counter
from physcheck.adapters.loading import load_model

class Sleeping:
    def __init__(self, model):
        self.model, self.capabilities = model, model.capabilities

    def evaluate(self, configurations, *, want=frozenset({{"forces"}})):
        time.sleep({seconds} * len(configurations))
        started = time.process_time()
        answer = self.model.evaluate(configurations, want=want)
        counter.busy += time.process_time() - started
        counter.evaluations += len(configurations)
        return answer

def sleeping():
    return Sleeping(load_model("builtin::stillinger-weber"))
"""


def run(folder: Path, *words: str) -> float:
    """Seconds of the processor that ``python WORDS`` takes in ``folder``."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": str(folder / "bytecode"), "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(folder)])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, check=True, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def suite(structures: str | None) -> list[str]:
    """The words that run the suite on the sleeping model."""
    words = ["-m", "pytest", "-p", "no:cacheprovider", "-p", "counter", "-q"]
    words += ["--pyargs", "physcheck.suite"]
    words += ["--model=model.py:sleeping", "--physcheck-budget=quick", "--physcheck-seed=0"]
    return words if structures is None else [*words, f"--physcheck-structures={structures}"]


def cost_of_a_run(folder: Path, words: list[str]) -> float:
    """Print what a quick run spends outside the model; its share."""
    run(folder, *words, "--physcheck-json=report.json")
    spent = json.loads((folder / "spent.json").read_text())
    outside = spent["spent"] - spent["busy"]
    model = spent["busy"] + SECONDS_PER_EVALUATION * spent["evaluations"]
    share = outside / (outside + model)
    print(
        f"{spent['evaluations']} evaluations, {model:.2f} s of model; outside it, from the first "
        f"record to the last report, {outside:.2f} s: {share:.1%} of all (limit {LIMIT_SHARE:.0%})"
    )
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    by_check: dict[str, float] = defaultdict(float)
    for record in report["records"]:
        if record["seconds"] is not None:
            by_check[record["check"]] += record["seconds"] - record["model_seconds"]
    most = sorted(by_check.items(), key=lambda item: -item[1])[:5]
    print("most of it, by the clock: " + ", ".join(f"{name} {s:.2f} s" for name, s in most))
    return share


def _begun(folder: Path, *words: str) -> float:
    """Seconds of the processor until the first record could be made, or all is imported."""
    run(folder, *words)
    return float(json.loads((folder / "spent.json").read_text())["begun"])


def cost_of_the_start(folder: Path, words: list[str], repeats: int) -> float:
    """Print what pytest's start with a model file takes beyond the frameworks' imports; that, s."""
    starts = sorted(_begun(folder, *words, "--collect-only") for _ in range(repeats))
    imports = sorted(_begun(folder, "-c", _FRAMEWORKS) for _ in range(repeats))
    start, frameworks = starts[repeats // 2], imports[repeats // 2]
    beyond = start - frameworks
    print(
        f"pytest's start with a model file {start:.2f} s, torch and ase alone {frameworks:.2f} s: "
        f"{beyond:.2f} s beyond (limit {LIMIT_START} s)"
    )
    return beyond


def main() -> int:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--structures", help="of the suite's run; chosen by it if left out")
    parser.add_argument("--repeats", type=int, default=3, help="of the start; the median counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "counter.py").write_text(_COUNTER)
        (folder / "model.py").write_text(_MODEL.format(seconds=SECONDS_PER_EVALUATION))
        words = suite(options.structures)
        run(folder, *words, "--collect-only")
        share = cost_of_a_run(folder, words)
        beyond = cost_of_the_start(folder, words, options.repeats)
    return 0 if share <= LIMIT_SHARE and beyond <= LIMIT_START else 1


if __name__ == "__main__":
    sys.exit(main())
