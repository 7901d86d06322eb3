"""The length of the line pieces along which energies are held against their derivatives."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from physcheck.system import Floats

__all__ = ["TRIES", "Pieces", "choose_step"]

# From one to the next Simpson's error grows by 16 on a smooth surface and the energy's noise halves.
_FACTORS = (1.0, 2.0, 4.0)
# Where truncation is more than so many times the noise, the surface is rougher than these steps: so much shorter
# ones are tried.
_ROUGH, _FINER = 4.0, (1 / 16, 1 / 8)
# The share of the target below which truncation is of no interest.
_SMALL = 0.05
TRIES = len(_FACTORS) + len(_FINER)


class Pieces(Protocol):
    """Gaps along line pieces through one configuration."""

    def gaps(self, directions: Floats, step: float, /) -> Floats:
        """The gap along each direction."""
        ...

    def noise(self, step: float) -> float:
        """Standard deviation of a gap."""
        ...


def choose_step(
    pieces: Pieces, frame: Floats, target: float, first_range: tuple[float, float]
) -> tuple[float, float, Floats]:
    """Of three steps the one with the least error, its truncation and its gaps; ``target`` in the gaps' unit.

    The first is where the energy's noise is a thirtieth of the target, within ``first_range``; two more that
    are far shorter are tried where truncation is what limits.
    """
    first = float(np.clip(pieces.noise(1.0) / (target / 30), *first_range))
    options: list[tuple[float, Floats, float]] = []
    shorter: tuple[float, Floats] | None = None
    for factor in _FACTORS:
        step = factor * first
        gaps = pieces.gaps(frame, step)
        if shorter is not None:
            change = float(np.sqrt(np.mean((gaps - shorter[1]) ** 2)))
            if not options:
                options.append((*shorter, change / 4))
            options.append((step, gaps, change))
        shorter = (step, gaps)

    def error(option: tuple[float, Floats, float]) -> float:
        return math.hypot(pieces.noise(option[0]), option[2])

    best = min(options, key=error)
    if best[2] > max(_ROUGH * pieces.noise(best[0]), _SMALL * target):
        short, long = (pieces.gaps(frame, factor * first) for factor in _FINER)
        # Nothing is granted for the shorter one: at kinks there may be no gain.
        change = float(np.sqrt(np.mean((short - long) ** 2)))
        best = min(best, (_FINER[0] * first, short, change), key=error)
    step, gaps, truncation = best
    return step, truncation, gaps
