"""Names that options hold, held against what exists, before anything is loaded or run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from itertools import combinations
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from physcheck.errors import SpecError
from physcheck.names import GENERATED
from physcheck.plugin.items import ANCHOR_ID
from physcheck.run.record import Record
from physcheck.run.settings import Settings

if TYPE_CHECKING:
    from physcheck.run.known_failures import KnownFailure

__all__ = ["lost_record", "refuse_unknown", "refuse_unknown_to_host", "refuse_unwritable"]


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
    from physcheck.run.choosing import atomic_numbers_of, refuse_other_species
    from physcheck.run.known_failures import load_known_failures, refuse_unknown_structures
    from physcheck.structures import catalogue, load_structures

    find_checks(settings.checks)
    names = {*catalogue(), GENERATED}
    if settings.named_structures is not None:
        names |= {structure.name for structure in load_structures(settings.named_structures)}
    if settings.species is not None:
        atomic_numbers_of(settings.species)
        if settings.named_structures is not None:
            refuse_other_species(load_structures(settings.named_structures), settings.species)
    if settings.model is not None:
        find_spec_problem(settings.model)
    if settings.reference is not None:
        find_reference_problem(settings.reference, settings.model)
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
        names = collected | {*catalogue(), GENERATED}
        if settings.named_structures is not None:
            names |= {structure.name for structure in load_structures(settings.named_structures)}
        refuse_unknown_structures(known.values(), names, settings.known_failures)


def refuse_unwritable(settings: Settings) -> None:
    """Hold the paths of the reports against what is there.

    No folder is made but that of ``--physcheck-evidence`` itself: a mistyped path would leave
    reports where nobody looks for them.

    Raises
    ------
    SpecError
        A path is no place for a file, its folder doesn't exist, or two options name one path.
    """
    folders, inputs = ("evidence", "cases"), ("known_failures", "baseline")
    options = ("json", "html", "markdown", "badge", *folders, *inputs)
    taken: dict[str, str] = {}
    for name in options:
        path = getattr(settings, name)
        if path is None:
            continue
        option = f"--physcheck-{name.replace('_', '-')}"
        if path in taken:
            raise SpecError(f"{taken[path]} and {option} are both {path}, should be different")
        if path == settings.resume and name != "json":
            raise SpecError(f"{option} and --physcheck-resume are both {path}, should be different")
        taken[path] = option
        try:
            if name in ("json", "html", "markdown", "badge"):
                _refuse_unwritable_file(Path(path))
            elif name in folders:
                _refuse_no_folder(Path(path))
        except (OSError, ValueError) as error:
            raise SpecError(f"{option}: {path} can't be written: {error}") from None
    _refuse_same_files([getattr(settings, name) for name in options], taken)


def _refuse_same_files(paths: Iterable[str | None], taken: Mapping[str, str]) -> None:
    """Two paths may be one file under two names."""
    existing = [path for path in paths if path is not None and Path(path).exists()]
    for first, second in combinations(existing, 2):
        if Path(first).samefile(second):
            raise SpecError(f"{taken[first]} and {taken[second]} are one file, {first}")


def _refuse_unwritable_file(path: Path) -> None:
    if path.is_dir():
        raise SpecError(f"{path} is a folder, should be a file to write")
    if path.exists() and not path.is_file():
        raise SpecError(f"{path} is a device or a pipe, should be a regular file or a new one")
    _refuse_missing(path.parent, path)
    _try_to_write(path.parent)


def _refuse_missing(folder: Path, wanted: Path) -> None:
    """SpecError unless ``folder`` exists, with the nearest of its neighbours."""
    if folder.is_dir():
        return
    above = next(p for p in folder.parents if p.exists())
    if not above.is_dir():
        raise SpecError(f"{wanted} can't be written: {above} is a file, should be a folder")
    missing = folder.relative_to(above).parts[0]
    try:
        known = sorted(entry.name for entry in above.iterdir() if entry.is_dir())
    except OSError:
        known = []
    close = get_close_matches(missing, known, n=2, cutoff=0.6)
    hint = f"did you mean {' or '.join(close)}? Else make it" if close else "make it"
    raise SpecError(
        f"{wanted} can't be written: there is no folder {missing} in {above}; {hint}: "
        f"mkdir -p {quote(str(folder))}"
    )


def _refuse_no_folder(path: Path) -> None:
    """SpecError unless ``path`` is a folder that can be written in, or can become one."""
    if path.exists() and not path.is_dir():
        raise SpecError(f"{path} is a file, should be a folder")
    if not path.exists():
        _refuse_missing(path.parent, path)
    _try_to_write(path if path.exists() else path.parent)


def _try_to_write(folder: Path) -> None:
    """OSError where no file can be made in a folder: permissions alone don't say it."""
    from tempfile import TemporaryFile

    with TemporaryFile(dir=folder):
        pass


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
