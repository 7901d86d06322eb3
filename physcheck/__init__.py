"""physcheck: physical validation of machine-learned interatomic potentials.  Light to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name -> the module it lives in; loaded when first asked for: a host's pytest stays light.
_PUBLIC = {
    "Capabilities": "physcheck.model",
    "Configurations": "physcheck.system",
    "Evaluation": "physcheck.system",
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
    "judge": "physcheck.measurement",
    "load_model": "physcheck.adapters.loading",
    "parametrize_checks": "physcheck.plugin.parametrize",
    "Tolerances": "physcheck.tolerances",
}

_CHECK_PREFIXES = ("measure_", "assert_")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__all__":
        return ["__version__", *sorted(_PUBLIC), *_names_of_checks()]
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    if name.startswith(_CHECK_PREFIXES):
        from physcheck.checks import all_checks

        spec = all_checks().get(name.split("_", 1)[1])
        if spec is not None:
            return getattr(import_module(spec.measure.__module__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    dunder = [name for name in globals() if name.endswith("__")]
    return sorted({*dunder, *_PUBLIC, *_names_of_checks()})


def _names_of_checks() -> list[str]:
    from physcheck.checks import all_checks

    return [f"{prefix}{id_}" for id_ in sorted(all_checks()) for prefix in _CHECK_PREFIXES]


if TYPE_CHECKING:
    from physcheck.adapters.loading import load_model as load_model
    from physcheck.errors import PhysicsFailure as PhysicsFailure
    from physcheck.measurement import Measurement as Measurement
    from physcheck.measurement import Outcome as Outcome
    from physcheck.measurement import Verdict as Verdict
    from physcheck.measurement import judge as judge
    from physcheck.model import Capabilities as Capabilities
    from physcheck.model import Meter as Meter
    from physcheck.model import Model as Model
    from physcheck.plugin.parametrize import parametrize_checks as parametrize_checks
    from physcheck.registry import check as check
    from physcheck.registry import derive_assert as derive_assert
    from physcheck.system import Configurations as Configurations
    from physcheck.system import Evaluation as Evaluation
    from physcheck.system import System as System
    from physcheck.system import as_configurations as as_configurations
    from physcheck.tolerances import Tolerances as Tolerances
