"""``physcheck checks``: the checks as a list, or as the table of the README."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from physcheck.commands.command_line import write_lines
from physcheck.commands.completion import complete_checks
from physcheck.names import FAMILIES
from physcheck.text.columns import columns

if TYPE_CHECKING:
    from physcheck.registry import CheckSpec

__all__ = ["checks", "checks_as_markdown", "chosen_checks", "limits_of"]


@click.command()
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1, shell_complete=complete_checks)
@click.option("--markdown", is_flag=True, help="As the table of the README.")
def checks(patterns: tuple[str, ...], markdown: bool) -> None:
    """List the checks: all, or those whose id or family matches a PATTERN.

    \b
    Examples:
      physcheck checks
      physcheck checks conservation
      physcheck checks '*_equivariance' net_force
    """
    write_lines(checks_as_markdown(patterns) if markdown else _list_of_checks(patterns))


def chosen_checks(patterns: tuple[str, ...]) -> list[CheckSpec]:
    """The checks that match, family by family in the order of the docs.

    Raises
    ------
    SpecError
        A pattern matches none; the nearest names are given.
    """
    from physcheck.checks import find_checks

    found = find_checks(",".join(patterns) if patterns else None)
    return sorted(found, key=lambda spec: FAMILIES.index(spec.family))


def limits_of(spec: CheckSpec) -> str:
    """The tolerances of the profiles with their unit; ``-`` for each where there is none."""
    from physcheck.registry import tolerance_of
    from physcheck.text.numbers import figure
    from physcheck.tolerances import PROFILES

    found = [tolerance_of(spec.id, profile) for profile in PROFILES]
    limits = " / ".join("-" if t is None else figure(t.value) for t in found)
    return f"{limits} {spec.unit}".rstrip()


def checks_as_markdown(patterns: tuple[str, ...] = ()) -> list[str]:
    """The table of checks that stands in the README; a test holds the two together."""
    from physcheck.tolerances import PROFILES

    lines = [
        f"| check | kind | the law | tolerance ({' / '.join(PROFILES)}) |",
        "|---|---|---|---|",
    ]
    family = ""
    for spec in chosen_checks(patterns):
        if spec.family != family:
            family = spec.family
            lines.append(f"| **{family}** | | | |")
        law = spec.law.replace("|", "\\|")
        lines.append(f"| `{spec.id}` | {spec.kind} | {law} | {limits_of(spec)} |")
    return lines


def _list_of_checks(patterns: tuple[str, ...]) -> list[str]:
    from physcheck.tolerances import PROFILES

    rows = [("check", "family", "kind", "needs", " / ".join(PROFILES), "law")]
    for spec in chosen_checks(patterns):
        needs = "+".join(sorted(spec.needs))
        rows.append((spec.id, spec.family, spec.kind, needs, limits_of(spec), spec.law))
    return [*columns(rows), "", "`physcheck explain CHECK` says more of one."]
