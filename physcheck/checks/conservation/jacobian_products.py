"""Antisymmetry of the force Jacobian from exact products, where a model has them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.checks.conservation.fault_location import Place, place_by_products
from physcheck.model import Meter
from physcheck.numerics.quantiles import (
    FALSE_FAIL,
    FALSE_PASS,
    noise_rms_quantile,
    projection_rms_quantile,
)
from physcheck.probes.directions import orthonormal_directions
from physcheck.system import Configurations, Floats

__all__ = ["ExactAsymmetry", "measure_exact_asymmetry"]

PRODUCT_DIRECTIONS = 5


@dataclass(frozen=True, slots=True, eq=False)
class ExactAsymmetry:
    """lambda from k random directions with J u and J^T u each; fields as in Measurement."""

    value: float
    uncertainty: float
    components: dict[str, float]
    interval: tuple[float, float]
    detection_limit: float
    jacobian_norm: float
    place: Place | None
    quantities: dict[str, Any]


def measure_exact_asymmetry(
    meter: Meter, one: Configurations, rng: np.random.Generator, dof: float
) -> ExactAsymmetry:
    """lambda from d_i = (J - J^T) u_i: |J_anti|_F^2 = n mean |d_i|^2/4, |J|_F^2 = n mean |J u_i|^2.

    The rounding of the products is measured, from u_j.(J u_i) - u_i.(J^T u_j), which is zero exactly. For
    rank 2, |d|^2 is a chi-square of 2 degrees a direction, the worst case that the interval allows for.

    Cost: 10 Jacobian products.
    """
    n = one.n_coordinates
    k = min(PRODUCT_DIRECTIONS, n)
    frame = orthonormal_directions(n, k, rng)

    def products(vectors: Floats, transpose: bool) -> Floats:
        shaped = vectors.reshape(-1, one.n_atoms, 3)
        return meter.jacobian_products(one, shaped, transpose=transpose).reshape(len(shaped), n)

    forward, backward = products(frame, False), products(frame, True)
    difference = forward - backward
    mismatch = forward @ frame.T - (backward @ frame.T).T
    noise = float(np.sqrt(np.mean(mismatch**2) / 2))
    squares = np.sum(forward**2, axis=1)
    norm = math.sqrt(n * float(np.mean(squares)))
    rms = math.sqrt(n * float(np.mean(np.sum(difference**2, axis=1)))) / 2
    # Each product's n components carry the noise; the difference carries twice its square.
    error = math.sqrt(n * n * 2) * noise / 2
    scale = norm or math.inf
    value = math.sqrt(max(rms**2 - error**2, 0.0)) / scale
    detection = error / scale * noise_rms_quantile(n, dof)
    up = projection_rms_quantile(2 * k, 2 * n, 1 - FALSE_FAIL / 2)
    down = projection_rms_quantile(2 * k, 2 * n, FALSE_PASS)
    spread = (
        float(np.std(np.log(np.maximum(squares, 1e-300)) / 2, ddof=1)) / math.sqrt(k)
        if k > 2
        else 0.0
    )
    finite = math.sqrt(max(0.0, 1 - k / n))
    low = max(0.0, rms / scale - detection) / (up * math.exp(4 * finite * spread))
    high = max(rms / scale / down, error / scale)
    sampling = value * finite * math.hypot(1 / math.sqrt(4 * k), spread)
    place = None
    if low > 0:
        place = place_by_products(one, difference)
    return ExactAsymmetry(
        value,
        math.hypot(sampling, error / scale / math.sqrt(n)),
        {"truncation": 0.0, "rounding": error / scale / math.sqrt(n), "sampling": sampling},
        (low, high),
        detection,
        norm,
        place,
        {"directions": k, "product_noise": noise, "jacobian_norm": norm},
    )


def _norm_spread(products: Floats) -> float:
    """Standard deviation of log |J|_F estimated from k products J u.

    The larger of what their norms show and of what their overlaps show: Var |J u|^2 = 2 |J^T J|_F^2/n^2, which
    is twice the mean square of (J u_i).(J u_j), i != j.
    """
    k = len(products)
    if k < 3:
        return 0.0
    gram = products @ products.T
    squares = np.diag(gram)
    seen = float(np.std(np.log(np.maximum(squares, 1e-300)) / 2, ddof=1))
    overlap = math.sqrt(float(np.sum(np.triu(gram, 1) ** 2)) / (k * (k - 1) / 2))
    expected = math.sqrt(0.5) * overlap / (float(np.mean(squares)) or math.inf)
    return max(seen, expected) / math.sqrt(k)
