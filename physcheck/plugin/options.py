"""The command line and ini options, and the Settings they make.  Loads nothing but pytest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from physcheck.errors import SpecError
from physcheck.run.settings import BUDGETS, FAIL_ON, PROFILES, Settings

__all__ = [
    "OPTIONS",
    "SHORT_MODEL",
    "Option",
    "ShortNames",
    "add_options",
    "add_short_model",
    "settings_from",
    "settings_of",
    "spaced_model",
    "unknown_option",
]

SHORT_MODEL = "physcheck_short_model"
# Characters of an option; a shell passes no more in one argument.
_LONGEST = 131_072
# Every JSON reader holds a seed below 2^63; infinity is no time.
_LARGEST = {"int": 2**63, "float": float("inf")}


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
    Option(
        "modes",
        "A,B",
        "two ways to execute the model, such as plain,compiled: the second is the reference of the "
        "first",
    ),
    Option("checks", "A,B*", "only these checks or families"),
    Option("structures", "X,FILE", "these structures, of the catalogue or of files, and no others"),
    Option("species", "H,O", "only structures made of these elements"),
    Option(
        "profile",
        "|".join(PROFILES),
        "which tolerances to use: coarse ones, those of molecular dynamics, or strict ones "
        "(default: md)",
    ),
    Option(
        "budget",
        "auto|N|90s|5min|" + "|".join(BUDGETS),
        "what to spend: a number of force evaluations, model time, quick (2,500 evaluations), "
        "standard (25,000), full (no limit), or auto: what a run of a minute buys, never less "
        "than quick or more than standard (default: auto)",
    ),
    Option(
        "search",
        "N",
        "evaluations for generated cases: structures and transformations drawn by hypothesis, made "
        "smaller where they fail (default: a fifth of the budget, none at quick; 0: none)",
        "int",
    ),
    Option("cases", "DIR", "folder in which cases that failed are kept and asked again", "path"),
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
    Option(
        "resume",
        "FILE",
        "JSON report of a run that was stopped: its finished records are kept, the others made; "
        "where the file isn't there yet, and is the one that is written, a run begins",
        "path",
    ),
    Option(
        "shard",
        "I/N",
        "make the records of the I-th of N shares of the structures only; physcheck merge puts the "
        "N reports together; needs a budget that doesn't depend on speed",
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
    _refuse_two_models(config)
    values: dict[str, Any] = {}
    for option in OPTIONS:
        given = config.getoption(option.dest, None)
        base = Path(config.invocation_params.dir)
        if option.name == "model" and given is None:
            given = config.getoption(SHORT_MODEL, None)
        if given is None:
            given = _from_ini(config, option)
            if config.inipath is not None:
                base = config.inipath.parent
        elif isinstance(given, str) and not given.strip():
            # As in --model=$MODEL where MODEL isn't set: nothing would be judged without a word.
            raise SpecError(f"--physcheck-{option.name} is empty, should be {option.metavar}")
        if given in ("", None):
            continue
        values[option.key] = _read(option, given, base)
    return Settings(**_with_modes(values))


def _refuse_two_models(config: pytest.Config) -> None:
    """SpecError where the command line names two models: the last would win without a word."""
    short = config.getoption(SHORT_MODEL, None) is not None
    names = ("--model", "--physcheck-model") if short else ("--physcheck-model",)
    words = [str(argument) for argument in config.invocation_params.args]
    given = []
    for word, following in pairwise([*words, ""]):
        name, sign, value = word.partition("=")
        if name in names:
            given.append(value if sign else following)
    if len(given) > 1:
        from physcheck.adapters.spec_problems import find_spec_problem

        # One that is mistyped is told first.
        for spec in given:
            if not spec.strip():
                raise SpecError("--physcheck-model is empty, should be SPEC")
            find_spec_problem(spec)
        first, second, *_ = given
        raise SpecError(
            f"two models are given, {first} and {second}: to compare them write --model={first} "
            f"--physcheck-reference={second}, or make a report of each (--physcheck-json) and lay "
            "them side by side with `physcheck compare`"
        )


def settings_of(given: Mapping[str, Any], base: Path) -> Settings:
    """The settings that options' values make, as written on a command line in the folder ``base``.

    Parameters
    ----------
    given : mapping of option's name to its value
        Values that are None or false are left out.

    Raises
    ------
    SpecError
        A value can't be understood; the nearest ones are named.
    """
    known = {option.key: option for option in OPTIONS}
    values = {name: value for name, value in given.items() if value not in (None, False)}
    read = {name: _read(known[name], value, base) for name, value in values.items()}
    return Settings(**_with_modes(read))


def _with_modes(values: dict[str, Any]) -> dict[str, Any]:
    """The specs of the two modes in the places of the model and the reference."""
    modes = values.pop("modes", None)
    if modes is None:
        return values
    from physcheck.adapters.modes import mode_specs

    model, reference = values.get("model"), values.get("reference")
    if model is None or reference is not None:
        beside = "without a model" if model is None else f"beside the reference {reference}"
        raise SpecError(f"--physcheck-modes is given {beside}, should be two modes of a model")
    first, second, *more = mode_specs(model, modes)
    if more:
        raise SpecError(
            f"--physcheck-modes is {modes}: a run compares two modes; for more write "
            "modes in the file of a sweep, or make a report of each and `physcheck compare` them"
        )
    return {**values, "model": first, "reference": second}


def _from_ini(config: pytest.Config, option: Option) -> Any:
    """The value in the ini file; pytest raises for one that isn't of the declared type."""
    try:
        return config.getini(option.dest)
    except (ValueError, TypeError) as error:
        noun = "true or false" if option.kind == "flag" else "text"
        raise SpecError(f"{option.dest} in {config.inipath} should be {noun}: {error}") from None


def _read(option: Option, given: Any, base: Path) -> Any:
    if option.kind == "flag":
        return bool(given)
    text = str(given)
    name = f"--physcheck-{option.name}"
    if len(text) > _LONGEST:
        raise SpecError(f"{name} has {len(text):,} characters, should have at most {_LONGEST:,}")
    if "\0" in text:
        raise SpecError(f"{name} is {text!r}, which has a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise SpecError(f"{name} is {text!r}, which isn't UTF-8") from None
    if option.kind == "path":
        return _absolute(name, text, base)
    if option.kind == "text":
        return text
    try:
        number = int(text) if option.kind == "int" else float(text)
    except ValueError:
        noun = "a whole number" if option.kind == "int" else "a number"
        raise SpecError(f"{name} is {text!r}, should be {noun}") from None
    if not (abs(number) < _LARGEST[option.kind]):
        raise SpecError(f"{name} is {text!r}, should be less than {_LARGEST[option.kind]:.3g}")
    return number


def _absolute(name: str, text: str, base: Path) -> str:
    """The path without links, which the model's code can't turn into another by going elsewhere."""
    from physcheck.files.paths import path_problem, relative_to, user_path

    try:
        with relative_to(base):
            path = user_path(text)
        problem = path_problem(path)
        if problem is not None and "leads back" in problem:
            raise SpecError(f"{text} {problem}")
        return str(path.resolve())
    except (SpecError, OSError, RuntimeError) as error:
        raise SpecError(f"{name}: {error}") from None


class ShortNames:
    """Given to pytest as a plugin by ``physcheck run``, where options are called by short names."""


def unknown_option(word: str, *, short: bool = False) -> str | None:
    """What is wrong with a word that no plugin knows, if it looks like an option of physcheck.

    ``short``: name what is meant as ``physcheck run`` does.
    """
    name = word.partition("=")[0]
    bare = name.removeprefix("--physcheck-").removeprefix("--")
    names = [option.name for option in OPTIONS]
    close = get_close_matches(bare, names, n=2, cutoff=0.6 if "physcheck" in name else 0.75)
    if not name.startswith("--physcheck") and not close:
        return None
    # The model is an argument of `physcheck run`; its option stays pytest's.
    hint = " or ".join(
        f"--{name}" if short and name != "model" else f"--physcheck-{name}" for name in close
    )
    known = ", ".join(f"--physcheck-{name}" for name in names)
    return f"no option is called {name}; {f'did you mean {hint}?' if hint else f'known: {known}'}"


def spaced_model(arguments: tuple[str, ...] | list[str]) -> str | None:
    """An existing path that was given as ``--model PATH``, with a space; None if there is none.

    pytest takes it for the path of a test when it looks for its rootdir.
    """
    words = [str(a) for a in arguments]
    for option, value in pairwise(words):
        if option in ("--model", "--physcheck-model") and _exists(value):
            return value
    return None


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False
