"""Pairs of species that a model says it supports and a structure lacks."""

from __future__ import annotations

import numpy as np

from physcheck.model import Capabilities
from physcheck.system import Configurations, System

__all__ = ["claimed_species", "pair_of"]


def claimed_species(start: Configurations, capabilities: Capabilities, most: int) -> list[int]:
    """Atomic numbers that the model claims and ``start`` lacks, ``most`` of them, evenly chosen."""
    own = set(start.system.numbers.tolist())
    others = sorted((capabilities.species or frozenset()) - own)
    if len(others) <= most:
        return others
    return [others[i] for i in np.linspace(0, len(others) - 1, most).round().astype(int)]


def pair_of(number: int, stretch: float) -> Configurations:
    """Two atoms of one species, ``stretch`` sums of covalent radii apart, alone (B = 1)."""
    from ase.data import atomic_masses, covalent_radii

    numbers = np.full(2, number, np.int64)
    # Off all axes, so that no exact zero is among the components.
    direction = np.array([0.48, 0.6, 0.64])
    length = stretch * 2 * float(covalent_radii[number])
    positions = np.array([[0.0] * 3, length * direction / np.linalg.norm(direction)])
    system = System(numbers, atomic_masses[numbers], np.zeros(3, bool))
    return Configurations(system, positions[None], np.zeros((1, 3, 3)))
