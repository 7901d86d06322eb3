"""Closed integrals of periodic integrands sampled at equispaced points, with honest truncation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physcheck.system import Floats

__all__ = ["Spectrum", "aliasing", "nested_trapezoid", "spectrum"]


@dataclass(frozen=True, slots=True)
class Spectrum:
    """|c_k| of a loop's integrand, k = 0 ... n/2, in the unit of the integral; ``c_0`` is the integral."""

    magnitudes: Floats
    n_points: int

    def band(self, low: float, high: float) -> float:
        """rms of |c_k| over low <= k < high."""
        k = np.arange(len(self.magnitudes))
        chosen = self.magnitudes[(k >= low) & (k < high)]
        return float(np.sqrt(np.mean(chosen**2)))


def nested_trapezoid(integrand: Floats, period: float = 2 * np.pi) -> tuple[Floats, Floats]:
    """The periodic trapezoid over all n points and over every second one.

    Parameters
    ----------
    integrand : (..., n) float
        F.dx/dt at t_j = j period/n.

    Returns
    -------
    full, half : (...) float
        Exponentially convergent where the integrand is smooth; |full - half| is *not* a bound.
    """
    values = np.asarray(integrand, dtype=np.float64)
    return period * values.mean(axis=-1), period * values[..., ::2].mean(axis=-1)


def spectrum(integrands: Floats, period: float = 2 * np.pi) -> Spectrum:
    """The spectrum of (L, n) integrands, pooled in rms over the L loops: c = period FFT(f)/n."""
    values = np.atleast_2d(np.asarray(integrands, dtype=np.float64))
    n = values.shape[-1]
    c = period * np.fft.rfft(values, axis=-1) / n
    return Spectrum(np.sqrt(np.mean(np.abs(c) ** 2, axis=0)), n)


def aliasing(pooled: Spectrum) -> float:
    """One standard deviation of the trapezoid's truncation error, from the spectrum's own decay.

    The trapezoid over n points adds the harmonics n, 2n, ... to the integral; with a random phase their
    sign is random.  The bands [n/8, n/4) and [n/4, n/2) are extrapolated by one more octave as a power
    law, ``T2^2/T1``: for kinks, whose spectrum is a power law, this is what stands in [n/2, n), an upper
    estimate of c_n; a smooth surface decays faster, and noise makes both bands equal, so that it never
    undercuts the noise.  Never more than T2.
    """
    n = pooled.n_points
    if n < 16:
        raise ValueError(
            f"{n} points have too short a spectrum to extrapolate, should be 16 or more"
        )
    lower, upper = pooled.band(n / 8, n / 4), pooled.band(n / 4, n / 2)
    if lower <= 0.0:
        return upper
    return upper * min(1.0, upper / lower)
