"""Reports the noise that all other comparisons are judged against."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.registry import check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import as_configurations

__all__ = ["assert_numerical_noise", "measure_numerical_noise"]


@check(
    family="implementation",
    quantity="standard deviation of a force component by noise",
    unit="eV/Å",
    needs={"forces"},
    kind="info",
    title="numerical noise of the forces",
    causes="float32, TF32, fused kernels, self-consistency tolerances, energy offsets",
    advice="use float64, or an energy offset removed before rounding, where other checks are "
    "limited by this noise",
    evaluations=always(0),
)
def measure_numerical_noise(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
) -> Measurement:
    """Reports the noise that all other comparisons are judged against.

    The standard deviation of a force component, by difference tables on two short lines, history
    included (see :func:`physcheck.resolution.measure_resolution`). Energy noise, stiffness and the
    rms force are in ``quantities``.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: none where the structure's resolution is known, else 16 to 24 evaluations.

    Source: Moré and Wild, SIAM J. Sci. Comput. 33, 1292 (2011).
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    noise = resolution.force_noise
    spread = noise / math.sqrt(2 * resolution.dof)
    return Measurement(
        value=noise,
        uncertainty=spread,
        uncertainty_components={"sampling": spread},
        interval=(noise / 2, 2 * noise),
        detection_limit=None,
        limit_unknown="the noise is reported, not judged",
        noise_floor=0.0,
        force_evaluations=meter.evaluations,
        evidence={
            "place": "about the structure itself",
            "scale": f"the rms force component is {resolution.force_rms:.3g} eV/Å",
            "quantities": resolution.to_json(),
            "configurations": one,
        },
    )


assert_numerical_noise = derive_assert(measure_numerical_noise)
