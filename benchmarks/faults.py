"""Wrong input of every kind: what physcheck says of it, and whether anything is lost.

    python benchmarks/faults.py [--cases 1000] [--seed 0] [--kinds options,specs,files,answers]
                                [--only NUMBER] [--seconds 60] [--show]

A case is a folder with files, and a command line of pytest; number and seed say which.  Each runs
in a process of its own.  A case is at fault if

- it prints a Python traceback, or blames physcheck,
- it doesn't end,
- what is wrong by construction (an option, a spec, a known-failures file) doesn't end with exit
  code 4 and one line that begins with ``ERROR: `` (or is pytest's own),
- a record that was finished isn't in the JSON report,
- the exit code is 0 though fewer records were judged than planned.

Prints each case at fault with its number, and exits 1 if there is any.  A case takes 0.1 to 3 s.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from fault_cases import KINDS, Case, make_case

BLAMES = ("Traceback (most recent call last)", "INTERNALERROR", "please report it")
# pytest's: all passed, some failed, wrong usage, nothing judged.  2 is an interrupt.
ORDINARY = {0, 1, 4, 5}
HEAVY = (
    "ase.calculators.emt", "ase.io.formats", "scipy.optimize", "scipy.stats",
    "physcheck.adapters.ase", "physcheck.adapters.loading", "physcheck.report.html",
    "physcheck.run.runner", "physcheck.structures",
)  # fmt: skip
LONGEST_LINE = 3_200
MEMORY_BYTES = 8 << 30


@dataclass
class Outcome:
    """What became of a case."""

    case: Case
    code: int | None
    output: str
    seconds: float
    finished: int = 0
    report: dict | None = None
    faults: list[str] = field(default_factory=list)


class FinishedRecords:
    """A pytest plugin that writes a line for each finished record, whatever happens next."""

    def __init__(self, path):
        self.stream = path.open("a")

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report):
        if report.when == "call" and getattr(report, "physcheck_message", None):
            self.stream.write(report.nodeid + "\n")
            self.stream.flush()


def run_case(case: Case, seconds: float) -> Outcome:
    """Run a case in a process of its own, and say what is at fault."""
    folder = Path(tempfile.mkdtemp(prefix="physcheck-fault-"))
    started = time.monotonic()
    try:
        case.prepare(folder)
        pid = os.fork()
        if pid == 0:
            _child(case, folder)
        code = _wait(pid, seconds)
        outcome = Outcome(
            case,
            code,
            (folder / "output").read_text("utf-8", "replace"),
            time.monotonic() - started,
            _lines(folder / "finished"),
            _json(folder / "out.json"),
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    outcome.faults = list(faults_of(outcome))
    return outcome


def _child(case, folder):
    code = 97
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        with (folder / "output").open("wb") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        with contextlib.suppress(ImportError, ValueError):
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        words = [*case.arguments, "-p", "no:cacheprovider", "-p", "no:xdist", "-q",
                 f"--rootdir={folder}"]  # fmt: skip
        code = int(pytest.main(words, plugins=[FinishedRecords(folder / "finished")]))
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 98
    except BaseException:
        import traceback

        os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
    finally:
        os._exit(code)


def _wait(pid, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def _lines(path):
    return len(path.read_text().splitlines()) if path.exists() else 0


def _json(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def faults_of(outcome: Outcome):
    """What is wrong with how a case ended."""
    case, code, output = outcome.case, outcome.code, outcome.output
    if code is None:
        yield "it didn't end"
        return
    yield from (f"it says {words!r}" for words in BLAMES if words in output)
    if case.wrong:
        lines = [line for line in output.splitlines() if line.startswith("ERROR: ")]
        lines = lines or [line for line in output.splitlines() if ": error: " in line]
        if code != 4:
            yield f"the exit code is {code}, should be 4"
        elif len(lines) != 1:
            yield f"there are {len(lines)} lines that say what is wrong, should be 1"
        elif len(lines[0]) > LONGEST_LINE:
            yield f"the line has {len(lines[0])} characters"
    elif code not in ORDINARY and not case.dies:
        yield f"the exit code is {code}"
    records = [] if outcome.report is None else outcome.report.get("records", [])
    writes = any(word.startswith("--physcheck-json=out.json") for word in case.arguments)
    if writes and outcome.finished > len(records):
        yield f"{outcome.finished} records were finished, {len(records)} are in the report"
    if code == 0 and outcome.report is not None:
        planned = (outcome.report.get("plan") or {}).get("records")
        if planned is not None and len(records) < planned:
            yield f"exit code 0, but of {planned} planned records {len(records)} are there"
        if not any(record["verdict"] in ("pass", "known_failure") for record in records):
            yield "exit code 0, but no record passed"


def import_all() -> None:
    """Import once what every case needs, before the processes fork."""
    for name in HEAVY:
        import_module(name)
    with contextlib.suppress(ImportError):
        import_module("physcheck.adapters.torch")
    import_module("physcheck.checks").all_checks()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--only", type=int)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--show", action="store_true", help="print what each case printed")
    given = parser.parse_args()
    import_all()
    kinds = [kind.strip() for kind in given.kinds.split(",")]
    counts: Counter[str] = Counter()
    numbers = range(given.cases) if given.only is None else [given.only]
    for number in numbers:
        case = make_case(kinds[number % len(kinds)], random.Random(f"{given.seed}:{number}"))
        outcome = run_case(case, given.seconds)
        counts[f"{case.kind}, exit code {outcome.code}"] += 1
        if outcome.faults or given.show:
            counts["at fault"] += bool(outcome.faults)
            print(f"case {number} ({case.kind}: {case.about}): {'; '.join(outcome.faults)}")
            print(f"  {[word[:200] for word in case.arguments]!r}")
            print("  | " + "\n  | ".join(outcome.output.splitlines()[-12:]), flush=True)
    for name, count in sorted(counts.items()):
        print(f"{count:6}  {name}")
    return int(counts["at fault"] > 0)


if __name__ == "__main__":
    sys.exit(main())
