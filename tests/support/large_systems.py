"""Systems with one faulty place among many."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import molecule

from physcheck.model import Capabilities
from physcheck.system import Evaluation


def waters(n_side=4):
    rng = np.random.default_rng(0)
    edge = 3.105
    parts, numbers = [], []
    for cell in np.ndindex(n_side, n_side, n_side):
        one = molecule("H2O")
        one.rotate(rng.uniform(0, 360), rng.standard_normal(3))
        parts.append(one.positions - one.positions.mean(axis=0) + (np.array(cell) + 0.5) * edge)
        numbers.append(one.numbers)
    positions = np.concatenate(parts)
    positions += 0.03 * rng.standard_normal(positions.shape)
    return Atoms(np.concatenate(numbers), positions, cell=[n_side * edge] * 3, pbc=True)


class Ring:
    """Anharmonic springs along the order of the atoms, and a swirl of one of them."""

    def __init__(self, start, atom, strength):
        self.places, self.atom, self.strength = start.positions[0], atom, strength
        self.capabilities = Capabilities("ring", "test", frozenset({"forces"}), batched=True)

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        u = configurations.positions - self.places
        stretch = np.roll(u, -1, axis=1) - u
        pull = stretch + 0.3 * stretch**2
        forces = pull - np.roll(pull, 1, axis=1) - u
        forces[:, self.atom] += self.strength * np.cross([2 / 7, 3 / 7, 6 / 7], u[:, self.atom])
        return Evaluation(forces=forces)
