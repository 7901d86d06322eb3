"""The length of the pieces along which energy differences are held against derivatives.

A *gap* is what an energy difference over a piece differs by from the integral of the derivative
over the same piece (Simpson's rule), divided by the piece's length.  Short pieces suffer from the
noise of energies, long ones from Simpson's error and from kinks of the surface.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np

from physcheck.system import Floats

__all__ = [
    "BEND_NOISE",
    "LENGTHS",
    "SHORTER_LENGTHS",
    "SIMPSON_MIDDLE",
    "SIMPSON_NORM",
    "SIMPSON_SUM",
    "Gaps",
    "PieceLength",
    "Pieces",
    "choose_length",
    "gap_is_confirmed",
]

# Simpson's rule over a piece: (first + 4 middle + last)/6.
SIMPSON_MIDDLE, SIMPSON_SUM = 4, 6
# Root of the sum of its squared weights before the division, for the noise of the mean.
SIMPSON_NORM = math.sqrt(1 + SIMPSON_MIDDLE**2 + 1)

# Noise of a bend, (first - 2 middle + last)/3, over that of Simpson's mean; energies make a gap's
# noise larger still.
BEND_NOISE = math.sqrt(6) / 3 * SIMPSON_SUM / SIMPSON_NORM

# The pilots' lengths, in units of the shortest.  From one to the next Simpson's error grows by 16
# on a smooth surface, and the share of the energy's noise halves.
_FACTORS = (1.0, 2.0, 4.0)
# Where truncation is more than so many times the noise, the surface is rougher than these lengths:
# two that are shorter by these factors are tried as well.
_ROUGH, _FINER = 4.0, (1 / 16, 1 / 8)
LENGTHS, SHORTER_LENGTHS = len(_FACTORS), len(_FINER)
# At the shortest of the three lengths, the noise is this fraction of the target.
_NOISE_FRACTION = 30
# The share of the target below which truncation is of no interest.
_SMALL = 0.05
# Halving a piece divides the change by 16 on a smooth surface; kinks gain less, so 4 is granted.
_GRANTED = 4
# A gap is confirmed if it changes by less than this share of itself at another length ...
_STEADY = 0.2
# ... or by less than so many standard deviations of noise, yet never by as much as this share:
# a kink changes a gap by half when the length is halved, whatever the noise.
_NOISE_SDS, _KINKED = 4, 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """The gaps along pieces, and how much the derivative bends within each, in the same unit.

    The *bend* is what the trapezoid's mean of the derivative differs by from Simpson's: a kink or a
    jump within the piece makes it large.
    """

    values: Floats
    bends: Floats

    def followed_by(self, more: Gaps) -> Gaps:
        """These, and those of further pieces of the same length."""
        both = ((self.values, more.values), (self.bends, more.bends))
        return Gaps(*(np.concatenate(pair) for pair in both))


class Pieces(Protocol):
    """Gaps along pieces through one configuration."""

    def gaps(self, directions: Floats, step: float, /) -> Gaps:
        """The gap along each direction, over a piece from -step to +step."""
        ...

    def noise(self, step: float) -> float:
        """Standard deviation of a gap."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class PieceLength:
    """A length of pieces, with the errors of the gaps measured over it.

    Attributes
    ----------
    step : float
        Half the length.
    noise, truncation : float
        Standard deviations of a gap, in its unit.
    gaps : Gaps
        The pilots' gaps at this length.
    tried_shorter : bool
        Whether the two much shorter lengths were paid for, chosen or not.
    """

    step: float
    noise: float
    truncation: float
    gaps: Gaps
    tried_shorter: bool = False

    @property
    def error(self) -> float:
        """Noise and truncation together."""
        return math.hypot(self.noise, self.truncation)

    def seen_by_all(self, gaps: Gaps) -> PieceLength:
        """The same length with the truncation of all pieces, of which the pilots are the first.

        Pilots alone tell how truncation goes with length.  Kinks that only other pieces meet bend
        the derivative there: the truncation grows with the bends, in rms.
        """
        noise = self.noise * BEND_NOISE
        of_pilots = math.hypot(_rms(self.gaps.bends), noise)
        grown = _rms(gaps.bends) / of_pilots if of_pilots > 0 else 1.0
        return replace(self, truncation=self.truncation * max(1.0, grown))

    def with_truncation(self, truncation: float) -> PieceLength:
        """The same length with a truncation that is no smaller than ``truncation``."""
        return replace(self, truncation=max(self.truncation, truncation))


def choose_length(
    pieces: Pieces, frame: Floats, target: float, first_range: tuple[float, float]
) -> PieceLength:
    """The length with the least error, of three, or of five on a rough surface.

    Parameters
    ----------
    pieces : Pieces
    frame : directions of the pilots
    target : float
        The tolerance, in the unit of the gaps.
    first_range : (float, float)
        Limits of the first half length.  Within them it is where noise is small beside ``target``.

    Cost: two evaluations a pilot and length.
    """
    # The noise falls as 1/step, so that its value at a step of 1 gives the step for any noise.
    first = float(np.clip(pieces.noise(1.0) / (target / _NOISE_FRACTION), *first_range))
    tried = [_at(pieces, frame, factor * first) for factor in _FACTORS]
    changes = [
        _rms(longer.gaps.values - shorter.gaps.values) for shorter, longer in pairwise(tried)
    ]
    truncations = (changes[0] / _GRANTED, *changes)
    options = [length.with_truncation(t) for length, t in zip(tried, truncations)]
    best = min(options, key=lambda length: length.error)
    if best.truncation > max(_ROUGH * best.noise, _SMALL * target):
        short, long = (_at(pieces, frame, factor * first) for factor in _FINER)
        # Nothing is granted for the shorter one: at kinks there may be no gain.
        short = short.with_truncation(_rms(short.gaps.values - long.gaps.values))
        best = min(best, short, key=lambda length: length.error)
        best = replace(best, tried_shorter=True)
    return best


def gap_is_confirmed(change: float, seen: float, noise: float) -> bool:
    """Whether a gap measured again over shorter pieces is the same but for noise.

    Parameters
    ----------
    change : float
        How far the new gap is from the first.
    seen : float
        Size of the first gap.
    noise : float
        Standard deviation of the new one.
    """
    return change <= max(_STEADY * seen, min(_NOISE_SDS * noise, _KINKED * seen))


def _at(pieces: Pieces, frame: Floats, step: float) -> PieceLength:
    return PieceLength(step, pieces.noise(step), 0.0, pieces.gaps(frame, step))


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))
