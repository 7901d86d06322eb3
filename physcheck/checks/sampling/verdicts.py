"""What the sampling checks say alike: of a trajectory that blew up, and of series for plots."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from ase.data import chemical_symbols

from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.measurement import Measurement
from physcheck.model import Meter
from physcheck.system import Floats

__all__ = ["blown_up", "thinned_means", "velocity_memory_fs"]

_PLOT_POINTS = 300


def blown_up(
    check: str, quantity: str, unit: str, trajectory: Trajectory, meter: Meter
) -> Measurement:
    """The measurement of a trajectory that ran away: a FAIL, unless half the timestep cures it."""
    cured = trajectory.unstable_step
    return Measurement(
        check=check,
        quantity=quantity,
        unit=unit,
        value=0.0 if cured else math.inf,
        uncertainty=math.inf,
        interval=(0.0, math.inf),
        detection_limit=math.inf,
        force_evaluations=meter.evaluations,
        nothing_tested=f"{trajectory.blown_up}, but not at half of it: rerun with a shorter timestep_fs"
        if cured
        else "",
        evidence={
            "place": f"{trajectory.blown_up}" + ("" if cured else ", and so did one at half of it"),
            "scale": f"there is no dynamics at {trajectory.temperature_K:g} K to sample",
            "quantities": {"blow_up": not cured, "trajectory": trajectory.facts()},
            "configurations": trajectory.start,
        },
    )


def thinned_means(
    series: Mapping[str, Floats], trajectory: Trajectory, scale: float
) -> dict[str, Any]:
    """Series (T, B) for plots: means over replicas and a stretch of time, and their standard errors, K."""
    found: dict[str, Any] = {}
    length = max(1, trajectory.n_steps // _PLOT_POINTS)
    count = trajectory.n_steps // length
    for name, values in series.items():
        parts = values[: count * length].reshape(count, length, -1).mean(axis=1) * scale
        found[f"temperature_{name}_K"] = parts.mean(axis=1)
        error = np.std(parts, axis=1, ddof=1) if parts.shape[1] > 1 else np.zeros(count)
        found[f"temperature_{name}_error_K"] = error / math.sqrt(parts.shape[1])
    found["time_ps"] = 1e-3 * trajectory.timestep_fs * length * (np.arange(count) + 0.5)
    return found


def velocity_memory_fs(trajectory: Trajectory) -> dict[str, float]:
    """Integral of each species' velocity autocorrelation to its first zero, fs: what a bath may shorten."""
    velocities = trajectory.velocities
    n = len(velocities)
    if n < 4:
        return {}
    numbers = trajectory.start.system.numbers
    found: dict[str, float] = {}
    for z in sorted(set(numbers.tolist())):
        own = velocities[:, :, numbers == z].reshape(n, -1).astype(np.float64)
        spectrum = np.fft.rfft(own, 2 * n, axis=0)
        covariance = np.fft.irfft((np.abs(spectrum) ** 2).mean(axis=1), 2 * n)[:n]
        covariance /= np.arange(n, 0, -1)
        if not covariance[0] > 0:
            continue
        shape = covariance[: n // 2] / covariance[0]
        below = shape <= 0
        end = int(np.argmax(below)) if below.any() else len(shape)
        found[chemical_symbols[z]] = trajectory.timestep_fs * float(shape[:end].sum() - 0.5)
    return found
