"""Names that options hold, held against what exists, before anything is loaded or run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physcheck.errors import SpecError
from physcheck.settings import Settings

if TYPE_CHECKING:
    from physcheck.known_failures import KnownFailure

__all__ = ["lost_record", "refuse_unknown"]


def refuse_unknown(settings: Settings) -> Mapping[tuple[str, str], KnownFailure]:
    """The known failures, once every name in the settings is known to exist.

    Raises
    ------
    SpecError
        The first name that doesn't, with the nearest ones.
    """
    from physcheck.adapters.loading import find_reference_problem, find_spec_problem
    from physcheck.known_failures import load_known_failures
    from physcheck.plan import atomic_numbers_of
    from physcheck.registry import all_checks, find_checks
    from physcheck.structures import catalogue, load_structures

    find_checks(settings.checks)
    names = set(catalogue())
    if settings.structures is not None:
        names |= {structure.name for structure in load_structures(settings.structures)}
    if settings.species is not None:
        atomic_numbers_of(settings.species)
    if settings.model is not None:
        find_spec_problem(settings.model)
    if settings.reference is not None:
        find_reference_problem(settings.reference, settings.model)
    for path in filter(None, (settings.json, settings.html, settings.markdown)):
        _refuse_unwritable(Path(path))
    if settings.known_failures is None:
        return {}
    return load_known_failures(settings.known_failures, checks=all_checks(), structures=names)


def _refuse_unwritable(path: Path) -> None:
    import os

    if path.is_dir():
        raise SpecError(f"{path} is a folder, should be a file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(f"{path} can't be written: {error.strerror or error}") from None
    if not os.access(path.parent, os.W_OK):
        raise SpecError(f"{path} can't be written: no permission in {path.parent}")


def lost_record(nodeid: str, text: str, settings: Settings) -> dict[str, Any] | None:
    """An ERROR record of a suite item whose process died; None where the item isn't one of ours."""
    from physcheck.plan import record_seed
    from physcheck.registry import all_checks

    found = re.search(r"::(\w+)\[(.*)\]$", nodeid)
    spec = None if found is None else all_checks().get(found[1])
    if found is None or spec is None:
        return None
    from physcheck.running import blank_record

    record = blank_record(spec, found[2], record_seed(settings.seed, spec.id, found[2]), settings)
    record["verdict"] = "error"
    record["message"] = f"the process died: {text.strip().splitlines()[-1] if text.strip() else ''}"
    return record
