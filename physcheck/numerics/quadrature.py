"""Closed integrals of periodic integrands at equispaced points, and their truncation error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from physcheck.system import Floats

__all__ = ["Spectrum", "aliasing", "periodic_integral", "running_integral", "spectrum"]

# The bands that are extrapolated, [n/8, n/4) and [n/4, n/2), then hold 2 and 4 harmonics.
_FEWEST_POINTS = 16
# The bands, as shares of n, whose ratio tells the power by which kinks decay where they stand out
# of the smooth part: harmonics 5 and 6, and 7 and 8, of 16 points.
_KINK_BANDS = (5 / 16, 7 / 16, 1 / 2)
# That power: 1 for a force that jumps; 3 for one whose second derivative does, as at the end of a
# C2 switching function.  A steeper one is not believed of two bands.
_KINK_POWERS = (1.0, 3.0)
# What rounding leaves of the upper band is told from kinks beyond so many times its mean square.
_NOISE_MARGIN = 2.0


@dataclass(frozen=True, slots=True)
class Spectrum:
    """|c_k| of a loop's integrand, k = 0 ... n/2, in the unit of the integral.

    ``c_0`` is the integral itself.
    """

    magnitudes: Floats
    n_points: int

    def band(self, low: float, high: float) -> float:
        """rms of |c_k| over low <= k < high."""
        k = np.arange(len(self.magnitudes))
        chosen = self.magnitudes[(k >= low) & (k < high)]
        return float(np.sqrt(np.mean(chosen**2)))


def periodic_integral(integrand: Floats, period: float = 2 * np.pi) -> float:
    """The periodic trapezoid over one period; it converges exponentially for a smooth integrand.

    Parameters
    ----------
    integrand : (n,) float
        F.dx/dt at t_j = j period/n.
    """
    return float(period * integrand.mean())


def running_integral(integrand: Floats, period: float = 2 * np.pi) -> Floats:
    """(n + 1,) the integral from the first point to each, and once round: exact for a band-limited
    integrand.

    The last entry is :func:`periodic_integral`.

    Parameters
    ----------
    integrand : (n,) float
        At t_j = j period/n.
    """
    values = np.asarray(integrand, dtype=np.float64)
    n = len(values)
    mean = float(values.mean())
    harmonics = np.fft.rfft(values)
    wave = 2j * np.pi * np.arange(len(harmonics)) / period
    harmonics[0], wave[0] = 0.0, 1.0
    if n % 2 == 0:
        # Of the highest harmonic of an even number of points no phase is known.
        harmonics[-1] = 0.0
    swing = np.fft.irfft(harmonics / wave, n)
    swing = np.append(swing, swing[0]) - swing[0]
    total: Floats = mean * period * np.arange(n + 1) / n + swing
    return total


def spectrum(integrands: Floats, period: float = 2 * np.pi) -> Spectrum:
    """The spectrum of (L, n) integrands, pooled in rms over the L loops: c = period FFT(f)/n."""
    values = np.atleast_2d(np.asarray(integrands, dtype=np.float64))
    n = values.shape[-1]
    c = period * np.fft.rfft(values, axis=-1) / n
    return Spectrum(np.sqrt(np.mean(np.abs(c) ** 2, axis=0)), n)


def aliasing(pooled: Spectrum, noise: float = 0.0) -> float:
    """One standard deviation of the trapezoid's truncation error, from the spectrum's own decay.

    The trapezoid over n points adds the harmonics n, 2n, ... to the integral; with a random phase
    their sign is random.  The larger of two extrapolations counts:

    - The bands [n/8, n/4) and [n/4, n/2) by one more octave as a power law, ``T2^2/T1``.  A smooth
      surface decays faster; noise makes both bands equal, so that the estimate never undercuts it.
      Never more than T2.
    - The highest harmonics alone, ``sqrt(2) K2 (7.5/16)^p``, with K2 that of [7n/16, n/2] and p by
      which the spectrum falls from [5n/16, 7n/16) to there, 1 to 3.  Kinks stand out there first:
      where the lower bands are the smooth part's, ``T2^2/T1`` takes its decay for theirs, and is 30
      times too small for the ends of C2 switching functions.

    Parameters
    ----------
    noise : float
        rms of a harmonic that rounding makes, in the unit of the integral: that is no kink.

    Raises
    ------
    ValueError
        Fewer than 16 points: the two bands would hold too few harmonics.
    """
    n = pooled.n_points
    if n < _FEWEST_POINTS:
        raise ValueError(
            f"{n} points have too short a spectrum to extrapolate, "
            f"should be {_FEWEST_POINTS} or more"
        )
    lower, upper = pooled.band(n / 8, n / 4), pooled.band(n / 4, n / 2)
    smooth = upper * min(1.0, upper / lower) if lower > 0.0 else upper
    return max(smooth, _of_kinks(pooled, noise))


def _of_kinks(pooled: Spectrum, noise: float) -> float:
    """What the highest harmonics leave at the n-th, where they decay as those of kinks do."""
    n = pooled.n_points
    begin, middle, end = (n * share for share in _KINK_BANDS)
    before, last = pooled.band(begin, middle), pooled.band(middle, end + 1)
    last = math.sqrt(max(0.0, last**2 - _NOISE_MARGIN * noise**2))
    if last <= 0.0:
        return 0.0
    # The mean harmonics of the bands: 5.5 and 7.5 of 16 points.
    first, second = (begin + middle - 1) / 2, (middle + end) / 2
    power = math.log(max(before / last, 1.0)) / math.log(second / first)
    power = min(max(power, _KINK_POWERS[0]), _KINK_POWERS[1])
    return math.sqrt(2) * last * math.pow(second / n, power)
