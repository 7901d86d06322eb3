"""The command line and ini options, and the Settings they make.  Loads nothing but pytest."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from physcheck.errors import SpecError
from physcheck.run.settings import BUDGETS, FAIL_ON, PROFILES, Settings

__all__ = ["SHORT_MODEL", "add_options", "add_short_model", "settings_from", "spaced_model"]

SHORT_MODEL = "physcheck_short_model"


@dataclass(frozen=True, slots=True)
class Option:
    """One option: ``--physcheck-<name>``, and ``physcheck_<name>`` in an ini file."""

    name: str
    metavar: str
    help: str
    kind: str = "text"

    @property
    def key(self) -> str:
        """Its name in Settings."""
        return self.name.replace("-", "_")

    @property
    def dest(self) -> str:
        """Its name among pytest's options, and in ini files."""
        return f"physcheck_{self.key}"


OPTIONS = (
    Option(
        "model",
        "SPEC",
        "the model under test: a path, FILE.py:FACTORY, MODULE:FACTORY or ADAPTER::ARGUMENT",
    ),
    Option(
        "reference",
        "SPEC",
        "a second model of the same chemistry to compare with, or auto: the model's other head",
    ),
    Option("checks", "A,B*", "only these checks or families"),
    Option("structures", "X,FILE", "these structures, of the catalogue or of files, and no others"),
    Option("species", "H,O", "only structures made of these elements"),
    Option("profile", "|".join(PROFILES), "which tolerances to use (default: md)"),
    Option(
        "budget",
        "|".join(BUDGETS),
        "force evaluations to spend: 2,500, 25,000 or no limit (default: quick)",
    ),
    Option("seed", "N", "seed of all random numbers (default: 0)", "int"),
    Option("device", "D", "device to load the model on, such as cuda"),
    Option("dtype", "T", "precision to load the model in, such as float64"),
    Option("timeout", "S", "longest time for one record, in seconds", "float"),
    Option("json", "FILE", "write the report as JSON", "path"),
    Option("html", "FILE", "write the report as an HTML page", "path"),
    Option("markdown", "FILE", "write the report as Markdown", "path"),
    Option("evidence", "DIR", "folder for the configurations that show a violation", "path"),
    Option(
        "known-failures",
        "FILE",
        "TOML list of failures that are accepted: check, structure, reason, until",
        "path",
    ),
    Option(
        "baseline",
        "FILE",
        "JSON report of an earlier run of this model: only what got significantly worse fails",
        "path",
    ),
    Option("badge", "FILE", "write the answer as an SVG badge", "path"),
    Option(
        "annotate",
        "",
        "write failures as annotations for GitHub Actions",
        "flag",
    ),
    Option(
        "fail-on",
        "|".join(FAIL_ON),
        "what makes the run fail: laws only, practices too, or inconclusive records too "
        "(default: practice)",
    ),
    Option("only", "", "collect physcheck's suite alone, none of this repository's tests", "flag"),
)


def add_options(parser: pytest.Parser) -> None:
    """Register every option, and its key in ini files."""
    group = parser.getgroup(
        "physcheck", "physical validation of interatomic potentials (physcheck)"
    )
    for option in OPTIONS:
        flag = f"--physcheck-{option.name}"
        if option.kind == "flag":
            group.addoption(
                flag, dest=option.dest, action="store_true", default=None, help=option.help
            )
            parser.addini(option.dest, option.help, type="bool", default=False)
        else:
            group.addoption(
                flag, dest=option.dest, metavar=option.metavar, default=None,
                help=option.help.replace("%", "%%"),
            )  # fmt: skip
            parser.addini(option.dest, option.help, type="string", default="")


def add_short_model(parser: pytest.Parser) -> bool:
    """Register ``--model`` unless the host repository has one of its own; True if it is ours."""
    import argparse

    try:
        parser.getgroup("physcheck").addoption(
            "--model",
            dest=SHORT_MODEL,
            metavar="SPEC",
            default=None,
            help="same as --physcheck-model",
        )
    except (ValueError, argparse.ArgumentError):
        return False
    return True


def settings_from(config: pytest.Config) -> Settings:
    """The run's settings: command line over ini over default.

    Raises
    ------
    SpecError
        A value can't be understood; the nearest ones are named.
    """
    values: dict[str, Any] = {}
    for option in OPTIONS:
        given = config.getoption(option.dest, None)
        base = Path(config.invocation_params.dir)
        if option.name == "model" and given is None:
            given = config.getoption(SHORT_MODEL, None)
        if given is None:
            given = config.getini(option.dest)
            if config.inipath is not None:
                base = config.inipath.parent
        elif isinstance(given, str) and not given.strip():
            # As in --model=$MODEL where MODEL isn't set: nothing would be judged without a word.
            raise SpecError(f"--physcheck-{option.name} is empty, should be {option.metavar}")
        if given in ("", None):
            continue
        values[option.key] = _read(option, given, base)
    return Settings(**values)


def _read(option: Option, given: Any, base: Path) -> Any:
    if option.kind == "flag":
        return bool(given)
    if option.kind == "path":
        return str((base / str(given)).resolve())
    if option.kind == "text":
        return str(given)
    try:
        return int(given) if option.kind == "int" else float(given)
    except ValueError:
        noun = "a whole number" if option.kind == "int" else "a number"
        raise SpecError(f"--physcheck-{option.name} is {given!r}, should be {noun}") from None


def spaced_model(arguments: tuple[str, ...] | list[str]) -> str | None:
    """An existing path that was given as ``--model PATH``, with a space; None if there is none.

    pytest takes it for the path of a test when it looks for its rootdir.
    """
    words = [str(a) for a in arguments]
    for option, value in pairwise(words):
        if option in ("--model", "--physcheck-model") and Path(value).exists():
            return value
    return None
