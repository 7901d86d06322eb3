"""One law a file, by family.

``checks/<family>/<check id>.py``.  The list of all checks is asked here.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import walk_packages

from physcheck.errors import SpecError
from physcheck.names import FAMILIES, nearest
from physcheck.registry import CheckSpec, registered_checks

__all__ = ["all_checks", "find_checks"]


def all_checks() -> dict[str, CheckSpec]:
    """Every check by id, by family and then by name: the shipped ones and those of other packages.

    Other packages' are those that their entry points of the group ``physcheck.checks`` import, and
    whatever else was registered with ``@physcheck.check``.

    Raises
    ------
    SpecError
        An entry point can't be imported: its checks would be missing without a word.
    """
    _import_shipped()
    _import_entry_points()
    found = registered_checks().values()
    return {spec.id: spec for spec in sorted(found, key=lambda spec: (spec.family, spec.id))}


def find_checks(patterns: str | None) -> list[CheckSpec]:
    """Checks whose id or family matches one of ``patterns`` (comma separated, ``*`` allowed); all
    if None.

    Raises
    ------
    SpecError
        A pattern matches nothing; the nearest names are given.
    """
    from fnmatch import fnmatchcase

    checks = all_checks()
    if patterns is None:
        return list(checks.values())
    chosen: set[str] = set()
    for pattern in filter(None, (p.strip() for p in patterns.split(","))):
        hits = {
            id_
            for id_, spec in checks.items()
            if fnmatchcase(id_, pattern) or spec.family == pattern
        }
        if not hits:
            # A long list of everything helps nobody: families stand for what is in them.
            known = [*FAMILIES, *checks]
            hint = nearest(pattern, known, otherwise=f"families: {', '.join(FAMILIES)}")
            raise SpecError(f"no check or family is called {pattern!r}; {hint}")
        chosen |= hits
    if not chosen:
        raise SpecError("no check is chosen: --physcheck-checks is empty")
    return [spec for id_, spec in checks.items() if id_ in chosen]


@cache
def _import_shipped() -> None:
    for module in walk_packages(__path__, f"{__name__}."):
        import_module(module.name)


@cache
def _import_entry_points() -> None:
    from importlib.metadata import entry_points

    for entry in entry_points(group="physcheck.checks"):
        try:
            entry.load()
        except Exception as error:
            package = "?" if entry.dist is None else entry.dist.name
            raise SpecError(
                f"the checks of the package {package} (entry point {entry.name} = {entry.value}) "
                "can't be "
                f"imported: {type(error).__name__}: {error}"
            ) from error
