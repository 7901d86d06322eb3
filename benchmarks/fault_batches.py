"""Many cases of benchmarks/faults.py in one process, each as if it were alone.

A process that has imported physcheck is forked, runs cases one after another and tells of each on
a pipe.  One that hangs or ends the process is run again in a process of its own, and the others go
on in another one.  So is a case that is at fault: what it is at fault for alone counts, and what
it is at fault for only after other cases is told as that.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fault_case import GOOD, OUT, SHORT, SUITE, Case
from faults import FinishedRecords, Outcome, kill, new_folder, outcome_of, run_case, words_of

__all__ = ["Told", "told_of", "told_of_all", "warm_up"]

# A process is used for so many cases, so that what one leaves behind doesn't add up.
_BATCH = 200
_TAIL = 4_000


@dataclass(frozen=True)
class Told:
    """What is told of a case: enough to print it."""

    number: int
    case: Case
    code: int | None
    faults: tuple[str, ...]
    output: str


def told_of(number: int, outcome: Outcome) -> Told:
    """What is printed of an outcome."""
    return Told(number, outcome.case, outcome.code, tuple(outcome.faults), outcome.output[-_TAIL:])


def told_of_all(cases: Mapping[int, Case], seconds: float, tell: Callable[[Told], None]) -> None:
    """Run all cases, those together that may, and tell of each."""
    together = [number for number, case in cases.items() if not case.alone]
    while together:
        batch = together[:_BATCH]
        done = 0
        for told in _run_batch({n: cases[n] for n in batch}, seconds):
            done += 1
            tell(_looked_at_alone(told, seconds) if told.faults else told)
        if done < len(batch):
            # The next one ended the process, or hung in it.
            number = batch[done]
            tell(told_of(number, run_case(cases[number], seconds)))
            done += 1
        together = together[done:]
    for number, case in cases.items():
        if case.alone:
            tell(told_of(number, run_case(case, seconds)))


def _looked_at_alone(told: Told, seconds: float) -> Told:
    alone = told_of(told.number, run_case(told.case, seconds))
    if alone.faults:
        return alone
    after = tuple(f"only after other cases in one process: {fault}" for fault in told.faults)
    return Told(told.number, told.case, told.code, after, told.output)


def warm_up() -> None:
    """Run a case here, so that no process that is forked has to import what runs need."""
    words = (*SUITE, GOOD, *SHORT, OUT, "--physcheck-html=o.html", "--physcheck-markdown=o.md")
    _outcome(Case("good", "good", words))


def _run_batch(cases: Mapping[int, Case], seconds: float) -> Iterator[Told]:
    """What a process tells of its cases, until it ends or takes too long for one."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        with contextlib.suppress(BaseException):
            os.setpgid(0, 0)
            _run_here(cases, writing)
        os._exit(0)
    os.close(writing)
    rest = b""
    try:
        while select.select([reading], [], [], seconds)[0]:
            data = os.read(reading, 1 << 20)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                number, code, faults, output = json.loads(line)
                yield Told(number, cases[number], code, tuple(faults), output)
    finally:
        os.close(reading)
        kill(pid)


def _run_here(cases: Mapping[int, Case], writing: int) -> None:
    for number, case in cases.items():
        told = told_of(number, _outcome(case))
        line = json.dumps([told.number, told.code, told.faults, told.output])
        os.write(writing, line.encode() + b"\n")


def _outcome(case: Case) -> Outcome:
    """Run a case in this process; folder, modules, paths and output are as before afterwards."""
    root, folder = new_folder()
    started = time.monotonic()
    try:
        case.prepare(folder)
        with _as_before(folder), (folder / "output").open("wb") as stream, _output_to(stream):
            watcher = FinishedRecords(folder / "finished")
            try:
                code = int(pytest.main(words_of(case, folder), plugins=[watcher]))
            except SystemExit as error:
                code = error.code if isinstance(error.code, int) else 98
            except BaseException:
                import traceback

                code = 97
                os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
            finally:
                os.close(watcher.stream)
        output = (folder / "output").read_text("utf-8", "replace")
        return outcome_of(case, folder, code, output, time.monotonic() - started)
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def _as_before(folder: Path) -> Iterator[None]:
    path, modules, environment = list(sys.path), set(sys.modules), dict(os.environ)
    os.chdir(folder)
    os.environ["HOME"] = str(folder)
    try:
        yield
    finally:
        os.chdir("/")
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith(str(folder)):
                del sys.modules[name]
        os.environ.clear()
        os.environ.update(environment)


@contextmanager
def _output_to(stream) -> Iterator[None]:
    """File descriptors 1 and 2, and Python's names for them, write into a file."""
    saved = os.dup(1), os.dup(2)
    before = sys.stdout, sys.stderr
    os.dup2(stream.fileno(), 1)
    os.dup2(stream.fileno(), 2)
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    try:
        yield
    finally:
        for one in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                one.flush()
        sys.stdout, sys.stderr = before
        for descriptor, old in enumerate(saved, start=1):
            os.dup2(old, descriptor)
            os.close(old)
