"""The text of a failure, with the sentence that pytest's short summary shows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from physcheck.run.record import Record
from physcheck.text.failure import summary_sentence

__all__ = ["FailureText"]


@dataclass(frozen=True, slots=True)
class _Crash:
    """What pytest reads of a failure for its short summary and JUnit's message."""

    message: str


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
        self.reprcrash = _Crash(summary_sentence(record))

    def __str__(self) -> str:
        return self.text

    def toterminal(self, tw: Any) -> None:
        """Write the text, as pytest does with its own."""
        for line in self.text.splitlines():
            tw.line(line)
