"""``python -m physcheck.sweep.watched_process``: pytest in a process that ends with its parent.

A worker that is killed can't end what it has started.  The process therefore reads its standard
input, which the worker holds open: the input ends when the worker does.  A lock beside the report
keeps two processes from making it at one time, as where a worker is given up that still runs.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["end_with_parent", "locked"]

_PARENT_IS_GONE = 3


def end_with_parent() -> None:
    """End this process as soon as its standard input is closed."""
    # pytest puts something else in the place of standard input.
    held = os.dup(0)

    def wait() -> None:
        while os.read(held, 1):
            pass
        os._exit(_PARENT_IS_GONE)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Within, no other process that asks for the lock of ``path`` goes on.

    The system gives it back when the process ends, however that happens.
    """
    with path.open("a") as file:
        try:
            import fcntl
        except ImportError:
            # Windows has none, and few clusters.
            yield
            return
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(lock: str, words: list[str]) -> int:
    """Run pytest with these words while the lock is held."""
    end_with_parent()
    with locked(Path(lock)):
        import pytest

        return int(pytest.main(words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
