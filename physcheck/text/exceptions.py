"""What somebody else's code raised: told apart from what must end the run, and put into words."""

from __future__ import annotations

import dis
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from physcheck.errors import (
    AllotmentExceeded,
    ModelError,
    NonFiniteOutput,
    PhyscheckError,
    TimeIsUp,
)
from physcheck.text.phrases import printable

__all__ = ["description", "foreign_code", "is_of_the_run", "replaced_by"]

# A message of more characters says no more.
_MOST_CHARACTERS = 2000
_ABOUT_MODELS = (ModelError, NonFiniteOutput, AllotmentExceeded)
_PACKAGE = __name__.partition(".")[0]


def description(error: BaseException) -> str:
    """``ValueError: what it says``, whatever its text is: it may raise, be long or unprintable."""
    name = printable(str(type(error).__name__))
    try:
        text = str(error)
    except BaseException as again:
        text = f"(its text can't be read: that raises {type(again).__name__})"
    if len(text) > _MOST_CHARACTERS:
        text = f"{text[:_MOST_CHARACTERS]} ... ({len(text)} characters)"
    return f"{name}: {printable(text)}" if text else name


def is_of_the_run(error: BaseException) -> bool:
    """True for what must pass through: the user's Ctrl-C, and the alarm of a record's time limit.

    A KeyboardInterrupt that code raises itself, by a ``raise`` of its own, is no user's.
    """
    if isinstance(error, TimeIsUp):
        return True
    seen: list[BaseException] = []
    link: BaseException | None = error
    # The user's may have been turned into another KeyboardInterrupt on its way.
    while isinstance(link, KeyboardInterrupt) and link not in seen:
        if not _is_raised_by_a_statement(link):
            return True
        seen.append(link)
        link = link.__cause__ or link.__context__
    return False


def _is_raised_by_a_statement(error: BaseException) -> bool:
    """Whether the innermost frame of its traceback stands at a ``raise``.

    Python looks at signals at calls and jumps, never at a ``raise``; a handler that a host set in
    Python raises in a frame of its own, which is known.
    """
    trace = error.__traceback__
    handler = getattr(signal.getsignal(signal.SIGINT), "__code__", None)
    innermost: TracebackType | None = None
    while trace is not None:
        if trace.tb_frame.f_code is handler:
            return False
        innermost, trace = trace, trace.tb_next
    if innermost is None:
        return False
    operation = innermost.tb_frame.f_code.co_code[innermost.tb_lasti]
    return dis.opname[operation] == "RAISE_VARARGS"


def _innermost(error: BaseException) -> TracebackType | None:
    """Where an exception was raised; None for one that never was."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def replaced_by(error: BaseException) -> str | None:
    """FILE:LINE where the innermost frame of an exception is neither physcheck's nor a package's.

    Outside :func:`foreign_code` no such code is called, unless a model has put a function of its
    own in the place of a library's.
    """
    trace = _innermost(error)
    if trace is None:
        return None
    file = trace.tb_frame.f_code.co_filename
    known = (sys.base_prefix, sys.prefix, str(Path(__file__).parents[1]), "<")
    if file.startswith(known) or "site-packages" in file:
        return None
    return f"{printable(file)}:{trace.tb_lineno}"


def _is_raised_by_physcheck(error: BaseException) -> bool:
    """Whether the innermost frame is physcheck's: models may raise its classes, too."""
    trace = _innermost(error)
    module = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] == _PACKAGE


@contextmanager
def _kept_open(name: str) -> Iterator[None]:
    """A standard stream that somebody else's code can't close: pytest writes to it, too."""
    stream = getattr(sys, name, None)
    try:
        # Hides the method; not all streams let themselves be changed.
        stream.close = lambda: None  # type: ignore[union-attr]
    except (AttributeError, TypeError):
        stream = None
    try:
        yield
    finally:
        if stream is not None:
            with suppress(AttributeError):
                del stream.close


@contextmanager
def foreign_code(
    said: Callable[[str], str],
    *,
    own: tuple[type[PhyscheckError], ...] = _ABOUT_MODELS,
    anybodys: tuple[type[PhyscheckError], ...] = (),
) -> Iterator[None]:
    """Within, somebody else's code runs: whatever it raises is a ModelError with its cause.

    That includes what pytest, ``sys.exit`` and Ctrl-C use to end more than a call, ``os._exit``,
    and ``os.exec*``, which puts another program in the place of this one.  What
    :func:`is_of_the_run` is passed on.  A forked child that comes back, by a return or an
    exception, ends here: it would go on as a second run.  Standard output stays open, and the
    depth of recursion that was allowed before is allowed after: physcheck needs both.

    Parameters
    ----------
    said : callable (str) -> str
        The message, from the description of what was raised.
    own, anybodys : tuple of classes
        Errors that are passed on: where physcheck raised them, and whoever did.

    Raises
    ------
    ModelError
    """
    process, depth = os.getpid(), sys.getrecursionlimit()
    real_exit, real_execv, real_execve = os._exit, os.execv, os.execve

    def refuse(status: int = 0) -> None:
        if os.getpid() != process:
            real_exit(status)
        raise SystemExit(f"os._exit({status}), of which the process would have died")

    def refuse_program(path: Any, arguments: Any, environment: Any = None) -> None:
        if os.getpid() != process:
            real_execve(path, arguments, os.environ if environment is None else environment)
        raise SystemExit(f"os.exec({path!r}), of which the process would have died")

    # They would end the run without a word, and with an exit code that isn't its own.
    os._exit = refuse  # type: ignore[assignment]
    os.execv = os.execve = refuse_program  # type: ignore[assignment]
    try:
        try:
            with _kept_open("stdout"), _kept_open("stderr"):
                yield
        finally:
            if sys.getrecursionlimit() < depth:
                sys.setrecursionlimit(depth)
    except BaseException as error:
        if os.getpid() != process:
            real_exit(1)
        ours = isinstance(error, own) and _is_raised_by_physcheck(error)
        if ours or isinstance(error, anybodys) or is_of_the_run(error):
            raise
        raise ModelError(said(description(error))) from error
    finally:
        os._exit, os.execv, os.execve = real_exit, real_execv, real_execve
        if os.getpid() != process:
            real_exit(0)
