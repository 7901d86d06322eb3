"""A swirl of one atom among its neighbours."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np

from physcheck.model import Model
from physcheck.potentials.defects.base import (
    CONSERVATION,
    DYNAMICS,
    RELAXATION,
    SAMPLING,
    SWIRL_AXIS,
    ForceDefect,
)
from physcheck.potentials.defects.density import DENSITY_CUTOFF, shell
from physcheck.system import Configurations, Floats

__all__ = ["AtomCurl"]


@final
class AtomCurl(ForceDefect):
    """``F_i += strength * u x sum_j w_ij (r_i - r_j)/sum_j w_ij`` for one atom i, u = (2, 3, 6)/7.

    The weights are those of :func:`physcheck.potentials.defects.density.shell`, decay 6.  The
    neighbours j take the reaction in the shares ``w_ij/sum w``, so that the net force is zero.
    The centre of the neighbours moves as the atom does, and turns with them: the antisymmetric
    part has about as much in the atom's own block as between the atom and its neighbours.  An atom
    without neighbours has none of it.  Strength in eV/Å².

    Parameters
    ----------
    atom : int
        Which one, counted from 0; from the end if negative.

    Raises
    ------
    ValueError
        There is no such atom.
    """

    spec: ClassVar[str] = "atom-curl"
    unit: ClassVar[str] = "eV/Å²"
    default_strength: ClassVar[float] = 0.1
    must_fail: ClassVar[frozenset[str]] = CONSERVATION
    # Which atom it is depends on the order of atoms and on how many there are.
    may_fail: ClassVar[frozenset[str]] = (
        DYNAMICS
        | SAMPLING
        | RELAXATION
        | {
            "strain_loop_work",
            "net_torque",
            "rotation_equivariance",
            "inversion_equivariance",
            "permutation_equivariance",
            "supercell_extensivity",
            "separated_additivity",
        }
    )
    reach: ClassVar[float | None] = DENSITY_CUTOFF

    def __init__(self, model: Model, strength: float | None = None, atom: int = 0) -> None:
        super().__init__(model, strength)
        self.atom = int(atom)

    def unit_forces(self, configurations: Configurations) -> Floats:
        """(B, N, 3), Å; zero but for the atom and its neighbours."""
        n_batch, n_atoms = len(configurations), configurations.n_atoms
        if not -n_atoms <= self.atom < n_atoms:
            raise ValueError(
                f"no atom {self.atom} among the {n_atoms} of {configurations.system.formula}"
            )
        near = shell(configurations, decay=6.0)
        atom = self.atom % n_atoms
        forces = np.zeros((n_batch, n_atoms, 3))
        is_first, is_second = near.pairs.first == atom, near.pairs.second == atom
        for mine, sign in ((is_first, -1.0), (is_second, 1.0)):
            # From the neighbour to the atom, weighted.
            np.add.at(
                forces[:, atom],
                near.pairs.config[mine],
                sign * near.weights[mine, None] * near.pairs.vectors[mine],
            )
        total = np.zeros(n_batch)
        for mine in (is_first, is_second):
            np.add.at(total, near.pairs.config[mine], near.weights[mine])
        scale = np.where(total > 0, total, 1.0)
        forces[:, atom] = np.cross(SWIRL_AXIS, forces[:, atom] / scale[:, None])
        swirl = forces[:, atom].copy()
        for mine, others in ((is_first, near.pairs.second), (is_second, near.pairs.first)):
            rows = near.pairs.config[mine]
            share = near.weights[mine] / scale[rows]
            np.add.at(forces, (rows, others[mine]), -share[:, None] * swirl[rows])
        return forces
