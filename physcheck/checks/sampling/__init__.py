"""Sampling: does dynamics at constant temperature visit what it should?"""

from __future__ import annotations

from physcheck.checks.sampling.ensemble_consistency import (
    assert_ensemble_consistency,
    measure_ensemble_consistency,
)
from physcheck.checks.sampling.equipartition import assert_equipartition, measure_equipartition
from physcheck.checks.sampling.kinetic_distribution import (
    assert_kinetic_distribution,
    measure_kinetic_distribution,
)
from physcheck.checks.sampling.pressure_consistency import (
    assert_pressure_consistency,
    measure_pressure_consistency,
)
from physcheck.checks.sampling.thermostat_heat import (
    assert_thermostat_heat,
    measure_thermostat_heat,
)

__all__ = [
    "assert_ensemble_consistency",
    "assert_equipartition",
    "assert_kinetic_distribution",
    "assert_pressure_consistency",
    "assert_thermostat_heat",
    "measure_ensemble_consistency",
    "measure_equipartition",
    "measure_kinetic_distribution",
    "measure_pressure_consistency",
    "measure_thermostat_heat",
]
