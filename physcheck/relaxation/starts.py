"""Where relaxations begin."""

from __future__ import annotations

import numpy as np

from physcheck.probes.random_structures import closest_contact, shaken
from physcheck.system import Configurations

__all__ = ["rattled"]

# Atoms come no closer than this share of the closest contact of the structure, or of touching covalent radii.
_CLOSEST = 0.85


def rattled(start: Configurations, displacement: float, rng: np.random.Generator) -> Configurations:
    """Each atom moved in a random direction by up to ``displacement`` (Å), as far as its neighbours leave room.

    No two atoms come closer than 0.85 of the structure's closest contact (of the sum of their covalent radii
    where that is less), so that a start stays where models were trained.

    Source: the moves are those of :func:`physcheck.probes.random_structures.shaken`.
    """
    return shaken(start, displacement, closest=_CLOSEST * min(1.0, closest_contact(start)), rng=rng)
