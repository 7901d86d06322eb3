"""The commands on reports, from ``report`` and ``compare`` to ``merge`` and ``badge``."""

from __future__ import annotations

import click

from physcheck.commands.command_line import write_lines

__all__ = ["badge", "baseline", "compare", "merge", "methods", "report"]

_FILE = click.Path(dir_okay=False)


@click.command()
@click.argument("source", metavar="IN.json", type=_FILE)
@click.option("-o", "--output", metavar="OUT", help="Where to: OUT.html, OUT.md or OUT.svg.")
def report(source: str, output: str | None) -> None:
    """Show a JSON report, or write it in another form.

    \b
    Examples:
      physcheck report out.json
      physcheck report out.json -o out.html
    """
    from physcheck.report.commands import convert_report

    write_lines(convert_report(source, output))


@click.command()
@click.argument("source", metavar="IN.json", type=_FILE)
@click.option(
    "-o",
    "--output",
    metavar="OUT.svg",
    default="physcheck.svg",
    show_default=True,
    help="Where to.",
)
def badge(source: str, output: str) -> None:
    """Write the answer of a report as an SVG badge.

    \b
    Example:
      physcheck badge out.json -o docs/physcheck.svg
    """
    from physcheck.errors import SpecError
    from physcheck.report.commands import convert_report

    if not output.lower().endswith(".svg"):
        raise SpecError(f"{output} should end in .svg")
    write_lines(convert_report(source, output))


@click.command()
@click.argument("sources", metavar="IN.json...", type=_FILE, nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", help="Where to: OUT.html, OUT.md or OUT.csv.")
def compare(sources: tuple[str, ...], output: str | None) -> None:
    """Lay JSON reports beside each other: what differs, and a leaderboard.

    \b
    Example:
      physcheck compare a.json b.json -o models.html
    """
    from physcheck.report.commands import compare_files

    write_lines(compare_files(sources, output))


@click.command()
@click.argument("sources", metavar="IN.json...", type=_FILE, nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT.json", required=True, help="Where to.")
def merge(sources: tuple[str, ...], output: str) -> None:
    """Put the JSON reports of the shards of a run together to that of the whole run.

    \b
    Example:
      physcheck merge 1.json 2.json 3.json -o all.json
    """
    from physcheck.report.commands import merge_files

    write_lines(merge_files(sources, output))


@click.command()
@click.argument("source", metavar="IN.json", type=_FILE)
def methods(source: str) -> None:
    """A paragraph for the methods section of a paper: what was tested, with what, and how.

    \b
    Example:
      physcheck methods out.json
    """
    from physcheck.report.loading import load_report
    from physcheck.report.methods import methods_paragraph

    write_lines([methods_paragraph(load_report(source))])


@click.group()
def baseline() -> None:
    """Change the baseline of a project: the report that --physcheck-baseline compares with."""


@baseline.command()
@click.argument("old", metavar="OLD.json", type=_FILE)
@click.argument("new", metavar="NEW.json", type=_FILE)
@click.option(
    "--only", metavar="CHECK[STRUCTURE]", required=True, help="The record that is taken over."
)
@click.option(
    "--reason",
    default="none given",
    show_default=True,
    help="Why: kept in the file.",
)
def update(old: str, new: str, only: str, reason: str) -> None:
    """Take one record of the report NEW over into the baseline OLD, which is changed in place.

    \b
    Example:
      physcheck baseline update base.json new.json --only='loop_work[Si8]' --reason='new kernel'
    """
    from physcheck.report.commands import update_baseline

    write_lines(update_baseline(old, new, only, reason))
