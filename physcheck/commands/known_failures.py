"""``physcheck known-failures check``: is a list of known failures one that a run can use?"""

from __future__ import annotations

import click

from physcheck.commands.command_line import write_lines

__all__ = ["known_failures"]


@click.group("known-failures")
def known_failures() -> None:
    """Lists of known failures, as --physcheck-known-failures takes them."""


@known_failures.command()
@click.argument("files", metavar="FILE.toml...", nargs=-1, required=True)
def check(files: tuple[str, ...]) -> int:
    """Check that lists can be read, name checks that exist, and hold no entry that has expired.

    Structures are held against the run that uses the list.  The exit code is 1 where an entry has
    expired, 4 where a list can't be used; made for pre-commit.

    \b
    Example:
      physcheck known-failures check known_failures.toml
    """
    from datetime import date

    from physcheck.checks import all_checks
    from physcheck.run.known_failures import load_known_failures

    lines, expired = [], False
    for file in files:
        found = load_known_failures(file, checks=all_checks()).values()
        late = [one for one in found if one.expired(date.today())]
        lines += [
            f"{file}: {one.check}[{one.structure}] expired on {one.until}: mend it, or set a later "
            "date and say why"
            for one in late
        ]
        if not late:
            lines.append(f"{file}: {len(found)} known failure{'' if len(found) == 1 else 's'}")
        expired = expired or bool(late)
    write_lines(lines)
    return int(expired)
