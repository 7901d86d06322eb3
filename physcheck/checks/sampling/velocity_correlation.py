"""How long velocities are correlated: what a strong bath shortens."""

from __future__ import annotations

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.system import Floats

__all__ = ["velocity_autocovariance", "velocity_correlation_fs"]

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
        covariance = velocity_autocovariance(velocities[:, :, numbers == z])
        if not covariance[0] > 0:
            continue
        shape = covariance / covariance[0]
        below = shape <= 0
        end = int(np.argmax(below)) if below.any() else len(shape)
        integral = float(shape[:end].sum() - _FIRST_VALUE)
        found[chemical_symbols[z]] = trajectory.timestep_fs * integral
    return found


def velocity_autocovariance(velocities: NDArray[np.floating]) -> Floats:
    """(T // 2,) ``<v(0) v(t)>`` of a velocity component, mean over all, in the square of its unit.

    Parameters
    ----------
    velocities : (T, ...)
    """
    n = len(velocities)
    own = velocities.reshape(n, -1).astype(np.float64)
    # Zeros of the same length keep the transform from correlating the end with the start.
    spectrum = np.fft.rfft(own, 2 * n, axis=0)
    covariance = np.fft.irfft((np.abs(spectrum) ** 2).mean(axis=1), 2 * n)[:n]
    found: Floats = covariance / np.arange(n, 0, -1)
    return found[: n // 2]
