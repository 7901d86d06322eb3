"""Pair forces with kinks: what roughness does in dynamics can be told from their strength."""

import numpy as np

from physcheck.potentials.defects.symmetry import EnergyDefect
from physcheck.potentials.neighbours import find_pairs


class Zigzag(EnergyDefect):
    """Pair forces that zigzag with distance, slopes of +-strength (eV/Å²), a kink each 0.05 Å."""

    spec, reach = "zigzag", 5.0

    def unit_terms(self, configurations):
        pairs = find_pairs(configurations, self.reach)
        x = (self.reach - pairs.distances) / 0.1
        y = x - np.floor(x)
        force = 0.1 * np.where(y < 0.25, y, np.where(y < 0.75, 0.5 - y, y - 1))
        energy = np.where(y < 0.75, 0.0625 - (0.5 - y) ** 2 / 2, (y - 1) ** 2 / 2)
        energy = 0.01 * np.where(y < 0.25, y**2 / 2, energy)
        return pairs.sum_configs(energy), pairs.forces(-force[:, None] * pairs.directions)
