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

__all__ = ["Progress", "progress_of"]

# A record that is over sooner shows nothing, and nothing is written more often, s.
_PATIENCE, _EVERY = 2.0, 0.5
# With less room on the line nothing is written.
_ROOM = 20


class Progress:
    """Shows what is being evaluated, at most twice a second, and leaves no trace.

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

    @contextmanager
    def watch(self, what: str, planned: int) -> Iterator[Callable[[int], None]]:
        """Within, tell the yielded function how many evaluations were made.

        Afterwards the line is as it was before.
        """
        started = self._clock()
        last = started + self._patience - _EVERY
        width = 0

        def show(text: str) -> None:
            nonlocal width
            # Backspaces rather than a carriage return: the line may hold pytest's own marks.
            blank = " " * max(0, width - len(text))
            with self._aside():
                self._stream.write("\b" * width + text + blank + "\b" * len(blank))
                self._stream.flush()
            width = len(text)

        def observe(done: int) -> None:
            nonlocal last
            now = self._clock()
            if now - last < _EVERY:
                return
            last = now
            left = (now - started) * max(planned - done, 0) / max(done, 1)
            room = self._room()
            if room >= _ROOM:
                time_left = rough_duration(left)
                text = f" {what}: {done:,} of {planned:,} evaluations, {time_left} left"
                show(text[: room - 1])

        try:
            yield observe
        finally:
            if width:
                show("")


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
