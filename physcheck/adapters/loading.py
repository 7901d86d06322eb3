"""From a SPEC to a Model."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from physcheck.adapters.declaration import Declaration, declare
from physcheck.adapters.frameworks import FRAMEWORKS
from physcheck.adapters.identity import model_identity
from physcheck.adapters.metatomic import is_export
from physcheck.adapters.python import (
    attribute_of,
    check_module,
    check_names,
    existing_file,
    first_on_path,
    import_module,
    quiet_loading,
    raising,
    run_file,
)
from physcheck.adapters.spec import Option, Spec, parse_spec
from physcheck.adapters.torchsim import from_torch_sim, is_interface
from physcheck.errors import ModelError, SpecError
from physcheck.model import Model
from physcheck.names import nearest

__all__ = [
    "AUTO",
    "find_reference_problem",
    "find_spec_problem",
    "load_model",
    "load_reference",
    "model_identity",
    "parse_spec",
    "reference_spec",
]

#: Reference spec that stands for the model's own other head.
AUTO = "auto"

ADAPTER_GROUP = "physcheck.adapters"
DTYPES = ("float16", "bfloat16", "float32", "float64")
_TAKES = "an ASE calculator, a torch module or torch-sim model, a physcheck Model, or a callable that makes one"


def load_model(spec: str, *, device: str | None = None, dtype: str | None = None) -> Model:
    """The model that ``spec`` names.

    Parameters
    ----------
    spec : str
        ``FILE.py[:factory]``, ``package.module:factory``, ``adapter::argument``, ``builtin::name+defect=strength``
        or a file ending in ``.pt``, ``.pt2``, ``.pth`` or ``.model``, with ``,key=value`` options; relative to
        the current folder.
    device, dtype : str or None
        Passed on where the factory takes them.

    Raises
    ------
    SpecError
        The spec, its file, its factory or an option doesn't exist, or a package is missing.
    ModelError
        The file or the factory raised (kept as ``__cause__``), or gave something that is no model.
    """
    parsed = parse_spec(spec)
    settings = _settings(parsed, device, dtype)
    with quiet_loading():
        if parsed.kind == "adapter":
            return _from_adapter(parsed, settings)
        if parsed.kind == "path":
            path = existing_file(parsed)
            if is_export(path):
                FRAMEWORKS["metatomic"].require()
                return _called(FRAMEWORKS["metatomic"].maker(), str(path), settings, parsed.target)
            return _called(_torch_untrusted, str(path), settings, parsed.target)
        return _from_python(parsed, settings)


def find_spec_problem(spec: str) -> None:
    """Check what can be checked of ``spec`` without importing or running anything of it.

    Raises
    ------
    SpecError
        As :func:`load_model`: syntax, a missing file or module, an unknown adapter, no such factory in a file.
    """
    parsed = parse_spec(spec)
    if parsed.kind == "adapter":
        _known_adapter(parsed.target)
        if parsed.target == "builtin":
            # Making one is cheap, and says what is wrong with its name, its defects and its options.
            _builtin(parsed.attribute, **parsed.options)
        elif parsed.target == "torch":
            existing_file(Spec(parsed.attribute, "path", parsed.attribute))
        elif parsed.target in FRAMEWORKS:
            FRAMEWORKS[parsed.target].require()
    elif parsed.kind == "module":
        check_module(parsed.target)
    else:
        path = existing_file(parsed)
        if parsed.kind == "file":
            check_names(path, parsed.attribute)


def reference_spec(reference: str, model: str) -> str:
    """The spec that ``--physcheck-reference`` stands for: itself, or the model's with its forces from the other head.

    ``auto`` takes the model's spec with ``forces=conservative`` where it says ``forces=direct``, and with
    ``forces=direct`` elsewhere.
    """
    if reference != AUTO:
        return reference
    parsed = parse_spec(model)
    other = "conservative" if parsed.options.get("forces") == "direct" else "direct"
    kept = [f"{key}={value}" for key, value in parsed.options.items() if key != "forces"]
    bare = model.split(",")[: len(model.split(",")) - len(parsed.options)]
    return ",".join([*bare, *kept, f"forces={other}"])


def load_reference(
    reference: str, model: str, *, device: str | None = None, dtype: str | None = None
) -> Model:
    """The second model, as ``--physcheck-reference`` names it beside the model's own spec.

    Parameters
    ----------
    reference : str
        A spec, or ``auto`` for the other head of a model that predicts forces both ways.
    model : str
        The spec of the model under test.
    device, dtype : str or None
        As for the model, where the reference's own spec doesn't say otherwise.

    Raises
    ------
    SpecError, ModelError
        As :func:`load_model`; where ``auto`` has no other head to take.
    """
    spec = reference_spec(reference, model)
    own = parse_spec(spec).options
    with _said_of_the_reference(reference):
        return load_model(
            spec,
            device=None if "device" in own else device,
            dtype=None if "dtype" in own else dtype,
        )


def find_reference_problem(reference: str, model: str | None) -> None:
    """As :func:`find_spec_problem`, of the reference.

    Raises
    ------
    SpecError
    """
    if reference == AUTO and model is None:
        return
    with _said_of_the_reference(reference):
        find_spec_problem(reference_spec(reference, model or ""))


@contextmanager
def _said_of_the_reference(reference: str) -> Iterator[None]:
    try:
        yield
    except SpecError as error:
        if reference != AUTO:
            raise SpecError(f"the reference: {error}") from error
        raise SpecError(
            f"--physcheck-reference=auto needs a model that predicts forces both ways: {error}; "
            "give --physcheck-reference=SPEC"
        ) from error
    except ModelError as error:
        raise ModelError(f"the reference: {error}") from error


# -- settings ---------------------------------------------------------------------------------------------


def _settings(parsed: Spec, device: str | None, dtype: str | None) -> dict[str, Option]:
    settings = dict(parsed.options)
    for name, value in (("device", device), ("dtype", dtype)):
        if value is None:
            continue
        if settings.setdefault(name, value) != value:
            raise SpecError(
                f"{name} is {settings[name]!r} in the model spec {parsed.text!r} and {value!r} beside it; "
                "give it once"
            )
    given = settings.get("dtype")
    if given is not None and given not in DTYPES:
        raise SpecError(f"unknown dtype {given!r}; {nearest(str(given), DTYPES)}")
    return settings


# -- from what was named to a Model -----------------------------------------------------------------------


def _from_python(parsed: Spec, settings: Mapping[str, Option]) -> Model:
    folder = Path.cwd()
    path = None
    if parsed.kind == "file":
        path = existing_file(parsed)
        check_names(path, parsed.attribute)
        path = path.resolve()
        folder = path.parent
    with first_on_path(folder):
        module = import_module(parsed.target) if path is None else run_file(path)
        name, target = attribute_of(module, parsed.attribute, parsed.target)
    return _from_target(target, settings, where=f"{parsed.target}:{name}", folder=folder)


def _from_target(
    target: Any,
    settings: Mapping[str, Option],
    *,
    where: str,
    folder: Path | None = None,
) -> Model:
    """A Model from a factory or an instance."""
    if _is_instance(target):
        _none_left(settings, where, None, target)
        return _as_model(target, Declaration.of(target, folder=folder), settings, where=where)
    if not callable(target):
        raise ModelError(f"{where} is a {type(target).__name__}, should be {_TAKES}")
    taken = _taken(target)
    arguments = {key: value for key, value in settings.items() if taken is None or key in taken}
    left = {key: value for key, value in settings.items() if key not in arguments}
    unknown = {key: value for key, value in left.items() if key not in ("device", "dtype")}
    _none_left(unknown, where, taken, target)
    _check_arguments(target, arguments, where)

    def make() -> Any:
        with quiet_loading(), first_on_path(folder or Path.cwd()), raising(f"calling {where}"):
            return target(**arguments)

    made = make()
    if not _is_instance(made):
        raise ModelError(f"{where} gave a {type(made).__name__}, should give {_TAKES}")
    # A torch module can be moved and cast whether its factory takes device and dtype or not.
    _none_left(left, where, taken, made)
    declaration = Declaration.of(target, made, folder=folder)
    return _as_model(made, declaration, settings, where=where, remake=make)


def _is_instance(thing: Any) -> bool:
    if isinstance(thing, type):
        return False
    from physcheck.adapters.ase import is_calculator

    return (
        _is_model(thing) or _is_torch_module(thing) or is_interface(thing) or is_calculator(thing)
    )


def _is_model(thing: Any) -> bool:
    return hasattr(thing, "capabilities") and callable(getattr(thing, "evaluate", None))


def _is_torch_module(thing: Any) -> bool:
    torch = sys.modules.get("torch")
    # torch-sim's models are modules too, but with another forward, and they can't be cast.
    return torch is not None and isinstance(thing, torch.nn.Module) and not is_interface(thing)


def _as_model(
    thing: Any,
    declaration: Declaration,
    settings: Mapping[str, Option],
    *,
    where: str,
    remake: Callable[[], Any] | None = None,
) -> Model:
    device = None if "device" not in settings else str(settings["device"])
    dtype = None if "dtype" not in settings else str(settings["dtype"])
    if _is_model(thing):
        return declare(thing, declaration)
    if is_interface(thing):
        with raising(f"taking {where}"):
            return declare(from_torch_sim(thing, remake=remake), declaration)
    if _is_torch_module(thing):
        from physcheck.adapters.torch import TorchModel

        with raising(f"taking {where}"):
            return declare(TorchModel(thing, device=device, dtype=dtype), declaration)
    from physcheck.adapters.ase import CalculatorModel

    return CalculatorModel(
        thing, remake=remake, declaration=declaration, device=device, dtype=dtype
    )


def _taken(target: Callable[..., Any]) -> frozenset[str] | None:
    """The names that ``target`` takes by keyword; None if it takes any."""
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return frozenset()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return frozenset(
        p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    )


def _check_arguments(target: Callable[..., Any], arguments: Mapping[str, Any], where: str) -> None:
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


def _none_left(
    settings: Mapping[str, Option], where: str, taken: frozenset[str] | None, target: Any
) -> None:
    if _is_torch_module(target):
        settings = {k: v for k, v in settings.items() if k not in ("device", "dtype")}
    if not settings:
        return
    name = next(iter(settings))
    if taken is None:
        hint = f"it is an instance: make it a function with a parameter {name}"
    elif taken:
        hint = nearest(name, taken)
        if name in ("device", "dtype"):
            hint = f"give it a parameter {name}; it has {', '.join(sorted(taken))}"
    else:
        hint = f"it has no parameters: give it one called {name}, or leave the option out"
    raise SpecError(f"{where} takes no {name}; {hint}")


# -- adapters ---------------------------------------------------------------------------------------------


def _builtin(argument: str, **options: Any) -> Any:
    from physcheck.potentials import make_builtin

    return make_builtin(argument, **options)


def _torch(argument: str, *, device: str | None = None, dtype: str | None = None) -> Any:
    path = existing_file(Spec(argument, "path", argument))
    return _opened(path, trusted=True, device=device, dtype=dtype)


def _torch_untrusted(argument: str, *, device: str | None = None, dtype: str | None = None) -> Any:
    return _opened(Path(argument), trusted=False, device=device, dtype=dtype)


def _opened(path: Path, **settings: Any) -> Model:
    try:
        from physcheck.adapters.torch import load_torch
    except ModuleNotFoundError as error:
        raise SpecError(f"{path} needs torch: pip install torch") from error
    return load_torch(path, **settings)


_ADAPTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"builtin": _builtin, "torch": _torch}
)


def _third_party() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=ADAPTER_GROUP)}


def _known_adapter(name: str) -> None:
    if name not in _ADAPTERS and name not in FRAMEWORKS:
        known = {*_ADAPTERS, *FRAMEWORKS, *_third_party()}
        if name not in known:
            raise SpecError(f"unknown adapter {name!r}; {nearest(name, known)}")


def _from_adapter(parsed: Spec, settings: Mapping[str, Option]) -> Model:
    name, argument = parsed.target, parsed.attribute
    _known_adapter(name)
    adapter = _ADAPTERS.get(name)
    if adapter is None and name in FRAMEWORKS:
        FRAMEWORKS[name].require()
        adapter = FRAMEWORKS[name].maker()
    if adapter is None:
        adapter = _loaded(_third_party()[name])
    return _called(adapter, argument, settings, f"{name}::{argument}")


def _called(
    adapter: Callable[..., Any], argument: str, settings: Mapping[str, Option], where: str
) -> Model:
    def factory(**options: Option) -> Any:
        return adapter(argument, **options)

    with suppress(TypeError, ValueError):
        _, *parameters = inspect.signature(adapter).parameters.values()
        factory.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                p if p.kind is p.VAR_KEYWORD else p.replace(kind=p.KEYWORD_ONLY)
                for p in parameters
                if p.kind is not p.VAR_POSITIONAL
            ]
        )
    return _from_target(factory, settings, where=where)


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
        raise SpecError(f"the adapter {entry.name} is a {type(found).__name__}, should be callable")
    checked: Callable[..., Any] = found
    return checked
