"""Model files as far as they can be looked at without running anything of them."""

from __future__ import annotations

import zipfile
from pathlib import Path

from physcheck.errors import SpecError

__all__ = ["EXPORTED", "names_in_archive", "needs_consent", "refuse_foreign"]

#: The ending of programs that ``torch.export`` saved.
EXPORTED = ".pt2"


# How archives and pickles of the protocols that torch writes begin.
_BEGINNINGS = (b"PK", b"\x80")


def refuse_foreign(path: Path) -> None:
    """Nothing where a file may be one of torch's, by its first bytes.

    Raises
    ------
    SpecError
        It is empty, or something else.
    """
    try:
        with path.open("rb") as file:
            first = file.read(2)
    except OSError:
        return
    if not first:
        raise SpecError(f"{path} is empty, should be a model that torch saved")
    if not first.startswith(_BEGINNINGS):
        raise SpecError(
            f"{path} is no file of torch's: it is neither an archive (TorchScript, an exported "
            "program) nor a pickle"
        )


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
