"""Failures that a project knows of: a TOML list of check, structure, reason and ``until``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from physcheck.errors import SpecError
from physcheck.files.paths import path_problem, user_path
from physcheck.measurement import Outcome
from physcheck.names import nearest
from physcheck.run.record import Record
from physcheck.text.failure import REMOVE

__all__ = [
    "KnownFailure",
    "apply_known_failure",
    "apply_xfail",
    "load_known_failures",
    "refuse_unknown_structures",
]

_KEYS = ("check", "structure", "reason", "until")
_TABLE = "known_failure"
_NO_FILE = {"doesn't exist": "No such file or directory"}


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """One failure that is expected.

    Attributes
    ----------
    check, structure : str
    reason : str
        Why it is accepted.
    until : date or None
        The last day on which it is.
    """

    check: str
    structure: str
    reason: str
    until: date | None = None

    def expired(self, today: date) -> bool:
        """True from the day after ``until``."""
        return self.until is not None and today > self.until


def load_known_failures(
    path: str | Path, *, checks: Collection[str]
) -> dict[tuple[str, str], KnownFailure]:
    """The ``[[known_failure]]`` tables of a TOML file by (check, structure).

    Raises
    ------
    SpecError
        The file can't be read, a key is missing or unknown, or a check doesn't exist.
    """
    import tomllib

    file = user_path(path)
    problem = path_problem(file)
    if problem is not None:
        raise SpecError(f"known failures {path}: {_NO_FILE.get(problem, problem)}")
    try:
        document = tomllib.loads(file.read_bytes().decode("utf-8"))
    except OSError as error:
        raise SpecError(f"known failures {path}: {error.strerror or error}") from None
    except RecursionError:
        raise SpecError(f"known failures {path}: tables or lists are nested too deep") from None
    # A whole number of thousands of digits is a ValueError, too.
    except ValueError as error:
        raise SpecError(f"known failures {path}: {error}") from None
    strangers = sorted(set(document) - {_TABLE, f"{_TABLE}s"})
    tables = [t for key in (_TABLE, f"{_TABLE}s") for t in _list(document.get(key), path)]
    if strangers:
        raise SpecError(f"known failures {path}: {strangers[0]!r} should be [[{_TABLE}]]")
    found: dict[tuple[str, str], KnownFailure] = {}
    for table in tables:
        one = _read(table, path)
        if one.check not in checks:
            raise SpecError(
                f"{path}: no check is called {one.check!r}; {nearest(one.check, checks)}"
            )
        found[one.check, one.structure] = one
    return found


def refuse_unknown_structures(
    known: Iterable[KnownFailure], structures: Collection[str], path: str | Path
) -> None:
    """Hold the structures of a list against those that there are.

    Raises
    ------
    SpecError
        One doesn't exist; the nearest names are given.
    """
    for one in known:
        if one.structure not in structures:
            near = nearest(one.structure, structures)
            raise SpecError(f"{path}: no structure is called {one.structure!r}; {near}")


def _list(value: Any, path: str | Path) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise SpecError(f"known failures {path}: write them as [[{_TABLE}]] tables")
    return value


def _read(table: dict[str, Any], path: str | Path) -> KnownFailure:
    for key in table:
        if key not in _KEYS:
            raise SpecError(f"{path}: a known failure has no {key!r}; {nearest(key, _KEYS)}")
    for key in ("check", "structure", "reason"):
        if not isinstance(table.get(key), str) or not table[key].strip():
            raise SpecError(f"{path}: each known failure needs a {key}, as text")
    until = table.get("until")
    if isinstance(until, str):
        try:
            until = date.fromisoformat(until)
        except ValueError:
            raise SpecError(f"{path}: until is {until!r}, should be a date as 2030-01-31") from None
    if isinstance(until, datetime):
        until = until.date()
    if until is not None and not isinstance(until, date):
        raise SpecError(f"{path}: until is {until!r}, should be a date as 2030-01-31")
    return KnownFailure(table["check"], table["structure"], table["reason"], until)


def apply_known_failure(record: Record, known: KnownFailure | None, today: date) -> Record:
    """The record with another verdict where its failure is known, or known and gone."""
    if known is None:
        return record
    if known.expired(today):
        if record.verdict is not Outcome.FAIL:
            return record
        reason = f"known failure ({known.reason}), accepted until {known.until}: expired"
        return replace(record, reason=reason)
    if record.verdict is Outcome.FAIL:
        return replace(record, verdict=Outcome.KNOWN_FAILURE, reason=known.reason)
    if record.verdict is Outcome.PASS:
        reason = f"listed as a known failure ({known.reason}), but it passes now: {REMOVE}"
        return replace(record, verdict=Outcome.FAIL, reason=reason)
    return record


def apply_xfail(record: Record, report: Any, *, raised: bool) -> Record:
    """The record with another verdict where the host's test has a ``pytest.mark.xfail``.

    ``report`` is pytest's of that test.  A failure that was expected is a known one, an error says
    so in its reason; a pass under a strict mark fails.
    """
    expected = getattr(report, "wasxfail", None)
    if expected is not None and report.skipped:
        text = str(expected).removeprefix("reason: ") or "no reason given"
        if record.verdict is Outcome.FAIL:
            record = replace(record, verdict=Outcome.KNOWN_FAILURE)
        if record.verdict in (Outcome.KNOWN_FAILURE, Outcome.ERROR):
            return replace(record, reason=f"marked xfail ({text})")
    elif report.failed and not raised and record.verdict is Outcome.PASS:
        reason = f"marked xfail, but it passes now ({report.longrepr}): {REMOVE}"
        return replace(record, verdict=Outcome.FAIL, reason=reason)
    return record
