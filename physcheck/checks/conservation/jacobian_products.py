"""Antisymmetry of the force Jacobian from exact products, where a model has them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from physcheck.checks.consequences import heating_sentence
from physcheck.checks.conservation.estimate import Estimate
from physcheck.checks.conservation.fault_location import place_by_products
from physcheck.checks.conservation.subject import Subject
from physcheck.checks.conservation.worst_loop import worst_loop_evidence
from physcheck.measurement import Measurement
from physcheck.numerics.detection import SampledRms
from physcheck.numerics.quantiles import projection_rms_quantile
from physcheck.probes.directions import orthonormal_directions
from physcheck.system import Floats

__all__ = ["measure_exact_asymmetry"]

# Each costs two products.
_DIRECTIONS = 5
# Keeps the logarithm of a response of zero finite.
_TINY = 1e-300


def measure_exact_asymmetry(subject: Subject, tolerance: float) -> Measurement:
    """lambda from d_i = (J - J^T) u_i: |J_anti|_F^2 = n mean |d_i|^2/4, |J|_F^2 = n mean |J u_i|^2.

    The rounding of the products is measured, from u_j.(J u_i) - u_i.(J^T u_j), which is zero
    exactly.  ``tolerance`` is that of lambda, for the detection limit.

    Cost: 10 Jacobian products, and 16 evaluations where a violation is seen.
    """
    n = subject.n_coordinates
    frame = orthonormal_directions(n, min(_DIRECTIONS, n), subject.rng)
    forward = _products(subject, frame, transpose=False)
    backward = _products(subject, frame, transpose=True)
    mismatch = forward @ frame.T - (backward @ frame.T).T
    # The mismatch has the noise of two products.
    noise = float(np.sqrt(np.mean(mismatch**2) / 2))
    norm = math.sqrt(n * float(np.mean(np.sum(forward**2, axis=1))))
    estimate = _estimate(forward, backward, noise, norm, subject.resolution.dof, tolerance)
    evidence: dict[str, Any] = {
        "place": f"exact Jacobian products along {len(frame)} random directions",
        "scale": heating_sentence(estimate.value),
        "quantities": {"directions": len(frame), "product_noise": noise, "jacobian_norm": norm},
        "configurations": subject.start,
    }
    if estimate.exceeds(0):
        place = place_by_products(subject.start, forward - backward)
        evidence |= worst_loop_evidence(subject, place)
    return estimate.to_measurement(subject, evidence)


def _products(subject: Subject, vectors: Floats, *, transpose: bool) -> Floats:
    """J v, or J^T v, of each of ``vectors`` (k, 3N)."""
    shaped = vectors.reshape(-1, subject.start.n_atoms, 3)
    products = subject.meter.jacobian_products(subject.start, shaped, transpose=transpose)
    return products.reshape(vectors.shape)


def _estimate(
    forward: Floats, backward: Floats, noise: float, norm: float, dof: float, tolerance: float
) -> Estimate:
    """lambda with its errors, from J u and J^T u (k, n), their noise a component, and |J|_F."""
    k, n = forward.shape
    scale = norm or math.inf
    rms = math.sqrt(n * float(np.mean(np.sum((forward - backward) ** 2, axis=1)))) / 2
    # Each product's n components carry the noise; the difference carries twice its square.
    error = math.sqrt(n * n * 2) * noise / 2
    value = math.sqrt(max(rms**2 - error**2, 0.0)) / scale
    size_spread = _size_spread(forward)
    # The whole sampling error where directions are few, none where they span the space.
    left = math.sqrt(max(0.0, 1 - k / n))
    found = SampledRms(
        rms=rms / scale,
        error=error / scale,
        dof=dof,
        count=k,
        # The worst shape of defect, rank 2: |d|^2 is a chi-square of 2 degrees of freedom a
        # direction.
        strays=lambda count, chance: projection_rms_quantile(2 * count, 2 * n, chance),
        # Each product's n components carry the noise, which may be alike in all of them.
        values=lambda count: n,
        size_spread=left * size_spread,
    )
    # An rms of 2k normal values has a relative standard deviation of 1/sqrt(4k).
    sampling = value * left * math.hypot(1 / math.sqrt(4 * k), size_spread)
    rounding = error / scale / math.sqrt(n)
    return Estimate(
        value=value,
        uncertainty=math.hypot(sampling, rounding),
        components={"truncation": 0.0, "rounding": rounding, "sampling": sampling},
        interval=found.interval(),
        detection_limit=found.limit(tolerance),
        noise_floor=found.noise_floor(),
        # The number of products is no option.
        work_needed=math.inf,
    )


def _size_spread(responses: Floats) -> float:
    """Relative standard deviation of |J|_F estimated from the responses J u (k, n)."""
    k = len(responses)
    if k < 3:
        return 0.0
    squares = np.sum(responses**2, axis=1)
    return float(np.std(np.log(np.maximum(squares, _TINY)) / 2, ddof=1)) / math.sqrt(k)
