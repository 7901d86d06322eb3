"""What a lack of conservation does to a simulation: the sentence with a failure's scale."""

from __future__ import annotations

import math

from ase.units import fs, kB

from physcheck.text.numbers import figure

__all__ = ["crossing_energy", "crossing_sentence", "heating_sentence"]

# Sustained heat P = c lambda^2, eV/atom/ps, as docs/calibration.md measured it: crystals have c of
# 0.2 to 30, liquid water up to some 10,000, since lambda is set by its stiff bonds and the heat
# goes into its soft modes.
_HEAT_CRYSTALS, _HEAT_LIQUIDS = 10.0, 20000.0
# The run in which an atom crosses a jump: a usual timestep, fs, and room temperature, K.
_TIMESTEP, _TEMPERATURE = 1.0, 300.0
# Beyond this rate, K/ps, P = c lambda^2 says no more than that dynamics blows up.
_BLOW_UP = 1000.0


def heating_sentence(asymmetry: float) -> str:
    """The heating rate that a lambda of this size stands for, as a range.

    Heat goes into kinetic and potential energy alike, 3 kB an atom: K/ps = P/(3 kB).
    """
    low, high = (c * asymmetry**2 / (3 * kB) for c in (_HEAT_CRYSTALS, _HEAT_LIQUIDS))
    if low > _BLOW_UP:
        return "molecular dynamics with such forces blows up within a few picoseconds"
    first, last = (f"{float(f'{rate:.1g}'):g}" for rate in (low, high))
    return f"in molecular dynamics this heats by about {first} to {last} K/ps (crystals to liquids)"


def crossing_energy(force_jump: float, energy_jump: float | None, mass: float) -> float:
    """What a run at constant energy gains or loses where an atom crosses a jump, rms, eV.

    At 1 fs and 300 K.  An energy that jumps is felt by no force, so that all of it is missing.  Of
    a force that jumps by D in the middle of a step, velocity Verlet takes the mean of both sides
    for the whole step: it errs by D v dt (1/2 - s) where s, the place within the step, is uniform.

    Parameters
    ----------
    force_jump : float, eV/Å
    energy_jump : float or None, eV
    mass : float, amu
    """
    speed = math.sqrt(kB * _TEMPERATURE / mass)
    of_force = force_jump * speed * _TIMESTEP * fs / math.sqrt(12)
    return math.hypot(of_force, energy_jump or 0.0)


def crossing_sentence(energy: float) -> str:
    """What each crossing does, beside the thermal energy."""
    return (
        f"each crossing adds or takes {figure(1e3 * energy, 'meV')} in molecular dynamics at "
        f"{_TIMESTEP:g} fs (kT is {1e3 * kB * _TEMPERATURE:.0f} meV at {_TEMPERATURE:g} K)"
    )
