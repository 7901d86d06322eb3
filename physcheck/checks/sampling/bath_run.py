"""Replicas under one bath, with what is kept of them, stopped where one runs away."""

from __future__ import annotations

import numpy as np
from ase.units import kB
from numpy.typing import NDArray

from physcheck.checks.dynamics.replicas import take_step
from physcheck.dynamics import Bath, Simulation, kinetic_energies
from physcheck.model import Meter
from physcheck.system import Bools, Configurations, Floats

__all__ = ["VELOCITY_REPLICAS", "BathRun"]

# A replica has run away when this energy, eV/atom, appeared that no bath accounts for ...
_RUNAWAY_ENERGY = 1.0
# ... or when its kinetic energy is so many times the bath's. A start with atoms too close to each
# other may release ten times without being a fault of the forces.
_RUNAWAY_KINETIC = 300.0
# Configurations kept in a call of `advance`.
_SNAPSHOTS = 48
#: The first so many replicas have their velocities kept, for the velocity autocorrelation.
VELOCITY_REPLICAS = 4


class BathRun:
    """B replicas of one system under one bath.

    Attributes
    ----------
    simulation : Simulation
    velocities : list of (b, N, 3) float32
        At the end of each step, of the first few replicas.
    end_kinetic : (N,) float, eV
        Of each atom at the end of steps, mean over replicas, summed over steps.
    snapshots, snapshot_forces : list of (N, 3)
        Configurations along the way and the forces there, from each replica in turn.
    start : Configurations
    start_velocities : (B, N, 3)
    runaway : int or None
        The replica that ran away.
    """

    def __init__(
        self,
        meter: Meter,
        start: Configurations,
        velocities: Floats,
        timestep_fs: float,
        bath: Bath,
        rng: np.random.Generator,
    ) -> None:
        self.meter, self.start, self.start_velocities = meter, start, velocities
        self.simulation = Simulation(
            meter,
            start,
            velocities,
            timestep_fs=timestep_fs,
            bath=bath,
            rng=rng,
            atom_kinetic=True,
        )
        self.velocities: list[NDArray[np.float32]] = []
        self.end_kinetic = np.zeros(start.n_atoms)
        self.snapshots: list[Floats] = []
        self.snapshot_forces: list[Floats] = []
        self.runaway: int | None = None

    def advance(self, n_steps: int) -> None:
        """Take up to ``n_steps`` steps; stops where a replica runs away."""
        every = max(1, n_steps // _SNAPSHOTS)
        for step in range(n_steps):
            if (scattered := take_step(self.simulation)) is not None:
                self.runaway = scattered
                return
            if (away := self._ran_away()).any():
                self.runaway = int(np.argmax(away))
                return
            self._keep(snapshot=step % every == every - 1)

    def _keep(self, *, snapshot: bool) -> None:
        simulation = self.simulation
        kinetic = kinetic_energies(simulation.velocities, simulation.masses)
        self.end_kinetic += kinetic.mean(axis=0)
        self.velocities.append(simulation.velocities[:VELOCITY_REPLICAS].astype(np.float32))
        if snapshot:
            replica = len(self.snapshots) % len(simulation.positions)
            self.snapshots.append(simulation.positions[replica])
            self.snapshot_forces.append(simulation.forces[replica])

    def _ran_away(self) -> Bools:
        """(B,) True for replicas that ran away."""
        simulation = self.simulation
        n_atoms = simulation.positions.shape[1]
        assert simulation.bath is not None
        thermal = 1.5 * n_atoms * kB * simulation.bath.temperature_K
        # Without an energy the first comparison is one with NaN, and False.
        away: Bools = np.abs(simulation.last_unexplained) > _RUNAWAY_ENERGY * n_atoms
        away |= ~(simulation.last_kinetic <= _RUNAWAY_KINETIC * thermal)
        return away

    def describe_runaway(self) -> str:
        """Which replica ran away and when, as a clause without a full stop."""
        time = self.simulation.steps * self.simulation.timestep_fs
        return (
            f"replica {self.runaway} blew up after {time:.3g} fs at a timestep of "
            f"{self.simulation.timestep_fs:.2g} fs"
        )
