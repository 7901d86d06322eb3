"""The Lennard-Jones potential with a smooth cutoff."""

from __future__ import annotations

from typing import ClassVar, final

from physcheck.potentials.analytic import PairPotential
from physcheck.system import Floats

__all__ = ["LennardJones"]

# Minimum at 0.97 sums of radii: nitriles rattled by 0.05 Å stay below 30 eV/Å, metals near their
# minimum.
_SIGMA_OVER_LENGTH = 0.97 * 2.0 ** (-1.0 / 6.0)


@final
class LennardJones(PairPotential):
    """``E = sum over pairs of 4 epsilon ((sigma/r)^12 - (sigma/r)^6) S(r)``, S the C2 quintic
    switch.

    Unless ``sigma`` is given, each pair of elements has its minimum a little below the sum of
    covalent radii, so that molecules (triple bonds are short) and crystals of any element have
    moderate forces.

    Parameters
    ----------
    epsilon : float, eV
        Depth of the bare well, of all pairs.
    sigma : float or None, Å
        Where the bare energy is zero, of all pairs; from covalent radii if None.
    cutoff, switch_width : float, Å
        The energy is zero from the cutoff and unchanged up to ``cutoff - switch_width``.
    """

    name: ClassVar[str] = "lennard-jones"

    def __init__(
        self,
        *,
        epsilon: float = 0.04,
        sigma: float | None = None,
        cutoff: float = 6.0,
        switch_width: float = 2.0,
    ) -> None:
        super().__init__(cutoff, switch_width)
        self.epsilon = epsilon
        self.sigma = sigma

    def bare(self, distances: Floats, lengths: Floats) -> tuple[Floats, Floats]:
        """V (P,), eV, and dV/dr (P,), eV/Å, without the switch."""
        sigma = lengths * _SIGMA_OVER_LENGTH if self.sigma is None else self.sigma
        sixth = (sigma / distances) ** 6
        value = 4.0 * self.epsilon * sixth * (sixth - 1.0)
        return value, -24.0 * self.epsilon * sixth * (2.0 * sixth - 1.0) / distances
