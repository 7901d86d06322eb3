"""Cells of one atom: smaller than any cutoff, where an atom's neighbours are its own images."""

from __future__ import annotations

import numpy as np

from physcheck.checks.differences import (
    Part,
    energy_part,
    place_rounding,
    stress_part,
    working_dtype,
)
from physcheck.checks.symmetry.comparison import outputs_of
from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.model import Meter
from physcheck.probes.transformations import supercell
from physcheck.resolution import Resolution
from physcheck.system import Configurations, System

__all__ = ["ONE_ATOM_COST", "one_atom_cells"]

#: Evaluations of :func:`one_atom_cells`.
ONE_ATOM_COST = 3
# Lattice vectors in sums of covalent radii, oblique, so that no two images are at one distance.
_LATTICE = 1.15 * np.array([[1.0, 0.0, 0.0], [0.3, 1.05, 0.0], [-0.2, 0.35, 1.1]])
# Sum of the weights of the three energies.
_WEIGHTS = 4.0


def one_atom_cells(meter: Meter, start: Configurations, resolution: Resolution) -> list[Part]:
    """What an atom among its own images, twice and three times it, say of energies and stress.

    E(3) - 2 E(2) + E(1) = 0 and S(2) = S(1), E(n) the energy of n such cells along one axis, a
    constant of the energy cancels.  As differences an atom over 1 Å.  Empty where the model refuses
    such a cell or gives no energy.

    Cost: 3 evaluations, of one to three atoms.
    """
    from ase.data import covalent_radii

    z = int(start.system.numbers[0])
    bond = 2 * float(covalent_radii[z])
    system = System(np.array([z]), start.system.masses[:1], np.ones(3, bool))
    one = Configurations(system, np.full((1, 1, 3), 0.1), bond * _LATTICE[None])
    label = f"one {one.system.symbols[0]} atom among its images, twice and three times that cell"
    cells = [one, *(supercell(one, 0, n).apply(one) for n in (2, 3))]
    try:
        answers = [meter.evaluate(cell, want=outputs_of(cell)) for cell in cells]
    except (ModelError, NonFiniteOutput):
        return []
    n, rounding = cells[2].n_atoms, place_rounding(meter.capabilities, resolution, *cells)
    parts: list[Part] = []
    energies = [answer.energy for answer in answers]
    if energies[0] is not None and energies[1] is not None and energies[2] is not None:
        mixed = energies[2] - 2 * energies[1] + energies[0]
        largest = _WEIGHTS * float(np.abs(energies[2]).max())
        dtype = working_dtype(meter.capabilities, resolution)
        parts.append(
            energy_part(label, mixed / n, largest, n, resolution, dtype, rounding=rounding)
        )
    stresses = [answer.stress for answer in answers[:2]]
    if stresses[0] is not None and stresses[1] is not None:
        apart, volume = stresses[1] - stresses[0], float(one.volumes()[0])
        parts.append(stress_part(label, apart, volume, resolution, rounding=rounding))
    return parts
