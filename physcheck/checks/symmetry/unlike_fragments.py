"""Pairs of like atoms, alone and with an atom of every other species far away.

What an element's parameters are must not depend on which other elements a structure has: a table
that is indexed by the rank of an element among those present gives each pair other forces.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from physcheck.checks.differences import Part, force_part, place_rounding, working_dtype
from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.model import Meter
from physcheck.numerics.noise import rounding_floor
from physcheck.resolution import Resolution
from physcheck.system import Configurations, System

__all__ = ["UNLIKE_COST", "UnlikeFragments", "measure_unlike_fragments"]

# Species whose pairs are tried, and species of single atoms that are put beside them, at most.
_MOST_PAIRS, _MOST_OTHERS = 4, 12
# Distance of a pair in sums of covalent radii: a stretched bond, in which any potential has a
# force.
_STRETCH = 1.1
UNLIKE_COST = 2 * _MOST_PAIRS


@dataclass(frozen=True, slots=True, eq=False)
class UnlikeFragments:
    """The change of a pair's forces by single atoms far away.

    Attributes
    ----------
    parts : list of Part
        One a species.
    places : mapping of label to Configurations
        The pair with the other atoms.
    """

    parts: list[Part]
    places: Mapping[str, Configurations]


def measure_unlike_fragments(
    meter: Meter, start: Configurations, gap: float, resolution: Resolution
) -> UnlikeFragments:
    """Forces of pairs of the model's species, alone and together with all others.

    Species are those of the structure and of the model; a pair that the model refuses or answers
    with NaN is left out (``finite_outputs`` looks for that).

    Cost: 2 evaluations for each of at most 4 species.
    """
    own = np.unique(start.system.numbers).tolist()
    known = sorted(meter.capabilities.species or ())
    others = [*own, *(z for z in known if z not in own)][:_MOST_OTHERS]
    parts: list[Part] = []
    places: dict[str, Configurations] = {}
    if len(others) < 2:
        return UnlikeFragments(parts, places)
    # Species that the structure lacks come first: their parameters are seen nowhere else.
    for z in [*(z for z in others if z not in own), *own][:_MOST_PAIRS]:
        pair, crowd = _pair(start, z, others, gap)
        try:
            alone = meter.evaluate(pair).require_forces()
            together = meter.evaluate(crowd).require_forces()[:, :2]
        except (ModelError, NonFiniteOutput):
            continue
        dtype = working_dtype(meter.capabilities, resolution)
        noise = max(resolution.force_noise, rounding_floor(float(np.abs(alone).max()), dtype))
        names = ", ".join(crowd.system.symbols[2:])
        label = f"two {crowd.system.symbols[0]} atoms with {names} {gap:g} Å apart"
        rounding = place_rounding(meter.capabilities, resolution, crowd)
        parts.append(
            force_part(
                label,
                together - alone,
                resolution,
                rounding=rounding,
                noise=math.sqrt(2) * noise,
            )
        )
        places[label] = crowd
    return UnlikeFragments(parts, places)


def _pair(
    start: Configurations, z: int, others: list[int], gap: float
) -> tuple[Configurations, Configurations]:
    """The pair alone, and with the other species on a line beyond it."""
    from ase.data import atomic_masses, covalent_radii

    bond = 2 * _STRETCH * float(covalent_radii[z])
    rest = [other for other in others if other != z]
    numbers = np.array([z, z, *rest])
    x = np.zeros((len(numbers), 3))
    x[1, 0] = bond
    x[2:, 1] = gap * np.arange(1, len(rest) + 1)
    pbc, cells = np.zeros(3, bool), np.zeros((1, 3, 3))
    masses = atomic_masses[numbers]
    crowd = Configurations(System(numbers, masses, pbc), x[None], cells)
    pair = Configurations(System(numbers[:2], masses[:2], pbc), x[None, :2], cells)
    return pair, crowd
