"""Springs: between all neighbours, or between the neighbours of a reference structure."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np

from physcheck.numerics.cells import completed_cell
from physcheck.potentials.analytic import AnalyticPotential, PairPotential
from physcheck.potentials.neighbours import Pairs, find_pairs
from physcheck.system import Configurations, Floats

__all__ = ["HarmonicBonds", "HarmonicNetwork"]


@final
class HarmonicBonds(PairPotential):
    """Springs at the sum d of covalent radii, switched off further out; needs no reference
    structure.

    ``E = sum over pairs of k/2 ((r - d)² - (c - d)²) S(r)`` with the cutoff ``c = reach d``: zero
    from c, attractive from d to c without a barrier.  The energy at r = 0 is finite (a soft core).

    Parameters
    ----------
    k : float, eV/Å²
    reach : float
        Cutoff over d; the switch begins half-way between d and the cutoff.
    cutoff : float, Å
        The largest cutoff of any pair of elements.
    """

    name: ClassVar[str] = "harmonic"

    def __init__(self, *, k: float = 3.0, reach: float = 1.5, cutoff: float = 6.0) -> None:
        super().__init__(cutoff, cutoff)
        if not reach > 1:
            raise ValueError(f"reach is {reach}, should be above 1")
        self.k = k
        self.reach = reach

    def ranges(self, lengths: Floats) -> tuple[Floats | float, Floats | float]:
        """Onset and cutoff of the switch, Å, (P,) each."""
        end = np.minimum(self.reach * lengths, self.cutoff)
        return np.minimum(0.5 * (lengths + end), 0.9 * end), end

    def bare(self, distances: Floats, lengths: Floats) -> tuple[Floats, Floats]:
        """V (P,), eV, and dV/dr (P,), eV/Å, without the switch."""
        end = np.minimum(self.reach * lengths, self.cutoff)
        value = 0.5 * self.k * ((distances - lengths) ** 2 - (end - lengths) ** 2)
        return value, self.k * (distances - lengths)


@final
class HarmonicNetwork(AnalyticPotential):
    """Springs between the atoms that are neighbours in a reference structure: ``E = sum of k/2 (r -
    r0)²``.

    The reference (given once, never learned from calls) is a minimum of zero energy.  The energy is
    invariant under translation, rotation with the cell, and lattice shifts of single atoms;
    displacements have to stay below half a cell.  Harmonic to second order in displacements, and
    smooth everywhere.

    Parameters
    ----------
    reference : Configurations with B = 1
    k : float, eV/Å²
    reach : float, Å
        Pairs closer than this in the reference are bound.
    """

    name: ClassVar[str] = "harmonic-network"

    def __init__(self, reference: Configurations, *, k: float = 3.0, reach: float = 3.5) -> None:
        if len(reference) != 1:
            raise ValueError(f"reference has {len(reference)} configurations, should be 1")
        self.k = k
        self.cutoff = reach
        self._numbers = reference.system.numbers
        self._pbc = reference.system.pbc
        self._bonds = find_pairs(reference, reach)
        inverse = np.linalg.inv(completed_cell(reference.cells[0], self._pbc))
        self._fractions = self._bonds.vectors @ inverse

    def pairs(self, configurations: Configurations) -> Pairs:
        """The bound pairs, each in the image nearest to the reference's."""
        system, bonds = configurations.system, self._bonds
        if not (
            np.array_equal(system.numbers, self._numbers) and np.array_equal(system.pbc, self._pbc)
        ):
            raise ValueError(f"{system.formula} is not the system of the reference structure")
        n_batch, x = len(configurations), configurations.positions
        vectors = x[:, bonds.second] - x[:, bonds.first]
        shifts = np.zeros((n_batch, len(bonds), 3), np.int64)
        if self._pbc.any():
            cells = np.stack([completed_cell(c, self._pbc) for c in configurations.cells])
            fractions = vectors @ np.linalg.inv(cells)
            moved = np.where(self._pbc, np.rint(self._fractions - fractions), 0.0)
            vectors = vectors + moved @ cells
            shifts = moved.astype(np.int64)
        flat = vectors.reshape(-1, 3)
        return Pairs(
            n_batch,
            configurations.n_atoms,
            np.repeat(np.arange(n_batch), len(bonds)),
            np.tile(bonds.first, n_batch),
            np.tile(bonds.second, n_batch),
            shifts.reshape(-1, 3),
            flat,
            np.sqrt(np.einsum("pk,pk->p", flat, flat)),
        )

    def gradients(self, configurations: Configurations, pairs: Pairs) -> tuple[Floats, Floats]:
        """Energies (B,), eV, and dE/d(vectors) (P, 3), eV/Å."""
        stretch = pairs.distances - np.tile(self._bonds.distances, len(configurations))
        energy = pairs.sum_configs(0.5 * self.k * stretch**2)
        return energy, (self.k * stretch)[:, None] * pairs.directions
