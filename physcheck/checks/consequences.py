"""What a lack of conservation does to a simulation: the sentence with a failure's scale."""

from __future__ import annotations

from ase.units import kB

__all__ = ["heating_sentence"]

# Sustained heat P = c lambda^2, eV/atom/ps, as docs/calibration.md measured it: crystals have c of
# 0.2 to 30, liquid water up to some 10,000, since lambda is set by its stiff bonds and the heat
# goes into its soft modes.
_HEAT_CRYSTALS, _HEAT_LIQUIDS = 10.0, 20000.0
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
