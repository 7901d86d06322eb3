"""The Morse potential with a smooth cutoff."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np

from physcheck.potentials.analytic import PairPotential
from physcheck.system import Floats

__all__ = ["Morse"]


@final
class Morse(PairPotential):
    """``E = sum over pairs of depth (y² - 2 y) S(r)``, ``y = exp(-rho (r/d - 1))``, S the C2
    quintic switch.

    Parameters
    ----------
    depth : float, eV
        Depth of the bare well, of all pairs.
    rho : float
        Stiffness, dimensionless: the usual exponent is ``rho/d``.
    distance : float or None, Å
        The minimum d, of all pairs; the sum of covalent radii if None.
    cutoff, switch_width : float, Å
        The energy is zero from the cutoff and unchanged up to ``cutoff - switch_width``.
    """

    name: ClassVar[str] = "morse"

    def __init__(
        self,
        *,
        depth: float = 0.2,
        rho: float = 5.0,
        distance: float | None = None,
        cutoff: float = 6.0,
        switch_width: float = 2.0,
    ) -> None:
        super().__init__(cutoff, switch_width)
        self.depth = depth
        self.rho = rho
        self.distance = distance

    def bare(self, distances: Floats, lengths: Floats) -> tuple[Floats, Floats]:
        """V (P,), eV, and dV/dr (P,), eV/Å, without the switch."""
        length = lengths if self.distance is None else np.full_like(lengths, self.distance)
        y = np.exp(-self.rho * (distances / length - 1.0))
        return self.depth * y * (y - 2.0), -2.0 * self.depth * self.rho / length * y * (y - 1.0)
