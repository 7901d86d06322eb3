"""Replicas under one bath, watched for any that runs away."""

from __future__ import annotations

import numpy as np
from ase.units import kB
from numpy.typing import NDArray

from physcheck.checks.dynamics.replicas import take_step
from physcheck.dynamics import Bath, Simulation, kinetic_energies
from physcheck.model import Meter
from physcheck.system import Bools, Configurations, Floats

__all__ = ["WATCHED", "Stage"]

# A replica has run away when energy of so many eV/atom came from nowhere, or when its kinetic energy is so many
# times the bath's: a bad start may well release ten times.
_RUNAWAY_ENERGY, _RUNAWAY_KINETIC = 1.0, 300.0
_SNAPSHOTS = 48
#: Replicas whose velocities are kept, for the velocity correlation.
WATCHED = 4


class Stage:
    """Replicas of one system under one bath, with what is kept of them.

    Attributes
    ----------
    simulation : Simulation
    velocities : list of (b, N, 3) float32
        At the end of each step, of a few replicas.
    end_kinetic : (N,) float, eV
        Of each atom at the end of steps, mean over replicas, summed over steps.
    snapshots, snapshot_forces : list of (N, 3)
        Places along the way and the forces there, replicas in turn.
    start : Configurations
    start_velocities : (B, N, 3)
    lost : int or None
        The replica that ran away.
    """

    def __init__(
        self,
        meter: Meter,
        places: Configurations,
        velocities: Floats,
        timestep_fs: float,
        bath: Bath,
        rng: np.random.Generator,
    ) -> None:
        self.meter, self.start, self.start_velocities = meter, places, velocities
        self.simulation = Simulation(
            meter,
            places,
            velocities,
            timestep_fs=timestep_fs,
            bath=bath,
            rng=rng,
            atom_kinetic=True,
        )
        self.velocities: list[NDArray[np.float32]] = []
        self.end_kinetic = np.zeros(places.n_atoms)
        self.snapshots: list[Floats] = []
        self.snapshot_forces: list[Floats] = []
        self.lost: int | None = None

    def advance(self, n_steps: int) -> None:
        """Take up to ``n_steps`` steps; stops where a replica runs away."""
        simulation = self.simulation
        n_batch = len(simulation.positions)
        every = max(1, n_steps // _SNAPSHOTS)
        for step in range(n_steps):
            if (scattered := take_step(simulation)) is not None:
                self.lost = scattered
                return
            if (gone := self._gone()).any():
                self.lost = int(np.argmax(gone))
                return
            self.end_kinetic += kinetic_energies(simulation.velocities, simulation.masses).mean(
                axis=0
            )
            self.velocities.append(simulation.velocities[:WATCHED].astype(np.float32))
            if step % every == every - 1:
                replica = len(self.snapshots) % n_batch
                self.snapshots.append(simulation.positions[replica])
                self.snapshot_forces.append(simulation.forces[replica])

    def _gone(self) -> Bools:
        """(B,) True for replicas that ran away."""
        simulation = self.simulation
        n_atoms = simulation.positions.shape[1]
        assert simulation.bath is not None
        thermal = 1.5 * n_atoms * kB * simulation.bath.temperature_K
        # Without an energy the first comparison is one with NaN, and False.
        gone: Bools = np.abs(simulation.last_unexplained) > _RUNAWAY_ENERGY * n_atoms
        gone |= ~(simulation.last_kinetic <= _RUNAWAY_KINETIC * thermal)
        return gone

    def describe(self) -> str:
        """How the lost replica went, in half a sentence."""
        time = self.simulation.steps * self.simulation.timestep_fs
        return (
            f"replica {self.lost} blew up after {time:.3g} fs at a timestep of "
            f"{self.simulation.timestep_fs:.2g} fs"
        )
