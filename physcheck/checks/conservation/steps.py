"""The length of the line pieces along which energies are held against their derivatives."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from physcheck.system import Floats

__all__ = ["FACTORS", "Pieces", "choose_step"]

# From one to the next Simpson's error grows by 16 on a smooth surface and the energy's noise halves.
FACTORS = (1.0, 2.0, 4.0)


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

    The first is where the energy's noise is a thirtieth of the target, within ``first_range``.
    """
    first = float(np.clip(pieces.noise(1.0) / (target / 30), *first_range))
    options: list[tuple[float, Floats, float]] = []
    shorter: tuple[float, Floats] | None = None
    for factor in FACTORS:
        step = factor * first
        gaps = pieces.gaps(frame, step)
        if shorter is not None:
            change = float(np.sqrt(np.mean((gaps - shorter[1]) ** 2)))
            if not options:
                options.append((*shorter, change / 4))
            options.append((step, gaps, change))
        shorter = (step, gaps)
    step, gaps, truncation = min(options, key=lambda o: math.hypot(pieces.noise(o[0]), o[2]))
    return step, truncation, gaps
