"""A measurement's evidence as the report keeps it: JSON, and configurations in a file beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from physcheck.run.jsonable import to_jsonable
from physcheck.system import Configurations

__all__ = ["save_evidence", "temporary_folder"]


def save_evidence(
    found: Mapping[str, Any], name: str, folder: Callable[[], Path]
) -> dict[str, Any]:
    """The evidence as JSON; its ``configurations`` are saved as ``<name>.extxyz`` in ``folder``.

    ``frame_info`` (a mapping each) and ``frame_forces`` (B, N, 3) go into that file, too.  Where
    the file can't be written the evidence says so: that is no reason to lose the record.
    """
    evidence = dict(found)
    frames = evidence.pop("configurations", None)
    info = evidence.pop("frame_info", None)
    forces = evidence.pop("frame_forces", None)
    evidence = {"quantities": {}, **to_jsonable(evidence)}
    if isinstance(frames, Configurations):
        try:
            path = folder() / (re.sub(r"[^\w.+-]+", "_", name) + ".extxyz")
            _save_frames(path, frames, info, forces)
            evidence["configurations"] = str(path)
        except OSError as error:
            evidence["configurations_not_saved"] = str(error)
    return evidence


def _save_frames(
    path: Path,
    frames: Configurations,
    info: Sequence[Mapping[str, Any]] | None,
    forces: Sequence[Any] | None,
) -> None:
    import ase.io

    images = []
    for index in range(len(frames)):
        atoms = frames.to_atoms(index)
        if info is not None:
            atoms.info.update(to_jsonable(info[index]))
        if forces is not None:
            # Not named "forces": ASE would hide an array of that name in a calculator when reading.
            atoms.arrays["model_forces"] = forces[index]
        images.append(atoms)
    ase.io.write(path, images, format="extxyz")


def temporary_folder() -> Path:
    """A new folder for evidence that nobody asked for."""
    import tempfile

    return Path(tempfile.mkdtemp(prefix="physcheck-"))
