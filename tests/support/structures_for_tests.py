"""Structures that cover molecules, partial pbc, small and triclinic cells, atoms outside the
cell.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule

from physcheck.system import Configurations


def _rattled(atoms: Atoms, seed: int, amount: float = 0.08) -> Configurations:
    rng = np.random.default_rng(seed)
    atoms = atoms.copy()
    atoms.positions += rng.normal(0, amount, atoms.positions.shape)
    return Configurations.from_atoms(atoms)


def _outside(atoms: Atoms) -> Atoms:
    rng = np.random.default_rng(11)
    atoms = atoms.copy()
    atoms.positions += (rng.integers(-3, 4, (len(atoms), 3)) * atoms.pbc) @ np.array(atoms.cell)
    return atoms


def _slab() -> Atoms:
    slab = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    slab.cell[2] = 0.0
    slab.pbc = (True, True, False)
    return slab


def _wire() -> Atoms:
    return Atoms(
        "CuAu",
        [[0, 0, 0], [0.3, 2.5, 0.2]],
        cell=[[3, 1, 0.5], [0, 9, 0], [0, 0, 9]],
        pbc=[1, 0, 0],
    )


def _small() -> Atoms:
    cell = [[2.7, 0.1, 0], [0.3, 2.9, -0.2], [-0.4, 0.5, 3.0]]
    return Atoms("CuNi", cell=cell, pbc=True, scaled_positions=[[0, 0, 0], [0.45, 0.52, 0.5]])


STRUCTURES: dict[str, Configurations] = {
    "ethanol": _rattled(molecule("CH3CH2OH"), 1),
    "cubic": _rattled(bulk("NaCl", "rocksalt", a=5.64, cubic=True), 2),
    "triclinic-small": _rattled(_small(), 3),
    "triclinic-outside": _rattled(_outside(bulk("Si") * (2, 1, 1)), 4),
    "slab-outside": _rattled(_outside(_slab()), 5),
    "wire": _rattled(_wire(), 6),
}
FULL = [name for name, c in STRUCTURES.items() if c.system.is_fully_periodic]


def water_box(
    seed: int = 0, per_side: int = 2, spacing: float = 3.1, skew: float = 0.0
) -> Configurations:
    """Molecules on a cubic grid, turned at random, some of their atoms in other images."""
    rng = np.random.default_rng(seed)
    box = Atoms()
    for place in np.ndindex(per_side, per_side, per_side):
        water = molecule("H2O")[[0, 1, 2]]
        water.positions -= water.positions[0]
        water.rotate(rng.uniform(0, 360), rng.normal(size=3))
        water.positions += spacing * np.array(place)
        box += water
    cell = per_side * spacing * np.eye(3)
    cell[1, 0] = skew * cell[0, 0]
    box.set_cell(cell)
    box.pbc = True
    return _rattled(_outside(box), seed, 0.03)


def numerical_forces(model, configuration: Configurations, h: float = 1e-3) -> np.ndarray:
    """-dE/dx by 4-point central differences, (N, 3)."""
    n = configuration.n_coordinates
    steps = np.concatenate([k * h * np.eye(n) for k in (1, -1, 2, -2)])
    e = model.evaluate(configuration.displaced(steps), want=frozenset({"energy"})).energy
    p1, m1, p2, m2 = e.reshape(4, n)
    return -((8 * (p1 - m1) - (p2 - m2)) / (12 * h)).reshape(-1, 3)


def strained(configuration: Configurations, strain: np.ndarray) -> Configurations:
    f = np.eye(3) + strain
    return configuration.at(configuration.positions[0] @ f, configuration.cells[0] @ f)


def numerical_stress(model, configuration: Configurations, h: float = 3e-4) -> np.ndarray:
    """(1/V) dE/d(strain) by 4-point central differences, (3, 3)."""
    stress = np.zeros((3, 3))
    for a in range(3):
        for b in range(a, 3):
            unit = np.zeros((3, 3))
            unit[a, b] += 0.5
            unit[b, a] += 0.5
            p1, m1, p2, m2 = (
                model.evaluate(
                    strained(configuration, k * h * unit), want=frozenset({"energy"})
                ).energy[0]
                for k in (1, -1, 2, -2)
            )
            stress[a, b] = stress[b, a] = (8 * (p1 - m1) - (p2 - m2)) / (12 * h)
    return stress / configuration.volumes()[0]
