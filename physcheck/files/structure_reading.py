"""Structure files of users: ``FILE``, ``FILE@INDEX``, ``FILE:FORMAT``, read by ASE."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from physcheck.errors import SpecError
from physcheck.files.paths import files_in, is_folder, path_problem, user_path
from physcheck.files.time_limit import TookTooLong, time_limit
from physcheck.names import nearest

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["ALL_FRAMES", "StructureFile", "parse_structure_file", "read_frames"]

#: The index of a file without one.
ALL_FRAMES = ":"

_INDEX = r"@(?P<index>[-+]?\d*(?::[-+]?\d*){0,2})"
_FORMAT = r":(?P<format>[A-Za-z][\w-]*)"
# Both orders are taken; an index needs a digit or a colon.
_FORMS = (
    re.compile(rf"(?P<path>.+?){_FORMAT}{_INDEX}"),
    re.compile(rf"(?P<path>.+?){_INDEX}{_FORMAT}"),
    re.compile(rf"(?P<path>.+){_FORMAT}"),
    re.compile(rf"(?P<path>.+){_INDEX}"),
)
# Lines that only LAMMPS data files have, within so many bytes from the start.
_LAMMPS_BOX = re.compile(rb"^[^#\n]*\bxlo\s+xhi\b|^[^#\n]*\bavec\b", re.MULTILINE)
_LAMMPS_SPECIES = re.compile(r"^\s*(Masses|Atom Type Labels)\s*(#.*)?$", re.MULTILINE)
_HEAD_BYTES = 4096
# ASE reads megabytes a second.  Some of its readers never end where a file lacks a line they wait
# for, such as cp2k-restart's.
_READ_SECONDS, _PER_MEGABYTE = 30.0, 5.0
LAMMPS = "lammps-data"


@dataclass(frozen=True, slots=True)
class StructureFile:
    """A structure file as a user named it.

    Attributes
    ----------
    name : str
        As it was given.
    path : Path
        Absolute.
    index : str
        Which frames, in ASE's syntax.
    format : str or None
        ASE's name of the format; None to let it find out.
    """

    name: str
    path: Path
    index: str = ALL_FRAMES
    format: str | None = None


def parse_structure_file(name: str) -> StructureFile:
    """The parts of ``FILE``, ``FILE@INDEX``, ``FILE:FORMAT`` or both.

    A file whose own name looks like one of these is taken as it is.

    Raises
    ------
    SpecError
        There is no such file, ASE has no such format, or a step is zero.
    """
    whole = user_path(name)
    if path_problem(whole) is None:
        return StructureFile(name, whole)
    problem = ""
    for form in _FORMS:
        match = form.fullmatch(name)
        if match is None:
            continue
        parts = match.groupdict()
        path = user_path(parts["path"])
        problem = path_problem(path) or ""
        if problem:
            if problem == "doesn't exist":
                continue
            raise SpecError(f"{parts['path']} {problem}")
        return StructureFile(
            name, path, _checked_index(parts.get("index"), name), _checked_format(parts, name)
        )
    raise SpecError(_no_file(name, whole))


def _checked_index(index: str | None, name: str) -> str:
    """An index that Python can slice with."""
    if index is None:
        return ALL_FRAMES
    parts = index.split(":")
    if not any(parts) and len(parts) < 2:
        raise SpecError(f"{name} has no index after the @; write @3, @:10 or @::5")
    if any(len(part) > 9 for part in parts):
        raise SpecError(f"{name} has an index of more than 9 digits")
    if len(parts) > 2 and parts[2] and int(parts[2]) == 0:
        raise SpecError(f"{name} takes every 0th frame; the step should be 1 or more")
    return index


def _checked_format(parts: dict[str, str | None], name: str) -> str | None:
    chosen = parts.get("format")
    if chosen is None:
        return None
    from ase.io.formats import ioformats

    known = [fmt for fmt, one in ioformats.items() if one.can_read]
    if chosen not in known:
        hint = nearest(chosen, known)
        hint = hint if hint.startswith("did you mean") else "`ase info --formats` lists them"
        raise SpecError(f"{name}: ASE reads no format {chosen!r}; {hint}")
    return chosen


def _no_file(name: str, path: Path) -> str:
    problem = path_problem(path)
    if problem is not None and "folder" in problem:
        return f"{name} is a folder, should be a structure's name or a file"
    if problem not in (None, "doesn't exist"):
        return f"{name} {problem}"
    if not is_folder(path.parent):
        return f"no structure file {name}; there is no folder {path.parent}"
    hint = nearest(path.name, files_in(path.parent))
    if not hint.startswith("did you mean"):
        hint = f"{path.parent} has no file near that name"
    return f"no structure file {name}; {hint}"


def read_frames(file: StructureFile) -> list[Atoms]:
    """The frames that a file names; never none.

    Raises
    ------
    SpecError
        ASE can't read it, it has no atoms, or it is LAMMPS data without elements.
    """
    from ase import Atoms
    from ase.io import read

    chosen = file.format
    if chosen is None and _is_lammps_data(file.path):
        chosen = LAMMPS
    if chosen == LAMMPS:
        _require_elements(file)
    megabytes = file.path.stat().st_size / 1e6
    try:
        with warnings.catch_warnings(), time_limit(_READ_SECONDS + megabytes * _PER_MEGABYTE):
            # A host may turn ASE's remarks on a file into errors.
            warnings.simplefilter("ignore")
            found = read(str(file.path), file.index, format=chosen, do_not_split_by_at_sign=True)
    except TookTooLong:
        kind = chosen or "the format that ASE takes it for"
        raise SpecError(
            f"reading {file.name} ({megabytes:.3g} MB) as {kind} took too long, so it was ended; "
            "name the format as FILE:FORMAT, or fewer frames as FILE@INDEX"
        ) from None
    except (IndexError, StopIteration):
        raise SpecError(f"{file.name} has no frame @{file.index}") from None
    except (Exception, SystemExit) as error:
        # ASE's readers raise whatever an unexpected line leads to.
        reason = str(error) or "no format that ASE knows"
        raise SpecError(
            f"ASE can't read the structures in {file.name}: {type(error).__name__}: {reason}"
        ) from error
    given = found if isinstance(found, list) else [found]
    # Some of ASE's readers give None where they find no atoms.
    frames = [one for one in given if isinstance(one, Atoms)]
    if not frames:
        where = "" if file.index == ALL_FRAMES else f" at @{file.index}"
        how = "as ASE reads it" if chosen is None else f"read as {chosen}"
        raise SpecError(
            f"{file.name} holds no structures{where}, {how}; FILE:FORMAT names the format"
        )
    return frames


def _is_lammps_data(path: Path) -> bool:
    with path.open("rb") as stream:
        return _LAMMPS_BOX.search(stream.read(_HEAD_BYTES)) is not None


def _require_elements(file: StructureFile) -> None:
    """SpecError for LAMMPS data that says of atom types neither masses nor labels."""
    text = file.path.read_bytes().decode("utf-8", "replace")
    if _LAMMPS_SPECIES.search(text) is None:
        raise SpecError(
            f"{file.name} is LAMMPS data without elements: its atom types are numbers only; add a "
            "section Masses or Atom Type Labels (chemical symbols)"
        )
