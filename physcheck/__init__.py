"""physcheck: physical validation of machine-learned interatomic potentials.  Light to import.

Type checkers and editors read ``__init__.pyi``, which ``make stubs`` makes from the checks.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

# Public name -> the module it lives in; loaded when first asked for: a host's pytest stays light.
_PUBLIC = {
    "Capabilities": "physcheck.model",
    "Configurations": "physcheck.system",
    "Evaluation": "physcheck.system",
    "Failure": "physcheck.registry",
    "KnownFault": "physcheck.registry",
    "Measurement": "physcheck.measurement",
    "Meter": "physcheck.model",
    "Model": "physcheck.model",
    "Outcome": "physcheck.measurement",
    "PhysicsFailure": "physcheck.errors",
    "System": "physcheck.system",
    "Tolerance": "physcheck.tolerances",
    "Verdict": "physcheck.measurement",
    "as_configurations": "physcheck.system",
    "check": "physcheck.registry",
    "derive_assert": "physcheck.registry",
    "JudgedReport": "physcheck.notebook.judged_report",
    "judge": "physcheck.notebook.judging",
    "load_model": "physcheck.adapters.loading",
    "parametrize_checks": "physcheck.plugin.parametrize",
    "Tolerances": "physcheck.tolerances",
}

# How measurements show themselves in a notebook.
_DISPLAYS = ("lines_of_measurement", "html_of_measurement", "plot_of_measurement")

_CHECK_PREFIXES = ("measure_", "assert_")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__all__":
        return ["__version__", *sorted(_PUBLIC), *_names_of_checks()]
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    if name[1:] in _DISPLAYS:
        return getattr(import_module("physcheck.notebook.measurement_display"), name[1:])
    if name.startswith(_CHECK_PREFIXES):
        spec = _all_checks().get(name.split("_", 1)[1])
        if spec is not None:
            return getattr(import_module(spec.measure.__module__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    dunder = [name for name in globals() if name.endswith("__")]
    return sorted({*dunder, *_PUBLIC, *_names_of_checks()})


def _names_of_checks() -> list[str]:
    return [f"{prefix}{id_}" for id_ in sorted(_all_checks()) for prefix in _CHECK_PREFIXES]


def _all_checks() -> Any:
    from importlib import import_module

    return import_module("physcheck.checks").all_checks()
