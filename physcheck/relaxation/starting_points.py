"""Where relaxations begin."""

from __future__ import annotations

import numpy as np

from physcheck.probes.random_structures import closest_contact, shaken
from physcheck.system import Configurations

__all__ = ["rattled", "strained"]

# Atoms come no closer than this share of the closest contact of the structure, or of touching
# covalent radii.
_CLOSEST = 0.85


def rattled(start: Configurations, displacement: float, rng: np.random.Generator) -> Configurations:
    """Each atom moved in a random direction by up to ``displacement`` (Å), as far as its neighbours
    leave room.

    No two atoms come closer than 0.85 of the structure's closest contact (of the sum of their
    covalent radii where that is less), so that a start stays where models were trained.

    Source: the moves are those of :func:`physcheck.probes.random_structures.shaken`.
    """
    return shaken(start, displacement, closest=_CLOSEST * min(1.0, closest_contact(start)), rng=rng)


def strained(start: Configurations, strain: float, rng: np.random.Generator) -> Configurations:
    """Atoms and cell stretched by a random symmetric strain, its six components of rms
    ``strain``.
    """
    components = rng.standard_normal(6)
    xx, yy, zz, yz, xz, xy = strain * components / np.sqrt(np.mean(components**2))
    shape = np.eye(3) + np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    return start.at(start.positions @ shape, start.cells @ shape)
