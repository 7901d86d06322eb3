"""``physcheck structures``: the catalogue of named structures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from physcheck.commands.command_line import write_lines
from physcheck.commands.completion import complete_structures
from physcheck.text.columns import columns

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = ["structures"]


@click.command()
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1, shell_complete=complete_structures)
def structures(patterns: tuple[str, ...]) -> None:
    """List the structures: all, or those whose name, formula or kind matches a PATTERN.

    Kinds are molecule, cluster, crystal, slab, liquid, disordered, metal, ionic, covalent and
    triclinic.

    \b
    Examples:
      physcheck structures
      physcheck structures 'Cu*'
      physcheck structures molecule
    """
    write_lines(_list_of_structures(patterns))


def _list_of_structures(patterns: tuple[str, ...]) -> list[str]:
    from physcheck.errors import SpecError
    from physcheck.names import nearest
    from physcheck.structures import catalogue

    words = {
        structure: {structure.name, structure.configurations.system.formula, *structure.tags}
        for structure in catalogue().values()
    }
    every = set().union(*words.values())
    for pattern in patterns:
        if not _match(every, pattern):
            raise SpecError(f"no structure matches {pattern!r}; {nearest(pattern, every)}")
    shown = [
        structure
        for structure, known_by in words.items()
        if not patterns or any(_match(known_by, pattern) for pattern in patterns)
    ]
    head = ("structure", "formula", "atoms", "periodic", "kind", "provenance")
    return columns([head, *(_row(structure) for structure in shown)])


def _match(words: Iterable[str], pattern: str) -> bool:
    from fnmatch import fnmatchcase

    return any(fnmatchcase(word, pattern) for word in words)


def _row(structure: Structure) -> tuple[str, ...]:
    system = structure.configurations.system
    axes = "".join(axis for axis, periodic in zip("xyz", system.pbc, strict=True) if periodic)
    kinds, provenance = " ".join(sorted(structure.tags)), str(structure.provenance)
    return structure.name, system.formula, str(len(system)), axes or "-", kinds, provenance
