"""Defects whose forces are the gradient of another energy than the one that is reported."""

from __future__ import annotations

from typing import ClassVar, final

from physcheck.model import Model
from physcheck.potentials.analytic import AnalyticPotential
from physcheck.potentials.defects.base import DYNAMICS, SAMPLING, Defect, ForceDefect
from physcheck.potentials.defects.density import DENSITY_CUTOFF, shell
from physcheck.system import Configurations, Evaluation, Floats

__all__ = ["ForceScale", "MissingSwitchDerivative", "OtherEnergy"]

# Energy and work disagree, the force field itself is sound; stress no longer fits the forces.
_CONSEQUENCES = DYNAMICS | SAMPLING | {"strain_loop_work", "relaxation_descent", "cell_relaxation"}


@final
class ForceScale(Defect):
    """Forces times (1 + strength): the gradient of another energy.  Strength is dimensionless."""

    spec: ClassVar[str] = "force-scale"
    default_strength: ClassVar[float] = 0.1
    must_fail: ClassVar[frozenset[str]] = frozenset({"force_energy_gap"})
    may_fail: ClassVar[frozenset[str]] = _CONSEQUENCES

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """Energies and stresses of the wrapped model, and scaled forces."""
        answer = self.model.evaluate(configurations, want=want)
        forces = None if answer.forces is None else answer.forces * (1.0 + self.strength)
        return Evaluation(answer.energy, forces, answer.stress)


@final
class OtherEnergy(ForceDefect):
    """Forces with the gradient of a further pair energy that the energy lacks.

    ``F -= strength * d/dx sum over pairs of w(r)``.  Strength in eV: that energy at bond distance.
    """

    spec: ClassVar[str] = "other-energy"
    unit: ClassVar[str] = "eV"
    default_strength: ClassVar[float] = 0.05
    must_fail: ClassVar[frozenset[str]] = frozenset({"force_energy_gap"})
    may_fail: ClassVar[frozenset[str]] = _CONSEQUENCES
    reach: ClassVar[float | None] = DENSITY_CUTOFF

    def unit_forces(self, configurations: Configurations) -> Floats:
        """-d/dx sum of w, (B, N, 3), 1/Å."""
        near = shell(configurations, decay=2.0)
        return near.pairs.forces(near.slopes[:, None] * near.pairs.directions)


@final
class MissingSwitchDerivative(Defect):
    """The derivative of the cutoff's smoothing function is left out of the forces.

    ``F -= strength * F_switch``, F_switch the part of the forces with dS/dr.  Around a pair
    potential the rest is still a gradient (gap alone); around a many-body potential it is not.
    There is nothing to see in structures without pairs inside the switch, such as small molecules,
    and little where the energy has decayed: a short cutoff or a strength above 1 makes it strong.
    Strength is the fraction left out.

    Raises
    ------
    TypeError
        The wrapped model isn't a built-in potential with a switch.
    """

    spec: ClassVar[str] = "missing-switch-derivative"
    default_strength: ClassVar[float] = 1.0
    must_fail: ClassVar[frozenset[str]] = frozenset({"force_energy_gap"})
    may_fail: ClassVar[frozenset[str]] = _CONSEQUENCES | {
        "loop_work",
        "jacobian_asymmetry",
        "cutoff_smoothness",
        "relaxation_convergence",
        "minimum_stability",
        "size_consistency",
    }

    def __init__(self, model: Model, strength: float | None = None) -> None:
        super().__init__(model, strength)
        if not (isinstance(model, AnalyticPotential) and model.has_switch):
            raise TypeError(
                f"{self.spec} goes directly around a built-in potential with a switch, not "
                f"{model.capabilities.name}"
            )
        self._potential = model

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """Energies and stresses of the wrapped potential, and altered forces."""
        answer = self.model.evaluate(configurations, want=want)
        forces = answer.forces
        if forces is not None:
            lost: Floats = self._potential.switch_forces(configurations)
            forces = forces - self.strength * lost
        return Evaluation(answer.energy, forces, answer.stress)
