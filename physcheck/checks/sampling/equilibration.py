"""Equilibration before sampling: each mode of each replica gets its share of thermal energy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from ase.units import fs, kB

from physcheck.checks.sampling.bath_run import BathRun
from physcheck.dynamics import Langevin, draw_velocities, kinetic_energies
from physcheck.model import Meter
from physcheck.system import Configurations, Floats

__all__ = ["Equilibrated", "equilibrate_in_turn", "equilibrate_separately"]

# A local bath corrects what the harmonic draw got wrong in each mode. A mode that is slower than
# the friction gamma takes gamma/(2 omega²), 500 fs at a period of 1.4 ps; a stiff one takes 50
# fs.
_SEPARATE_FS = 50.0
# A weaker one, under which a liquid loses memory of its structure sooner: diffusion is then two
# thirds of what it is without a bath.
_IN_TURN_FS = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Equilibrated:
    """B replicas ready to be sampled.

    Attributes
    ----------
    run : BathRun
        The last that ran; ``run.runaway`` is the replica that ran away, if any.
    places : Configurations
        B of them.
    velocities : (B, N, 3) float
    bath : Langevin
    time_fs : float
        How long it took.
    kinetic : (B, N) float, eV
        Mean of each atom in the middle of steps, over the second half of a replica's
        equilibration; (0, N) where that half has no step.
    bath_noise : (B, N) float, eV
        What the bath's noise gave each atom beyond its expectation, decaying at the bath's rate.
    """

    run: BathRun
    places: Configurations
    velocities: Floats
    bath: Langevin
    time_fs: float
    kinetic: Floats
    bath_noise: Floats


def equilibrate_separately(
    meter: Meter,
    places: Configurations,
    temperature_K: float,
    timestep_fs: float,
    n_steps: int,
    rng: np.random.Generator,
) -> Equilibrated:
    """Each replica from its own place (B of them), for ``n_steps`` under a Langevin bath of 50 fs.

    Cost: B (n_steps + 1) evaluations.
    """
    bath = Langevin(temperature_K, _SEPARATE_FS)
    recording = _NoiseRecordingLangevin(bath)
    n_batch, n_atoms = len(places), places.n_atoms
    velocities = draw_velocities(places.system, n_batch, temperature_K, rng)
    run = BathRun(meter, places, velocities, timestep_fs, recording, rng)
    run.advance(n_steps)
    kinetic = np.zeros((0, n_atoms))
    if n_steps > 1 and run.runaway is None:
        kinetic = run.simulation.trace().middle[n_steps // 2 :].mean(axis=0)
    noise = recording.noise
    return Equilibrated(
        run=run,
        places=places if run.runaway is not None else places.at(run.simulation.positions),
        velocities=run.simulation.velocities,
        bath=bath,
        time_fs=n_steps * timestep_fs,
        kinetic=kinetic,
        bath_noise=np.zeros((n_batch, n_atoms)) if noise is None else noise,
    )


def equilibrate_in_turn(
    meter: Meter,
    start: Configurations,
    replicas: int,
    temperature_K: float,
    timestep_fs: float,
    n_steps: int,
    rng: np.random.Generator,
) -> Equilibrated:
    """One replica runs from ``start`` (B = 1) under a Langevin bath of 100 fs.

    Its configuration every ``n_steps`` is the start of one of the ``replicas``. The structure of a
    liquid takes picoseconds to lose memory of its start. Replicas that all began at one place would
    share the energy that it releases, and their scatter would not show it; these share less and
    less. Velocities are drawn afresh, so that they are independent.

    Cost: 1 + replicas n_steps evaluations.
    """
    bath = Langevin(temperature_K, _IN_TURN_FS)
    velocities = draw_velocities(start.system, 1, temperature_K, rng)
    run = BathRun(meter, start, velocities, timestep_fs, bath, rng)
    kept: list[Floats] = []
    for _ in range(replicas):
        run.advance(n_steps)
        if run.runaway is not None:
            break
        kept.append(run.simulation.positions[0])
    kinetic = np.zeros((0, start.n_atoms))
    if n_steps > 1 and run.runaway is None:
        middle = run.simulation.trace().middle[:, 0].reshape(replicas, n_steps, -1)
        kinetic = middle[:, n_steps // 2 :].mean(axis=1)
    return Equilibrated(
        run=run,
        places=start.at(np.array(kept).reshape(-1, start.n_atoms, 3)),
        velocities=draw_velocities(start.system, len(kept), temperature_K, rng),
        bath=bath,
        time_fs=replicas * n_steps * timestep_fs,
        kinetic=kinetic,
        bath_noise=np.zeros((replicas, start.n_atoms)),
    )


class _NoiseRecordingLangevin:
    """A Langevin bath that records what its noise gave each atom beyond its expectation."""

    def __init__(self, bath: Langevin) -> None:
        self._bath = bath
        self.noise: Floats | None = None

    @property
    def temperature_K(self) -> float:  # noqa: N802
        return self._bath.temperature_K

    def act(
        self, velocities: Floats, masses: Floats, timestep: float, rng: np.random.Generator
    ) -> Floats:
        """New velocities; records their kinetic energy less its expectation, given the old ones."""
        new = self._bath.act(velocities, masses, timestep, rng)
        # Friction takes v to decay v, kinetic energy to decay² K; noise restores the balance to
        # 3/2 kB T. The momentum that is removed leaves an atom of mass m the share 1 - m/M of it.
        decay = math.exp(-timestep / (self._bath.time_fs * fs))
        kept = decay**2 * kinetic_energies(velocities, masses)
        share = 1 - masses / masses.sum()
        given = (1 - decay**2) * 1.5 * kB * self._bath.temperature_K * share
        gained = kinetic_energies(new, masses) - kept - given
        # Half of a vibration's energy is kinetic, so that friction takes its whole energy at half
        # the rate at which it takes kinetic energy: by `decay` a step.
        self.noise = gained if self.noise is None else decay * self.noise + gained
        return new
