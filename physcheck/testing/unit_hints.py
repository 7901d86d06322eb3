"""Whether forces or stress are off from the derivative of the energy by the factor of a unit."""

from __future__ import annotations

import numpy as np
from ase.units import Bohr, Hartree, kcal, kJ, mol

from physcheck.model import Meter
from physcheck.system import Configurations

__all__ = ["hint_of_forces", "hint_of_stress"]

# Central differences: Å (rms of a coordinate), and strain.  Their error of a few per cent at most
# leaves factors of units, the nearest of which are 1.9 apart, well told.
_STEP, _STRAIN = 5e-3, 2e-3
# A ratio is a factor of the list if it is as near as this, relatively.
_NEAR = 0.05
# eV/Å^3 in GPa and kbar.
_GPA, _KBAR = 160.21766, 1602.1766
_EV, _HARTREE, _KCAL, _KJ = "eV", "hartree", "kcal/mol", "kJ/mol"
_ENERGIES = {_EV: 1.0, _HARTREE: Hartree, _KCAL: kcal / mol, _KJ: kJ / mol, "meV": 1e-3}
_LENGTHS = {"Å": 1.0, "bohr": Bohr, "nm": 10.0}


def _factors_of_forces() -> dict[str, float]:
    """Unit of the forces, with the energies in another one -> forces over -dE/dx as they come."""
    found = {"of the wrong sign (the gradient itself?)": -1.0}
    for energy, of_energy in _ENERGIES.items():
        for length, of_length in _LENGTHS.items():
            found.setdefault(f"in {energy}/{length} beside energies in eV", of_length / of_energy)
    for energy in (_HARTREE, _KCAL, _KJ):
        found[f"in eV/Å beside energies in {energy}"] = _ENERGIES[energy]
    return {name: factor for name, factor in found.items() if abs(factor - 1) > _NEAR}


def _factors_of_stress(volume: float) -> dict[str, float]:
    return {
        "of the wrong sign (a pressure or a virial?)": -1.0,
        "in GPa": _GPA,
        "in GPa with the wrong sign": -_GPA,
        "in kbar": _KBAR,
        "in kbar with the wrong sign (VASP's)": -_KBAR,
        "a virial, not divided by the volume": volume,
        "a virial with the wrong sign, not divided by the volume": -volume,
        "in hartree/bohr³": Bohr**3 / Hartree,
    }


def _named(ratio: float, factors: dict[str, float], what: str) -> str | None:
    for name, factor in factors.items():
        if abs(ratio / factor - 1) < _NEAR:
            return f"{what} seems to be {name}: it is {ratio:.4g} times what the energy says"
    return None


def hint_of_forces(meter: Meter, start: Configurations, rng: np.random.Generator) -> str | None:
    """What unit the forces seem to be in, if it is not eV/Å; None if nothing speaks for another.

    Cost: 3 evaluations.
    """
    forces = meter.evaluate(start).require_forces()[0]
    size = np.sqrt(np.mean(forces**2))
    if not size > 0:
        return None
    # Mostly along the forces, where the energy changes most, and a little beside them.
    direction = forces / size + 0.3 * rng.standard_normal(forces.shape)
    steps = _STEP * np.array([direction, -direction])
    energies = meter.evaluate(start.displaced(steps), want={"energy"}).require_energy()
    derivative = -(energies[0] - energies[1]) / (2 * _STEP)
    if derivative == 0:
        return None
    ratio = float((forces * direction).sum() / derivative)
    return _named(ratio, _factors_of_forces(), "the force")


def hint_of_stress(meter: Meter, start: Configurations) -> str | None:
    """What unit the stress seems to be in, if it is not eV/Å³, positive under tension.

    Its trace is held against 3 dE/d(strain)/V of the same strain in all directions.

    Cost: 3 evaluations.
    """
    stress = meter.evaluate(start, want={"stress"}).require_stress()[0]
    scales = np.array([1 + _STRAIN, 1 - _STRAIN])[:, None, None]
    strained = start.at(start.positions * scales, start.cells * scales)
    energies = meter.evaluate(strained, want={"energy"}).require_energy()
    volume = float(start.volumes()[0])
    derivative = (energies[0] - energies[1]) / (2 * _STRAIN) / volume
    if derivative == 0:
        return None
    return _named(float(np.trace(stress) / derivative), _factors_of_stress(volume), "the stress")
