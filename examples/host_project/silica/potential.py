"""The BKS potential of silica, with a screened Coulomb interaction."""

from __future__ import annotations

import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from ase.units import Bohr, Hartree
from scipy.special import erfc

CHARGES = {14: 2.4, 8: -1.2}
# A (eV), b (1/Å), C (eV Å^6) of A exp(-b r) - C/r^6, by the sum of the atomic numbers; between two
# silicon atoms there is none.
PAIRS = {16: (1388.7730, 2.76000, 175.0000), 22: (18003.7572, 4.87318, 133.5381)}
SCREENING = 0.25  # 1/Å
ONSET, CUTOFF = 5.0, 6.0  # Å, of the switch that ends the interaction


class Silica(Calculator):
    """BKS silica: charges, an exponential repulsion and a dispersion term between pairs of atoms.

    Charges interact by erfc(r/4 Å)/r, and all of it is switched off smoothly between 5 and 6 Å.

    Source: van Beest, Kramer, van Santen, Phys. Rev. Lett. 64, 1955 (1990); that a screened and
    truncated Coulomb interaction is enough: Carré, Berthier, Horbach, Ispas, Kob, J. Chem. Phys.
    127, 114512 (2007).
    """

    implemented_properties = ("energy", "forces", "stress")
    # For physcheck: what no call can tell.  Forces depend on nothing beyond the cutoff.
    physcheck = {"species": ["Si", "O"], "interaction_range": CUTOFF}  # noqa: RUF012

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """Energy (eV), forces (eV/Å) and, with a volume, stress (eV/Å³) of ``atoms``."""
        super().calculate(atoms, properties, system_changes)
        numbers = self.atoms.numbers
        i, j, vectors, r = pairs_within(self.atoms, CUTOFF)
        energies, slopes = pair_energies(numbers[i], numbers[j], r)
        # Each pair is listed from both ends: half its energy each, and the force on its first atom.
        pulls = (slopes / r)[:, None] * vectors
        forces = np.zeros((len(numbers), 3))
        np.add.at(forces, i, pulls)
        self.results = {"energy": 0.5 * energies.sum(), "forces": forces}
        if self.atoms.pbc.all():
            virial = 0.5 * vectors.T @ pulls / self.atoms.get_volume()
            self.results["stress"] = virial[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def pairs_within(atoms, cutoff):
    """Pairs nearer than ``cutoff``, each from both ends.

    Indices of the first and second atom (P,), vectors (P, 3) from one to the other, lengths (P,).
    """
    cell = atoms.cell.complete()
    # Images needed along each axis: the cutoff over the cell's height.
    reach = np.ceil(cutoff * np.linalg.norm(cell.reciprocal(), axis=1)).astype(int) * atoms.pbc
    shifts = (np.array(list(np.ndindex(*(2 * reach + 1)))) - reach) @ cell
    x = atoms.get_positions(wrap=True)
    vectors = (x[None] - x[:, None])[:, :, None] + shifts
    squares = (vectors**2).sum(axis=-1)
    i, j, image = np.nonzero((squares < cutoff**2) & (squares > 0))
    return i, j, vectors[i, j, image], np.sqrt(squares[i, j, image])


def pair_energies(first, second, r):
    """Energies (eV) and slopes (eV/Å) of pairs of elements at distances ``r`` (Å), each (P,)."""
    charges = np.array([CHARGES.get(z, 0.0) for z in range(120)])
    table = np.array([PAIRS.get(z, (0.0, 0.0, 0.0)) for z in range(240)])
    strength = Hartree * Bohr * charges[first] * charges[second]
    screened = erfc(SCREENING * r) / r
    gaussian = 2 * SCREENING / np.sqrt(np.pi) * np.exp(-((SCREENING * r) ** 2))
    a, b, c = table[first + second].T
    repulsion = a * np.exp(-b * r)
    energy = strength * screened + repulsion - c / r**6
    slope = -strength * (screened + gaussian) / r - b * repulsion + 6 * c / r**7
    x = np.clip((r - ONSET) / (CUTOFF - ONSET), 0.0, 1.0)
    # 1 at the onset, 0 at the cutoff, and twice differentiable at both.
    share = 1 - x**3 * (10 - 15 * x + 6 * x**2)
    steepness = -30 * (x * (1 - x)) ** 2 / (CUTOFF - ONSET)
    return energy * share, slope * share + energy * steepness
