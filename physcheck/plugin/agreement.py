"""One number of evaluations for all processes of a run, though each has timed the model."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

import pytest

from physcheck.run.budget import Spending

__all__ = ["agreed"]


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
    own = path.with_name(f"{path.stem}-{worker['workerid']}.json")
    own.write_text(json.dumps([spending.evaluations, spending.reason]))
    # A link appears with its whole content, and only the first process can make it.
    with contextlib.suppress(FileExistsError):
        os.link(own, path)
    own.unlink()
    evaluations, reason = json.loads(path.read_text())
    return Spending(evaluations, reason)


def _folder(config: pytest.Config) -> Path:
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is None:
        return Path(tempfile.gettempdir())
    # A worker's own folder lies in the run's.
    folder: Path = factory.getbasetemp().parent
    return folder
