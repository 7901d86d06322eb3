"""The TOML file of a sweep: its models, structures and settings."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from physcheck.adapters.modes import mode_specs
from physcheck.errors import SpecError
from physcheck.files.paths import relative_to
from physcheck.names import GENERATED, nearest
from physcheck.run.budget import names_time
from physcheck.run.same_run import structure_digest
from physcheck.run.settings import Settings

__all__ = ["SweepFile", "SweptModel", "load_sweep"]

_OF_ALL = ("reference", "checks", "profile", "budget", "seed", "device", "dtype", "timeout")
#: Settings that a model may have of its own: what the others are compared by stays the same.
_OF_ONE = ("reference", "device", "dtype", "timeout")
_KINDS: Mapping[str, type | tuple[type, ...]] = {"seed": int, "timeout": (int, float)}
# A name is a folder's, too.
_NAME = re.compile(r"\w[\w.+-]{0,79}")
_BUDGET = "quick"


@dataclass(frozen=True, slots=True)
class SweptModel:
    """A model of a sweep.

    Attributes
    ----------
    name : str
        Of its column and its folder.
    spec : str
    python : str or None
        The interpreter of its environment; None is the worker's own.
    settings : mapping of option to value
        Those of the whole sweep, with the model's own in their place.
    """

    name: str
    spec: str
    python: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SweepFile:
    """What a sweep is asked to do.

    Attributes
    ----------
    path : Path
        Of the file; relative paths in it are relative to its folder.
    models : tuple of SweptModel
    structures : mapping of str to tuple of str
        Each as it is named, and a hash of each of its configurations.
    """

    path: Path
    models: tuple[SweptModel, ...]
    structures: Mapping[str, tuple[str, ...]]

    @property
    def folder(self) -> Path:
        """The folder of the file, in which every task runs."""
        return self.path.parent


def load_sweep(path: str | Path) -> SweepFile:
    """Read the file of a sweep, and hold every name in it against what exists.

    Models are not loaded: one that can't be is found by its task.

    Raises
    ------
    SpecError
        The file can't be read or is no TOML, a key is unknown or of another type, a name comes
        twice, a check, structure, profile or budget doesn't exist, or the budget is a time.
    """
    file = Path(path).absolute()
    document = _document(file)
    try:
        _refuse_unknown("", document, ("models", "structures", "settings"))
        common = _settings("settings", document.get("settings", {}), _OF_ALL)
        common.setdefault("budget", _BUDGET)
        with relative_to(file.parent):
            structures = _structures(_list_of("structures", document, str))
            entries = _list_of("models", document, dict)
            models = tuple(m for one in entries for m in _models(one, common, file.parent))
            for model in models:
                _refuse_wrong_values(model)
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from None
    # Folders of other systems don't tell Mace from mace.
    for name, count in Counter(model.name.lower() for model in models).items():
        if count > 1:
            raise SpecError(f"{path}: two models are called {name}; give each a name of its own")
    return SweepFile(file, models, structures)


def _document(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"{file} can't be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise SpecError(f"{file} is no text, should be TOML") from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{file} is no TOML: {error}") from None


def _refuse_unknown(where: str, table: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in table:
        if key not in known:
            raise SpecError(f"{where}{key} is no key of a sweep; {nearest(key, known)}")


def _list_of(key: str, table: Mapping[str, Any], kind: type) -> list[Any]:
    noun = "names" if kind is str else "tables, as [[models]]"
    found = table.get(key)
    if not isinstance(found, list) or not found or not all(isinstance(o, kind) for o in found):
        raise SpecError(f"{key} should be a list of {noun}, with one at least")
    return found


def _settings(where: str, table: Any, known: Sequence[str]) -> dict[str, str]:
    """The settings of a table as words of a command line."""
    if not isinstance(table, dict):
        raise SpecError(f"{where} should be a table")
    if "search" in table:
        raise SpecError(f"{where}.search: name {GENERATED} among the structures instead")
    _refuse_unknown(f"{where}.", table, known)
    for key, value in table.items():
        kind = _KINDS.get(key, (str, int))
        if not isinstance(value, kind) or isinstance(value, bool):
            raise SpecError(f"{where}.{key} is {value!r}, should be {_noun(key)}")
    return {key: str(value) for key, value in table.items()}


def _noun(key: str) -> str:
    return {"seed": "a whole number", "timeout": "a number of seconds"}.get(key, "text")


def _models(entry: dict[str, Any], common: Mapping[str, str], folder: Path) -> Iterator[SweptModel]:
    """The model of a table, or one for each of its modes.

    All modes but the first have that as their reference, so that they are held against it.
    """
    modes = entry.pop("modes", None)
    model = _model(entry, common, folder)
    if modes is None:
        yield model
        return
    if not isinstance(modes, list) or not all(isinstance(mode, str) for mode in modes):
        raise SpecError(f"modes of the model {model.name} should be a list of names")
    if "reference" in model.settings:
        raise SpecError(f"the model {model.name} has modes and a reference: leave one of them out")
    first, *others = mode_specs(model.spec, ",".join(modes))
    names = [f"{model.name}-{_as_name(mode)}" for mode in modes]
    yield replace(model, name=names[0], spec=first)
    for name, spec in zip(names[1:], others, strict=True):
        settings = {**model.settings, "reference": first}
        yield replace(model, name=name, spec=spec, settings=settings)


def _model(entry: dict[str, Any], common: Mapping[str, str], folder: Path) -> SweptModel:
    _refuse_unknown("models.", entry, ("name", "spec", "python", "modes", *_OF_ONE))
    spec, python = entry.get("spec"), entry.get("python")
    if not isinstance(spec, str) or not spec.strip():
        raise SpecError("each of [[models]] needs a spec, as spec = 'mace::x.model'")
    if not isinstance(python, str | None):
        raise SpecError(f"python of the model {spec} should be text")
    given = {key: value for key, value in entry.items() if key in _OF_ONE}
    own = _settings("models", given, _OF_ONE)
    name = entry.get("name", _as_name(spec)[:80])
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SpecError(f"the model name {name!r} should be letters, digits and any of . _ + -")
    if python is not None and "/" in python:
        # The link itself: it is by its place that an interpreter finds its environment.
        python = str(folder / Path(python).expanduser())
    return SweptModel(name, spec, python, {**common, **own})


def _as_name(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", text).strip("-.+")


def _refuse_wrong_values(model: SweptModel) -> None:
    from physcheck.checks import find_checks

    values: dict[str, Any] = dict(model.settings)
    for key, read in (("seed", int), ("timeout", float)):
        if key in values:
            values[key] = read(values[key])
    settings = Settings(model=model.spec, **values)
    find_checks(settings.checks)
    if names_time(settings.budget):
        raise SpecError(
            f"the budget {settings.budget} depends on how fast a model runs, and so couldn't be "
            "the same for all; give a number of evaluations, quick, standard or full"
        )


def _structures(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    from physcheck.structures import load_structures

    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        if "," in name:
            raise SpecError(f"the structure {name!r} has a comma; give each one by itself")
        if name in found:
            raise SpecError(f"the structure {name} is named twice")
        if name == GENERATED:
            found[name] = ()
            continue
        loaded = load_structures(name)
        found[name] = tuple(structure_digest(one.configurations) for one in loaded)
    return found
