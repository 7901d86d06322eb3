"""One task of a sweep: a model on a structure, named by a hash of all that its numbers rest on."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from physcheck.errors import SpecError
from physcheck.report.loading import load_report
from physcheck.run.record import Report
from physcheck.sweep.sweep_file import SweepFile, SweptModel

__all__ = ["Outcome", "Task", "report_of", "tasks_of"]

# Hexadecimal digits: two of a thousand tasks are alike by chance once in 1e9 sweeps.
_DIGITS = 16
_LONGEST = 60
# What is finished where no structure was judged: pytest's code for it.
_NOTHING_JUDGED = 5


@dataclass(frozen=True, slots=True)
class Task:
    """A model on a structure.

    Attributes
    ----------
    model : SweptModel
    structure : str
    key : str
        A hash of the spec, the interpreter, the weights, the structure, the settings and
        physcheck's version: who has the same key gives the same numbers.
    path : str
        Of its JSON report; its log lies beside it.
    folder : str
        Where it runs: relative paths are relative to it.
    """

    model: SweptModel
    structure: str
    key: str
    path: str
    folder: str

    @property
    def words(self) -> list[str]:
        """The options of its run under pytest."""
        given = {
            "model": self.model.spec, "structures": self.structure, **self.model.settings,
            "json": self.path, "resume": self.path,
        }  # fmt: skip
        return [f"--physcheck-{name}={value}" for name, value in given.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a task.

    Attributes
    ----------
    finished : bool
        Whether its report is complete.
    computed : bool
        Whether this time something was computed: else it was found on disk.
    reason : str
        Why it isn't finished.
    seconds : float
    """

    finished: bool
    computed: bool
    reason: str = ""
    seconds: float = 0.0


def tasks_of(
    sweep: SweepFile, model: SweptModel, identity: Mapping[str, Any], output: Path
) -> list[Task]:
    """The tasks of a model, one a structure, in the order of the file.

    Parameters
    ----------
    identity : mapping
        Hashes of the model's and the reference's files and weights.
    output : Path
        The folder of the sweep's reports.
    """
    found = []
    for structure, digests in sweep.structures.items():
        rests_on = {
            "spec": model.spec,
            "python": model.python,
            "identity": identity,
            "structure": [structure, *digests],
            "settings": dict(sorted(model.settings.items())),
            "physcheck": version("physcheck"),
        }
        text = json.dumps(rests_on, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
        stem = re.sub(r"[^\w.+-]+", "-", structure).strip("-.")[:_LONGEST]
        path = output / model.name / f"{stem}-{key}.json"
        found.append(Task(model, structure, key, str(path), str(sweep.folder)))
    return found


def report_of(task: Task) -> Report | None:
    """The report of a task as far as it has come; None where there is none that can be read."""
    if not Path(task.path).exists():
        return None
    try:
        return load_report(task.path)
    except SpecError:
        return None


def is_finished(report: Report | None) -> bool:
    """Whether every record of a report was made, or none was to be made."""
    if report is None or report.error is not None:
        return False
    return report.complete or report.exit_code == _NOTHING_JUDGED
