"""What a worker does: find out which weights a model has, and judge it on a structure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from physcheck.sweep.sweep_file import SweptModel
from physcheck.sweep.task import Outcome, Task, is_finished, report_of

__all__ = ["identify", "judge"]

# A dead process is tried anew as long as each trial makes records, and so often without any.
_VAIN_TRIALS = 2


def identify(model: SweptModel, folder: str) -> dict[str, Any]:
    """Hashes of a model's files and weights, found by its own interpreter.

    ``error`` where the interpreter is missing, has another physcheck, or can't load the model.
    """
    wanted = {name: model.settings.get(name) for name in ("reference", "device", "dtype")}
    words = ["physcheck.sweep.identity_process", json.dumps({"spec": model.spec, **wanted})]
    try:
        with (
            tempfile.TemporaryFile() as said,
            _started(model, words, folder, subprocess.PIPE, said) as process,
        ):
            assert process.stdout is not None
            answer = process.stdout.read()
            code = process.wait()
            said.seek(0)
            told = said.read().decode(errors="replace").strip()
    except OSError as error:
        return {"error": f"{model.python} can't be run: {error.strerror or error}"}
    if code != 0:
        last = told.splitlines()[-1] if told else "it said nothing"
        return {"error": f"its process ended with {_ending(code)}: {last}"}
    found: dict[str, Any] = json.loads(answer)
    if found["physcheck"] != version("physcheck"):
        found["error"] = (
            f"{model.python} has physcheck {found['physcheck']}, this is {version('physcheck')}"
        )
    return found


def judge(task: Task) -> Outcome:
    """Judge a model on a structure, or go on with it, unless that is done already."""
    if is_finished(report_of(task)):
        return Outcome(finished=True, computed=False)
    started = time.perf_counter()
    Path(task.path).parent.mkdir(parents=True, exist_ok=True)
    made, vain, reason = _records(task), 0, ""
    while vain < _VAIN_TRIALS:
        reason = _run(task)
        report = report_of(task)
        if is_finished(report):
            break
        # The model or its plan can't be: nothing that another trial would change.
        if report is not None and report.error is not None:
            reason = report.error
            break
        vain = 0 if _records(task) > made else vain + 1
        made = _records(task)
    seconds = time.perf_counter() - started
    done = is_finished(report_of(task))
    return Outcome(finished=done, computed=True, reason="" if done else reason, seconds=seconds)


def _records(task: Task) -> int:
    report = report_of(task)
    return 0 if report is None else len(report.records)


def _run(task: Task) -> str:
    """Run the suite in a process of its own; how it ended where it left no whole report."""
    report = Path(task.path)
    words = [
        "physcheck.sweep.watched_process", str(report.with_suffix(".lock")),
        # Not the settings of a project in whose folder the sweep lies.
        "-c", os.devnull, f"--rootdir={task.folder}", "-p", "no:cacheprovider",
        "--pyargs", "physcheck.suite", *task.words,
    ]  # fmt: skip
    with report.with_suffix(".log").open("ab") as log:
        try:
            with _started(task.model, words, task.folder, log, subprocess.STDOUT) as process:
                code = process.wait()
        except OSError as error:
            return f"{task.model.python} can't be run: {error.strerror or error}"
    return f"its process ended with {_ending(code)}: see {log.name}"


def _started(
    model: SweptModel, words: list[str], folder: str, stdout: Any, stderr: Any
) -> subprocess.Popen[bytes]:
    # Workers share the cores of a machine.
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    return subprocess.Popen(
        [model.python or sys.executable, "-m", *words],
        cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=stdout, stderr=stderr,
    )  # fmt: skip


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
