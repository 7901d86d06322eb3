"""What every run of replicas has: positions, velocities and an account of its energies."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from ase.units import fs

from physcheck.dynamics.baths import Bath
from physcheck.dynamics.trace import EnergyAccount, Trace
from physcheck.system import Configurations, Floats

__all__ = ["ReplicaRun"]


class ReplicaRun(ABC):
    """Replicas of one system in motion; what moves them is for the subclass to say.

    Parameters
    ----------
    start : Configurations
        B replicas.
    velocities : (B, N, 3)
        ASE's unit, as :func:`~physcheck.dynamics.velocities.draw_velocities` makes them.
    timestep_fs : float
        Between two evaluations of the forces.
    bath : Bath or None
    rng : numpy Generator
        For the bath.
    atom_kinetic : bool
        Keep the kinetic energy of each atom in the middle of each step, not just the sum.

    Raises
    ------
    ValueError
        A bath without ``rng``, a timestep that isn't positive, velocities of another shape.

    Attributes
    ----------
    positions, velocities : (B, N, 3)
        Now.
    steps : int
        Taken so far.
    """

    def __init__(
        self,
        start: Configurations,
        velocities: Floats,
        *,
        timestep_fs: float,
        bath: Bath | None,
        rng: np.random.Generator | None,
        atom_kinetic: bool,
    ) -> None:
        if bath is not None and rng is None:
            raise ValueError("a bath needs rng, a numpy Generator")
        if not timestep_fs > 0:
            raise ValueError(f"timestep_fs is {timestep_fs}, should be positive")
        shape = start.positions.shape
        if velocities.shape != shape:
            raise ValueError(f"velocities have shape {velocities.shape}, should be {shape}")
        self.bath, self.rng, self.atom_kinetic = bath, rng, atom_kinetic
        self.system, self.cells = start.system, start.cells
        self.masses = start.system.masses
        self.timestep_fs, self.timestep = timestep_fs, timestep_fs * fs
        self.positions = start.positions.copy()
        self.velocities = np.array(velocities, dtype=np.float64)
        self.steps = 0
        self._inverse_masses = (1.0 / self.masses)[:, None]
        self._mass_share = (self.masses / self.masses.sum())[:, None]
        self._heat = np.zeros(len(start))
        self._account = EnergyAccount()

    @property
    def first_total(self) -> Floats:
        """(B,) E + K at the start, eV."""
        return self._account.first_total

    @property
    def last_total(self) -> Floats:
        """(B,) E + K at the last moment, eV."""
        return self._account.last_total

    @property
    def last_kinetic(self) -> Floats:
        """(B,) K at the last moment, eV."""
        return self._account.kinetic[-1]

    @property
    def last_unexplained(self) -> Floats:
        """(B,) change of E + K since the start less the bath's heat, eV; NaN without energy."""
        return self.last_total - self.first_total - self._heat

    def run(self, n_steps: int) -> None:
        """Take ``n_steps`` steps of all replicas."""
        for _ in range(n_steps):
            self._step()

    @abstractmethod
    def trace(self) -> Trace:
        """The account of the moments so far."""

    @abstractmethod
    def _step(self) -> None:
        """Move all replicas by a step and write down the moment."""

    def _configurations(self) -> Configurations:
        return Configurations(self.system, self.positions, self.cells)

    def _without_net_force(self, forces: Floats) -> Floats:
        """``F_i - (m_i/M) sum F``: the centre of mass keeps still, as engines make it."""
        balanced: Floats = forces - self._mass_share * forces.sum(axis=1, keepdims=True)
        return balanced

    @property
    def _middle_shape(self) -> tuple[int, ...]:
        n_batch, n_atoms = self.positions.shape[:2]
        return (n_batch, n_atoms) if self.atom_kinetic else (n_batch,)
