"""The records of a run as they come in, and the files made from them; kept by one process only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from physcheck.plugin.items import ANCHOR_ID
from physcheck.plugin.message import Message
from physcheck.run.facts import RunFacts
from physcheck.run.not_finite import counted_once
from physcheck.run.record import Record, Report
from physcheck.run.resume import Resumed
from physcheck.run.settings import Settings
from physcheck.run.setup_costs import counted_once_by_name

if TYPE_CHECKING:
    from physcheck.report.json_report import RecordTexts

__all__ = ["RunReport"]


class RunReport:
    """Takes in what the processes tell, and writes the report anew.

    Attributes
    ----------
    settings : Settings
    begun : dict of node id to Record
        What each item's record is if its process dies.
    facts : RunFacts
        The last that a process told.
    error : str or None
        Why the model can't be judged.
    usage_error : bool
        Whether that is because of a wrong option or spec.
    exit_code : int or None
    complete : bool
    unwritten : dict of path to str
        Reports that could not be written when that was last tried, and why.
    created : str
        ISO time of the start.
    """

    def __init__(self, settings: Settings, resumed: Resumed | None = None) -> None:
        self.settings = settings
        self.begun: dict[str, Record] = {}
        self.facts = RunFacts() if resumed is None else resumed.report.facts
        self.error: str | None = None
        self.usage_error = False
        self.exit_code: int | None = None
        self.complete = False
        self.unwritten: dict[str, str] = {}
        self.created = datetime.now(UTC).isoformat(timespec="seconds")
        self._made: dict[str, Record] = {}
        self._order: dict[str, int] = {}
        self._setup: dict[str, int] = {}
        self._texts: RecordTexts | None = None
        if resumed is not None:
            # A run that is killed before it comes to them must not lose what there was.
            self.created = resumed.report.created
            self._made = {f"{ANCHOR_ID}::{n}": r for n, r in resumed.records.items()}
            self._setup = dict(resumed.report.setup)

    @property
    def records(self) -> tuple[Record, ...]:
        """In the order in which one process would make them, whoever made them first."""
        last = len(self._order)
        ranked = sorted(self._made, key=lambda nodeid: self._order.get(nodeid, last))
        records = tuple(self._made[nodeid] for nodeid in ranked)
        # A shard doesn't have all records that may have met what isn't finite: a merger has.
        whole = self.complete and self.settings.shard is None
        return counted_once(records) if whole else records

    @property
    def is_complete(self) -> bool:
        """Whether a plan was made and every record of it has a verdict."""
        planned = {nodeid for nodeid in self._order if nodeid.startswith(ANCHOR_ID)}
        return not self.error and self.facts.plan is not None and planned <= self._made.keys()

    def receive(self, message: Message, *, nodeid: str = "") -> None:
        """Take in what a process tells, of one item or at its end."""
        if message.order:
            self._order = {name: place for place, name in enumerate(message.order)}
        if message.facts is not None:
            self.facts = message.facts
        if message.error:
            self.error = message.error
            self.usage_error = message.exit_code == pytest.ExitCode.USAGE_ERROR
        self._setup = counted_once_by_name([self._setup, message.setup])
        if message.begun is not None:
            self.begun[nodeid] = message.begun
        if message.record is not None:
            self.add(message.record, nodeid=nodeid)

    def add(self, record: Record, *, nodeid: str) -> None:
        """Take in the record of an item; a second one, of a test that is run again, replaces it."""
        self._made[nodeid] = record

    def report(self) -> Report:
        """The report as it stands."""
        return Report(
            created=self.created,
            settings=self.settings,
            records=self.records,
            facts=self.facts,
            setup=self._setup,
            complete=self.complete,
            exit_code=self.exit_code,
            error=self.error,
        )

    def write_json(self) -> None:
        """Rewrite the JSON file, if one is asked for."""
        from physcheck.report.json_report import RecordTexts, json_text

        if self._texts is None:
            self._texts = RecordTexts()
        self._write(self.settings.json, lambda report: json_text(report, self._texts))

    def write_all(self) -> None:
        """Write every report that is asked for; one that can't be makes the run fail."""
        from physcheck.report.badge import badge
        from physcheck.report.continuous_integration import append_step_summary
        from physcheck.report.html import html
        from physcheck.report.markdown import markdown

        self.write_json()
        self._write(self.settings.markdown, markdown)
        self._write(self.settings.html, html)
        self._write(self.settings.badge, badge)
        if self.unwritten and self.exit_code == pytest.ExitCode.OK:
            self.exit_code = int(pytest.ExitCode.TESTS_FAILED)
            self.write_json()
        append_step_summary(self.report())

    def _write(self, path: str | None, make_text: Callable[[Report], str]) -> None:
        if path is None or self._is_to_keep(path):
            return
        from physcheck.report.writing import write_text
        from physcheck.text.exceptions import description

        try:
            write_text(path, make_text(self.report()))
        # A disk that is full, a folder that is gone: the verdict must be heard all the same.
        except Exception as error:
            self.unwritten[path] = description(error)
        else:
            self.unwritten.pop(path, None)

    def _is_to_keep(self, path: str) -> bool:
        """Whether a file is the report of another run, which a wrong option must not cost."""
        return self.usage_error and path == self.settings.resume and Path(path).exists()
