"""A Model from a factory or an instance in somebody's Python code, with the options of a spec."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from physcheck.adapters.declaration import Declaration
from physcheck.adapters.instances import as_declared_model, is_instance, is_torch_module
from physcheck.adapters.modes import MODE_OPTION, with_mode
from physcheck.adapters.python import first_on_path, quiet_loading, raising
from physcheck.adapters.spec import Option
from physcheck.errors import ModelError, SpecError
from physcheck.model import Model
from physcheck.names import nearest
from physcheck.text.phrases import kind_of

__all__ = ["model_from_target"]

_ACCEPTED = (
    "an ASE calculator, a torch module or torch-sim model, a physcheck Model, or a callable that "
    "makes one"
)
# A torch module can be moved, cast and compiled whether its factory takes these or not.
_OPTIONS_OF_TORCH = ("device", "dtype", MODE_OPTION)


def model_from_target(
    target: Any,
    settings: Mapping[str, Option],
    *,
    where: str,
    folder: Path | None = None,
) -> Model:
    """A Model from a factory, which is called with the options that it takes, or from an instance.

    Parameters
    ----------
    target : object
        An ASE calculator, a torch module, a torch-sim ModelInterface, a Model, or a callable that
        makes one of them.
    settings : mapping of str to int, float, bool or str
        The options of the spec.
    where : str
        What messages call the target, such as ``x.py:factory``.
    folder : Path or None
        First on ``sys.path`` while the factory runs; paths of structures are relative to it.

    Raises
    ------
    SpecError
        An option isn't taken, or one that is needed isn't given.
    ModelError
        The factory raised, or the target or what it made is no model.
    """
    if is_instance(target):
        _require_no_options(settings, where, None, target)
        return as_declared_model(
            target, Declaration.of(target, folder=folder), settings, where=where
        )
    if not callable(target):
        raise ModelError(f"{where} is {kind_of(target)}, should be {_ACCEPTED}")
    taken = _taken_by(target)
    arguments = {key: value for key, value in settings.items() if taken is None or key in taken}
    left = {key: value for key, value in settings.items() if key not in arguments}
    unknown = {key: value for key, value in left.items() if key not in _OPTIONS_OF_TORCH}
    _require_no_options(unknown, where, taken, target)
    _require_arguments(target, arguments, where)

    def make() -> Any:
        with quiet_loading(), first_on_path(folder or Path.cwd()), raising(f"calling {where}"):
            return target(**arguments)

    # Settings that the factory doesn't take may still reach what it makes: a torch module.
    made = make()
    if not is_instance(made):
        raise ModelError(f"{where} gave {kind_of(made)}, should give {_ACCEPTED}")
    _require_no_options(left, where, taken, made)
    declaration = Declaration.of(target, made, folder=folder)
    # A mode that the factory knows is its own affair; a device is asked of the module, too.
    mode = arguments.get(MODE_OPTION)
    rest = {key: value for key, value in settings.items() if mode is None or key != MODE_OPTION}
    return with_mode(as_declared_model(made, declaration, rest, where=where, remake=make), mode)


def _taken_by(target: Callable[..., Any]) -> frozenset[str] | None:
    """The names that ``target`` takes by keyword; None if it takes any."""
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        # Of some compiled callables no signature is known.
        return frozenset()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return frozenset(
        p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    )


def _require_arguments(
    target: Callable[..., Any], arguments: Mapping[str, Any], where: str
) -> None:
    """SpecError if ``target`` has a parameter without a default that isn't given."""
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):
        return
    missing = [
        p.name
        for p in signature.parameters.values()
        if p.default is p.empty
        and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        and (p.kind is p.POSITIONAL_ONLY or p.name not in arguments)
    ]
    if missing:
        options = "".join(f",{name}=VALUE" for name in missing)
        raise SpecError(f"{where} needs {', '.join(missing)}; give {where}{options}")


def _require_no_options(
    settings: Mapping[str, Option], where: str, taken: frozenset[str] | None, target: Any
) -> None:
    """SpecError for the first of ``settings``, which isn't taken; instances take None."""
    if is_torch_module(target):
        settings = {k: v for k, v in settings.items() if k not in _OPTIONS_OF_TORCH}
    if not settings:
        return
    name = next(iter(settings))
    if taken is None:
        hint = f"it is an instance: make it a function with a parameter {name}"
    elif taken:
        hint = nearest(name, taken)
        if name in _OPTIONS_OF_TORCH:
            hint = f"give it a parameter {name}; it has {', '.join(sorted(taken))}"
    else:
        hint = f"it has no parameters: give it one called {name}, or leave the option out"
    raise SpecError(f"{where} takes no {name}; {hint}")
