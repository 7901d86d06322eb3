"""What a lack of conservation does to a simulation: the sentence with a failure's scale."""

from __future__ import annotations

import math

import numpy as np
from ase.units import fs, kB

from physcheck.system import Floats
from physcheck.text.numbers import figure

__all__ = [
    "CROSSING_TEMPERATURE",
    "crossing_energy",
    "crossing_heat",
    "crossing_rate",
    "crossing_sentence",
    "energy_jump_heat",
    "heating_sentence",
    "usual_timestep_fs",
]

# Sustained heat P = c lambda^2, eV/atom/ps, as docs/calibration.md measured it: crystals have c of
# 0.2 to 30, liquid water up to some 10,000, since lambda is set by its stiff bonds and the heat
# goes into its soft modes.
_HEAT_CRYSTALS, _HEAT_LIQUIDS = 10.0, 20000.0
#: Of the run in which atoms cross kinks and jumps, K; and its usual timestep, fs.
CROSSING_TEMPERATURE = 300.0
_TIMESTEP = 1.0
# With hydrogen simulations take half of that, as its bonds swing within 9 fs; lighter atoms move
# faster as 1/sqrt(m).
_TIMESTEP_OF_HYDROGEN, _HYDROGEN = 0.5, 1.008
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


def usual_timestep_fs(masses: Floats) -> float:
    """The timestep that simulations of such atoms take, fs: 0.5 with hydrogen, 1 from carbon on."""
    lightest = float(np.min(masses))
    return min(_TIMESTEP, _TIMESTEP_OF_HYDROGEN * math.sqrt(lightest / _HYDROGEN))


def crossing_heat(force_jumps: Floats, masses: Floats) -> float:
    """What velocity Verlet heats by where a force that jumps is crossed, eV a crossing.

    In the step that meets it, the mean of both sides is taken for the whole step: an error of
    ``D.v dt (s - 1/2)``, s uniform within the step.  Crossings are weighted by their speed, so that
    the variance of D.v is 2 kT sum D²/m, and energy that diffuses flows in at its variance over 2
    kT:

        dt² sum of |D_i|²/(12 m_i),

    whatever the temperature.

    Parameters
    ----------
    force_jumps : (N,) float, eV/Å
        Norms of what each atom's force jumps by.
    masses : (N,) float, amu

    Source: the trapezoid rule at a jump; Bochkov and Kuzovlev, Sov. Phys. JETP 45, 125 (1977).
    """
    step = usual_timestep_fs(masses) * fs
    return step**2 * float(np.sum(force_jumps**2 / masses)) / 12


def energy_jump_heat(energy_jump: float) -> float:
    """What a jump of the energy, which no force feels, heats by at most, eV a crossing.

    Where it differs from crossing to crossing: its square over 2 kT.  Where it is the same
    everywhere (pairs that are cut off), E + K changes by it and comes back, and nothing heats.
    """
    return energy_jump**2 / (2 * kB * CROSSING_TEMPERATURE)


def crossing_energy(heat: float) -> float:
    """The rms energy that a crossing of so much heat adds or takes, eV.

    Of a jump of the energy, the jump itself: the inverse of :func:`energy_jump_heat`.
    """
    return math.sqrt(2 * kB * CROSSING_TEMPERATURE * heat)


def crossing_rate(masses: Floats, length: float, count: float = 1.0) -> float:
    """How often an atom crosses what a body meets ``count`` times on a way of ``length`` Å, 1/ps.

    Along its own way an atom goes at the mean speed sqrt(8 kT/(pi m)); both atoms of a pair move,
    which makes them sqrt(2) times as fast, and share each crossing.

    Parameters
    ----------
    masses : (n,) float, amu
        Of the body's atoms.
    """
    speed = float(np.mean(np.sqrt(8 * kB * CROSSING_TEMPERATURE / (math.pi * masses)))) * 1e3 * fs
    return count / length * speed / (math.sqrt(2) * len(masses))


def crossing_sentence(energy: float, rate: float, heat: float) -> str:
    """What each crossing does, beside the thermal energy, and what they come to.

    Parameters
    ----------
    energy, rate, heat : float
        eV a crossing, crossings an atom and ps, and eV/atom/ps.
    """
    return (
        f"each crossing adds or takes {figure(1e3 * energy, 'meV')} in molecular dynamics (kT is "
        f"{1e3 * kB * CROSSING_TEMPERATURE:.0f} meV at {CROSSING_TEMPERATURE:g} K); at "
        f"{figure(rate)} crossings an atom and picosecond that heats by "
        f"{figure(heat / (3 * kB), 'K/ps')}"
    )
