"""A sweep from its file to its folder of reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from physcheck.errors import SpecError
from physcheck.report.writing import write_text
from physcheck.run.record import Report
from physcheck.sweep.engines import Engine
from physcheck.sweep.progress import Progress, verdicts_of
from physcheck.sweep.results import comparison_pages, merged_report, task_list, write_merged
from physcheck.sweep.sweep_file import SweepFile, SweptModel
from physcheck.sweep.task import Outcome, Task, is_finished, report_of, tasks_of
from physcheck.sweep.working import identify, judge
from physcheck.text.phrases import count

__all__ = ["Sweep", "prepared_folder"]

# A call whose worker was lost is made again, as often as that makes records, and so often without.
_VAIN_TRIALS = 5


@dataclass(slots=True)
class Sweep:
    """A sweep that goes on.

    Attributes
    ----------
    file : SweepFile
    output : Path
        The folder of its reports.
    engine : Engine
    say : callable
        Prints a line.
    tasks : dict of key to (Task, Outcome or None)
    reasons : dict of model's name to why it can't be judged
    """

    file: SweepFile
    output: Path
    engine: Engine
    say: Callable[[str], None]
    tasks: dict[str, tuple[Task, Outcome | None]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    _progress: Progress = field(default_factory=Progress)
    _vain: dict[str, int] = field(default_factory=dict)
    _made: dict[str, int] = field(default_factory=dict)

    def plan(self) -> list[str]:
        """Which tasks there are, and which of them are finished: lines for people."""
        for _ in self._identified():
            pass
        lines = []
        for task, _ in self._in_order():
            report = report_of(task)
            state = "finished" if is_finished(report) else "to do"
            if report is not None and report.records and state == "to do":
                state = f"to do, {count(len(report.records), 'record')} made"
            lines.append(f"{task.model.name} {task.structure}: {state} ({task.path})")
        lines += [f"{name}: can't be judged: {why}" for name, why in self.reasons.items()]
        done = sum(is_finished(report_of(task)) for task, _ in self.tasks.values())
        return [*lines, f"{done} of {count(len(self.tasks), 'task')} finished"]

    def run(self) -> bool:
        """Do every task and write what they come to; whether all are finished."""
        waiting = {f"model {m.name}": m for m in self.file.models}
        for model in self._identified(waiting):
            self._begin(model)
        while any(outcome is None for _, outcome in self.tasks.values()):
            for key, result in self.engine.done():
                self._take(key, result)
        self._write()
        return not self.reasons and all(o is not None and o.finished for _, o in self._in_order())

    def _identified(self, waiting: dict[str, SweptModel] | None = None) -> Iterator[SweptModel]:
        """The models whose weights are known, as soon as they are."""
        waiting = waiting or {f"model {m.name}": m for m in self.file.models}
        for name, model in waiting.items():
            self.engine.start(name, identify, model, str(self.file.folder))
        while waiting:
            for name, result in self.engine.done():
                if name not in waiting:
                    self._take(name, result)
                    continue
                model = waiting[name]
                if isinstance(result, Exception) and self._try_again(name, 0):
                    self.engine.start(name, identify, model, str(self.file.folder))
                    continue
                del waiting[name]
                if self._know(model, result):
                    yield model

    def _know(self, model: SweptModel, identity: Any) -> bool:
        """Make the tasks of a model whose weights are known; False where they can't be."""
        if isinstance(identity, Exception) or "error" in identity:
            raised = identity if isinstance(identity, Exception) else identity["error"]
            self.reasons[model.name] = str(raised)
            self.say(f"{model.name} can't be judged: {self.reasons[model.name]}")
            return False
        for task in tasks_of(self.file, model, identity, self.output):
            self.tasks[task.key] = task, None
        return True

    def _begin(self, model: SweptModel) -> None:
        """Let the tasks of a model begin that aren't finished yet."""
        mine = [task for task, _ in self.tasks.values() if task.model.name == model.name]
        self._progress.add(mine)
        for task in mine:
            if is_finished(report_of(task)):
                self._take(task.key, Outcome(finished=True, computed=False))
            else:
                self.engine.start(task.key, judge, task)

    def _take(self, key: str, result: Any) -> None:
        """What became of a task; it begins anew where its worker was lost."""
        task, _ = self.tasks[key]
        if isinstance(result, Exception):
            report = report_of(task)
            if self._try_again(key, 0 if report is None else len(report.records)):
                self.engine.start(key, judge, task)
                return
            result = Outcome(finished=False, computed=True, reason=f"its worker was lost: {result}")
        self.tasks[key] = task, result
        said = verdicts_of(report_of(task), result)
        self.say(self._progress.line(task, result, said, workers=self.engine.workers))

    def _try_again(self, name: str, made: int) -> bool:
        """Whether a lost call is worth another trial, after so many records were made."""
        if made > self._made.get(name, 0):
            self._made[name], self._vain[name] = made, 0
        self._vain[name] = self._vain.get(name, 0) + 1
        return self._vain[name] < _VAIN_TRIALS

    def _in_order(self) -> list[tuple[Task, Outcome | None]]:
        """The tasks in the order of the file, whenever their models became known."""
        place = {model.name: i for i, model in enumerate(self.file.models)}
        return sorted(self.tasks.values(), key=lambda found: place[found[0].model.name])

    def _write(self) -> None:
        ordered = {task.key: (task, outcome) for task, outcome in self._in_order()}
        write_text(self.output / "sweep.json", task_list(ordered))
        merged: dict[str, Report] = {}
        for model in self.file.models:
            mine = [(task, o) for task, o in ordered.values() if task.model.name == model.name]
            why = [o.reason for _, o in mine if o is not None and o.reason]
            reason = self.reasons.get(model.name, why[0] if why else "")
            try:
                merged[model.name] = merged_report(model, [task for task, _ in mine], reason)
            except SpecError as error:
                self.say(f"{model.name}: its reports can't be merged: {error}")
                continue
            path = write_merged(model, merged[model.name], self.output)
            self.say(f"written: {path}")
        for line in comparison_pages(list(merged), list(merged.values()), self.output):
            self.say(line)


def prepared_folder(file: SweepFile, given: str | None) -> Path:
    """The folder of a sweep's reports: as given, or beside the file with its name.

    Raises
    ------
    SpecError
        It can't be made.
    """
    folder = Path(given) if given is not None else file.path.with_suffix("")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(f"{folder} can't be made: {error.strerror or error}") from None
    return folder.absolute()
