"""Wrong input of every kind: what physcheck says of it, and whether anything is lost.

    python benchmarks/faults.py [--cases 10000] [--seed 0] [--kinds options,specs,...]
                                [--only NUMBER] [--seconds 60] [--show] [--alone]

A case is a folder with files, and a command line of pytest; number and seed say which.  Cases that
may end or spoil the process run in one of their own; the others run one after another in a process
that has imported physcheck already (benchmarks/fault_batches.py).  A case is at fault if

- it prints a Python traceback, or blames physcheck,
- it doesn't end,
- what is wrong by construction (an option, a spec, a known-failures file) doesn't end with exit
  code 4 and one line that begins with ``ERROR: `` (or is pytest's own),
- a record that was finished isn't in the JSON report, where that can be written,
- records were made and the answer isn't printed,
- the exit code is 0 though fewer records were judged than planned, or a report isn't there.

Prints each case at fault with its number, and exits 1 if there is any.  A case takes 0.02 to 3 s.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from fault_cases import KINDS, Case, kind_of, make_case

BLAMES = ("Traceback (most recent call last)", "INTERNALERROR", "please report it")
# pytest's: all passed, some failed, wrong usage, nothing judged.  2 is an interrupt.
ORDINARY = {0, 1, 4, 5}
HEAVY = (
    "ase.calculators.emt", "ase.io.formats", "hypothesis", "scipy.optimize", "scipy.stats",
    "physcheck.adapters.ase", "physcheck.adapters.loading", "physcheck.report.html",
    "physcheck.run.runner", "physcheck.structures",
)  # fmt: skip
LONGEST_LINE = 3_200
MEMORY_BYTES = 8 << 30
WRITTEN = ("--physcheck-json=", "--physcheck-html=", "--physcheck-markdown=")


@dataclass
class Outcome:
    """What became of a case."""

    case: Case
    code: int | None
    output: str
    seconds: float
    finished: int = 0
    report: dict | None = None
    missing: tuple[str, ...] = ()
    faults: list[str] = field(default_factory=list)


class FinishedRecords:
    """A pytest plugin that writes a line for each finished record, whatever happens next."""

    def __init__(self, path):
        # Opened now: later there may be no descriptor left.
        self.stream = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report):
        message = getattr(report, "physcheck_message", None)
        if report.when == "call" and message and json.loads(message)["record"] is not None:
            with contextlib.suppress(OSError):
                os.write(self.stream, b"x\n")


def run_case(case: Case, seconds: float) -> Outcome:
    """Run a case in a process of its own, and say what is at fault."""
    root, folder = new_folder()
    started = time.monotonic()
    try:
        case.prepare(folder)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            _child(case, folder, writing)
        os.close(writing)
        said = bytearray()
        reader = threading.Thread(target=_read, args=(reading, said), daemon=True)
        reader.start()
        code = _wait(pid, seconds)
        # A process that the case left behind may hold the pipe open.
        reader.join(1.0)
        outcome = outcome_of(
            case, folder, code, said.decode("utf-8", "replace"), time.monotonic() - started
        )
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return outcome


def new_folder() -> tuple[Path, Path]:
    """A folder that is to be removed, and one deep in it, so that ``..`` leads nowhere else."""
    root = Path(tempfile.mkdtemp(prefix="physcheck-fault-"))
    folder = root / "a/b/c/d/e/f/g"
    folder.mkdir(parents=True)
    return root, folder


def outcome_of(case: Case, folder: Path, code: int | None, output: str, seconds: float) -> Outcome:
    """What a case left in its folder, and what of that is at fault."""
    given = [word.split("=", 1) for word in case.arguments if word.startswith(WRITTEN)]
    plain = not (case.wrong or case.about.startswith("random"))
    missing = tuple(v for _, v in given if plain and not _is_written(folder, v))
    written = dict(given).get("--physcheck-json", "out.json")
    report = _json(folder / written) if plain else None
    finished = _lines(folder / "finished")
    outcome = Outcome(case, code, output, seconds, finished, report, missing)
    outcome.faults = list(faults_of(outcome))
    return outcome


def _is_written(folder, name):
    try:
        path = folder / name
        return path.is_file() and path.stat().st_size > 0
    except (OSError, ValueError):
        return False


def _read(descriptor, said):
    with contextlib.suppress(OSError):
        while data := os.read(descriptor, 1 << 16):
            said.extend(data)
    os.close(descriptor)


def words_of(case: Case, folder: Path) -> list[str]:
    """The command line of a case."""
    workers = [] if case.workers else ["-p", "no:xdist"]
    return [*case.arguments, "-p", "no:cacheprovider", *workers, "-q", f"--rootdir={folder}"]


def _child(case, folder, writing):
    code = 97
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        os.environ["HOME"] = str(folder)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        os.close(writing)
        with contextlib.suppress(ImportError, ValueError):
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
            # A limit of the size of files raises, as a full disk does.
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if case.workers:
            with contextlib.suppress(IndexError):
                sys.path.remove(str(Path(__file__).parent))
        sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        watcher = FinishedRecords(folder / "finished")
        code = int(pytest.main(words_of(case, folder), plugins=[watcher]))
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 98
    except BaseException:
        import traceback

        with contextlib.suppress(OSError):
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
    kill(pid)
    return None


def kill(pid: int) -> None:
    """End a process and those that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _lines(path):
    return len(path.read_text().splitlines()) if path.exists() else 0


def _json(path):
    # A pipe would be waited for.
    try:
        return json.loads(path.read_text()) if path.is_file() else None
    except (OSError, ValueError):
        return None


def faults_of(outcome: Outcome) -> Iterator[str]:
    """What is wrong with how a case ended."""
    case, code, output = outcome.case, outcome.code, outcome.output
    if code is None:
        yield "it didn't end"
        return
    blames = BLAMES[1:] if case.talks else BLAMES
    yield from (f"it says {words!r}" for words in blames if words in output)
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
    if code in (0, 1) and outcome.finished and not case.mute and "physcheck: " not in output:
        yield f"{outcome.finished} records were finished, and no answer is printed"
    yield from _losses(outcome)


def _losses(outcome):
    """Records and reports that aren't there."""
    case, code = outcome.case, outcome.code
    records = [] if outcome.report is None else outcome.report.get("records", [])
    writes = any(word.startswith("--physcheck-json=out.json") for word in case.arguments)
    if writes and not case.unwritable and outcome.finished > len(records):
        yield f"{outcome.finished} records were finished, {len(records)} are in the report"
    if case.silent and code == 0 and not (outcome.report or {"complete": True})["complete"]:
        return
    if code != 0:
        return
    if outcome.missing:
        yield f"exit code 0, but {', '.join(outcome.missing)} isn't there"
    if outcome.report is not None:
        planned = (outcome.report.get("plan") or {}).get("records")
        if planned is not None and len(records) < planned:
            yield f"exit code 0, but of {planned} planned records {len(records)} are there"
        # Forces that are noise leave all open, which ends with 0 as long as that is what is said.
        told = ("pass", "known_failure", "inconclusive")
        if not any(record["verdict"] in told for record in records):
            yield "exit code 0, but no record passed or is said to be open"


def import_all() -> None:
    """Import once what every case needs, before the processes fork."""
    for name in HEAVY:
        import_module(name)
    with contextlib.suppress(ImportError):
        import_module("physcheck.adapters.torch")
    import_module("physcheck.checks").all_checks()
    # pytest collects garbage several times a run, which then takes longer than a case.
    gc.collect()
    gc.freeze()


def numbered_case(number: int, seed: int, kinds: tuple[str, ...]) -> Case:
    """The case of a number."""
    return make_case(kind_of(number, kinds), random.Random(f"{seed}:{number}"))


def main() -> int:
    from fault_batches import Told, told_of, told_of_all, warm_up

    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--only", type=int)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--show", action="store_true", help="print what each case printed")
    parser.add_argument("--alone", action="store_true", help="each case in a process of its own")
    given = parser.parse_args()
    import_all()
    warm_up()
    gc.freeze()
    kinds = tuple(kind.strip() for kind in given.kinds.split(","))
    counts: Counter[str] = Counter()
    started = time.monotonic()

    def tell(told: Told) -> None:
        counts[f"{told.case.kind}, exit code {told.code}"] += 1
        if told.faults or given.show:
            counts["at fault"] += bool(told.faults)
            print(f"case {told.number} ({told.case.kind}: {told.case.about}): ", end="")
            print("; ".join(told.faults))
            print(f"  {[word[:200] for word in told.case.arguments]!r}")
            print("  | " + "\n  | ".join(told.output.splitlines()[-12:]), flush=True)

    numbers = range(given.first, given.first + given.cases)
    chosen = list(numbers) if given.only is None else [given.only]
    cases = {n: numbered_case(n, given.seed, kinds) for n in chosen}
    if given.alone or given.only is not None:
        for number, case in cases.items():
            tell(told_of(number, run_case(case, given.seconds)))
    else:
        told_of_all(cases, given.seconds, tell)
    for name, count in sorted(counts.items()):
        print(f"{count:6}  {name}")
    print(f"{len(cases)} cases, {counts['at fault']} at fault, {time.monotonic() - started:.0f} s")
    return int(counts["at fault"] > 0)


if __name__ == "__main__":
    sys.exit(main())
