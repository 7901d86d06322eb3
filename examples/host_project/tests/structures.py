"""Structures that matter to us.  Off their equilibria, so that no force is zero by symmetry."""

import numpy as np
from ase import Atoms
from ase.spacegroup import crystal


def quartz() -> Atoms:
    """Alpha quartz at 300 K (Levien, Prewitt, Weidner, Am. Mineral. 65, 920 (1980))."""
    atoms = crystal(
        ["Si", "O"],
        [(0.4697, 0.0, 2 / 3), (0.4135, 0.2669, 0.7858)],
        spacegroup=154,
        cellpar=[4.916, 4.916, 5.4054, 90, 90, 120],
    )
    return rattled(Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True))


def dimer() -> Atoms:
    """(SiO2)2, a ring of four atoms with an oxygen at each end, by its usual bond lengths."""
    x, y = 1.18, 1.18
    positions = [(x, 0, 0), (-x, 0, 0), (0, y, 0), (0, -y, 0), (x + 1.52, 0, 0), (-x - 1.52, 0, 0)]
    return rattled(Atoms("Si2O4", positions))


def rattled(atoms: Atoms) -> Atoms:
    atoms.positions += 0.05 * np.random.default_rng(0).standard_normal(atoms.positions.shape)
    return atoms
