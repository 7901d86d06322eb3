"""Dynamics: is the energy conserved over time, is the error of a step the integrator's, does a partner cure it?"""

from __future__ import annotations

from physcheck.checks.dynamics.mts_tandem import assert_mts_tandem, measure_mts_tandem
from physcheck.checks.dynamics.nve_drift import assert_nve_drift, measure_nve_drift
from physcheck.checks.dynamics.timestep_convergence import (
    assert_timestep_convergence,
    measure_timestep_convergence,
)

__all__ = [
    "assert_mts_tandem",
    "assert_nve_drift",
    "assert_timestep_convergence",
    "measure_mts_tandem",
    "measure_nve_drift",
    "measure_timestep_convergence",
]
