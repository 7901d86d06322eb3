"""Closed integrals of periodic integrands at equispaced points, and their truncation error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physcheck.system import Floats

__all__ = ["Spectrum", "aliasing", "periodic_integral", "running_integral", "spectrum"]

# The bands that are extrapolated, [n/8, n/4) and [n/4, n/2), then hold 2 and 4 harmonics.
_FEWEST_POINTS = 16


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


def aliasing(pooled: Spectrum) -> float:
    """One standard deviation of the trapezoid's truncation error, from the spectrum's own decay.

    The trapezoid over n points adds the harmonics n, 2n, ... to the integral; with a random phase
    their sign is random.  The bands [n/8, n/4) and [n/4, n/2) are extrapolated by one more octave
    as a power law, ``T2^2/T1``.  For kinks, whose spectrum is a power law, this is what stands in
    [n/2, n), an upper estimate of c_n; a smooth surface decays faster; noise makes both bands
    equal, so that the estimate never undercuts it.  Never more than T2.

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
    if lower <= 0.0:
        return upper
    return upper * min(1.0, upper / lower)
