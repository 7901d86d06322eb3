"""A time limit for code that may loop for ever, where the system has alarms."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["TookTooLong", "time_limit"]


class TookTooLong(BaseException):
    """Raised by the alarm; no ``except Exception`` of a reader may swallow it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TookTooLong after ``seconds``, in the main thread of a system with alarms.

    Elsewhere it does nothing.  An alarm of somebody else's goes on afterwards.
    """
    able = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not able:
        yield
        return

    def ring(*_: object) -> None:
        raise TookTooLong

    started = time.monotonic()
    handler = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            left = max(left - (time.monotonic() - started), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, left, interval)
