"""Adapters by the name before ``::``: the built-in ones, frameworks', and other packages'."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from physcheck.adapters.factories import model_from_target
from physcheck.adapters.frameworks import FRAMEWORKS
from physcheck.adapters.metatomic import is_export
from physcheck.adapters.python import existing_file, raising
from physcheck.adapters.spec import Option, Spec
from physcheck.errors import ModelError, SpecError
from physcheck.model import Model
from physcheck.names import nearest
from physcheck.text.phrases import kind_of

__all__ = [
    "ADAPTER_GROUP",
    "adapters_of_packages",
    "check_adapter_name",
    "model_from_adapter",
    "model_from_model_file",
]

#: Entry points of this group are adapters of other packages: ``adapter(argument, **options)``.
ADAPTER_GROUP = "physcheck.adapters"


def check_adapter_name(name: str) -> None:
    """SpecError with the nearest names if no adapter is called so; nothing is imported."""
    if name not in _BUILT_IN and name not in FRAMEWORKS:
        known = {*_BUILT_IN, *FRAMEWORKS, *adapters_of_packages()}
        if name not in known:
            raise SpecError(f"unknown adapter {name!r}; {nearest(name, known)}")


def model_from_adapter(parsed: Spec, settings: Mapping[str, Option]) -> Model:
    """The model of a spec ``adapter::argument``.

    Raises
    ------
    SpecError
        There is no such adapter, its package is missing, or it doesn't take an option.
    ModelError
        The adapter raised, or gave something that is no model.
    """
    name, argument = parsed.target, parsed.attribute
    check_adapter_name(name)
    adapter = _BUILT_IN.get(name)
    if adapter is None and name in FRAMEWORKS:
        FRAMEWORKS[name].require()
        adapter = FRAMEWORKS[name].maker()
    if adapter is None:
        adapter = _loaded(adapters_of_packages()[name])
    return _called(adapter, argument, settings, f"{name}::{argument}")


def model_from_model_file(parsed: Spec, settings: Mapping[str, Option]) -> Model:
    """The model of a bare path: a metatomic export, TorchScript or an exported program.

    Raises
    ------
    SpecError
        There is no such file, its package is missing, or it is a pickle, which needs an adapter's
        name for consent.
    ModelError
        The file can't be read.
    """
    path = existing_file(parsed)
    adapter: Callable[..., Any] = _torch_untrusted
    if is_export(path):
        FRAMEWORKS["metatomic"].require()
        adapter = FRAMEWORKS["metatomic"].maker()
    return _called(adapter, str(path), settings, parsed.target)


def _called(
    adapter: Callable[..., Any], argument: str, settings: Mapping[str, Option], where: str
) -> Model:
    """The model of an adapter called with its argument and the options of the spec."""

    def factory(**options: Option) -> Any:
        return adapter(argument, **options)

    # Options are held against this signature: the adapter's without its argument.
    with suppress(TypeError, ValueError):
        first, *parameters = inspect.signature(adapter).parameters.values()
        if first.name in settings:
            raise SpecError(
                f"{where} has its {first.name} already, behind the ::; leave the option "
                f"{first.name}={settings[first.name]} out"
            )
        factory.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                p if p.kind is p.VAR_KEYWORD else p.replace(kind=p.KEYWORD_ONLY)
                for p in parameters
                if p.kind is not p.VAR_POSITIONAL
            ]
        )
    return model_from_target(factory, settings, where=where)


# -- adapters without a framework's package -------------------------------------------------------


def _builtin(argument: str, **options: Any) -> Any:
    from physcheck.potentials import make_builtin

    return make_builtin(argument, **options)


def _ase(argument: str, **options: Any) -> Any:
    from physcheck.adapters.ase_names import make_ase_model

    return make_ase_model(argument, **options)


def _torch(
    argument: str,
    *,
    forces: str | None = None,
    mode: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> Any:
    path = existing_file(Spec(argument, "path", argument))
    return _opened(path, trusted=True, forces=forces, mode=mode, device=device, dtype=dtype)


def _torch_untrusted(
    argument: str,
    *,
    forces: str | None = None,
    mode: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> Any:
    return _opened(
        Path(argument), trusted=False, forces=forces, mode=mode, device=device, dtype=dtype
    )


def _opened(path: Path, **settings: Any) -> Model:
    try:
        from physcheck.adapters.torch import load_torch
    except ModuleNotFoundError as error:
        raise SpecError(f"{path} needs torch: pip install torch") from error
    return load_torch(path, **settings)


_BUILT_IN: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"ase": _ase, "builtin": _builtin, "torch": _torch}
)


# -- adapters of other packages -------------------------------------------------------------------


def adapters_of_packages() -> dict[str, Any]:
    """Entry points of the group :data:`ADAPTER_GROUP`, by name; nothing is imported."""
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=ADAPTER_GROUP)}


def _loaded(entry: Any) -> Callable[..., Any]:
    try:
        with raising(f"loading the adapter {entry.name}"):
            found = entry.load()
    except ModelError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and cause.name:
            package = cause.name.partition(".")[0]
            raise SpecError(
                f"the adapter {entry.name} needs the package {package}: pip install {package}"
            ) from cause
        raise
    if not callable(found):
        raise SpecError(f"the adapter {entry.name} is {kind_of(found)}, should be callable")
    checked: Callable[..., Any] = found
    return checked
