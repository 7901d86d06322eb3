"""Find a jump of a function on a line from few values, and measure it across a tiny step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from physcheck.system import Floats

__all__ = ["JUMP_NOISE", "Bracket", "Suspect", "apparent_jumps", "narrowed", "suspects"]

# Noise of a measured jump over that of a value: weights 1/2, 3/2, 3/2, 1/2.
JUMP_NOISE = math.sqrt(5.0)
# Fifth differences: a jump in the middle interval of six points gives 6 times itself, noise
# sqrt(252) times, and a smooth force of range L some (h/L)^5.  Higher ones mix the jumps of
# neighbouring intervals.
_ORDER = 5
_MIDDLE = _ORDER // 2
_GAIN = 6.0
_NOISE_GAIN = math.sqrt(252.0)


@dataclass(frozen=True, slots=True)
class Suspect:
    """An interval in which one channel seems to jump.

    Attributes
    ----------
    interval : int
        Between points ``interval`` and ``interval + 1``.
    channel : int
    size : float
        The apparent jump, smooth part included.
    """

    interval: int
    channel: int
    size: float


@dataclass(frozen=True, slots=True, eq=False)
class Bracket:
    """A jump between two near points, left and right, with all channels' values there.

    Attributes
    ----------
    left, right : float
        Places on the line, Å.
    values_left, values_right : (C, 3) float
    before, after : (C, 3) float
        Values one step further out on either side: the local slope.
    """

    left: float
    right: float
    values_left: Floats
    values_right: Floats
    before: Floats
    after: Floats

    @property
    def jumps(self) -> Floats:
        """(C,) norm of the jump of each channel, the mean of the changes on both sides taken
        off.
        """
        change = self.values_right - self.values_left
        usual = 0.5 * (self.values_left - self.before + self.after - self.values_right)
        return np.asarray(np.linalg.norm(change - usual, axis=-1))


def apparent_jumps(values: Floats) -> Floats:
    """(n - 5, C) the jump that fifth differences would stand for in each inner interval.

    Parameters
    ----------
    values : (n, C, 3) float
        Channels of three components at evenly spaced points; row m is interval m + 2.
    """
    high = np.diff(values, n=_ORDER, axis=0)
    return np.asarray(np.linalg.norm(high, axis=-1)) / _GAIN


def suspects(values: Floats, noise: Floats, count: int, least: float = 0.0) -> list[Suspect]:
    """The intervals and channels likeliest to hold a jump, at most ``count``, none within the
    noise.

    Half are the largest in the absolute, half the largest relative to what the same channel shows
    elsewhere: a small jump of an atom that hardly feels the motion stands out there only.

    Parameters
    ----------
    noise : (C,) float
        Standard deviation of a component in each channel.
    least : float
        Smaller apparent jumps don't matter.
    """
    sizes = apparent_jumps(values)
    floor = np.maximum(6.0 * noise * _NOISE_GAIN / _GAIN, least)
    usual = np.median(sizes, axis=0)
    relative = np.where(sizes > floor, sizes / np.maximum(usual, floor / 6 + 1e-300), 0.0)
    absolute = np.where(sizes > floor, sizes, 0.0)
    found: list[Suspect] = []
    taken: set[int] = set()
    for rank in range(count):
        ranking = (relative if rank % 2 == 0 else absolute).copy()
        ranking[list(taken)] = 0.0
        row, channel = np.unravel_index(int(np.argmax(ranking)), ranking.shape)
        if not ranking[row, channel] > 0:
            continue
        taken.add(int(row))
        found.append(Suspect(int(row) + _MIDDLE, int(channel), float(sizes[row, channel])))
    return found


def _quadratic(places: Floats, values: Floats) -> Callable[[float], Floats]:
    """The parabola through three points, (C, 3)."""
    origin = places.mean()
    vandermonde = np.vander(places - origin, 3, increasing=True)
    coefficients = np.tensordot(np.linalg.inv(vandermonde), values, axes=(1, 0))

    def at(place: float) -> Floats:
        x = place - origin
        c0, c1, c2 = coefficients
        return np.asarray(c0 + x * (c1 + x * c2))

    return at


def narrowed(
    places: Floats,
    values: Floats,
    suspect: Suspect,
    ask: Callable[[float], Floats],
    steps: int,
) -> Bracket:
    """Bisect the suspect interval ``steps`` times: a middle value belongs to the side that it
    continues.

    Parameters
    ----------
    places : (n,), values : (n, C, 3)
        The line as it is known.
    ask : callable(place) -> (C, 3)
        One more evaluation.

    Cost: ``steps`` + 2 evaluations.
    """
    k, channel = suspect.interval, suspect.channel
    left_side = _quadratic(places[k - 2 : k + 1], values[k - 2 : k + 1])
    right_side = _quadratic(places[k + 1 : k + 4], values[k + 1 : k + 4])
    left, right = float(places[k]), float(places[k + 1])
    at_left, at_right = values[k], values[k + 1]
    for _ in range(steps):
        middle = 0.5 * (left + right)
        found = ask(middle)
        from_left = np.linalg.norm(found[channel] - left_side(middle)[channel])
        from_right = np.linalg.norm(found[channel] - right_side(middle)[channel])
        if from_left <= from_right:
            left, at_left = middle, found
        else:
            right, at_right = middle, found
    step = right - left
    return Bracket(left, right, at_left, at_right, ask(left - step), ask(right + step))
