"""Reports read from files, with a message for each way in which a file can be none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from physcheck.errors import SpecError
from physcheck.files.paths import path_problem
from physcheck.run.record import SCHEMA, Report
from physcheck.run.resume import Resumed, resumed_from
from physcheck.run.settings import Settings

__all__ = ["load_given_report", "load_report", "load_resumed", "unique_labels"]

_FAMILY = SCHEMA.split("/")[0]


def load_report(path: str | Path) -> Report:
    """The report in a JSON file that physcheck wrote.

    Raises
    ------
    SpecError
        The file can't be read, is cut off, is no report, or one of another format.
    """
    document = _document(path)
    _refuse_other_formats(document, path)
    try:
        return Report.from_json(document)
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from None
    except KeyError as error:
        raise SpecError(
            f"{path} has no {error} where {SCHEMA} needs it: it was edited, or isn't a whole report"
        ) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise SpecError(f"{path} doesn't hold what {SCHEMA} says: {error}") from None


def load_given_report(path: str | Path) -> Report:
    """The report that an option of a run names, as :func:`load_report` reads it.

    Raises
    ------
    SpecError
        As there; or it is a pipe or a device, which a run would wait for without a word.
    """
    problem = path_problem(Path(path))
    if problem is not None:
        raise SpecError(f"{path} can't be read: it {problem}")
    return load_report(path)


def load_resumed(settings: Settings) -> Resumed | None:
    """What a run takes over from the report of ``--physcheck-resume``.

    None where there is no report yet and the run writes that very file: the same command then
    begins a run, and goes on with it.

    Raises
    ------
    SpecError
        The file is no report, or one of another version or of other settings.
    """
    path = settings.resume
    if path is None or (path == settings.json and not Path(path).exists()):
        return None
    return resumed_from(path, load_given_report(path), settings)


def _document(path: str | Path) -> dict[str, Any]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(f"{path} can't be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise SpecError(f"{path} is no text, should be a JSON report of physcheck") from None
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        if not text.strip():
            raise SpecError(f"{path} is empty, should be a JSON report of physcheck") from None
        if error.pos >= len(text.rstrip()) - 1 or "Unterminated" in error.msg:
            raise SpecError(
                f"{path} is cut off in line {error.lineno}: copy it again, or make it anew "
                "(physcheck itself replaces the file as a whole)"
            ) from None
        raise SpecError(f"{path} is no JSON (line {error.lineno}: {error.msg})") from None
    # Numbers of thousands of digits, and lists in lists in lists.
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{path} is no report of physcheck: {error}") from None
    if not isinstance(document, dict):
        raise SpecError(f"{path} is JSON, but no report of physcheck")
    return document


def _refuse_other_formats(document: dict[str, Any], path: str | Path) -> None:
    found = document.get("schema")
    if found == SCHEMA:
        return
    if not isinstance(found, str) or not found.startswith(f"{_FAMILY}/"):
        raise SpecError(f"{path} is JSON, but no report of physcheck: its schema is {found!r}")
    made = document.get("physcheck", "another version")
    raise SpecError(
        f"{path} has the format {found} (physcheck {made}), this version reads {SCHEMA}: make the "
        "report anew, or use the version that made it"
    )


def unique_labels(paths: list[str], reports: list[Report]) -> list[str]:
    """A name for each report: the model's where they differ, else the files'."""
    names = [report.model.spec or report.model.name or "" for report in reports]
    if all(names) and len(set(names)) == len(names):
        return names
    stems = [Path(path).stem for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    return [str(Path(path)) for path in paths]
