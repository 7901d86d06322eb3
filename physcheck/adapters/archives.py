"""Model files as far as they can be looked at without running anything of them."""

from __future__ import annotations

import zipfile
from pathlib import Path

__all__ = ["EXPORTED", "names_in_archive", "needs_consent"]

#: The ending of programs that ``torch.export`` saved.
EXPORTED = ".pt2"


def names_in_archive(path: Path) -> list[str]:
    """The names of a zip archive's members; none if the file is no archive that can be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return []


def needs_consent(path: Path, kind: str) -> str:
    """The message for a file whose loading can run any code."""
    return (
        f"{path} is {kind}, which can run any code when loaded; if you trust it, say so by naming "
        f"the adapter: torch::{path}"
    )
