"""From a SPEC to a Model: ``load_model``, and ``load_reference`` for the second model of a run."""

from __future__ import annotations

from collections.abc import Mapping

from physcheck.adapters.factories import model_from_target
from physcheck.adapters.heads import AUTO, reference_spec
from physcheck.adapters.identity import model_identity
from physcheck.adapters.named_adapters import model_from_adapter, model_from_model_file
from physcheck.adapters.python import (
    attribute_of,
    check_names,
    existing_file,
    first_on_path,
    import_module,
    quiet_loading,
    run_file,
)
from physcheck.adapters.spec import Option, Spec, parse_spec
from physcheck.adapters.spec_problems import (
    find_reference_problem,
    find_spec_problem,
    naming_the_reference,
)
from physcheck.errors import SpecError
from physcheck.files.paths import user_path
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

_DTYPES = ("float16", "bfloat16", "float32", "float64")


def load_model(spec: str, *, device: str | None = None, dtype: str | None = None) -> Model:
    """The model that ``spec`` names.

    Parameters
    ----------
    spec : str
        ``FILE.py[:factory]``, ``package.module:factory``, ``adapter::argument``,
        ``builtin::name+defect=strength`` or a file ending in ``.pt``, ``.pt2``, ``.pth`` or
        ``.model``, with ``,key=value`` options; relative to the current folder.
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
            return model_from_adapter(parsed, settings)
        if parsed.kind == "path":
            return model_from_model_file(parsed, settings)
        return _from_python(parsed, settings)


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
    # The reference may name a device and dtype of its own; options of the run fill the rest.
    with naming_the_reference(reference):
        return load_model(
            spec,
            device=None if "device" in own else device,
            dtype=None if "dtype" in own else dtype,
        )


def _settings(parsed: Spec, device: str | None, dtype: str | None) -> dict[str, Option]:
    """The options of a spec, with the device and dtype that were given beside it."""
    settings = dict(parsed.options)
    for name, value in (("device", device), ("dtype", dtype)):
        if value is None:
            continue
        if settings.setdefault(name, value) != value:
            raise SpecError(
                f"{name} is {settings[name]!r} in the model spec {parsed.text!r} and {value!r} "
                "beside it; give it once"
            )
    given = settings.get("dtype")
    if given is not None and given not in _DTYPES:
        raise SpecError(f"unknown dtype {given!r}; {nearest(str(given), _DTYPES)}")
    return settings


def _from_python(parsed: Spec, settings: Mapping[str, Option]) -> Model:
    """The model of a factory or instance in a Python file or module."""
    folder = user_path(".")
    path = None
    if parsed.kind == "file":
        path = existing_file(parsed)
        check_names(path, parsed.attribute, parsed.target)
        # The factory may change the current folder.
        path = path.resolve()
        folder = path.parent
    with first_on_path(folder):
        module = import_module(parsed.target) if path is None else run_file(path)
        name, target = attribute_of(module, parsed.attribute, parsed.target)
    return model_from_target(target, settings, where=f"{parsed.target}:{name}", folder=folder)
