"""Paths as users write them: whatever is wrong with one is a SpecError of a line."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from physcheck.errors import SpecError

__all__ = ["files_in", "is_folder", "one_line", "path_problem", "readable_file", "relative_to",
           "user_path"]  # fmt: skip

# Bytes of a name and of a path that Linux, macOS and Windows take at most.
_LONGEST_NAME, _LONGEST_PATH = 255, 4096
# Characters of a word and of a message that people can still read in a terminal.
_LONGEST_WORD, _LONGEST_MESSAGE = 300, 3000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

_FOLDER: ContextVar[Path | None] = ContextVar("physcheck_folder", default=None)


@contextmanager
def relative_to(folder: str | Path) -> Iterator[None]:
    """Within, relative paths are relative to ``folder``, wherever a model's code goes meanwhile."""
    token = _FOLDER.set(Path(folder))
    try:
        yield
    finally:
        _FOLDER.reset(token)


def user_path(text: str | Path) -> Path:
    """The absolute path that a user means; it need not exist.

    ``~`` and ``~name`` are home folders.  Relative paths are relative to the folder of
    :func:`relative_to`, else to the current one.  Links are left as they are.

    Raises
    ------
    SpecError
        No path can look like this, or there is no such user.
    """
    given = str(text)
    if "\0" in given:
        raise SpecError(f"the path {given!r} has a NUL character, which no path can have")
    try:
        encoded = given.encode("utf-8")
    except UnicodeEncodeError:
        raise SpecError(f"the path {given!r} isn't UTF-8; rename the file") from None
    longest = max(encoded.split(b"/"), key=len)
    if len(longest) > _LONGEST_NAME:
        raise SpecError(
            f"the path {given[:40]!r}... has a name of {len(longest)} bytes, longer than the "
            f"{_LONGEST_NAME} that a file's can have"
        )
    try:
        path = Path(given).expanduser()
    except RuntimeError:
        user = given.partition("/")[0]
        raise SpecError(
            f"the path {given!r} begins with {user}, but there is no such user"
        ) from None
    try:
        path = (_FOLDER.get() or Path.cwd()) / path
    except OSError as error:
        raise SpecError(f"the current folder can't be found: {error.strerror}") from None
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise SpecError(
            f"the path {given[:40]!r}... has {len(os.fsencode(path))} bytes, more than the "
            f"{_LONGEST_PATH} that a path can have"
        )
    return path


def path_problem(path: Path) -> str | None:
    """Why there is no regular file that can be read, such as ``is a folder``; None if there is.

    Nothing is opened that could wait for ever: pipes and devices are no regular files.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "is a link that leads back to itself"
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return "doesn't exist" if not path.is_symlink() else "is a link to nothing"
        return f"can't be read: {error.strerror or error}"
    if stat.S_ISDIR(mode):
        return "is a folder, should be a file"
    if not stat.S_ISREG(mode):
        return f"is {_KINDS.get(stat.S_IFMT(mode), 'no regular file')}, should be a file"
    if not os.access(path, os.R_OK):
        return "can't be read: Permission denied"
    return None


def readable_file(path: Path) -> bool:
    """Whether there is a regular file that can be read; never raises."""
    return path_problem(path) is None


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; never raises."""
    try:
        return path.is_dir()
    except OSError:
        return False


def files_in(folder: Path) -> list[str]:
    """The names of a folder's files, for hints; none where it can't be read."""
    try:
        return sorted(entry.name for entry in folder.iterdir() if readable_file(entry))
    except OSError:
        return []


def one_line(text: str) -> str:
    """A message as one line that any terminal can print.

    Control characters and half characters are written as escapes; what is too long to be read loses
    its middle.
    """
    escaped = _CONTROL.sub(lambda found: _escaped(found[0]), text)
    words = re.sub(rf"\S{{{_LONGEST_WORD},}}", lambda found: _shortened(found[0]), escaped)
    return words if len(words) <= _LONGEST_MESSAGE else _shortened(words, _LONGEST_MESSAGE)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def _shortened(text: str, length: int = _LONGEST_WORD) -> str:
    begin, end = 2 * length // 3, length // 6
    return f"{text[:begin]}...({len(text):,} characters)...{text[-end:]}"
