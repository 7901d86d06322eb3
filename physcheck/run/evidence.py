"""A measurement's evidence as the report keeps it: JSON, and configurations in a file beside it."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from physcheck.run.jsonable import to_jsonable
from physcheck.system import Configurations
from physcheck.text.exceptions import description

__all__ = ["save_evidence", "subfolder", "temporary_folder"]

# Of a name: file systems take 255 bytes, and a character may have four.
_MOST_CHARACTERS = 56


def save_evidence(
    found: Mapping[str, Any], name: str, folder: Callable[[], Path]
) -> dict[str, Any]:
    """The evidence as JSON; its ``configurations`` are saved as ``<name>.extxyz`` in ``folder``.

    ``frame_info`` (a mapping each) and ``frame_forces`` (B, N, 3) go into that file, too.  Instead
    of ``configurations``, ``frames`` are pairs of a configuration (B = 1) and such a mapping, each
    of a system of its own; ``script`` is the name of a Python file and its text.  Where a file
    can't be written the evidence says so: that is no reason to lose the record.
    """
    evidence = dict(found)
    unlike, script = evidence.pop("frames", None), evidence.pop("script", None)
    frames = evidence.pop("configurations", None)
    info = evidence.pop("frame_info", None)
    forces = evidence.pop("frame_forces", None)
    evidence = {"quantities": {}, **to_jsonable(evidence)}
    if isinstance(frames, Configurations):
        try:
            path = folder() / _file_name(name)
            _save_images(path, _images(frames, info, forces))
            evidence["configurations"] = str(path)
        except Exception as error:
            evidence["configurations_not_saved"] = description(error)
    if unlike is not None:
        try:
            path = folder() / _file_name(name)
            _save_images(path, [_images(one, [facts], None)[0] for one, facts in unlike])
            evidence["configurations"] = str(path)
        except Exception as error:
            evidence["configurations_not_saved"] = description(error)
    if script is not None:
        _save_script(evidence, script, folder)
    return evidence


def _save_script(
    evidence: dict[str, Any], script: tuple[str, str], folder: Callable[[], Path]
) -> None:
    """Write a script that shows the number, and say so among the lines of the evidence."""
    file, text = script
    try:
        path = folder() / file
        _replace(path, lambda part: Path(part).write_text(text, encoding="utf-8"))
    except Exception as error:
        evidence["script_not_saved"] = description(error)
        return
    evidence["script"] = str(path)
    said = f"the number without physcheck: python {path}"
    evidence["lines"] = [*evidence.get("lines", ()), said]


def _file_name(name: str) -> str:
    """A file name that no other name has, with all of it that a file name can have."""
    plain = re.sub(r"[^\w.+-]+", "_", name)[:_MOST_CHARACTERS]
    if plain != name:
        plain += f"-{crc32(name.encode('utf-8', 'backslashreplace')):08x}"
    return f"{plain}.extxyz"


def _images(
    frames: Configurations,
    info: Sequence[Mapping[str, Any]] | None,
    forces: Sequence[Any] | None,
) -> list[Any]:
    """The frames as ASE holds them."""
    images = []
    for index in range(len(frames)):
        atoms = frames.to_atoms(index)
        if info is not None:
            atoms.info.update(to_jsonable(info[index]))
        if forces is not None:
            # Not named "forces": ASE would hide an array of that name in a calculator when reading.
            atoms.arrays["model_forces"] = forces[index]
        images.append(atoms)
    return images


def _save_images(path: Path, images: Sequence[Any]) -> None:
    import ase.io

    _replace(path, lambda part: ase.io.write(part, images, format="extxyz"))


def _replace(path: Path, write: Callable[[str], object]) -> None:
    """Have a file written beside ``path`` and put it there.

    Two processes may save the same record: each file is whole at any moment.
    """
    handle, part = tempfile.mkstemp(prefix=".", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    try:
        write(part)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(part, 0o666 & ~mask)
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def temporary_folder() -> Path:
    """A new folder for evidence that nobody asked for."""
    return Path(tempfile.mkdtemp(prefix="physcheck-"))


def subfolder(folder: Callable[[], Path], name: str) -> Callable[[], Path]:
    """A folder within ``folder``, made when it is asked for."""

    def made() -> Path:
        inner = folder() / name
        inner.mkdir(parents=True, exist_ok=True)
        return inner

    return made
