"""What a jump of forces or energy heats simulations by, at the rate of thermal crossings."""

from __future__ import annotations

from physcheck.checks.consequences import crossing_energy, energy_jump_heat
from physcheck.checks.differences import ENERGY_LENGTH
from physcheck.checks.smoothness.approach import Jump

__all__ = [
    "HEAT_OF_A_SHARE",
    "RATE_KNOWN_TO",
    "energy_is_resolved",
    "energy_of_a_crossing",
    "jump_heating",
    "rate_doubt",
]

#: How often atoms cross a jump is known to this factor: from so few crossings of one path.
RATE_KNOWN_TO = 2.0
#: No motion crosses exactly symmetric places, but structures begin there, relax and are displaced
#: from there: a jump counts as this heat, eV/atom/ps, times the square of its share of thermal
#: forces, so that a share of 1e-3, 1e-4 and 1e-5 is what screening, md and tight accept.
HEAT_OF_A_SHARE = 260.0


def jump_heating(jump: Jump, scale: float, force_added: float, energy_added: float) -> float:
    """What a jump heats by, eV/atom/ps, where its force and energy are larger by so much."""
    force = max(0.0, jump.force + force_added)
    energy = 0.0 if jump.energy is None else max(0.0, jump.energy + energy_added)
    if jump.rate is None:
        return HEAT_OF_A_SHARE * (max(force, energy) / scale) ** 2
    by_force = jump.heat * (force / jump.force) ** 2 if jump.force > 0 else 0.0
    return jump.rate * (by_force + energy_jump_heat(energy * ENERGY_LENGTH))


def rate_doubt(jump: Jump) -> float:
    """The factor to which the rate of its crossings is known."""
    return 1.0 if jump.rate is None else RATE_KNOWN_TO


def energy_is_resolved(jump: Jump, energy_limit: float, target: float) -> bool:
    """Whether the energy's jump counts: one that can't be resolved can't pass, but may fail."""
    if jump.energy is None or jump.rate is None:
        return True
    accepted = crossing_energy(target / jump.rate) / ENERGY_LENGTH
    return energy_limit <= accepted or jump.energy - energy_limit > accepted


def energy_of_a_crossing(jump: Jump) -> float:
    """What dynamics gains or loses at a jump, rms, eV."""
    energy = 0.0 if jump.energy is None else jump.energy * ENERGY_LENGTH
    return crossing_energy(jump.heat + energy_jump_heat(energy))
