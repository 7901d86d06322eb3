"""Exactly symmetric structures: angles of 180 degrees, equal coordinates, ties of images.

Formulas that divide by a sine, a norm or a difference of coordinates, and code that breaks a tie,
differ there from what they give anywhere else; optimisers and perfect crystals end there.
"""

from __future__ import annotations

import numpy as np

from physcheck.system import Configurations, Floats, Ints, System

__all__ = ["symmetric_places"]

# Distance of neighbours in sums of covalent radii: near where any potential has its bond.
_STRETCH = 1.1


def symmetric_places(start: Configurations) -> list[tuple[str, Configurations]]:
    """Label and configuration (B = 1) of symmetric structures of the species of ``start``.

    Without periodic axes: three atoms on the diagonal x = y = z, three on the z axis, and five in
    the plane z = 0.  With full pbc: atoms at 0 and 1/2 of a cubic cell (caesium chloride), and on
    an fcc lattice.  None where some axes are periodic.
    """
    numbers = np.unique(start.system.numbers)
    bond = _bond(numbers)
    if start.system.is_fully_periodic:
        half = np.full(3, 0.5)
        faces = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
        centred = np.stack([np.zeros(3), half])
        return [
            ("at 0 and 1/2 of a cubic cell", _crystal(numbers, centred, bond * 2 / np.sqrt(3))),
            ("on an fcc lattice", _crystal(numbers, faces, bond * np.sqrt(2))),
        ]
    if start.system.is_periodic:
        return []
    steps = np.array([-1.0, 0.0, 1.0])[:, None]
    cross = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]], dtype=float)
    diagonal, axis = np.ones(3) / np.sqrt(3), np.array([0.0, 0.0, 1.0])
    return [
        ("on the line x = y = z", _molecule(numbers, bond * steps * diagonal)),
        ("on the z axis", _molecule(numbers, bond * steps * axis)),
        ("in the plane z = 0", _molecule(numbers, bond * cross)),
    ]


def _bond(numbers: Ints) -> float:
    from ase.data import covalent_radii

    return float(_STRETCH * 2 * np.mean(covalent_radii[numbers]))


def _system(numbers: Ints, count: int, periodic: bool) -> System:
    from ase.data import atomic_masses

    chosen = np.resize(numbers, count).astype(np.int64)
    return System(chosen, atomic_masses[chosen], np.full(3, periodic))


def _molecule(numbers: Ints, positions: Floats) -> Configurations:
    system = _system(numbers, len(positions), periodic=False)
    return Configurations(system, positions[None], np.zeros((1, 3, 3)))


def _crystal(numbers: Ints, fractional: Floats, side: float) -> Configurations:
    system = _system(numbers, len(fractional), periodic=True)
    return Configurations(system, side * fractional[None], side * np.eye(3)[None])
