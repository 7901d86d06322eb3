"""Conservation: are the forces the derivative of an energy?"""

from __future__ import annotations

from physcheck.checks.conservation.force_energy_gap import (
    assert_force_energy_gap,
    measure_force_energy_gap,
)
from physcheck.checks.conservation.jacobian_asymmetry import (
    assert_jacobian_asymmetry,
    measure_jacobian_asymmetry,
)
from physcheck.checks.conservation.loop_work import assert_loop_work, measure_loop_work
from physcheck.checks.conservation.strain_loop_work import (
    assert_strain_loop_work,
    measure_strain_loop_work,
)
from physcheck.checks.conservation.stress_energy_gap import (
    assert_stress_energy_gap,
    measure_stress_energy_gap,
)

__all__ = [
    "assert_force_energy_gap",
    "assert_jacobian_asymmetry",
    "assert_loop_work",
    "assert_strain_loop_work",
    "assert_stress_energy_gap",
    "measure_force_energy_gap",
    "measure_jacobian_asymmetry",
    "measure_loop_work",
    "measure_strain_loop_work",
    "measure_stress_energy_gap",
]
