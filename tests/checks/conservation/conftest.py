"""Structures off their equilibrium, for the checks of conservation."""

import numpy as np
import pytest
from ase.build import bulk, molecule


@pytest.fixture
def rattled():
    """(name, seed) -> atoms displaced by 0.05 Å."""

    def make(name, seed=0):
        atoms = {
            "ethanol": lambda: molecule("CH3CH2OH"),
            "water": lambda: molecule("H2O"),
            "copper": lambda: bulk("Cu", cubic=True) * (2, 2, 2),
        }[name]()
        rng = np.random.default_rng(seed)
        atoms.positions += 0.05 * rng.standard_normal(atoms.positions.shape)
        return atoms

    return make


@pytest.fixture
def crystal():
    """(name, seed) -> periodic atoms displaced by 0.05 Å in a cell strained by 2 %."""

    def make(name, seed=0):
        atoms = {
            "cubic": lambda: bulk("Cu", cubic=True) * (2, 2, 2),
            "triclinic": lambda: bulk("Si") * (2, 2, 1),
            "salt": lambda: bulk("NaCl", "rocksalt", a=5.64, cubic=True),
        }[name]()
        rng = np.random.default_rng(seed)
        atoms.positions += 0.05 * rng.standard_normal(atoms.positions.shape)
        strain = np.eye(3) + 0.02 * rng.standard_normal((3, 3))
        atoms.set_cell(atoms.cell @ strain, scale_atoms=True)
        return atoms

    return make
