"""A many-body potential of the Gupta kind (second moment of tight binding) with a smooth cutoff."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np

from physcheck.potentials.analytic import AnalyticPotential
from physcheck.potentials.neighbours import Pairs
from physcheck.potentials.switching import bond_lengths, switch
from physcheck.system import Configurations, Floats

__all__ = ["Gupta"]


@final
class Gupta(AnalyticPotential):
    """Pair repulsion and an embedding in the square root of a neighbour density.

    ``E = sum_i [ sum_j A exp(-p (r/d - 1)) S(r) - xi (sqrt(rho_i + rho_0) - sqrt(rho_0)) ]`` with
    ``rho_i = sum_j exp(-2 q (r/d - 1)) S(r)``, d the sum of covalent radii and S the C2 quintic
    switch. rho_0 keeps the root smooth where an atom loses its last neighbour.

    Source: Cleri and Rosato, Phys. Rev. B 48, 22 (1993), eqs. 1-3, with generic parameters.

    Parameters
    ----------
    a, xi : float, eV
    p, q : float
        Dimensionless decay of repulsion and density.
    rho_0 : float
        Dimensionless.
    cutoff, switch_width : float, Å
        Everything is zero from the cutoff and unchanged up to ``cutoff - switch_width``.
    """

    name: ClassVar[str] = "gupta"
    many_body: ClassVar[bool] = True
    has_switch: ClassVar[bool] = True

    def __init__(
        self,
        *,
        a: float = 0.1,
        xi: float = 1.0,
        p: float = 10.0,
        q: float = 2.5,
        rho_0: float = 0.1,
        cutoff: float = 5.5,
        switch_width: float = 1.5,
    ) -> None:
        if not 0 < switch_width <= cutoff:
            raise ValueError(
                f"switch_width is {switch_width} Å, should be above 0 and at most the cutoff "
                f"{cutoff} Å"
            )
        if not rho_0 > 0:
            raise ValueError(f"rho_0 is {rho_0}, should be positive")
        self.a, self.xi, self.p, self.q, self.rho_0 = a, xi, p, q, rho_0
        self.cutoff = cutoff
        self.switch_width = switch_width

    def _parts(self, configurations: Configurations, pairs: Pairs) -> tuple[Floats, ...]:
        numbers = configurations.system.numbers
        lengths = bond_lengths(numbers[pairs.first], numbers[pairs.second])
        stretch = pairs.distances / lengths - 1.0
        smooth, smooth_slope = switch(pairs.distances, self.cutoff - self.switch_width, self.cutoff)
        # Each pair stands for both of its atoms' sums, hence twice the repulsion.
        repulsion = 2.0 * self.a * np.exp(-self.p * stretch)
        density = np.exp(-2.0 * self.q * stretch)
        total = pairs.sum_atoms(density * smooth, density * smooth)
        root = np.sqrt(total + self.rho_0)
        embedding = -self.xi * (root - np.sqrt(self.rho_0))
        response = (-0.5 * self.xi / root).ravel()
        both = response[pairs.first_rows] + response[pairs.second_rows]
        bare_slope = -self.p / lengths * repulsion - 2.0 * self.q / lengths * density * both
        switched_slope = repulsion + density * both
        energy = pairs.sum_configs(repulsion * smooth) + embedding.sum(axis=1)
        return energy, bare_slope * smooth, switched_slope * smooth_slope

    def gradients(self, configurations: Configurations, pairs: Pairs) -> tuple[Floats, Floats]:
        """Energies (B,), eV, and dE/d(vectors) (P, 3), eV/Å."""
        energy, bare, switched = self._parts(configurations, pairs)
        return energy, (bare + switched)[:, None] * pairs.directions

    def switch_forces(self, configurations: Configurations) -> Floats:
        """(B, N, 3) the part of the forces, eV/Å, that comes from the switch's derivative."""
        pairs = self.pairs(configurations)
        _, _, switched = self._parts(configurations, pairs)
        return pairs.forces(switched[:, None] * pairs.directions)
