"""Heat baths: the O step of BAOAB, which exchanges kinetic energy with the atoms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ase.units import fs, kB

from physcheck.dynamics.velocities import kinetic_energies, without_momentum
from physcheck.system import Floats

__all__ = ["Bath", "Langevin", "StochasticVelocityRescaling"]


class Bath(Protocol):
    """Something that exchanges kinetic energy with the atoms for a whole timestep."""

    @property
    def temperature_K(self) -> float:  # noqa: N802
        """The temperature that it keeps."""
        ...

    def act(
        self, velocities: Floats, masses: Floats, timestep: float, rng: np.random.Generator
    ) -> Floats:
        """New velocities (B, N, 3) after ``timestep`` (ASE's unit), without net momentum."""
        ...


@dataclass(frozen=True, slots=True)
class Langevin:
    """Friction and noise on each atom.

    ``v <- c v + sqrt((1 - c²) kB T/m) xi`` with ``c = exp(-dt/time)`` and xi standard normal. The
    net momentum of the noise is removed, so that 3N - 3 degrees of freedom stay.

    Attributes
    ----------
    temperature_K : float
    time_fs : float
        1/friction.
    """

    temperature_K: float  # noqa: N815
    time_fs: float

    def act(
        self, velocities: Floats, masses: Floats, timestep: float, rng: np.random.Generator
    ) -> Floats:
        """New velocities (B, N, 3)."""
        c = math.exp(-timestep / (self.time_fs * fs))
        spread = np.sqrt((1.0 - c * c) * kB * self.temperature_K / masses)
        noise = spread[:, None] * rng.standard_normal(velocities.shape)
        return c * velocities + without_momentum(noise, masses)


@dataclass(frozen=True, slots=True)
class StochasticVelocityRescaling:
    """One random factor for all velocities, so that the total kinetic energy is canonical.

    With ``n = 3N - 3``, ``c = exp(-dt/time)`` and ``r = kB T/(2 K)``,
    ``alpha² = c + r (1 - c)(R_1² + S) + 2 R_1 sqrt(c r (1 - c))``, R_1 normal, S chi² of n - 1
    degrees of freedom; the sign of alpha is that of ``R_1 + sqrt(c/(r (1 - c)))``.

    Source: Bussi, Donadio, Parrinello, J. Chem. Phys. 126, 014101 (2007), eq. A7.

    Attributes
    ----------
    temperature_K : float
    time_fs : float
        Relaxation time of the kinetic energy.
    """

    temperature_K: float  # noqa: N815
    time_fs: float

    def act(
        self, velocities: Floats, masses: Floats, timestep: float, rng: np.random.Generator
    ) -> Floats:
        """New velocities (B, N, 3); a replica at rest stays at rest."""
        n_batch, n_atoms, _ = velocities.shape
        n_dof = 3 * n_atoms - 3
        if n_dof == 0:
            return velocities
        kinetic = kinetic_energies(velocities, masses).sum(axis=1)
        c = math.exp(-timestep / (self.time_fs * fs))
        with np.errstate(divide="ignore", invalid="ignore"):
            # ratio is r (1 - c); twice a gamma variate of (n - 1)/2 is chi² of n - 1.
            ratio = 0.5 * kB * self.temperature_K * (1.0 - c) / kinetic
            normal = rng.standard_normal(n_batch)
            rest = 2.0 * rng.standard_gamma((n_dof - 1) / 2, n_batch)
            squared = c + ratio * (normal**2 + rest) + 2.0 * normal * np.sqrt(c * ratio)
            sign = np.where(normal + np.sqrt(c / ratio) >= 0, 1.0, -1.0)
        factor = np.where(kinetic > 0, sign * np.sqrt(np.maximum(squared, 0.0)), 1.0)
        return velocities * factor[:, None, None]
