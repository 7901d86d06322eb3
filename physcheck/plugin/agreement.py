"""What all processes of a run must know alike: its evaluations, and what a plan asks first."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from zlib import crc32

import pytest

from physcheck.run.budget import Spending

__all__ = ["agreed", "asked_once"]


def agreed(config: pytest.Config, spending: Spending) -> Spending:
    """What the first process of the run measured; ``spending`` where there is only one process.

    Under pytest-xdist workers must collect the same items.  The first to come leaves its number in
    a file in the run's temporary folder, the others read it.  (Workers on other machines don't see
    that folder: give them a number.)
    """
    worker = getattr(config, "workerinput", None)
    if worker is None:
        return spending
    path = _folder(config) / f"physcheck-budget-{worker['testrunuid']}.json"
    _write_first(path, worker, [spending.evaluations, spending.reason])
    evaluations, reason = json.loads(path.read_text())
    return Spending(evaluations, reason)


def asked_once(config: pytest.Config, question: str, ask: Callable[[], bool]) -> bool:
    """The answer to a question about the model, which costs evaluations; one process asks it.

    The others wait for it and read the file that it leaves.  Where the process that asks ends or
    raises, the next one asks.
    """
    worker = getattr(config, "workerinput", None)
    if worker is None:
        return ask()
    name = f"physcheck-asked-{worker['testrunuid']}-{crc32(question.encode()):08x}"
    path = _folder(config) / f"{name}.json"
    with _locked(path.with_suffix(".lock")):
        if not path.exists():
            _write_first(path, worker, bool(ask()))
        return bool(json.loads(path.read_text()))


def _write_first(path: Path, worker: dict[str, str], content: object) -> None:
    """Leave ``content`` in a file, unless another process was first."""
    own = path.with_name(f"{path.stem}-{worker['workerid']}.json")
    own.write_text(json.dumps(content))
    # A link appears with its whole content, and only the first process can make it.
    with contextlib.suppress(FileExistsError):
        os.link(own, path)
    own.unlink()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Within, no other process is; a process that ends gives it free.  Without locks, all are."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _folder(config: pytest.Config) -> Path:
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is None:
        return Path(tempfile.gettempdir())
    # A worker's own folder lies in the run's.
    folder: Path = factory.getbasetemp().parent
    return folder
