"""The stretch of dynamics at constant temperature that the sampling checks share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase.units import kB
from numpy.typing import NDArray

from physcheck.checks.dynamics.replicas import slopes_of
from physcheck.dynamics import Bath, Langevin, StochasticVelocityRescaling, degrees_of_freedom
from physcheck.system import Bools, Configurations, Floats

__all__ = ["Trajectory"]

# How far the modes of a liquid have mixed by the middle of a run, 0 to 1. They mix in a time
# like the run's: half is the middle of what is possible.
_LIQUID_MIXING = 0.5
# A release of energy counts beyond so many standard errors.
_RELEASE_SIGMAS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """B replicas over T steps at constant temperature, with their accounts of energy.

    Attributes
    ----------
    start : Configurations with B = 1
    temperature_K, timestep_fs : float
    bath : Bath
        Stochastic velocity rescaling (10 fs) where periodic, else Langevin (100 fs).
    kinetic : (T, B, N) float32, eV
        Of each atom in the middle of each step.
    end_kinetic : (N,) float, eV
        Of each atom at the end of steps, mean over replicas and steps.
    potential : (T + 1, B) float, eV
        The model's energy; NaN without one.
    heat : (T + 1, B) float, eV
        From the bath since the start.
    shadow_less_heat, total_less_heat : (T + 1, B) float, eV
        The integrator's shadow energy (NaN in the first and last moment) and E + K, less the heat.
    velocities : (T, b, N, 3) float32, ASE's unit
        At the end of steps, of the first few replicas.
    snapshots : Configurations
        Along the way, from each replica in turn.
    snapshot_forces : (S, N, 3) float, eV/Å
    equilibration_fs : float
        How long the equilibration before it took.
    equilibration_bath : Langevin
    equilibration_kinetic : (B, N) float, eV
        Mean of each atom in the middle of steps, over the second half of the equilibration.
    bath_noise : (B, N) float, eV
        What the noise of the equilibrating bath gave each atom beyond its expectation, decaying at
        the bath's rate. Its mean is zero for any forces. Where modes mix slowly it shows how much
        of a replica's temperatures is chance.
    modes : mapping
        How many modes were drawn, and the slowest and fastest of them, rad/fs.
    evaluations : int
        Cost of everything, equilibration included.
    blown_up : str
        How a replica ran away; empty if none did.
    unstable_step : bool or None
        Whether a shorter timestep cured that; None where it could not be tried.
    retried_fs : float
        The shorter timestep.
    """

    start: Configurations
    temperature_K: float  # noqa: N815
    timestep_fs: float
    bath: Bath
    kinetic: NDArray[np.float32]
    end_kinetic: Floats
    potential: Floats
    heat: Floats
    shadow_less_heat: Floats
    total_less_heat: Floats
    velocities: NDArray[np.float32]
    snapshots: Configurations
    snapshot_forces: Floats
    equilibration_fs: float
    equilibration_bath: Langevin
    equilibration_kinetic: Floats
    bath_noise: Floats
    modes: Mapping[str, Any] = field(default_factory=dict)
    evaluations: int = 0
    blown_up: str = ""
    unstable_step: bool | None = False
    retried_fs: float = 0.0

    @property
    def n_steps(self) -> int:
        """T."""
        return int(self.kinetic.shape[0])

    @property
    def n_replicas(self) -> int:
        """B."""
        return int(self.kinetic.shape[1])

    @property
    def replica_ps(self) -> float:
        """Time of one replica."""
        return 1e-3 * self.timestep_fs * self.n_steps

    @property
    def sampled_ps(self) -> float:
        """Time of all replicas together."""
        return self.replica_ps * self.n_replicas

    @property
    def has_energy(self) -> bool:
        """Whether the model gave an energy throughout."""
        return bool(np.isfinite(self.potential).all())

    def energy_release(self) -> float:
        """Potential energy that the structure releases or takes up beyond chance, eV/atom/ps.

        Zero at equilibrium; positive while the structure still relaxes.
        """
        if self.n_replicas < 2 or not self.has_energy:
            return 0.0
        time = 1e-3 * self.timestep_fs * np.arange(len(self.potential), dtype=np.float64)
        slopes = slopes_of(time, self.potential) / self.start.n_atoms
        error = float(np.std(slopes, ddof=1)) / math.sqrt(len(slopes))
        return max(0.0, abs(float(slopes.mean())) - _RELEASE_SIGMAS * error)

    def bath_noise_K(self, members: Bools) -> Floats:  # noqa: N802
        """(B,) bath noise of a group as a temperature."""
        found: Floats = self.bath_noise[:, members].sum(axis=1)
        return 2 * found / (kB * degrees_of_freedom(self.start.system, members))

    def temperatures(self, members: Bools) -> Floats:
        """(T, B) kinetic temperature of a group, K, with the degrees of freedom it has."""
        energy = self.kinetic[:, :, members].sum(axis=2, dtype=np.float64)
        found: Floats = 2 * energy / (kB * degrees_of_freedom(self.start.system, members))
        return found

    def corrected_temperatures(self, members: Bools) -> Floats:
        """(T, B) kinetic temperature of a group, K, less what the timestep probably added."""
        bias = self.temperature_K / 100 * self.timestep_bias(members)
        corrected: Floats = self.temperatures(members) - self.mixing * bias
        return corrected

    @property
    def mixing(self) -> float:
        """The share of :meth:`timestep_bias` that is taken off temperatures, 0 to 1.

        Replicas leave a local bath unmixed. The modes of crystals (which were drawn) hardly mix
        within a run. Those of liquids do so in a time like the run's.
        """
        unmixed = self.modes.get("modes_drawn", 0) or not isinstance(
            self.bath, StochasticVelocityRescaling
        )
        return 0.0 if unmixed else _LIQUID_MIXING

    def timestep_bias(self, members: Bools) -> float:
        """By how many percent the timestep may raise a group's temperature, at most.

        Under a local bath, velocities in the middle of steps have no bias. Under a global one modes
        share the integrator's shadow energy, in which a mode's kinetic energy in the middle counts
        1 - (omega dt)²/4: once modes have mixed, those at the end of steps are the equal ones. The
        truth lies between the two. This is their distance: that of the group less that of all
        atoms, whose sum the bath imposes.
        """
        if not isinstance(self.bath, StochasticVelocityRescaling):
            return 0.0
        middle = self.kinetic.mean(axis=(0, 1), dtype=np.float64)
        own = float(middle[members].sum() / self.end_kinetic[members].sum())
        return 100 * (own - float(middle.sum() / self.end_kinetic.sum()))

    def facts(self) -> dict[str, Any]:
        """For the evidence of every check that uses it."""
        return {
            "evaluations": self.evaluations,
            "replicas": self.n_replicas,
            "steps": self.n_steps,
            "timestep_fs": self.timestep_fs,
            "sampled_ps": self.sampled_ps,
            "warming_fs": self.equilibration_fs,
            "bath": type(self.bath).__name__,
            "temperature_K": self.temperature_K,
            "release_eV_per_atom_per_ps": self.energy_release(),
            **self.modes,
        }
