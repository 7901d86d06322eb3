"""What a defect is: a model around a model that breaks one law by a known amount."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar

import numpy as np

from physcheck.model import Capabilities, Model
from physcheck.system import Configurations, Evaluation, Floats

__all__ = [
    "CONSERVATION",
    "DYNAMICS",
    "RELAXATION",
    "SAMPLING",
    "STRESS",
    "SWIRL_AXIS",
    "Defect",
    "ForceDefect",
    "StressDefect",
]

#: About which defects swirl: along no direction of a cell or molecule.
SWIRL_AXIS = np.array([2.0, 3.0, 6.0]) / 7.0
CONSERVATION = frozenset({"loop_work", "jacobian_asymmetry", "force_energy_gap"})
STRESS = frozenset({"stress_energy_gap", "strain_loop_work"})
DYNAMICS = frozenset({"nve_drift", "nph_drift", "timestep_convergence", "mts_tandem"})
SAMPLING = frozenset(
    {
        "equipartition",
        "kinetic_distribution",
        "species_heat",
        "thermostat_heat",
        "ensemble_consistency",
        "pressure_consistency",
    }
)
RELAXATION = frozenset(
    {"relaxation_convergence", "relaxation_descent", "minimum_stability", "cell_relaxation"}
)


class Defect(ABC):
    """A model whose answers are another model's, altered in one respect.

    Attributes
    ----------
    spec : str
        Name in a spec, as in ``builtin::lennard-jones+spec=strength``.
    unit : str
        Of ``strength``; empty where it is a plain number.
    default_strength : float
    must_fail : frozenset of check ids
        Those that fail at a strong strength, on a structure where the altered outputs exist.
    may_fail : frozenset of check ids
        Others that may rightly fail; any check in neither set that fails is a false alarm.
    """

    spec: ClassVar[str]
    unit: ClassVar[str] = ""
    default_strength: ClassVar[float] = 1.0
    must_fail: ClassVar[frozenset[str]] = frozenset()
    may_fail: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, model: Model, strength: float | None = None) -> None:
        self.model = model
        self.strength = self.default_strength if strength is None else float(strength)
        if not np.isfinite(self.strength):
            raise ValueError(f"strength is {self.strength}, should be finite")

    @property
    def capabilities(self) -> Capabilities:
        """The wrapped model's, with the defect in the name."""
        inner = self.model.capabilities
        return replace(
            inner, name=f"{inner.name}+{self.spec}={self.strength:g}", differentiable=False
        )

    def fresh(self) -> Model:
        """Itself: a defect remembers nothing unless it says so."""
        return self

    @abstractmethod
    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The altered energies (B,) eV, forces (B, N, 3) eV/Å, stresses (B, 3, 3) eV/Å³."""


class ForceDefect(Defect):
    """Forces with an added term, exactly linear in the strength: ``F = F0 + strength * G(x)``.

    To inject a violation of a wanted size, measure it at one strength s: antisymmetric Jacobian,
    loop work and net force of the added term are proportional to s, so that ``s_wanted = s *
    wanted/measured`` is exact for these (and for lambda as long as |J| hardly changes).

    Attributes
    ----------
    reach : float or None, Å
        Farthest distance over which an atom matters to another's G; None if unlimited.
    """

    reach: ClassVar[float | None] = None

    @abstractmethod
    def unit_forces(self, configurations: Configurations) -> Floats:
        """G (B, N, 3): the force that is added per unit of strength."""

    def unit_energies(self, configurations: Configurations) -> Floats | None:
        """(B,) the energy that is added per unit of strength; None if there is none."""
        return None

    def unit_virials(self, configurations: Configurations) -> Floats | None:
        """(B, 3, 3) d(unit_energies)/d(strain); None if there is no added energy."""
        return None

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
        """Energies and stresses (plus those of ``unit_energies``), and altered forces."""
        answer = self.model.evaluate(configurations, want=want)
        energy, forces = answer.energy, answer.forces
        if forces is not None:
            forces = forces + self.strength * self.unit_forces(configurations)
        if energy is not None:
            added = self.unit_energies(configurations)
            if added is not None:
                energy = energy + self.strength * added
        stress = answer.stress
        if stress is not None:
            virials = self.unit_virials(configurations)
            if virials is not None:
                stress = stress + self.strength * virials / configurations.volumes()[:, None, None]
        return Evaluation(energy, forces, stress)


class StressDefect(Defect):
    """Stresses altered, energies and forces right; it shows with three periodic axes only."""

    must_fail: ClassVar[frozenset[str]] = STRESS
    may_fail: ClassVar[frozenset[str]] = frozenset(
        {"cell_relaxation", "pressure_consistency", "nph_drift"}
    )

    @abstractmethod
    def altered(self, stress: Floats, configurations: Configurations) -> Floats:
        """(B, 3, 3) the altered stress, eV/Å³."""

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """Energies and forces of the wrapped model, and altered stresses."""
        answer = self.model.evaluate(configurations, want=want)
        stress = answer.stress
        if stress is not None:
            stress = self.altered(stress, configurations)
        return Evaluation(answer.energy, answer.forces, stress)
