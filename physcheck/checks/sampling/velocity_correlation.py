"""How long velocities are correlated: what a strong bath shortens."""

from __future__ import annotations

import numpy as np
from ase.data import chemical_symbols

from physcheck.checks.sampling.trajectory import Trajectory

__all__ = ["velocity_correlation_fs"]

_FEWEST_STEPS = 4
# The integral by trapezoids counts the first value half.
_FIRST_VALUE = 0.5


def velocity_correlation_fs(trajectory: Trajectory) -> dict[str, float]:
    """Integral of each species' velocity autocorrelation up to its first zero, fs.

    Of the replicas whose velocities were kept, over half of the run at most; empty for fewer than
    four steps.
    """
    velocities = trajectory.velocities
    n = len(velocities)
    if n < _FEWEST_STEPS:
        return {}
    numbers = trajectory.start.system.numbers
    found: dict[str, float] = {}
    for z in sorted(set(numbers.tolist())):
        own = velocities[:, :, numbers == z].reshape(n, -1).astype(np.float64)
        # Zeros of the same length keep the transform from correlating the end with the start.
        spectrum = np.fft.rfft(own, 2 * n, axis=0)
        covariance = np.fft.irfft((np.abs(spectrum) ** 2).mean(axis=1), 2 * n)[:n]
        covariance /= np.arange(n, 0, -1)
        if not covariance[0] > 0:
            continue
        shape = covariance[: n // 2] / covariance[0]
        below = shape <= 0
        end = int(np.argmax(below)) if below.any() else len(shape)
        integral = float(shape[:end].sum() - _FIRST_VALUE)
        found[chemical_symbols[z]] = trajectory.timestep_fs * integral
    return found
