"""What the built-in potentials share: an energy of pair vectors, differentiated by hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from physcheck.model import Capabilities
from physcheck.potentials.neighbours import Pairs, find_pairs
from physcheck.potentials.switching import switch
from physcheck.system import Configurations, Evaluation, Floats

__all__ = ["AnalyticPotential", "PairPotential"]


class AnalyticPotential(ABC):
    """A potential whose energy is a function of the vectors between neighbours.

    From ``g = dE/d(vector)`` of each pair follow the forces ``F_first += g``, ``F_second -= g`` and
    the stress ``(1/V) sum g x vector``, so that net force and the consistency of stress hold by
    construction. Instances have no state and can be pickled.

    Attributes
    ----------
    name : str
        Name in a spec, as in ``builtin::name``.
    cutoff : float, Å
        Radius of the pair list.
    many_body : bool
        True if an atom's force depends on its neighbours' neighbours.
    species : frozenset of atomic numbers, or None for any
    has_switch : bool
        True if :meth:`switch_forces` is there.
    """

    name: ClassVar[str]
    many_body: ClassVar[bool] = False
    species: ClassVar[frozenset[int] | None] = None
    has_switch: ClassVar[bool] = False
    cutoff: float

    @property
    def capabilities(self) -> Capabilities:
        """Energy, forces and (with three periodic axes) stress in float64, batched."""
        return Capabilities(
            name=self.name,
            adapter="builtin",
            outputs=frozenset({"energy", "forces", "stress"}),
            species=self.species,
            interaction_range=self.cutoff * (2 if self.many_body else 1),
            batched=True,
        )

    def fresh(self) -> AnalyticPotential:
        """Itself: nothing is remembered between calls."""
        return self

    def pairs(self, configurations: Configurations) -> Pairs:
        """The pairs that the energy is a function of."""
        return find_pairs(configurations, self.cutoff)

    @abstractmethod
    def gradients(self, configurations: Configurations, pairs: Pairs) -> tuple[Floats, Floats]:
        """Energies (B,), eV, and dE/d(vectors) (P, 3), eV/Å."""

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """Energies and forces; stresses if wanted and all three axes are periodic."""
        pairs = self.pairs(configurations)
        energy, gradients = self.gradients(configurations, pairs)
        stress = None
        if "stress" in want and configurations.system.is_fully_periodic:
            stress = pairs.virial(gradients) / configurations.volumes()[:, None, None]
        return Evaluation(energy, pairs.forces(gradients), stress)

    def switch_forces(self, configurations: Configurations) -> Floats:
        """(B, N, 3) the part of the forces, eV/Å, that comes from the switch's derivative.

        Raises
        ------
        NotImplementedError
            The potential has no switching function.
        """
        raise NotImplementedError(f"{self.name} has no switching function")


class PairPotential(AnalyticPotential):
    """``E = sum over pairs of V(r) S(r)``: a bare pair energy V times the quintic switch S.

    Parameters
    ----------
    cutoff : float, Å
    switch_width : float, Å
        The switch falls from 1 to 0 over the last ``switch_width`` before the cutoff.
    """

    has_switch: ClassVar[bool] = True

    def __init__(self, cutoff: float, switch_width: float) -> None:
        if not 0 < switch_width <= cutoff:
            raise ValueError(
                f"switch_width is {switch_width} Å, should be above 0 and at most the cutoff "
                f"{cutoff} Å"
            )
        self.cutoff = cutoff
        self.switch_width = switch_width

    @abstractmethod
    def bare(self, distances: Floats, lengths: Floats) -> tuple[Floats, Floats]:
        """V (P,), eV, and dV/dr (P,), eV/Å, at ``distances``.

        ``lengths`` are sums of covalent radii.
        """

    def ranges(self, lengths: Floats) -> tuple[Floats | float, Floats | float]:
        """Onset and cutoff of the switch, Å."""
        return self.cutoff - self.switch_width, self.cutoff

    def _parts(
        self, configurations: Configurations, pairs: Pairs
    ) -> tuple[Floats, Floats, Floats, Floats]:
        from physcheck.potentials.switching import bond_lengths

        numbers = configurations.system.numbers
        lengths = bond_lengths(numbers[pairs.first], numbers[pairs.second])
        value, slope = self.bare(pairs.distances, lengths)
        smooth, smooth_slope = switch(pairs.distances, *self.ranges(lengths))
        return value, slope, smooth, smooth_slope

    def gradients(self, configurations: Configurations, pairs: Pairs) -> tuple[Floats, Floats]:
        """Energies (B,), eV, and dE/d(vectors) (P, 3), eV/Å."""
        value, slope, smooth, smooth_slope = self._parts(configurations, pairs)
        slopes = slope * smooth + value * smooth_slope
        return pairs.sum_configs(value * smooth), slopes[:, None] * pairs.directions

    def switch_forces(self, configurations: Configurations) -> Floats:
        """(B, N, 3) the part of the forces, eV/Å, that comes from ``V dS/dr``."""
        pairs = self.pairs(configurations)
        value, _, _, smooth_slope = self._parts(configurations, pairs)
        return pairs.forces((value * smooth_slope)[:, None] * pairs.directions)
