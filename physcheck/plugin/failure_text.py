"""The text of a failure, with the sentence that pytest's short summary shows of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest

from physcheck.run.record import Record
from physcheck.text.failure import short_sentence, summary_sentence

__all__ = ["FailureText", "shown_nodeid"]


@dataclass(frozen=True, slots=True)
class _Crash:
    """What pytest reads of a failure for its short summary and JUnit's message."""

    message: str


def shown_nodeid(config: pytest.Config, report: pytest.TestReport) -> str:
    """The node id as pytest's short summary writes it: relative to where pytest was started."""
    with suppress(Exception):
        # Private, and of another shape in each version; what it says is short or long by a few.
        from _pytest._io import TerminalWriter
        from _pytest.terminal import _get_node_id_with_markup

        plain = TerminalWriter(StringIO())
        return str(_get_node_id_with_markup(plain, config, report))
    return str(report.nodeid)


class FailureText:
    """A failure's text as ``report.longrepr``.

    pytest's short summary otherwise repeats the first line of the text, which begins with the names
    that stand before it already.

    Attributes
    ----------
    text : str
    reprcrash : object with ``message``
        As exceptions have it in pytest.
    """

    def __init__(self, text: str, record: Record) -> None:
        self.text = text
        self._record = record
        self.reprcrash: _Crash | None = _Crash(summary_sentence(record))

    def fit(self, room: int) -> None:
        """Say it in at most ``room`` characters, or not at all: pytest would cut it off."""
        text = short_sentence(self._record, room)
        self.reprcrash = _Crash(text) if text else None

    def __str__(self) -> str:
        return self.text

    def toterminal(self, tw: Any) -> None:
        """Write the text, as pytest does with its own."""
        for line in self.text.splitlines():
            tw.line(line)
