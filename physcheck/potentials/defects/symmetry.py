"""Defects of symmetry, additivity and smoothness.

But for two they keep an energy, so that conservation holds.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar, final

import numpy as np

from physcheck.model import Capabilities, Model
from physcheck.numerics.cells import completed_cell
from physcheck.potentials.defects.base import (
    DYNAMICS,
    RELAXATION,
    SAMPLING,
    STRESS,
    Defect,
)
from physcheck.potentials.defects.density import DENSITY_CUTOFF, shell
from physcheck.potentials.neighbours import Pairs, find_pairs, mirrored
from physcheck.potentials.switching import bond_lengths
from physcheck.system import Configurations, Evaluation, Floats

__all__ = [
    "Chiral",
    "EnergyDefect",
    "HardCutoff",
    "Hole",
    "LabFrame",
    "LostOutside",
    "NeighbourCap",
    "NetForce",
    "NetTorque",
    "NonLocal",
    "NotExtensive",
    "OrderDependent",
]

# The stress stays the wrapped model's, without the derivative of the added energy.
_STRESS = STRESS | {"cell_relaxation", "pressure_consistency", "nph_drift"}
# Jumps and kinks spoil what needs derivatives, integrators and optimisers.
_ROUGH = DYNAMICS | SAMPLING | RELAXATION | {"path_smoothness"} | _STRESS


class EnergyDefect(Defect):
    """An added energy with its own forces, both exactly linear in the strength.

    Attributes
    ----------
    reach : float or None, Å
        Farthest distance over which an atom matters to another's added force; None if unlimited.
    """

    reach: ClassVar[float | None] = None

    @abstractmethod
    def unit_terms(self, configurations: Configurations) -> tuple[Floats, Floats]:
        """Energies (B,) and forces (B, N, 3) per unit of strength."""

    @property
    def capabilities(self) -> Capabilities:
        """The wrapped model's, with the defect in the name and its reach counted."""
        inner = super().capabilities
        known = inner.interaction_range
        if known is None or self.reach is None:
            return replace(inner, interaction_range=None)
        return replace(inner, interaction_range=max(known, self.reach))

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's energies and forces with the added ones; its stresses as they are."""
        answer = self.model.evaluate(configurations, want=want)
        added_energy, added_forces = self.unit_terms(configurations)
        energy, forces = answer.energy, answer.forces
        if energy is not None:
            energy = energy + self.strength * added_energy
        if forces is not None:
            forces = forces + self.strength * added_forces
        return Evaluation(energy, forces, answer.stress)


@final
class LabFrame(EnergyDefect):
    """A bond energy that depends on the bond's angle to the z axis: ``E += strength sum of w(r)
    cos²``.

    Strength in eV: that energy of a bond along z at the sum of covalent radii.
    """

    spec: ClassVar[str] = "lab-frame"
    unit: ClassVar[str] = "eV"
    default_strength: ClassVar[float] = 0.05
    must_fail: ClassVar[frozenset[str]] = frozenset({"rotation_equivariance"})
    may_fail: ClassVar[frozenset[str]] = _STRESS | {"net_torque", "minimum_stability"}
    reach: ClassVar[float | None] = DENSITY_CUTOFF

    def unit_terms(self, configurations: Configurations) -> tuple[Floats, Floats]:
        """Energies (B,), dimensionless, and forces (B, N, 3), 1/Å."""
        near = shell(configurations, decay=2.0)
        pairs, d = near.pairs, near.pairs.directions
        z = d[:, 2]
        along = (near.slopes * z**2)[:, None] * d
        across = (2 * near.weights * z / pairs.distances)[:, None] * (
            np.array([0.0, 0.0, 1.0]) - z[:, None] * d
        )
        return pairs.sum_configs(near.weights * z**2), pairs.forces(along + across)


@final
class Chiral(EnergyDefect):
    """A handedness of surroundings: ``E += strength sum_i (a_i x b_i) . c_i``, three weighted mean
    bond vectors.

    It changes sign under inversion and under nothing else; zero for three atoms or flat molecules.
    Strength in eV.
    """

    spec: ClassVar[str] = "chiral"
    unit: ClassVar[str] = "eV"
    default_strength: ClassVar[float] = 1.0
    must_fail: ClassVar[frozenset[str]] = frozenset({"inversion_equivariance"})
    may_fail: ClassVar[frozenset[str]] = _STRESS | {"minimum_stability"}
    reach: ClassVar[float | None] = 2 * DENSITY_CUTOFF

    def unit_terms(self, configurations: Configurations) -> tuple[Floats, Floats]:
        """Energies (B,), dimensionless, and forces (B, N, 3), 1/Å."""
        pairs = find_pairs(configurations, DENSITY_CUTOFF)
        d = pairs.directions
        shells = [shell(configurations, decay, pairs) for decay in (1.0, 3.0, 6.0)]
        means = []
        for s in shells:
            vectors = s.weights[:, None] * d
            means.append(pairs.sum_vectors(vectors, -vectors))
        a, b, c = means
        slopes = [np.cross(b, c), np.cross(c, a), np.cross(a, b)]
        gradient = np.zeros_like(d)
        for s, slope in zip(shells, slopes):
            flat = slope.reshape(-1, 3)
            pull = flat[pairs.first_rows] - flat[pairs.second_rows]
            along = np.einsum("pk,pk->p", pull, d)
            gradient += (s.slopes * along)[:, None] * d
            gradient += (s.weights / pairs.distances)[:, None] * (pull - along[:, None] * d)
        return np.einsum("bik,bik->b", np.cross(a, b), c), pairs.forces(gradient)


@final
class OrderDependent(EnergyDefect):
    """Atoms with even and odd indices bind differently: ``E += strength sum of w(r) (q_i + q_j)``,
    q = ±1/2.

    Strength in eV.
    """

    spec: ClassVar[str] = "order-dependent"
    unit: ClassVar[str] = "eV"
    default_strength: ClassVar[float] = 0.01
    must_fail: ClassVar[frozenset[str]] = frozenset({"permutation_equivariance"})
    may_fail: ClassVar[frozenset[str]] = _STRESS | {
        "supercell_extensivity",
        "separated_additivity",
    }
    reach: ClassVar[float | None] = DENSITY_CUTOFF

    def unit_terms(self, configurations: Configurations) -> tuple[Floats, Floats]:
        """Energies (B,), dimensionless, and forces (B, N, 3), 1/Å."""
        near = shell(configurations, decay=2.0)
        pairs = near.pairs
        signs = 0.5 * (-1.0) ** np.arange(configurations.n_atoms)
        both = signs[pairs.first] + signs[pairs.second]
        gradients = (near.slopes * both)[:, None] * pairs.directions
        return pairs.sum_configs(near.weights * both), pairs.forces(gradients)


@final
class NotExtensive(Defect):
    """All outputs times ``1 + strength log N``: a readout that knows how many atoms there are."""

    spec: ClassVar[str] = "not-extensive"
    default_strength: ClassVar[float] = 0.01
    must_fail: ClassVar[frozenset[str]] = frozenset(
        {"supercell_extensivity", "separated_additivity"}
    )

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer, scaled."""
        answer = self.model.evaluate(configurations, want=want)
        factor = 1.0 + self.strength * np.log(configurations.n_atoms)

        def scaled(values: Floats | None) -> Floats | None:
            return None if values is None else factor * values

        return Evaluation(scaled(answer.energy), scaled(answer.forces), scaled(answer.stress))


@final
class LostOutside(Defect):
    """Atoms farther outside the cell than the strength (a share of it) are forgotten: no force, no
    energy.

    Where the structure itself has such atoms, other descriptions of it that don't fail too.
    """

    spec: ClassVar[str] = "lost-outside-cell"
    default_strength: ClassVar[float] = 0.1
    must_fail: ClassVar[frozenset[str]] = frozenset({"periodic_wrap"})
    may_fail: ClassVar[frozenset[str]] = (
        DYNAMICS
        | SAMPLING
        | {
            "translation_invariance",
            "inversion_equivariance",
            "lattice_basis",
            "supercell_extensivity",
            "history_independence",
        }
    )

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer for the atoms that are inside."""
        if not configurations.system.is_periodic:
            return self.model.evaluate(configurations, want=want)
        return Evaluation.concatenate([self._one(one, want) for one in configurations])

    def _one(self, one: Configurations, want: frozenset[str]) -> Evaluation:
        pbc = one.system.pbc
        fractions = one.positions[0] @ np.linalg.inv(completed_cell(one.cells[0], pbc))
        out = ((fractions < -self.strength) | (fractions > 1 + self.strength)) & pbc
        kept = np.flatnonzero(~out.any(axis=1))
        forces = np.zeros((1, one.n_atoms, 3))
        if not len(kept):
            stress = np.zeros((1, 3, 3)) if one.system.is_fully_periodic else None
            return Evaluation(np.zeros(1), forces, stress)
        inside = Configurations(one.system.take(kept), one.positions[:, kept], one.cells)
        answer = self.model.evaluate(inside, want=want)
        if answer.forces is not None:
            forces[:, kept] = answer.forces
        return Evaluation(answer.energy, forces, answer.stress)


@final
class NetForce(EnergyDefect):
    """The same force on every atom, ``F_i += strength u``, u = (2, 3, 6)/7, without an energy.
    Strength in eV/Å.
    """

    spec: ClassVar[str] = "net-force"
    unit: ClassVar[str] = "eV/Å"
    default_strength: ClassVar[float] = 1e-3
    must_fail: ClassVar[frozenset[str]] = frozenset({"net_force"})
    may_fail: ClassVar[frozenset[str]] = (
        DYNAMICS
        | SAMPLING
        | RELAXATION
        | {"force_energy_gap", "rotation_equivariance", "inversion_equivariance", *STRESS}
    )
    reach: ClassVar[float | None] = 0.0

    def unit_terms(self, configurations: Configurations) -> tuple[Floats, Floats]:
        """No energies, and u for every atom."""
        u = np.array([2.0, 3.0, 6.0]) / 7.0
        return np.zeros(len(configurations)), np.broadcast_to(u, configurations.positions.shape)


@final
class NetTorque(EnergyDefect):
    """A quadrupole field about the centroid, ``E += strength/2 sum of r.M r``, M = diag(1, 0, -1)
    turned.

    It turns bodies and doesn't move them.  No periodic systems.  Strength in eV/Å².
    """

    spec: ClassVar[str] = "net-torque"
    unit: ClassVar[str] = "eV/Å²"
    default_strength: ClassVar[float] = 1e-2
    must_fail: ClassVar[frozenset[str]] = frozenset({"net_torque"})
    may_fail: ClassVar[frozenset[str]] = (
        RELAXATION
        | SAMPLING
        | {
            "rotation_equivariance",
            "separated_additivity",
            "locality",
        }
    )

    @property
    def capabilities(self) -> Capabilities:
        """The wrapped model's, for systems that aren't periodic (there is no centroid
        otherwise).
        """
        return replace(super().capabilities, periodicity="none")

    def unit_terms(self, configurations: Configurations) -> tuple[Floats, Floats]:
        """Energies (B,), Å², and forces (B, N, 3), Å."""
        x = configurations.positions
        arms = x - x.mean(axis=1, keepdims=True)
        p, q = np.array([2.0, 3.0, 6.0]) / 7.0, np.array([6.0, 2.0, -3.0]) / 7.0
        pull = arms @ (np.outer(p, p) - np.outer(q, q))
        return 0.5 * np.einsum("bik,bik->b", arms, pull), -pull


@final
class HardCutoff(EnergyDefect):
    """A pair energy ``strength (c - r)`` up to the cutoff c, where the force jumps by the strength,
    in eV/Å.

    Parameters
    ----------
    cutoff : float, Å
    """

    spec: ClassVar[str] = "hard-cutoff"
    unit: ClassVar[str] = "eV/Å"
    default_strength: ClassVar[float] = 0.3
    must_fail: ClassVar[frozenset[str]] = frozenset({"cutoff_smoothness"})
    may_fail: ClassVar[frozenset[str]] = _ROUGH
    reach: ClassVar[float | None] = 4.5

    def __init__(self, model: Model, strength: float | None = None, cutoff: float = 4.5) -> None:
        super().__init__(model, strength)
        self.cutoff = cutoff

    def unit_terms(self, configurations: Configurations) -> tuple[Floats, Floats]:
        """Energies (B,), Å, and forces (B, N, 3), dimensionless."""
        pairs = find_pairs(configurations, self.cutoff)
        return pairs.sum_configs(self.cutoff - pairs.distances), pairs.forces(-pairs.directions)


@final
class NeighbourCap(EnergyDefect):
    """Each atom is bound to its 8 nearest neighbours only: ``E -= strength sum of w(r)``, w of a
    bond.

    Forces jump where two neighbours change places, and so depend on the order of atoms at a tie
    (images of one atom in a small cell are tied for ever: its forces are then noise).  It takes 9
    neighbours to show. Strength in eV.
    """

    spec: ClassVar[str] = "neighbour-cap"
    unit: ClassVar[str] = "eV"
    default_strength: ClassVar[float] = 0.1
    must_fail: ClassVar[frozenset[str]] = frozenset({"cutoff_smoothness"})
    may_fail: ClassVar[frozenset[str]] = _ROUGH | {"permutation_equivariance"}
    reach: ClassVar[float | None] = DENSITY_CUTOFF
    cap: ClassVar[int] = 8

    def unit_terms(self, configurations: Configurations) -> tuple[Floats, Floats]:
        """Energies (B,), dimensionless, and forces (B, N, 3), 1/Å."""
        both = mirrored(find_pairs(configurations, DENSITY_CUTOFF))
        order = np.lexsort((both.distances, both.first_rows))
        rows = both.first_rows[order]
        begins = np.searchsorted(rows, rows, side="left")
        chosen = np.zeros(len(rows), bool)
        chosen[order] = np.arange(len(rows)) - begins < self.cap
        kept: Pairs = both.keep(chosen)
        near = shell(configurations, 2.0, kept)
        gradients = -near.slopes[:, None] * kept.directions
        return -kept.sum_configs(near.weights), kept.forces(gradients)


@final
class Hole(EnergyDefect):
    """A well in which atoms vanish: ``E -= strength sum of exp(-(4 r/d)²)``, d the sum of covalent
    radii.

    Deep enough for Morse, Gupta and springs, whose cores are soft; a Lennard-Jones core is not.
    Strength in eV.
    """

    spec: ClassVar[str] = "hole"
    unit: ClassVar[str] = "eV"
    default_strength: ClassVar[float] = 5000.0
    must_fail: ClassVar[frozenset[str]] = frozenset({"short_range_repulsion"})
    may_fail: ClassVar[frozenset[str]] = _STRESS
    reach: ClassVar[float | None] = DENSITY_CUTOFF

    def unit_terms(self, configurations: Configurations) -> tuple[Floats, Floats]:
        """Energies (B,), dimensionless, and forces (B, N, 3), 1/Å."""
        pairs = find_pairs(configurations, DENSITY_CUTOFF)
        numbers = configurations.system.numbers
        x = 4.0 / bond_lengths(numbers[pairs.first], numbers[pairs.second])
        well = np.exp(-((x * pairs.distances) ** 2))
        slopes = 2 * x**2 * pairs.distances * well
        return -pairs.sum_configs(well), pairs.forces(slopes[:, None] * pairs.directions)


@final
class NonLocal(EnergyDefect):
    """Every atom feels the mean surroundings of all: ``E += strength (sum of w)²/N``.

    The declared ``interaction_range`` stays the wrapped model's.  Strength in eV.
    """

    spec: ClassVar[str] = "non-local"
    unit: ClassVar[str] = "eV"
    default_strength: ClassVar[float] = 0.01
    must_fail: ClassVar[frozenset[str]] = frozenset({"locality"})
    may_fail: ClassVar[frozenset[str]] = _STRESS | {"separated_additivity"}

    @property
    def capabilities(self) -> Capabilities:
        """The wrapped model's, its range too: that is what isn't true."""
        inner = self.model.capabilities
        return replace(super().capabilities, interaction_range=inner.interaction_range)

    def unit_terms(self, configurations: Configurations) -> tuple[Floats, Floats]:
        """Energies (B,), dimensionless, and forces (B, N, 3), 1/Å."""
        near = shell(configurations, decay=2.0)
        pairs, n = near.pairs, configurations.n_atoms
        total = pairs.sum_configs(near.weights)
        slopes = 2 * total[pairs.config] / n * near.slopes
        return total**2 / n, pairs.forces(slopes[:, None] * pairs.directions)
