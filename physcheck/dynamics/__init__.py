"""Molecular dynamics of many replicas at once, by operator splitting on arrays, with full accounts."""

from __future__ import annotations

from physcheck.dynamics.baths import Bath, Langevin, StochasticVelocityRescaling
from physcheck.dynamics.integrator import Simulation, Trace, injected_friction
from physcheck.dynamics.mts import Tandem
from physcheck.dynamics.preparation import fastest_frequency, settle, stable_timestep_fs
from physcheck.dynamics.shadow import shadow_correction
from physcheck.dynamics.velocities import (
    angular_momenta,
    degrees_of_freedom,
    draw_velocities,
    kinetic_energies,
)

__all__ = [
    "Bath",
    "Langevin",
    "Simulation",
    "StochasticVelocityRescaling",
    "Tandem",
    "Trace",
    "angular_momenta",
    "degrees_of_freedom",
    "draw_velocities",
    "fastest_frequency",
    "injected_friction",
    "kinetic_energies",
    "settle",
    "shadow_correction",
    "stable_timestep_fs",
]
