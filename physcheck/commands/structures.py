"""``physcheck structures``: the catalogue of named structures."""

from __future__ import annotations

import click

from physcheck.commands.command_line import write_lines
from physcheck.commands.completion import complete_structures
from physcheck.text.columns import columns

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
    from fnmatch import fnmatchcase

    from physcheck.errors import SpecError
    from physcheck.names import nearest
    from physcheck.structures import catalogue

    known = list(catalogue().values())
    names = {s.name: {s.name, s.configurations.system.formula, *s.tags} for s in known}
    for pattern in patterns:
        if not any(fnmatchcase(word, pattern) for words in names.values() for word in words):
            every = set().union(*names.values())
            raise SpecError(f"no structure matches {pattern!r}; {nearest(pattern, every)}")
    rows = [("structure", "formula", "atoms", "periodic", "kind", "provenance")]
    for structure in known:
        words = names[structure.name]
        if patterns and not any(fnmatchcase(word, p) for word in words for p in patterns):
            continue
        system = structure.configurations.system
        rows.append(
            (
                structure.name,
                system.formula,
                str(len(system)),
                "".join("xyz"[i] for i in range(3) if system.pbc[i]) or "-",
                " ".join(sorted(structure.tags)),
                str(structure.provenance),
            )
        )
    return columns(rows)
