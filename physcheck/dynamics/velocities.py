"""Velocities with the momentum removed, and the degrees of freedom that are left.

Velocities are in ASE's unit, Å/(Å sqrt(amu/eV)), so that ``m v²/2`` is in eV.
"""

from __future__ import annotations

import numpy as np
from ase.units import kB

from physcheck.system import Bools, Floats, System

__all__ = [
    "angular_momenta",
    "degrees_of_freedom",
    "draw_velocities",
    "kinetic_energies",
    "without_momentum",
]


def without_momentum(velocities: Floats, masses: Floats) -> Floats:
    """(B, N, 3) velocities less that of the centre of mass."""
    drift = np.tensordot(velocities, masses, axes=(1, 0)) / masses.sum()
    moved: Floats = velocities - drift[:, None, :]
    return moved


def kinetic_energies(velocities: Floats, masses: Floats) -> Floats:
    """(B, N) ``m v²/2`` of each atom, eV."""
    energies: Floats = 0.5 * masses * np.einsum("bna,bna->bn", velocities, velocities)
    return energies


def angular_momenta(positions: Floats, velocities: Floats, masses: Floats) -> Floats:
    """(B, 3) ``sum of m r x v``, Å sqrt(amu eV).

    Without net momentum the origin doesn't matter.
    """
    momenta: Floats = np.einsum("n,bna->ba", masses, np.cross(positions, velocities))
    return momenta


def draw_velocities(
    system: System,
    count: int,
    temperature_K: float,
    rng: np.random.Generator,
    *,
    exact: bool = False,
) -> Floats:
    """(count, N, 3) Maxwell-Boltzmann velocities without net momentum, ASE's unit.

    Parameters
    ----------
    exact : bool
        Scale each draw so that its kinetic energy is (3N - 3) kB T/2.  One atom alone keeps no
        velocity.
    """
    masses = system.masses
    spread = np.sqrt(kB * temperature_K / masses)
    drawn = spread[:, None] * rng.standard_normal((count, len(system), 3))
    velocities = without_momentum(drawn, masses)
    if exact and len(system) > 1:
        wanted = 0.5 * kB * temperature_K * (3 * len(system) - 3)
        present = kinetic_energies(velocities, masses).sum(axis=1)
        velocities = velocities * np.sqrt(wanted / present)[:, None, None]
    return velocities


def degrees_of_freedom(system: System, members: Bools | None = None) -> float:
    """Degrees of freedom of a group of atoms with the total momentum removed.

    ``n = 3 sum over members of (1 - m_i/M)``: the mean kinetic energy of the group is n kB T/2.
    3N - 3 for all atoms.

    Parameters
    ----------
    members : (N,) bool
        All atoms if left out.
    """
    share = 1.0 - system.masses / system.masses.sum()
    return float(3.0 * (share.sum() if members is None else share[members].sum()))
