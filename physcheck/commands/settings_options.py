"""The options of a run as options of a command: ``--checks``, and pytest's ``--physcheck-checks``.

Both are made from the one table of options that pytest's form has, so that they can't differ.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import click

from physcheck.commands.completion import complete_checks, complete_structures
from physcheck.names import BUDGETS
from physcheck.plugin.options import OPTIONS, Option
from physcheck.run.settings import FAIL_ON, PROFILES

__all__ = ["REPORTS", "SettingsCommand", "settings_options", "words_of"]

#: Options that say where something is written, or what becomes of the verdicts.
REPORTS = frozenset(
    {"json", "html", "markdown", "evidence", "badge", "annotate", "known-failures", "baseline",
     "fail-on", "only"}
)  # fmt: skip
_WHAT = ("reference", "modes", "checks", "structures", "species")
_EXAMPLES = {
    "reference": "--reference=other.py:factory, or --reference=auto",
    "modes": "--modes=plain,compiled",
    "checks": "--checks=conservation, or --checks='loop_work,net_*'",
    "structures": "--structures=Cu32,H2O, or --structures=md.traj@::10",
    "species": "--species=H,O",
    "profile": "--profile=tight",
    "search": "--search=2000",
    "cases": "--cases=failing_cases",
    "seed": "--seed=7",
    "json": "--json=out.json",
    "html": "--html=out.html",
    "markdown": "--markdown=out.md",
    "evidence": "--evidence=frames",
    "badge": "--badge=physics.svg",
    "budget": "--budget=8000, or --budget=5min",
    "device": "--device=cuda",
    "dtype": "--dtype=float64",
    "timeout": "--timeout=300",
    "resume": "--json=out.json --resume=out.json",
    "shard": "--shard=1/4 --budget=standard",
    "known-failures": "--known-failures=known_failures.toml",
    "baseline": "--baseline=release.json",
}
_CHOICES = {"profile": PROFILES, "fail-on": FAIL_ON, "budget": ("auto", *BUDGETS)}
_COMPLETERS: Mapping[str, Callable[..., Any]] = {
    "checks": complete_checks,
    "structures": complete_structures,
}
_SECTIONS = ("What is judged", "How", "Reports and what makes a run fail", "Others")


class SettingsCommand(click.Command):
    """A command whose help lists its options in sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The sections that have options, each option with an example where it needs one."""
        found: dict[str, list[tuple[str, str]]] = {section: [] for section in _SECTIONS}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is not None and isinstance(parameter, click.Option):
                found[_section(str(parameter.name).replace("_", "-"))].append(row)
        for section, rows in found.items():
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)


def _section(name: str) -> str:
    if name not in {option.name for option in OPTIONS}:
        return _SECTIONS[3]
    if name in _WHAT:
        return _SECTIONS[0]
    return _SECTIONS[2] if name in REPORTS else _SECTIONS[1]


def settings_options(*, leave_out: Collection[str] = ()) -> Callable[[Any], Any]:
    """Give a command the options of a run, but for ``model`` and those that are left out."""
    chosen = [o for o in OPTIONS if o.name != "model" and o.name not in leave_out]

    def decorate(command: Any) -> Any:
        for option in reversed(chosen):
            command = _long(option)(_short(option)(command))
        return command

    return decorate


def _short(option: Option) -> Callable[[Any], Any]:
    about = f"{option.help[:1].upper()}{option.help[1:]}."
    if option.name in _EXAMPLES:
        about += f"  Example: {_EXAMPLES[option.name]}"
    if option.kind == "flag":
        return click.option(f"--{option.name}", option.key, is_flag=True, help=about)
    return click.option(
        f"--{option.name}", option.key, metavar=option.metavar, help=about,
        shell_complete=_completer(option),
    )  # fmt: skip


def _long(option: Option) -> Callable[[Any], Any]:
    """The name that pytest knows, for who pastes it; help doesn't list it twice."""
    flag = option.kind == "flag"
    return click.option(f"--physcheck-{option.name}", option.dest, hidden=True, is_flag=flag)


def _completer(option: Option) -> Callable[..., Any] | None:
    names = _CHOICES.get(option.name)
    if names is None:
        return _COMPLETERS.get(option.name)

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete


def words_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The value of each option, by the name that settings have it under, under whichever name it
    was given.

    Raises
    ------
    click.UsageError
        One was given under both names with two values.
    """
    values: dict[str, Any] = {}
    for option in OPTIONS:
        found = [given.get(option.key), given.get(option.dest)]
        said = [value for value in found if value not in (None, False)]
        if len(said) == 2 and said[0] != said[1]:
            raise click.UsageError(
                f"--{option.name} and --physcheck-{option.name} are one option, but are given as "
                f"{said[0]} and {said[1]}"
            )
        if said:
            values[option.key] = said[0]
    return values
