"""The energy that an atom brings along: beside a structure and beside one of its own kind.

An atom without neighbours is a case of its own in many programs: its reference energy is left out,
taken from another table, or nothing is computed at all.
"""

from __future__ import annotations

import numpy as np

from physcheck.checks.differences import Part, energy_part, place_rounding, working_dtype
from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.model import Meter
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats, Ints, System

__all__ = ["FAR_ATOM_COST", "measure_atoms_far_away"]

_MOST_SPECIES = 2
#: The structure, and for each species it and an atom, the atom, and two of them.
FAR_ATOM_COST = 1 + 3 * _MOST_SPECIES


def measure_atoms_far_away(
    meter: Meter, start: Configurations, gap: float, resolution: Resolution
) -> tuple[list[Part], dict[str, Configurations]]:
    """E(A + a) - E(A) = E(a + a) - E(a), A the structure and a an atom of its species, far apart.

    A constant in the energy drops out. Species that the model refuses alone are left out.

    Returns
    -------
    One Part a species, and the structure with the atom by label.

    Cost: 7 evaluations, 4 for structures of one species.
    """
    parts: list[Part] = []
    places: dict[str, Configurations] = {}
    if "energy" not in meter.capabilities.outputs:
        return parts, places
    kinds = np.unique(start.system.numbers)
    home: float | None = None
    for z in (kinds[0], kinds[-1])[: min(len(kinds), _MOST_SPECIES)]:
        both = _with_atom(start, start.system.numbers, start.positions[0], int(z), gap)
        single = _with_atom(start, kinds[:0], np.zeros((0, 3)), int(z), gap)
        pair = _with_atom(start, np.array([z]), np.zeros((1, 3)), int(z), gap)
        try:
            home = _energy(meter, start) if home is None else home
            energies = np.array([home, *(_energy(meter, c) for c in (both, single, pair))])
        except (ModelError, NonFiniteOutput):
            continue
        name, n = both.system.symbols[-1], both.n_atoms
        label = f"one {name} atom {gap:g} Å away: the energy that it brings along"
        parts.append(
            energy_part(
                label,
                np.array([energies[1] - energies[0] - (energies[3] - energies[2])]) / n,
                float(np.abs(energies).max()),
                n,
                resolution,
                working_dtype(meter.capabilities, resolution),
                rounding=place_rounding(meter.capabilities, resolution, both),
            )
        )
        places[label] = both
    return parts, places


def _energy(meter: Meter, place: Configurations) -> float:
    return float(meter.evaluate(place, want={"energy"}).require_energy()[0])


def _with_atom(
    start: Configurations, numbers: Ints, positions: Floats, z: int, gap: float
) -> Configurations:
    """Atoms and one more, ``gap`` Å beyond the last of them along x; none of the cell."""
    from ase.data import atomic_masses

    farthest = float(positions[:, 0].max()) if len(positions) else -gap
    x = np.concatenate([positions, [[farthest + gap, 0.0, 0.0]]])
    every = np.append(numbers, z).astype(np.int64)
    system = System(every, atomic_masses[every], np.zeros(3, bool), start.system.info)
    return Configurations(system, x[None], np.zeros((1, 3, 3)))
