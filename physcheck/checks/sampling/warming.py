"""What goes before sampling: replicas that each have their share of heat in every mode."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from ase.units import fs, kB

from physcheck.checks.sampling.bath_run import Stage
from physcheck.dynamics import Langevin, draw_velocities, kinetic_energies
from physcheck.model import Meter
from physcheck.system import Configurations, Floats

__all__ = ["Warmed", "warm_apart", "warm_in_turn"]

# A local bath mends what the harmonic draw got wrong in each mode: slow ones take gamma/(2 omega²), 500 fs for a period of
# 1.4 ps, stiff ones 50 fs.
_APART_FS = 50.0
# A weaker one, under which a liquid forgets its structure sooner (diffusion is half as slow again as without).
_IN_TURN_FS = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Warmed:
    """B replicas ready to be sampled.

    Attributes
    ----------
    stage : Stage
        The last that ran; ``stage.lost`` tells whether a replica ran away.
    places : Configurations
        B of them.
    velocities : (B, N, 3) float
    bath : Langevin
    time_fs : float
        How long it took.
    kinetic : (B, N) float, eV
        Mean of each atom in the middle of steps, in the second half of a replica's warming; (0, N) where that is nothing.
    luck : (B, N) float, eV
        What the bath's noise gave each atom beyond its expectation, forgotten at the bath's rate.
    """

    stage: Stage
    places: Configurations
    velocities: Floats
    bath: Langevin
    time_fs: float
    kinetic: Floats
    luck: Floats


def warm_apart(
    meter: Meter,
    places: Configurations,
    temperature_K: float,
    timestep_fs: float,
    n_steps: int,
    rng: np.random.Generator,
) -> Warmed:
    """Each replica from its own place (B of them), for ``n_steps`` under a Langevin bath of 50 fs.

    Cost: B (n_steps + 1) evaluations.
    """
    local = Langevin(temperature_K, _APART_FS)
    fair = _Fair(local)
    n_batch, n_atoms = len(places), places.n_atoms
    velocities = draw_velocities(places.system, n_batch, temperature_K, rng)
    stage = Stage(meter, places, velocities, timestep_fs, fair, rng)
    stage.advance(n_steps)
    kinetic = np.zeros((0, n_atoms))
    if n_steps > 1 and stage.lost is None:
        kinetic = stage.simulation.trace().middle[n_steps // 2 :].mean(axis=0)
    return Warmed(
        stage=stage,
        places=places if stage.lost is not None else places.at(stage.simulation.positions),
        velocities=stage.simulation.velocities,
        bath=local,
        time_fs=n_steps * timestep_fs,
        kinetic=kinetic,
        luck=np.zeros((n_batch, n_atoms)) if fair.luck is None else fair.luck,
    )


def warm_in_turn(
    meter: Meter,
    start: Configurations,
    replicas: int,
    temperature_K: float,
    timestep_fs: float,
    n_steps: int,
    rng: np.random.Generator,
) -> Warmed:
    """One replica on its way from ``start`` (B = 1) under a Langevin bath of 100 fs; each ``n_steps`` a place is kept.

    A liquid's structure takes picoseconds to forget its start. Replicas that all began at one place would share what energy
    that has to give off, and their scatter would not tell of it; these do so less and less.
    Velocities are drawn afresh, so that they are independent.

    Cost: 1 + replicas n_steps evaluations.
    """
    local = Langevin(temperature_K, _IN_TURN_FS)
    velocities = draw_velocities(start.system, 1, temperature_K, rng)
    stage = Stage(meter, start, velocities, timestep_fs, local, rng)
    kept: list[Floats] = []
    for _ in range(replicas):
        stage.advance(n_steps)
        if stage.lost is not None:
            break
        kept.append(stage.simulation.positions[0])
    kinetic = np.zeros((0, start.n_atoms))
    if n_steps > 1 and stage.lost is None:
        middle = stage.simulation.trace().middle[:, 0].reshape(replicas, n_steps, -1)
        kinetic = middle[:, n_steps // 2 :].mean(axis=1)
    return Warmed(
        stage=stage,
        places=start.at(np.array(kept).reshape(-1, start.n_atoms, 3)),
        velocities=draw_velocities(start.system, len(kept), temperature_K, rng),
        bath=local,
        time_fs=replicas * n_steps * timestep_fs,
        kinetic=kinetic,
        luck=np.zeros((replicas, start.n_atoms)),
    )


class _Fair:
    """A Langevin bath that remembers by how much its noise was kinder to an atom than it is on average."""

    def __init__(self, bath: Langevin) -> None:
        self._bath = bath
        self.luck: Floats | None = None

    @property
    def temperature_K(self) -> float:  # noqa: N802
        return self._bath.temperature_K

    def act(
        self, velocities: Floats, masses: Floats, timestep: float, rng: np.random.Generator
    ) -> Floats:
        """New velocities; what they have more than the old ones and the temperature let expect is luck."""
        new = self._bath.act(velocities, masses, timestep, rng)
        # Kinetic energy is forgotten at twice the friction, the whole energy of a vibration at the friction itself.
        decay = math.exp(-timestep / (self._bath.time_fs * fs))
        kept = decay**2 * kinetic_energies(velocities, masses)
        share = 1 - masses / masses.sum()
        given = (1 - decay**2) * 1.5 * kB * self._bath.temperature_K * share
        gained = kinetic_energies(new, masses) - kept - given
        self.luck = gained if self.luck is None else decay * self.luck + gained
        return new
