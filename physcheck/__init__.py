"""physcheck: physical validation of machine-learned interatomic potentials.  Light to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name -> the module it lives in; loaded when first asked for, so that a host's pytest stays light.
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
    "Tolerance": "physcheck.measurement",
    "Verdict": "physcheck.measurement",
    "as_configurations": "physcheck.system",
    "check": "physcheck.registry",
    "derive_assert": "physcheck.registry",
    "judge": "physcheck.measurement",
    "load_model": "physcheck.adapters.loading",
    "parametrize_checks": "physcheck.plugin.parametrize",
    "register_tolerances": "physcheck.tolerances",
}
_BY_FAMILY = {
    "conservation": (
        "loop_work",
        "jacobian_asymmetry",
        "force_energy_gap",
        "stress_energy_gap",
        "strain_loop_work",
    ),
    "dynamics": ("nve_drift", "timestep_convergence", "mts_tandem"),
    "sampling": (
        "equipartition",
        "kinetic_distribution",
        "thermostat_heat",
        "ensemble_consistency",
        "pressure_consistency",
    ),
    "relaxation": (
        "relaxation_convergence",
        "relaxation_descent",
        "minimum_stability",
        "cell_relaxation",
    ),
    "symmetry": (
        "translation_invariance",
        "rotation_equivariance",
        "inversion_equivariance",
        "permutation_equivariance",
        "periodic_wrap",
        "lattice_basis",
        "supercell_extensivity",
        "separated_additivity",
        "net_force",
        "net_torque",
    ),
    "smoothness": ("cutoff_smoothness", "path_smoothness", "short_range_repulsion", "locality"),
    "implementation": (
        "finite_outputs",
        "determinism",
        "history_independence",
        "batch_invariance",
        "input_untouched",
        "numerical_noise",
        "thread_safety",
        "memory_growth",
    ),
}
for _family, _ids in _BY_FAMILY.items():
    for _id in _ids:
        _PUBLIC[f"measure_{_id}"] = _PUBLIC[f"assert_{_id}"] = f"physcheck.checks.{_family}"

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([name for name in globals() if name.endswith("__")] + __all__[1:])


if TYPE_CHECKING:
    from physcheck.adapters.loading import load_model as load_model
    from physcheck.errors import PhysicsFailure as PhysicsFailure
    from physcheck.measurement import Measurement as Measurement
    from physcheck.measurement import Outcome as Outcome
    from physcheck.measurement import Tolerance as Tolerance
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
    from physcheck.tolerances import register_tolerances as register_tolerances
