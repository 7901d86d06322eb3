"""``physcheck run MODEL``: the suite under pytest, with short names for its options."""

from __future__ import annotations

from typing import Any

import click

from physcheck.commands.completion import complete_model
from physcheck.commands.settings_options import SettingsCommand, settings_options, words_of
from physcheck.plugin.options import OPTIONS, ShortNames

__all__ = ["run"]

# The command is part of the package that pytest would like to rewrite; nothing here has asserts.
_QUIET = (
    "-Wignore:Module already imported so cannot be rewritten; physcheck:"
    "pytest.PytestAssertRewriteWarning"
)

_EPILOG = """\b
Examples:
  physcheck run model.py:factory
  physcheck run model.py:factory --checks=conservation --structures=Cu32 --html=out.html
  physcheck run builtin::gupta+pair-curl=0.01 --budget=quick --json=out.json
  physcheck run mace::x.model --dtype=float64 --device=cuda -n 2 -v

Every option is one of pytest, too: --checks is --physcheck-checks there. What this command doesn't
know goes to pytest: -n 2, -v, -k, -x, --lf, --durations.

Exit codes: 0 nothing failed; 1 a failure, an error, or a report that couldn't be written; 2
interrupted; 4 a wrong option, name or file, or a model that can't be loaded; 5 nothing was judged.
"""


@click.command(
    cls=SettingsCommand,
    epilog=_EPILOG,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
@click.argument("model", metavar="MODEL", shell_complete=complete_model)
@settings_options()
@click.pass_context
def run(ctx: click.Context, /, model: str, **given: Any) -> int:
    """Judge MODEL: FILE.py:FACTORY, MODULE:FACTORY, ADAPTER::ARGUMENT or a path.

    `physcheck models` lists what MODEL can be; docs/recipes.md has factories to copy.
    """
    import pytest

    if model.startswith("-"):
        raise click.UsageError(f"MODEL comes first, before {model}", ctx)
    if ctx.args and "::" in ctx.args[0] and not ctx.args[0].startswith("-"):
        raise click.UsageError(
            f"two models are given, {model} and {ctx.args[0]}: to compare them write "
            f"physcheck run {model} --reference={ctx.args[0]}",
            ctx,
        )
    values = words_of(given)
    words = [f"--physcheck-model={model}"]
    for option in OPTIONS:
        if option.key in values:
            flag = f"--physcheck-{option.name}"
            words.append(flag if option.kind == "flag" else f"{flag}={values[option.key]}")
    arguments = ["--pyargs", "physcheck.suite", _QUIET, *words, *ctx.args]
    return int(pytest.main(arguments, plugins=[ShortNames()]))
