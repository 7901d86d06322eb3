"""What every law of a search asks a model: answers within its domain, and differences of two."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from physcheck.checks.differences import ENERGY_LENGTH, VIRIAL_ARM
from physcheck.checks.symmetry.comparison import outputs_of
from physcheck.errors import PhyscheckError
from physcheck.model import Meter
from physcheck.numerics.answers import SANE_FORCE, largest_force
from physcheck.numerics.noise import rounding_floor
from physcheck.probes.transformations import Transformation
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Evaluation

__all__ = ["Asked", "Noise", "OutsideDomain", "difference", "energy_of", "rms", "sane_answer"]

# Standard deviations of the model's noise that a single answer may have.
_NOISE_SDS = 6.0
# A sum of atoms' energies is rounded several times, in the dtype of the model.
_ROUNDINGS = 8


class OutsideDomain(PhyscheckError):
    """The model answers with forces that say that it doesn't know the structure."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How far single answers of a model may be off by noise alone: six standard deviations, as
    measured at one structure of the run.

    Attributes
    ----------
    forces : float, eV/Å
        Of a component.
    energy : float, eV
    """

    forces: float = 0.0
    energy: float = 0.0

    @classmethod
    def of(cls, resolution: Resolution | None) -> Noise:
        """From what was measured; none where nothing was."""
        if resolution is None:
            return cls()
        energy = resolution.energy_noise or 0.0
        return cls(_NOISE_SDS * resolution.force_noise, _NOISE_SDS * energy)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a law is violated by at exactly one case, without any statistics.

    Attributes
    ----------
    value : float
        In the check's unit.
    doubt : float
        What rounding and the number of points may leave of it: a case counts as suspicious by what
        is above.
    part : str
        Which output decides: ``forces``, ``energy`` or ``stress``.
    size : float, eV/Å
        rms force component of the case, that a violation may be held against.
    energy : float or None, eV
        Of the case, or of what is done to it on average; None where the model gives none.
    """

    value: float
    doubt: float = 0.0
    part: str = "forces"
    size: float = 1.0
    energy: float | None = None

    @property
    def suspicion(self) -> float:
        """The violation without what it may have from rounding."""
        return max(0.0, self.value - self.doubt)


def sane_answer(meter: Meter, place: Configurations) -> Evaluation:
    """Everything that the model says of configurations, where its forces are at most 30 eV/Å.

    Raises
    ------
    OutsideDomain
        Larger forces: random structures needn't be any that the model knows.
    ModelError, NonFiniteOutput
    """
    answer = meter.evaluate(place, want=outputs_of(place))
    largest = largest_force(answer.require_forces())
    if largest > SANE_FORCE:
        raise OutsideDomain(f"a force of {largest:.3g} eV/Å (more than {SANE_FORCE:g})")
    return answer


def difference(
    home: Evaluation,
    other: Evaluation,
    change: Transformation,
    start: Configurations,
    dtype: str,
    noise: Noise,
    scale: float = 1.0,
) -> Asked:
    """How far an answer is from the transformed one: the largest of forces (rms of a component),
    energy (an atom, over 1 Å) and virial (an atom, over 1 Å), eV/Å, over ``scale``.
    """
    n = start.n_atoms
    forces = change.forces_back(other.require_forces())
    apart = forces - change.expected_forces(home.require_forces())
    size = rms(home.require_forces())
    doubt = math.sqrt(2) * noise.forces / scale
    found = [Asked(rms(apart) / scale, doubt)]
    if home.energy is not None and other.energy is not None:
        gap = abs(float(other.energy[0] - home.energy[0])) / (n * ENERGY_LENGTH * scale)
        total = float(np.abs([home.energy[0], other.energy[0]]).max())
        rounding = math.hypot(
            _ROUNDINGS * rounding_floor(total, dtype), math.sqrt(2) * noise.energy
        )
        found.append(Asked(gap, rounding / (n * ENERGY_LENGTH * scale), "energy"))
    if home.stress is not None and other.stress is not None:
        volume = float(start.volumes()[0]) / (n * ENERGY_LENGTH * scale)
        apart = change.stress_back(other.stress) - home.stress
        found.append(Asked(rms(apart) * volume, VIRIAL_ARM * doubt, "stress"))
    energy = energy_of(home)
    return replace(max(found, key=lambda one: one.suspicion), size=size, energy=energy)


def energy_of(answer: Evaluation) -> float | None:
    """The mean energy of an answer's configurations; None where the model gives none."""
    return None if answer.energy is None else float(np.mean(answer.energy))


def rms(values: np.ndarray) -> float:
    """Root of the mean square."""
    return math.sqrt(float(np.mean(values**2)))
