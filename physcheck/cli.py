"""The ``physcheck`` command: judges models, explains checks, and works on reports."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from physcheck.commands.command_line import LateGroup, run_command_line

__all__ = ["main"]

_ROOM = "physcheck.commands"
# Name -> module, attribute, and what the list of commands says of it.
_COMMANDS = {
    "run": (f"{_ROOM}.run", "run", "judge a model"),
    "plan": (f"{_ROOM}.plan", "plan", "what a run would do, why, and what it would cost"),
    "checks": (f"{_ROOM}.checks", "checks", "list the checks"),
    "explain": (f"{_ROOM}.explain", "explain", "what a check measures and what a failure means"),
    "models": (f"{_ROOM}.models", "models", "list built-in models, defects and adapters"),
    "structures": (f"{_ROOM}.structures", "structures", "list the structures of the catalogue"),
    "sweep": (f"{_ROOM}.sweep", "sweep", "judge many models on many structures, and compare them"),
    "engine": (f"{_ROOM}.engine", "engine", "what a simulation program wrote, against its model"),
    "report": (f"{_ROOM}.reports", "report", "show a JSON report, or write it in another form"),
    "compare": (f"{_ROOM}.reports", "compare", "lay JSON reports beside each other"),
    "merge": (f"{_ROOM}.reports", "merge", "put the shards of a run together"),
    "baseline": (f"{_ROOM}.reports", "baseline", "change the baseline of a project"),
    "known-failures": (f"{_ROOM}.known_failures", "known_failures", "check a list of them"),
    "paper": (f"{_ROOM}.paper", "paper", "the experiments of arXiv 2412.11569 on a model"),
    "methods": (f"{_ROOM}.reports", "methods", "a paragraph for the methods of a paper"),
    "badge": (f"{_ROOM}.reports", "badge", "write the answer of a report as an SVG badge"),
    "completion": (f"{_ROOM}.completion", "completion", "completion for bash, zsh or fish"),
}
_EPILOG = """\b
Examples:
  physcheck run model.py:factory --html=out.html
  physcheck plan model.py:factory
  physcheck explain loop_work
"""


def _print_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from physcheck import __version__

        click.echo(f"physcheck {__version__}")
        context.exit()


@click.group(cls=LateGroup, late=_COMMANDS, epilog=_EPILOG)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Physical validation of machine-learned interatomic potentials.

    Exit codes are those of the suite under pytest: 0 nothing failed, 1 a failure or an error, 2
    interrupted, 4 a wrong option, name or file, 5 nothing was judged.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    The exit code is pytest's for ``run``, 4 for a wrong name or file, else 0.
    """
    if "_PHYSCHECK_COMPLETE" in os.environ:
        # Registers how bash's words are put together.
        import physcheck.commands.completion  # noqa: F401
    return run_command_line(cli, arguments)
