"""The time limit of a record: an alarm that no ``except Exception`` can swallow."""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from physcheck.errors import TimeIsUp

__all__ = ["TimeIsUp", "alarm", "as_checks_run"]

# Seconds between alarms once time is up, and from twice the allowed time to the process's end.
_RING_AGAIN, _GRACE = 1.0, 3.0
# Alarms take no more seconds than this (30 years), and none below a microsecond.
_LONGEST, _SHORTEST = 1e9, 1e-6


@contextmanager
def alarm(seconds: float | None) -> Iterator[None]:
    """Raise TimeIsUp after ``seconds``, in the main thread of a system with alarms.

    Elsewhere it does nothing, and so does a limit that no alarm can be set to.

    It is raised again every second, since what it ends may wait in turn, as an executor does for
    its threads.  A call that never comes back to Python hears no alarm: the process is then ended,
    which under xdist costs this record alone.
    """
    able = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if seconds is None or not able or not (seconds <= _LONGEST):
        yield
        return

    is_within = True

    def ring(*_: object) -> None:
        if is_within:
            raise TimeIsUp

    before = signal.signal(signal.SIGALRM, ring)
    # It may ring at any moment, also before the first and after the last line of what is within.
    try:
        try:
            if sys.__stderr__ is not None:
                faulthandler.dump_traceback_later(
                    2 * seconds + _GRACE, exit=True, file=sys.__stderr__
                )
            signal.setitimer(signal.ITIMER_REAL, max(seconds, _SHORTEST), _RING_AGAIN)
            yield
        finally:
            is_within = False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


@contextmanager
def as_checks_run(timeout: float | None) -> Iterator[None]:
    """Within, no warning of a model reaches the host, and time is limited."""
    import numpy as np

    with warnings.catch_warnings(), np.errstate(all="ignore"), alarm(timeout):
        warnings.simplefilter("ignore")
        yield
