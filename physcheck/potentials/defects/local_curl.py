"""A swirl within one molecule of many."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np

from physcheck.model import Model
from physcheck.numerics.cells import completed_cell
from physcheck.potentials.defects.base import (
    CONSERVATION,
    DYNAMICS,
    RELAXATION,
    SAMPLING,
    SWIRL_AXIS,
    ForceDefect,
)
from physcheck.potentials.neighbours import find_pairs
from physcheck.potentials.switching import bond_lengths
from physcheck.system import Bools, Configurations, Floats

__all__ = ["LocalCurl"]

# Atoms closer than this times the sum of their covalent radii are bonded; hydrogen bonds are
# longer.
_BOND = 1.25


@final
class LocalCurl(ForceDefect):
    """``F_i += strength * u x (r_i - centre)`` on the atoms of one molecule, u = (2, 3, 6)/7.

    The centre is the molecule's, in the images that its bonds connect.  The net force is zero.  The
    antisymmetric Jacobian has rank 2 (n - 1) or less for n atoms and |J_anti| = strength sqrt(2 (n
    - 1)). Strength in eV/Å².

    Parameters
    ----------
    molecule : int
        Which one, counted from 0 in the order of their first atoms.

    Raises
    ------
    ValueError
        There is no such molecule, it is a single atom, or it is bonded to its own images.
    """

    spec: ClassVar[str] = "local-curl"
    unit: ClassVar[str] = "eV/Å²"
    default_strength: ClassVar[float] = 0.1
    must_fail: ClassVar[frozenset[str]] = CONSERVATION
    may_fail: ClassVar[frozenset[str]] = (
        DYNAMICS
        | SAMPLING
        | RELAXATION
        | {
            "strain_loop_work",
            "net_torque",
            "rotation_equivariance",
            "permutation_equivariance",
            "supercell_extensivity",
            "separated_additivity",
        }
    )

    def __init__(self, model: Model, strength: float | None = None, molecule: int = 0) -> None:
        super().__init__(model, strength)
        self.molecule = int(molecule)

    def members(self, configurations: Configurations) -> Bools:
        """(B, N) True for the atoms of the molecule."""
        return self._connected(configurations)[0]

    def _connected(self, configurations: Configurations) -> tuple[Bools, Floats]:
        """Members (B, N), and vectors (B, N, 3), Å, to them from their molecule's first atom."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        n_batch, n_atoms, numbers = (
            len(configurations),
            configurations.n_atoms,
            configurations.system.numbers,
        )
        longest = _BOND * float(bond_lengths(numbers, numbers).max())
        pairs = find_pairs(configurations, longest)
        lengths = bond_lengths(numbers[pairs.first], numbers[pairs.second])
        bonds = pairs.keep(pairs.distances < _BOND * lengths)
        size = n_batch * n_atoms
        graph = coo_array(
            (np.ones(len(bonds)), (bonds.first_rows, bonds.second_rows)), shape=(size, size)
        )
        _, labels = connected_components(graph, directed=False)
        members = np.zeros((n_batch, n_atoms), np.bool_)
        heads = np.zeros(n_batch, np.int64)
        for b, own in enumerate(labels.reshape(n_batch, n_atoms)):
            firsts = np.sort(np.unique(own, return_index=True)[1])
            if not -len(firsts) <= self.molecule < len(firsts):
                raise ValueError(
                    f"no molecule {self.molecule} among the {len(firsts)} of "
                    f"{configurations.system.formula}"
                )
            heads[b] = firsts[self.molecule]
            members[b] = own == own[heads[b]]
        if (members.sum(axis=1) < 2).any():
            raise ValueError(f"molecule {self.molecule} is a single atom")
        x, pbc = configurations.positions, configurations.system.pbc
        vectors = x - x[np.arange(n_batch), heads][:, None]
        if pbc.any():
            cells = np.stack([completed_cell(cell, pbc) for cell in configurations.cells])
            fractions = vectors @ np.linalg.inv(cells)
            vectors = vectors - np.where(pbc, np.rint(fractions), 0.0) @ cells
        chosen = bonds.keep(members[bonds.config, bonds.first])
        steps = vectors[chosen.config, chosen.second] - vectors[chosen.config, chosen.first]
        if not np.abs(steps - chosen.vectors).max() < 1e-6:
            raise ValueError(
                f"molecule {self.molecule} of {configurations.system.formula} is no separate "
                "molecule: "
                "it is bonded to its own images or wider than half the cell"
            )
        return members, vectors

    def unit_forces(self, configurations: Configurations) -> Floats:
        """u x (r - centre) on the molecule, (B, N, 3), Å; zero elsewhere."""
        members, vectors = self._connected(configurations)
        weights = members[..., None] / members.sum(axis=1)[:, None, None]
        centre = (weights * vectors).sum(axis=1, keepdims=True)
        return np.where(members[..., None], np.cross(SWIRL_AXIS, vectors - centre), 0.0)
