"""Names that options hold, held against what exists, before anything is loaded or run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from physcheck.errors import SpecError
from physcheck.plugin.items import ANCHOR_ID
from physcheck.run.record import Record
from physcheck.run.settings import Settings

if TYPE_CHECKING:
    from physcheck.run.known_failures import KnownFailure

__all__ = ["lost_record", "refuse_unknown", "refuse_unknown_to_host"]


def refuse_unknown(
    settings: Settings, *, hosts_structures: bool
) -> Mapping[tuple[str, str], KnownFailure]:
    """The known failures, once every name in the settings is known to exist.

    Where ``hosts_structures`` may turn up in the collection, the list's structures wait until then.

    Raises
    ------
    SpecError
        The first name that doesn't, with the nearest ones.
    """
    from physcheck.adapters.spec_problems import find_reference_problem, find_spec_problem
    from physcheck.checks import all_checks, find_checks
    from physcheck.run.known_failures import load_known_failures, refuse_unknown_structures
    from physcheck.run.plan import atomic_numbers_of
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
    for path in filter(None, (settings.json, settings.html, settings.markdown, settings.badge)):
        _refuse_unwritable(Path(path))
    if settings.known_failures is None:
        return {}
    known = load_known_failures(settings.known_failures, checks=all_checks())
    if not hosts_structures:
        refuse_unknown_structures(known.values(), names, settings.known_failures)
    return known


def refuse_unknown_to_host(
    settings: Settings, known: Mapping[tuple[str, str], KnownFailure], collected: set[str]
) -> None:
    """Hold the known failures' structures against all that there are.

    Those are the catalogue's, the options', and those of the host's tests (``collected``).

    Raises
    ------
    SpecError
    """
    from physcheck.run.known_failures import refuse_unknown_structures
    from physcheck.structures import catalogue, load_structures

    if settings.known_failures is not None:
        names = collected | set(catalogue())
        if settings.structures is not None:
            names |= {structure.name for structure in load_structures(settings.structures)}
        refuse_unknown_structures(known.values(), names, settings.known_failures)


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


def lost_record(nodeid: str, text: str, settings: Settings, begun: Record | None) -> Record | None:
    """An ERROR record of an item whose process died; None where the item isn't one of ours.

    ``begun`` is what the process said before; without it, the node id of an item of the suite says
    enough.
    """
    message = f"the process died: {text.strip().splitlines()[-1] if text.strip() else ''}"
    if settings.timeout is not None:
        message += (
            " (physcheck ends a process whose call doesn't return for "
            f"{settings.timeout:g} s after its time was up)"
        )
    if begun is not None:
        return replace(begun, message=message)
    from physcheck.checks import all_checks
    from physcheck.run.outcomes import error_record

    found = re.fullmatch(rf"{re.escape(ANCHOR_ID)}::(\w+)\[(.*)\]", nodeid)
    spec = None if found is None else all_checks().get(found[1])
    if found is None or spec is None:
        return None
    return error_record(spec, found[2], settings, message)
