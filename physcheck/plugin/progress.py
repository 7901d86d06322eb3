"""How far a long record is, on a terminal: written behind the cursor and taken away again."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import pytest

from physcheck.text.numbers import rough_duration
from physcheck.text.phrases import printable

__all__ = ["Progress", "progress_of"]

# A record that is over sooner shows nothing, and nothing is written more often, s.
_PATIENCE, _EVERY = 2.0, 0.5
# With less room on the line nothing is written.
_ROOM = 20


class Progress:
    """Shows what is being done or evaluated, at most twice a second, and leaves no trace.

    Parameters
    ----------
    stream : file
        The terminal.
    room : callable () -> int
        Columns that are left on its line.
    aside : callable () -> context manager
        Within which writing reaches the terminal.
    patience : float, s
        Before anything is shown.
    """

    def __init__(
        self,
        stream: TextIO,
        room: Callable[[], int],
        aside: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
        *,
        patience: float = _PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream, self._room, self._aside = stream, room, aside
        self._patience, self._clock = patience, clock
        # Of what is shown.
        self._width = 0

    @contextmanager
    def watch(self, what: str, planned: int) -> Iterator[Callable[[int], None]]:
        """Within, tell the yielded function how many evaluations were made.

        Afterwards the line is as it was before.
        """
        started = self._clock()
        last = started + self._patience - _EVERY

        def observe(done: int) -> None:
            nonlocal last
            now = self._clock()
            if now - last < _EVERY:
                return
            last = now
            left = (now - started) * max(planned - done, 0) / max(done, 1)
            time_left = rough_duration(left)
            self._show(f" {what}: {done:,} of {planned:,} evaluations, {time_left} left")

        try:
            yield observe
        finally:
            self._clear()

    @contextmanager
    def stage(self, what: str) -> Iterator[None]:
        """Within, the line says what is being done; nobody knows how long it takes.

        Shown at once: what comes may not return for minutes.  Afterwards the line is as it was.
        """
        self._show(f" {what} ...")
        try:
            yield
        finally:
            self._clear()

    def _show(self, text: str) -> None:
        """Write behind the cursor, over what was shown before."""
        room = self._room()
        if room >= _ROOM:
            self._write(printable(text)[: room - 1])

    def _clear(self) -> None:
        if self._width:
            self._write("")

    def _write(self, text: str) -> None:
        # Backspaces rather than a carriage return: the line may hold pytest's own marks.
        blank = " " * max(0, self._width - len(text))
        with self._aside():
            self._stream.write("\b" * self._width + text + blank + "\b" * len(blank))
            self._stream.flush()
        self._width = len(text)


def progress_of(config: pytest.Config) -> Progress | None:
    """The display for this process, or None: no terminal, a CI job, ``-q``, a worker."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    quiet = config.get_verbosity() < 0 or bool(os.environ.get("CI"))
    if reporter is None or quiet or hasattr(config, "workerinput"):
        return None
    if not getattr(reporter, "isatty", False):
        return None
    writer = reporter._tw
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    aside = contextlib.nullcontext if capture is None else capture.global_and_fixture_disabled
    return Progress(
        writer._file, lambda: int(writer.fullwidth - writer.width_of_current_line), aside
    )
