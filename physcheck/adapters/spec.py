"""The grammar of SPEC: ``target[,key=value...]``, read without loading anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from physcheck.errors import SpecError
from physcheck.files.paths import is_folder, readable_file, user_path

__all__ = ["MODEL_SUFFIXES", "Option", "Spec", "parse_spec"]

Option = int | float | bool | str
Kind = Literal["file", "module", "adapter", "path"]

# Files of models that are no Python: the torch adapter opens them.
MODEL_SUFFIXES = (".pt", ".pt2", ".pth", ".model")

FORMS = (
    "a spec is FILE.py, FILE.py:factory, package.module:factory, adapter::argument, "
    "builtin::name+defect=strength or a file ending in " + ", ".join(MODEL_SUFFIXES)
)

_OPTION = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_ADAPTER = re.compile(r"([A-Za-z][\w.-]*)::(.*)", re.DOTALL)
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
# Digits of a whole number; numbers of a JSON report have no more.
_MOST_DIGITS = 308
_INTEGER = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d+\.\d*|\.?\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec taken apart.

    Attributes
    ----------
    text : str
        As it was given.
    kind : "file", "module", "adapter" or "path"
        A Python file, a Python module, a named adapter, or a model file that an adapter recognises.
    target : str
        The path, the module's name or the adapter's name.
    attribute : str
        The factory in a file or module, the argument of an adapter; empty where none was given.
    options : mapping of str to int, float, bool or str
    """

    text: str
    kind: Kind
    target: str
    attribute: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)

    @property
    def path(self) -> Path | None:
        """The file that the spec names, absolute, whether it exists or not; None for modules.

        An adapter's argument counts if there is such a file.

        Raises
        ------
        SpecError
            No path can look like this.
        """
        if self.kind in ("file", "path"):
            return user_path(self.target)
        if self.kind == "adapter" and self.attribute and self.target != "builtin":
            try:
                path = user_path(self.attribute)
            except SpecError:
                # An adapter's argument need not be a path.
                return None
            return path if readable_file(path) else None
        return None


def parse_spec(text: str) -> Spec:
    """Take a model spec apart; nothing is opened or imported.

    Options are the trailing ``key=value`` parts between commas; ``true`` and ``false``, whole
    numbers and numbers are typed, all else is a string.

    Raises
    ------
    SpecError
        The text has none of the forms, an option comes twice or has no value.
    """
    target, options = _split_options(text)
    if not target.strip():
        raise SpecError(f"the model spec {text!r} names no model; {FORMS}")
    # First, since an adapter's argument may look like any of the other forms.
    adapter = _ADAPTER.fullmatch(target)
    if adapter:
        return Spec(text, "adapter", adapter[1], adapter[2], options)
    if target.endswith(".py"):
        return Spec(text, "file", target, "", options)
    if target.lower().endswith(MODEL_SUFFIXES):
        return Spec(text, "path", target, "", options)
    left, colon, right = target.rpartition(":")
    if colon and left.endswith(".py"):
        if not _MODULE.fullmatch(right):
            # What stands behind a comma would have been an option if it had a value.
            name, comma, option = right.partition(",")
            if comma and _MODULE.fullmatch(name):
                raise SpecError(_no_value(text, option))
            raise SpecError(
                f"{right!r} in the model spec {text!r} can't be the name of a factory; "
                f"write {left}:NAME"
            )
        return Spec(text, "file", left, right, options)
    if colon and _MODULE.fullmatch(left) and _MODULE.fullmatch(right):
        return Spec(text, "module", left, right, options)
    raise SpecError(_fault(text, target, left))


def _split_options(text: str) -> tuple[str, Mapping[str, Option]]:
    # From the end, since a path may have commas itself.
    parts = text.split(",")
    options: dict[str, Option] = {}
    while len(parts) > 1 and (match := _OPTION.fullmatch(parts[-1].strip())):
        key, value = match.groups()
        if key in options:
            raise SpecError(f"the option {key!r} comes twice in the model spec {text!r}")
        if not value:
            raise SpecError(f"the option {key!r} in the model spec {text!r} has no value")
        options[key] = _typed(key, value)
        parts.pop()
    return ",".join(parts), MappingProxyType(dict(reversed(options.items())))


def _typed(key: str, value: str) -> Option:
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    if _INTEGER.fullmatch(value):
        if len(value) > _MOST_DIGITS:
            raise SpecError(
                f"the option {key!r} of the model spec has {len(value)} digits, should have at "
                f"most {_MOST_DIGITS}"
            )
        return int(value)
    if _NUMBER.fullmatch(value):
        return float(value)
    return value


def _no_value(text: str, options: str) -> str:
    option = options.partition(",")[0].strip()
    return (
        f"the model spec {text!r} has the option {option!r} without a value; "
        f"write {option or 'key'}=VALUE"
    )


def _fault(text: str, target: str, left: str) -> str:
    before, comma, after = target.partition(",")
    if comma and (before.endswith(".py") or _is_file(before)):
        return _no_value(text, after)
    path = user_path(target)
    attribute = target.removeprefix(left)
    if is_folder(path):
        fault = f"is a folder; {FORMS}"
    elif readable_file(path):
        fault = f"is a file of a kind that no adapter recognises; {FORMS}"
    elif _is_file(target + ".py"):
        fault = f"is no spec; did you mean {target}.py?"
    elif left and _is_file(left + ".py"):
        fault = f"is no spec; did you mean {left}.py{attribute}?"
    elif _MODULE.fullmatch(target):
        fault = f"names no factory; write {target}:FACTORY for a Python module; {FORMS}"
    else:
        fault = f"has no known form; {FORMS}"
    return f"the model spec {text!r} {fault}"


def _is_file(text: str) -> bool:
    try:
        return readable_file(user_path(text))
    except SpecError:
        return False
