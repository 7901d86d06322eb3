"""A flexible water model in the spirit of SPC/Fw, with damped electrostatics and a smooth
cutoff.
"""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np

from physcheck.errors import ModelError
from physcheck.numerics.cells import completed_cell
from physcheck.potentials.analytic import AnalyticPotential
from physcheck.potentials.neighbours import Pairs, find_pairs
from physcheck.potentials.switching import switch
from physcheck.system import Configurations, Floats, Ints

__all__ = ["Water"]

_KCAL_PER_MOL = 4184.0 / 96485.33212  # eV
_COULOMB = 14.3996454784  # e²/(4 pi eps0), eV Å
_OXYGEN, _HYDROGEN = 8, 1
# Å between opposite faces: in narrower cells the nearest image of a hydrogen may change as a bond
# stretches, where the energy would jump.
_NARROWEST = 3.0


@final
class Water(AnalyticPotential):
    """Harmonic O-H bonds and H-O-H angles, Lennard-Jones between oxygens, damped shifted charges.

    ``E = sum over bonds of k_b/2 (r - r0)² + sum over molecules of k_a/2 (theta - theta0)² + sum
    over pairs of different molecules of (4 eps ((sigma/r)^12 - (sigma/r)^6) [O-O] + q_i q_j u(r))
    S(r)``, ``u = erfc(a r)/r - erfc(a c)/c + (erfc(a c)/c² + 2 a/sqrt(pi) exp(-a² c²)/c) (r - c)``,
    S the C2 quintic switch that ends at the cutoff c.  Truncation makes this a model of its own.

    Molecules are O, H, H in that order where the system is ordered so; else each hydrogen belongs
    to the nearest oxygen.  Bonds are taken in the nearest image; periodic cells must be wider than
    3 Å between opposite faces.

    Sources: Wu, Tepper and Voth, J. Chem. Phys. 124, 024503 (2006), table I (parameters);
    Fennell and Gezelter, J. Chem. Phys. 124, 234104 (2006), eq. 18 (u).

    Parameters
    ----------
    charge : float, e
        Of oxygen, negative; half of its opposite on each hydrogen.
    damping : float, 1/Å
        a above.
    cutoff, switch_width : float, Å

    Raises
    ------
    ModelError
        The system isn't made of water molecules, or a periodic cell is too narrow.
    """

    name: ClassVar[str] = "water"
    species: ClassVar[frozenset[int] | None] = frozenset({_HYDROGEN, _OXYGEN})
    has_switch: ClassVar[bool] = True

    bond_stiffness: ClassVar[float] = 1059.162 * _KCAL_PER_MOL  # eV/Å²
    bond_length: ClassVar[float] = 1.012  # Å
    angle_stiffness: ClassVar[float] = 75.90 * _KCAL_PER_MOL  # eV/rad²
    angle: ClassVar[float] = float(np.deg2rad(113.24))
    epsilon: ClassVar[float] = 0.1554253 * _KCAL_PER_MOL  # eV
    sigma: ClassVar[float] = 3.165492  # Å

    def __init__(
        self,
        *,
        charge: float = -0.82,
        damping: float = 0.2,
        cutoff: float = 6.0,
        switch_width: float = 1.5,
    ) -> None:
        if not 0 < switch_width <= cutoff:
            raise ValueError(
                f"switch_width is {switch_width} Å, should be above 0 and at most the cutoff "
                f"{cutoff} Å"
            )
        self.charge, self.damping = charge, damping
        self.cutoff, self.switch_width = cutoff, switch_width

    def pairs(self, configurations: Configurations) -> Pairs:
        """First the 2M bonds of each configuration (both of a molecule in a row), then all
        pairs between.
        """
        molecules, shifts, vectors = _molecules(configurations)
        n_batch, n_atoms = len(configurations), configurations.n_atoms
        n_bonds = 2 * molecules.shape[1]
        found = find_pairs(configurations, self.cutoff)
        # An atom's molecule, and the image in which it stands next to its oxygen.
        rows = np.arange(n_batch)[:, None, None]
        owner = np.empty((n_batch, n_atoms), np.int64)
        owner[rows, molecules] = np.arange(molecules.shape[1])[:, None]
        place = np.zeros((n_batch, n_atoms, 3), np.int64)
        place[rows, molecules[:, :, 1:]] = shifts
        config, first, second = found.config, found.first, found.second
        between = place[config, second] - place[config, first]
        inside = (owner[config, first] == owner[config, second]) & (found.shifts == between).all(
            axis=1
        )
        rest = found.keep(~inside)
        flat = vectors.reshape(-1, 3)
        return Pairs(
            n_batch,
            n_atoms,
            np.concatenate([np.repeat(np.arange(n_batch), n_bonds), rest.config]),
            np.concatenate([np.repeat(molecules[:, :, 0].ravel(), 2), rest.first]),
            np.concatenate([molecules[:, :, 1:].ravel(), rest.second]),
            np.concatenate([shifts.reshape(-1, 3), rest.shifts]),
            np.concatenate([flat, rest.vectors]),
            np.concatenate([np.sqrt(np.einsum("pk,pk->p", flat, flat)), rest.distances]),
        )

    def _between(
        self, configurations: Configurations, pairs: Pairs
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Bare energy and slope, switch and slope, of pairs of different molecules."""
        from scipy.special import erfc

        numbers, r, c, a = configurations.system.numbers, pairs.distances, self.cutoff, self.damping
        charges = np.where(numbers == _OXYGEN, self.charge, -0.5 * self.charge)
        oxygens = (numbers[pairs.first] == _OXYGEN) & (numbers[pairs.second] == _OXYGEN)
        gauss = 2.0 * a / np.sqrt(np.pi)
        end = erfc(a * c) / c
        pull = end / c + gauss * np.exp(-((a * c) ** 2)) / c
        screened = erfc(a * r) / r
        size = _COULOMB * charges[pairs.first] * charges[pairs.second]
        value = size * (screened - end + pull * (r - c))
        slope = size * (pull - screened / r - gauss * np.exp(-((a * r) ** 2)) / r)
        sixth = (self.sigma / r[oxygens]) ** 6
        value[oxygens] += 4.0 * self.epsilon * sixth * (sixth - 1.0)
        slope[oxygens] -= 24.0 * self.epsilon * sixth * (2.0 * sixth - 1.0) / r[oxygens]
        return value, slope, *switch(r, c - self.switch_width, c)

    def gradients(self, configurations: Configurations, pairs: Pairs) -> tuple[Floats, Floats]:
        """Energies (B,), eV, and dE/d(vectors) (P, 3), eV/Å."""
        n_bonds = _n_bonds(configurations)
        rest = pairs.keep(np.arange(len(pairs)) >= n_bonds)
        value, slope, smooth, smooth_slope = self._between(configurations, rest)
        slopes = slope * smooth + value * smooth_slope
        bonded, bonded_gradients = self._inside(
            pairs.vectors[:n_bonds].reshape(-1, 2, 3), pairs.distances[:n_bonds].reshape(-1, 2)
        )
        energy = rest.sum_configs(value * smooth)
        energy = energy + bonded.reshape(len(configurations), -1).sum(axis=1)
        return energy, np.concatenate([bonded_gradients, slopes[:, None] * rest.directions])

    def _inside(self, vectors: Floats, r: Floats) -> tuple[Floats, Floats]:
        """Energies (M,) and gradients (2M, 3) of molecules, from bonds (M, 2, 3) and lengths
        (M, 2).
        """
        unit = vectors / r[..., None]
        stretch = r - self.bond_length
        cosine = np.clip(np.einsum("mk,mk->m", unit[:, 0], unit[:, 1]), -1.0, 1.0)
        bend = np.arccos(cosine) - self.angle
        energy = 0.5 * self.bond_stiffness * (stretch**2).sum(axis=1)
        energy = energy + 0.5 * self.angle_stiffness * bend**2
        sine = np.sqrt(np.maximum(1.0 - cosine**2, 1e-16))
        by_cosine = -self.angle_stiffness * bend / sine
        across = unit[:, ::-1] - cosine[:, None, None] * unit
        gradients = self.bond_stiffness * stretch[..., None] * unit
        gradients = gradients + by_cosine[:, None, None] * across / r[..., None]
        return energy, gradients.reshape(-1, 3)

    def switch_forces(self, configurations: Configurations) -> Floats:
        """(B, N, 3) the part of the forces, eV/Å, that comes from the switch's derivative."""
        pairs = self.pairs(configurations)
        rest = pairs.keep(np.arange(len(pairs)) >= _n_bonds(configurations))
        value, _, _, smooth_slope = self._between(configurations, rest)
        return rest.forces((value * smooth_slope)[:, None] * rest.directions)


def _n_bonds(configurations: Configurations) -> int:
    return 2 * (configurations.n_atoms // 3) * len(configurations)


def _molecules(configurations: Configurations) -> tuple[Ints, Ints, Floats]:
    """Molecules (B, M, 3) as O, H, H.

    Lattice shifts (B, M, 2, 3) and bonds (B, M, 2, 3), Å, of the H.
    """
    numbers, x = configurations.system.numbers, configurations.positions
    oxygens = np.flatnonzero(numbers == _OXYGEN)
    hydrogens = np.flatnonzero(numbers == _HYDROGEN)
    if len(oxygens) + len(hydrogens) != len(numbers) or len(hydrogens) != 2 * len(oxygens):
        raise ModelError(
            f"the water model takes water molecules only, not {configurations.system.formula}"
        )
    n_batch, n_molecules = len(x), len(oxygens)
    if np.array_equal(numbers, np.tile([_OXYGEN, _HYDROGEN, _HYDROGEN], n_molecules)):
        ordered = np.arange(len(numbers)).reshape(1, n_molecules, 3)
        molecules = np.broadcast_to(ordered, (n_batch, n_molecules, 3))
    else:
        molecules = np.stack([_nearest_oxygens(c, oxygens, hydrogens) for c in configurations])
    rows = np.arange(n_batch)[:, None, None]
    bonds = x[rows, molecules[:, :, 1:]] - x[rows, molecules[:, :, :1]]
    images, cells = _nearest_images(bonds, configurations)
    return molecules, images, bonds + np.einsum("bmhk,bkl->bmhl", images.astype(np.float64), cells)


def _nearest_images(vectors: Floats, configurations: Configurations) -> tuple[Ints, Floats]:
    """Shifts (B, ..., 3) that bring vectors (B, ..., 3) shorter than half the cell's width to
    their shortest.
    """
    pbc = configurations.system.pbc
    cells = np.stack([completed_cell(cell, pbc) for cell in configurations.cells])
    inverse = np.linalg.inv(cells)
    widths = 1.0 / np.linalg.norm(inverse, axis=1)
    if (widths[:, pbc] < _NARROWEST).any():
        raise ModelError(
            f"the water model takes periodic cells of at least {_NARROWEST:g} Å between opposite "
            f"faces, this one has {float(widths[:, pbc].min()):.2g} Å"
        )
    fractions = np.einsum("bmhk,bkl->bmhl", vectors, inverse)
    return np.where(pbc, -np.rint(fractions), 0.0).astype(np.int64), cells


def _nearest_oxygens(configuration: Configurations, oxygens: Ints, hydrogens: Ints) -> Ints:
    """(M, 3) molecules of one configuration: each hydrogen with the oxygen nearest to it."""
    x = configuration.positions[0]
    vectors = (x[hydrogens, None] - x[oxygens])[None]
    images, cells = _nearest_images(vectors, configuration)
    vectors = vectors + images.astype(np.float64) @ cells[0]
    nearest = np.einsum("bmhk,bmhk->bmh", vectors, vectors)[0].argmin(axis=1)
    if (np.bincount(nearest, minlength=len(oxygens)) != 2).any():
        raise ModelError(
            "the water model needs two hydrogens nearest to each oxygen: "
            "order the atoms O, H, H or repair the molecules"
        )
    by_oxygen = hydrogens[np.argsort(nearest, kind="stable")].reshape(-1, 2)
    return np.column_stack([oxygens, by_oxygen])
