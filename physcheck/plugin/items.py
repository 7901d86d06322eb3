"""The suite as pytest sees it: one file whose items are the entries of the plan."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from physcheck.measurement import Outcome
from physcheck.plugin.session import SESSION
from physcheck.run.exit_status import makes_the_run_fail
from physcheck.run.record import Record
from physcheck.run.settings import Settings
from physcheck.text.phrases import printable

if TYPE_CHECKING:
    from physcheck.registry import CheckSpec
    from physcheck.run.entry import PlanEntry

__all__ = [
    "ANCHOR",
    "ANCHOR_ID",
    "CASE",
    "MESSAGE",
    "RECORD",
    "LawItem",
    "ModelItem",
    "NotCounted",
    "RecordFailed",
    "SuiteFile",
    "choice_of",
    "found_anywhere",
    "is_the_suite",
    "marks_of",
    "raise_for",
    "unmade_record",
]

ANCHOR = Path(__file__).parents[1] / "suite" / "laws.py"
# The same wherever pytest is started, as rootdir is somebody else's.
ANCHOR_ID = "physcheck/suite/laws.py"
# The fixture that a parametrised case is handed over in.
CASE = "physcheck_case"
# The report's attribute that carries a record, as a JSON string, from a worker to the controller.
MESSAGE = "physcheck_message"
# Where an item keeps the record it made.
RECORD: pytest.StashKey[Record] = pytest.StashKey()


class RecordFailed(Exception):
    """A record makes the run fail; its text is the failure as people read it."""


class NotCounted(pytest.skip.Exception):  # type: ignore[name-defined,misc]
    """A record is no pass, but doesn't make the run fail: inconclusive, not applicable, known.

    A skip, since pytest formats the traceback of any other exception, which takes longer than most
    records.
    """


class SuiteFile(pytest.File):
    """The anchor file; collecting it loads the model and makes the plan."""

    def collect(self) -> Iterable[pytest.Item]:
        """One item a plan entry; a single failing one where the model can't be loaded."""
        session = self.config.stash[SESSION]
        if session.settings.model is None:
            return
        plan = session.prepare()
        if plan is None:
            yield ModelItem.from_parent(self, name="model")
            return
        for entry in plan.entries:
            # Said in full: pytest else takes what is in brackets for a part of the name, and
            # --lf doesn't find it again.
            nodeid = f"{ANCHOR_ID}::{entry.name}"
            yield LawItem.from_parent(self, name=entry.name, nodeid=nodeid, entry=entry)


class ModelItem(pytest.Item):
    """Stands for a model that could not be loaded."""

    def runtest(self) -> None:
        """Fail with the reason."""
        session = self.config.stash[SESSION]
        raise RecordFailed("\n\n".join(filter(None, [session.error, session.below])))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """The reason alone, without a traceback of pytest and physcheck."""
        settings = self.config.stash[SESSION].settings
        of_reference = str(excinfo.value).startswith("the reference")
        return f"ERROR  {settings.reference if of_reference else settings.model}\n  {excinfo.value}"

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Name for headings."""
        return self.path, 0, "the model can't be loaded"


class LawItem(pytest.Item):
    """One check at one structure."""

    def __init__(self, *, entry: PlanEntry, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.entry = entry
        # Hosts' hooks read these of every item, as they may of test functions.
        self.fixturenames: list[str] = []
        self.funcargs: dict[str, Any] = {}
        for mark in marks_of(entry.check):
            self.add_marker(mark)

    def runtest(self) -> None:
        """Make the record; raise unless it is a pass.

        A plugin that runs failures again gets the same record: with its seed it would be the same,
        and a model that gives another has a fault that must not be run into green.
        """
        session = self.config.stash[SESSION]
        record = self.stash.get(RECORD, None) or session.judge(self.entry)
        self.stash[RECORD] = record
        raise_for(record, session.settings)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The failure in physcheck's words; a fault of physcheck itself with its traceback."""
        # pytest would format a traceback, a quarter of a second each, and throw it away.
        if isinstance(excinfo.value, RecordFailed | NotCounted):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Name for headings; a line number is needed where a host skips the item."""
        return self.path, 0, self.name


def marks_of(check: CheckSpec) -> list[pytest.MarkDecorator]:
    """The marks of a record's test: ``physcheck``, its family and kind, also with a prefix."""
    names = (check.family, check.kind)
    marks = ("physcheck", *names, *(f"physcheck_{name}" for name in names))
    return [getattr(pytest.mark, name) for name in marks]


def raise_for(record: Record, settings: Settings) -> None:
    """Turn a record into what pytest understands: nothing, RecordFailed or NotCounted."""
    if record.verdict is Outcome.PASS:
        return
    if makes_the_run_fail(record, settings.fail_on):
        from physcheck.text.failure import failure_text

        text = printable(failure_text(record, profile=settings.profile))
        traceback = record.evidence.get("traceback")
        raise RecordFailed(text if traceback is None else f"{text}\n{traceback}")
    said = printable(f"{record.verdict.replace('_', ' ')}: {record.explanation}")
    raise NotCounted(said)


def is_the_suite(argument: str) -> bool:
    """Whether an argument of pytest's command line names the suite."""
    folder = ANCHOR.parent
    relative = str(folder.relative_to(ANCHOR.parents[2]))
    return argument.startswith(("physcheck.suite", str(folder))) or relative in argument


def found_anywhere(argument: str) -> str:
    """A node id of the suite as pytest prints it, with the path of its file; else as it is."""
    file, colons, name = argument.partition("::")
    # From a folder below rootdir pytest prints ../ before it.
    if file.lstrip("./") != ANCHOR_ID or Path(file).exists():
        return argument
    return f"{ANCHOR}{colons}{name}"


def choice_of(item: pytest.Item) -> tuple[CheckSpec, str] | None:
    """Check and structure of an item that makes a record, in the suite or in a host's tests."""
    if isinstance(item, LawItem):
        return item.entry.check, item.entry.structure.name
    choice = getattr(getattr(item, "callspec", None), "params", {}).get(CASE)
    return None if choice is None else (choice.check, choice.structure)


def unmade_record(item: pytest.Item, message: str) -> Record | None:
    """An ERROR in place of the record that an item should make; None for one that makes none."""
    chosen = choice_of(item)
    if chosen is None:
        return None
    from physcheck.run.outcomes import error_record

    record = error_record(*chosen, item.config.stash[SESSION].settings, message)
    return record if isinstance(item, LawItem) else replace(record, rerun=f"pytest '{item.nodeid}'")
