"""Defects of the stress alone: sign, factor, order of components, a direct prediction."""

from __future__ import annotations

from typing import ClassVar, final

from physcheck.potentials.defects.base import StressDefect
from physcheck.potentials.defects.density import shell
from physcheck.system import Configurations, Floats

__all__ = ["DirectStress", "StressHalf", "StressSign", "StressSwap"]


@final
class StressSign(StressDefect):
    """Stress times (1 - 2 strength).

    At strength 1, of the wrong sign.  Strength is dimensionless.
    """

    spec: ClassVar[str] = "stress-sign"

    def altered(self, stress: Floats, configurations: Configurations) -> Floats:
        """(B, 3, 3) the altered stress, eV/Å³."""
        return (1.0 - 2.0 * self.strength) * stress


@final
class StressHalf(StressDefect):
    """Stress times (1 - strength/2): at strength 1, half of it.  Strength is dimensionless."""

    spec: ClassVar[str] = "stress-half"

    def altered(self, stress: Floats, configurations: Configurations) -> Floats:
        """(B, 3, 3) the altered stress, eV/Å³."""
        return (1.0 - 0.5 * self.strength) * stress


@final
class StressSwap(StressDefect):
    """Components yz and xy exchanged, as by a wrong Voigt order; nothing where both are equal.

    ``stress + strength (swapped - stress)``.  Strength is dimensionless.
    """

    spec: ClassVar[str] = "stress-swap"
    may_fail: ClassVar[frozenset[str]] = StressDefect.may_fail | {"rotation_equivariance"}

    def altered(self, stress: Floats, configurations: Configurations) -> Floats:
        """(B, 3, 3) the altered stress, eV/Å³."""
        mixed = stress.copy()
        change = self.strength * (stress[:, 0, 1] - stress[:, 1, 2])
        mixed[:, 1, 2] += change
        mixed[:, 2, 1] += change
        mixed[:, 0, 1] -= change
        mixed[:, 1, 0] -= change
        return mixed


@final
class DirectStress(StressDefect):
    """A symmetric, smooth, rotating stress that is no derivative, as a direct head predicts.

    ``stress += strength/V * sum over pairs of w(r) (rho_i + rho_j) (r/|r|) x (r/|r|)``: the weight
    depends on the environment without its derivative.  Strength in eV: virial of a bond per unit of
    density.
    """

    spec: ClassVar[str] = "direct-stress"
    unit: ClassVar[str] = "eV"
    default_strength: ClassVar[float] = 1e-2

    def unit_virials(self, configurations: Configurations) -> Floats:
        """(B, 3, 3) the virial that is added per unit of strength, dimensionless."""
        near = shell(configurations, decay=3.0)
        pairs = near.pairs
        rho = shell(configurations, decay=2.0, pairs=pairs).density.ravel()
        size = near.weights * (rho[pairs.first_rows] + rho[pairs.second_rows])
        return pairs.virial((size / pairs.distances)[:, None] * pairs.directions)

    def altered(self, stress: Floats, configurations: Configurations) -> Floats:
        """(B, 3, 3) the altered stress, eV/Å³."""
        volumes = configurations.volumes()[:, None, None]
        return stress + self.strength * self.unit_virials(configurations) / volumes
