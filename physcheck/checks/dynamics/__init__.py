"""Dynamics: is the energy conserved over time, and is the error of a step the integrator's?"""

from __future__ import annotations

from physcheck.checks.dynamics.convergence import (
    assert_timestep_convergence,
    measure_timestep_convergence,
)
from physcheck.checks.dynamics.drift import assert_nve_drift, measure_nve_drift

__all__ = [
    "assert_nve_drift",
    "assert_timestep_convergence",
    "measure_nve_drift",
    "measure_timestep_convergence",
]
