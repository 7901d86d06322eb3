"""The noise of a model's stress at one structure, and where a stress is defined at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from physcheck.checks.conservation.subject import Subject
from physcheck.model import Capabilities
from physcheck.numerics.noise import difference_table_noise, rounding_floor
from physcheck.probes.strains import strained, symmetric_strains
from physcheck.system import Configurations

__all__ = ["NOISE_EVALUATIONS", "StressNoise", "measure_stress_noise", "needs_a_volume"]

# Spacing of the noise line in strain: a few 1e-5 Å at the edge of a cell, as the lines on which the
# resolution of forces is measured.
_LINE_STEP = 3e-6
#: What :func:`measure_stress_noise` costs: the points of the line.
NOISE_EVALUATIONS = 6
# The few stresses on the line may come out quiet by chance: at least this share of what the noise
# of the forces would do to the virial is taken for noise.
_VIRIAL_SHARE = 0.1
# Keeps a quotient by a noise of zero finite.
_TINY = 1e-300


def needs_a_volume(start: Configurations, capabilities: Capabilities) -> str | None:
    """Why a stress check doesn't apply: there is no volume without full periodicity."""
    if start.system.is_fully_periodic:
        return None
    return "stress needs a system that is periodic in all three directions"


@dataclass(frozen=True, slots=True)
class StressNoise:
    """Standard deviations of a stress component (eV/Å³) and of the energy (eV)."""

    stress: float
    energy: float


def measure_stress_noise(subject: Subject) -> StressNoise:
    """ECNoise of stress and energy along a short line of strain. Cost: 6 evaluations."""
    start, resolution = subject.start, subject.resolution
    direction = symmetric_strains(subject.rng, 1)[0]
    offsets = _LINE_STEP * (np.arange(NOISE_EVALUATIONS) - (NOISE_EVALUATIONS - 1) / 2)
    line = strained(start, offsets[:, None, None] * direction)
    answer = subject.evaluate(line, "energy", "stress", "forces")
    stresses = answer.require_stress()
    # What a force noise does to the virial: sum_i x_i F_i / V with |x| about half the cell's edge.
    volume = float(start.volumes()[0])
    virial = resolution.force_noise * math.sqrt(start.n_atoms) * volume ** (1 / 3) / (2 * volume)
    stress = max(
        difference_table_noise(stresses)[0],
        rounding_floor(float(np.abs(stresses).max()), subject.meter.capabilities.dtype),
        virial * _VIRIAL_SHARE,
        # A model's memory of earlier calls is in the stress in proportion to that in the forces.
        resolution.history_noise / max(resolution.force_noise, _TINY) * virial,
    )
    energy = resolution.energy_noise or 0.0
    if answer.energy is not None:
        energy = max(energy, difference_table_noise(answer.energy)[0])
    return StressNoise(stress, energy)
