"""Defects whose forces are no gradient of any energy."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, final

import numpy as np

from physcheck.model import Capabilities, Model
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

__all__ = ["Curl", "Detached", "GrowingCurl", "LostReaction", "PairCurl", "SpeciesDirect"]

# What forces that do net work around loops may spoil besides the laws that catch them directly.
_CONSEQUENCES = DYNAMICS | SAMPLING | RELAXATION | {"strain_loop_work", "size_consistency"}
# A unit vector off every symmetry axis, so that loops in the coordinate planes see it too.
# Atoms of the system that the strength of a growing defect is that of.
_GROWS_FROM = 32


@final
class Curl(ForceDefect):
    """A uniform curl: ``F_i += strength * u x (r_i - centroid)``, u = (2, 3, 6)/7.  No periodic
    systems.

    One atom around a loop with area vector A does the work ``W = 2 strength (1 - 1/N) u . A`` (the
    centroid follows by 1/N); all atoms moved alike do none.  The net force is zero, the torque
    isn't. Strength in eV/Å².
    """

    spec: ClassVar[str] = "curl"
    unit: ClassVar[str] = "eV/Å²"
    default_strength: ClassVar[float] = 1e-2
    must_fail: ClassVar[frozenset[str]] = CONSERVATION
    may_fail: ClassVar[frozenset[str]] = _CONSEQUENCES | {
        "net_torque",
        "rotation_equivariance",
        "separated_additivity",
        "locality",
    }

    @property
    def capabilities(self) -> Capabilities:
        """The wrapped model's, for systems that aren't periodic (there is no centroid
        otherwise).
        """
        return replace(super().capabilities, periodicity="none")

    def unit_forces(self, configurations: Configurations) -> Floats:
        """u x (r - centroid), (B, N, 3), Å."""
        if configurations.system.is_periodic:
            raise ValueError("the curl defect takes no periodic systems")
        x = configurations.positions
        return np.cross(SWIRL_AXIS, x - x.mean(axis=1, keepdims=True))


@final
class PairCurl(ForceDefect):
    """A pair force whose size depends on the environment, without the derivative of that
    dependence.

    ``F_i += strength * sum_j w(r_ij) (rho_i + rho_j) (r_i - r_j)/r_ij``: central and antisymmetric,
    so that net force, torque and all symmetries are right.  Two atoms alone feel a function of
    their distance, which is a gradient: the defect needs three atoms that aren't all equivalent.
    Strength in eV/Å: the force between two atoms at bond distance, per unit of density.
    """

    spec: ClassVar[str] = "pair-curl"
    unit: ClassVar[str] = "eV/Å"
    default_strength: ClassVar[float] = 0.1
    must_fail: ClassVar[frozenset[str]] = CONSERVATION
    may_fail: ClassVar[frozenset[str]] = _CONSEQUENCES
    reach: ClassVar[float | None] = 2 * DENSITY_CUTOFF

    def unit_forces(self, configurations: Configurations) -> Floats:
        """(B, N, 3), dimensionless."""
        force = shell(configurations, decay=3.0)
        pairs = force.pairs
        rho = shell(configurations, decay=2.0, pairs=pairs).density.ravel()
        size = force.weights * (rho[pairs.first_rows] + rho[pairs.second_rows])
        return pairs.forces(-size[:, None] * pairs.directions)


@final
class GrowingCurl(ForceDefect):
    """The force of :class:`PairCurl` times N/32: a feature that adds up over all atoms.

    The model is nearly conservative in a small cell and runs away in a large one.  Strength in
    eV/Å, as of 32 atoms.
    """

    spec: ClassVar[str] = "growing-curl"
    unit: ClassVar[str] = "eV/Å"
    default_strength: ClassVar[float] = 0.01
    must_fail: ClassVar[frozenset[str]] = CONSERVATION
    may_fail: ClassVar[frozenset[str]] = _CONSEQUENCES | {
        "supercell_extensivity",
        "separated_additivity",
        "locality",
    }

    def unit_forces(self, configurations: Configurations) -> Floats:
        """(B, N, 3), dimensionless."""
        added: Floats = PairCurl(self.model).unit_forces(configurations)
        return added * (configurations.n_atoms / _GROWS_FROM)


@final
class LostReaction(ForceDefect):
    """An embedding energy of which each atom feels its own term only: the reaction on neighbours is
    lost.

    ``E += strength * sum_i e_i``, ``e_i = -sqrt(rho_i + 0.1)``, but ``F_i -= strength *
    de_i/dr_i``. The lost part, strength * sum_j de_j/dr_i, makes gap, curl and net force.  In two
    atoms alone the force is a gradient (of half the energy).  The stress is right for the whole
    energy.  Strength in eV.
    """

    spec: ClassVar[str] = "lost-reaction"
    unit: ClassVar[str] = "eV"
    default_strength: ClassVar[float] = 0.1
    must_fail: ClassVar[frozenset[str]] = CONSERVATION
    may_fail: ClassVar[frozenset[str]] = _CONSEQUENCES | {
        "net_force",
        "net_torque",
    }
    reach: ClassVar[float | None] = DENSITY_CUTOFF

    def unit_forces(self, configurations: Configurations) -> Floats:
        """-de_i/dr_i, (B, N, 3), 1/Å."""
        near = shell(configurations, decay=4.0)
        pairs = near.pairs
        response = -0.5 / np.sqrt(near.density.ravel() + 0.1)
        along = near.slopes[:, None] * pairs.directions
        return pairs.sum_vectors(
            response[pairs.first_rows, None] * along, -response[pairs.second_rows, None] * along
        )

    def unit_energies(self, configurations: Configurations) -> Floats:
        """Sum of e_i, (B,), dimensionless."""
        return np.asarray(-np.sqrt(shell(configurations, decay=4.0).density + 0.1).sum(axis=1))

    def unit_virials(self, configurations: Configurations) -> Floats:
        """d(sum of e_i)/d(strain), (B, 3, 3), dimensionless."""
        near = shell(configurations, decay=4.0)
        pairs = near.pairs
        response = -0.5 / np.sqrt(near.density.ravel() + 0.1)
        slopes = (response[pairs.first_rows] + response[pairs.second_rows]) * near.slopes
        return pairs.virial(slopes[:, None] * pairs.directions)


@final
class Detached(ForceDefect):
    """A product of two densities of which one is taken for a constant when differentiating.

    ``E += strength * sum_i u_i v_i``, but ``F -= strength * sum_i u_i dv_i/dx``: what ``u.detach()
    * v`` gives.  Net force, torque and symmetries are right, and so is the stress for the whole
    energy.  Strength in eV.
    """

    spec: ClassVar[str] = "detached"
    unit: ClassVar[str] = "eV"
    default_strength: ClassVar[float] = 0.05
    must_fail: ClassVar[frozenset[str]] = CONSERVATION
    may_fail: ClassVar[frozenset[str]] = _CONSEQUENCES
    reach: ClassVar[float | None] = 2 * DENSITY_CUTOFF

    def unit_forces(self, configurations: Configurations) -> Floats:
        """-sum_i u_i dv_i/dx, (B, N, 3), 1/Å."""
        v = shell(configurations, decay=4.0)
        pairs = v.pairs
        u = shell(configurations, decay=2.0, pairs=pairs).density.ravel()
        both = u[pairs.first_rows] + u[pairs.second_rows]
        return pairs.forces((both * v.slopes)[:, None] * pairs.directions)

    def unit_energies(self, configurations: Configurations) -> Floats:
        """Sum of u_i v_i, (B,), dimensionless."""
        v = shell(configurations, decay=4.0)
        u = shell(configurations, decay=2.0, pairs=v.pairs)
        return np.asarray((u.density * v.density).sum(axis=1))

    def unit_virials(self, configurations: Configurations) -> Floats:
        """d(sum of u_i v_i)/d(strain), (B, 3, 3), dimensionless."""
        v = shell(configurations, decay=4.0)
        pairs = v.pairs
        u = shell(configurations, decay=2.0, pairs=pairs)
        rho_u, rho_v = u.density.ravel(), v.density.ravel()
        slopes = (rho_u[pairs.first_rows] + rho_u[pairs.second_rows]) * v.slopes
        slopes += (rho_v[pairs.first_rows] + rho_v[pairs.second_rows]) * u.slopes
        return pairs.virial(slopes[:, None] * pairs.directions)


@final
class SpeciesDirect(ForceDefect):
    """A force on the atoms of one element only, predicted from their surroundings, without a
    reaction.

    ``F_i += strength * sum_j w(r_ij) rho_j (r_j - r_i)/r_ij`` for atoms i of the element.
    Strength in eV/Å.

    Parameters
    ----------
    species : int or None
        Atomic number; the lightest element of the system if None.
    """

    spec: ClassVar[str] = "species-direct"
    unit: ClassVar[str] = "eV/Å"
    default_strength: ClassVar[float] = 1e-2
    must_fail: ClassVar[frozenset[str]] = CONSERVATION
    # Which species is pushed depends on which are there: atoms far away change it.
    may_fail: ClassVar[frozenset[str]] = _CONSEQUENCES | {
        "net_force",
        "net_torque",
        "separated_additivity",
    }
    reach: ClassVar[float | None] = 2 * DENSITY_CUTOFF

    def __init__(
        self, model: Model, strength: float | None = None, species: int | None = None
    ) -> None:
        super().__init__(model, strength)
        self.species = species

    def unit_forces(self, configurations: Configurations) -> Floats:
        """(B, N, 3), dimensionless; zero on all other elements."""
        numbers = configurations.system.numbers
        chosen = numbers == (numbers.min() if self.species is None else self.species)
        force = shell(configurations, decay=3.0)
        pairs = force.pairs
        rho = shell(configurations, decay=2.0, pairs=pairs).density.ravel()
        along = force.weights[:, None] * pairs.directions
        on_first = (chosen[pairs.first] * rho[pairs.second_rows])[:, None] * along
        on_second = -(chosen[pairs.second] * rho[pairs.first_rows])[:, None] * along
        return pairs.sum_vectors(on_first, on_second)
