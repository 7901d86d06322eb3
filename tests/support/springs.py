"""Light and heavy atoms on springs of their own: cheap, fast, and exactly known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from ase import Atoms

from physcheck.model import Capabilities
from physcheck.system import Evaluation

AXIS = np.array([2.0, 3.0, 6.0]) / 7.0


def salt(pbc=True):
    """Eight H and eight O, far apart."""
    return Atoms("HO" * 8, positions=3.0 * np.arange(48).reshape(16, 3), cell=[200] * 3, pbc=pbc)


class Springs:
    """Each atom on a spring, next neighbours on another, so that light and heavy exchange heat.

    ``pumping`` drives each light atom around its site: work on one species only, eV/Å².
    """

    def __init__(self, atoms, pumping=0.0, coupling=0.0, quartic=0.0, energy=True):
        self.places, self.pumping = atoms.positions.copy(), pumping
        self.coupling, self.quartic = coupling, quartic
        outputs = {"forces", "energy"} if energy else {"forces"}
        self._capabilities = Capabilities("springs", "test", frozenset(outputs), batched=True)
        self._atoms = atoms

    @property
    def capabilities(self):
        return replace(self._capabilities, structures=(self._atoms,))

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        u = configurations.positions - self.places
        gap = u - np.roll(u, 1, axis=1)
        pull = self.coupling * gap + self.quartic * gap**3
        forces = -4.0 * u - pull + np.roll(pull, -1, axis=1)
        energy = 2.0 * (u**2).sum((1, 2)) + 0.5 * self.coupling * (gap**2).sum((1, 2))
        energy = energy + 0.25 * self.quartic * (gap**4).sum((1, 2))
        if self.pumping:
            forces[:, ::2] += self.pumping * np.cross(AXIS, u[:, ::2])
        return Evaluation(energy if "energy" in self._capabilities.outputs else None, forces)
