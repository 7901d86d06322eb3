"""What a sweep says while it runs: one line a task, with the time that is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from physcheck.run.record import Report
from physcheck.sweep.task import Outcome, Task
from physcheck.text.numbers import duration
from physcheck.text.phrases import verdict_word

__all__ = ["Progress", "verdicts_of"]


class Progress:
    """Counts what is done, and says how long the rest will take.

    A task of a model is taken to last as long as the model's others did, or as all did.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}
        self._left: Counter[str] = Counter()
        self.total = 0
        self.done = 0

    def add(self, tasks: Sequence[Task]) -> None:
        """Tasks that are still to be done."""
        self.total += len(tasks)
        self._left.update(task.model.name for task in tasks)

    def line(self, task: Task, outcome: Outcome, said: str, *, workers: int) -> str:
        """What to print now that a task is done."""
        self.done += 1
        self._left[task.model.name] -= 1
        if outcome.computed:
            self._seconds.setdefault(task.model.name, []).append(outcome.seconds)
        spent = duration(outcome.seconds) if outcome.computed else "found"
        width = len(str(self.total))
        head = f"[{self.done:{width}}/{self.total}] {task.model.name} {task.structure}: {said}"
        left = self.seconds_left(workers)
        rest = "" if left is None or not self._left.total() else f"; about {duration(left)} left"
        return f"{head} ({spent}{rest})"

    def seconds_left(self, workers: int) -> float | None:
        """How long the rest will take on so many workers; None before anything was computed."""
        known = {name: fmean(seconds) for name, seconds in self._seconds.items()}
        if not known:
            return None
        mean = fmean(second for seconds in self._seconds.values() for second in seconds)
        work = sum(count * known.get(name, mean) for name, count in self._left.items())
        return work / workers


def verdicts_of(report: Report | None, outcome: Outcome) -> str:
    """How many records of a task have which verdict; why there are none."""
    if report is None or not outcome.finished:
        return f"not finished: {outcome.reason}"
    found = [(str(verdict), n) for verdict, n in report.summary.verdicts.items() if n]
    return ", ".join(f"{n} {verdict_word(verdict)}" for verdict, n in found) or "nothing judged"
