"""Reports as files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["write_text"]


def write_text(path: str | Path, text: str) -> None:
    """Replace a file in one step, so that a reader or a killed run never leaves half of it.

    Raises
    ------
    OSError
        It can't be written, or is there already and is a device, a pipe or a folder.  What was
        there stays.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        raise OSError(f"{target} is no regular file")
    # It was there when the run began.
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        # A lone surrogate, as in a file name that isn't UTF-8, must not cost the report.
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
        # mkstemp makes private files; a report is as readable as any other file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
