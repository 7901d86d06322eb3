"""Molecular dynamics of many replicas at once, by operator splitting, with the energies of
every step.
"""

from __future__ import annotations

from physcheck.dynamics.baths import Bath, Langevin, StochasticVelocityRescaling
from physcheck.dynamics.constant_pressure import ConstantPressure, Piston
from physcheck.dynamics.integrator import Simulation, injected_friction
from physcheck.dynamics.mts import MultipleTimeStepping
from physcheck.dynamics.preparation import fastest_frequency, pre_relax, stable_timestep_fs
from physcheck.dynamics.replica_run import ReplicaRun
from physcheck.dynamics.shadow import shadow_correction
from physcheck.dynamics.trace import Trace
from physcheck.dynamics.velocities import (
    angular_momenta,
    degrees_of_freedom,
    draw_velocities,
    kinetic_energies,
)

__all__ = [
    "Bath",
    "ConstantPressure",
    "Langevin",
    "MultipleTimeStepping",
    "Piston",
    "ReplicaRun",
    "Simulation",
    "StochasticVelocityRescaling",
    "Trace",
    "angular_momenta",
    "degrees_of_freedom",
    "draw_velocities",
    "fastest_frequency",
    "injected_friction",
    "kinetic_energies",
    "pre_relax",
    "shadow_correction",
    "stable_timestep_fs",
]
