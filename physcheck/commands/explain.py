"""``physcheck explain CHECK``: what a check measures, and what to do about a failure."""

from __future__ import annotations

import click

from physcheck.commands.checks import chosen_checks
from physcheck.commands.command_line import write_lines
from physcheck.commands.completion import complete_checks

__all__ = ["explain"]


@click.command()
@click.argument(
    "patterns", metavar="CHECK...", nargs=-1, required=True, shell_complete=complete_checks
)
def explain(patterns: tuple[str, ...]) -> None:
    """Explain checks or families: the law, how it is measured, and what a failure means.

    \b
    Examples:
      physcheck explain loop_work
      physcheck explain net_force net_torque
      physcheck explain relaxation | less
    """
    from physcheck.report.explanation import explanation

    lines: list[str] = []
    for spec in chosen_checks(patterns):
        lines += [*([] if not lines else ["", "=" * 90, ""]), *explanation(spec)]
    write_lines(lines)
