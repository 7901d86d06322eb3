"""Evidence that forces have no potential, for checks that see only its consequences."""

from __future__ import annotations

import numpy as np

from physcheck.checks.conservation.jacobian_asymmetry import measure_jacobian_asymmetry
from physcheck.measurement import Measurement
from physcheck.model import Meter
from physcheck.registry import default_tolerance
from physcheck.resolution import Resolution
from physcheck.system import Configurations

__all__ = [
    "NO_POTENTIAL_EVALUATIONS",
    "asymmetry_figures",
    "has_no_potential",
    "measure_no_potential",
]

_DIRECTIONS = 8
#: What the evidence costs at most, the resolution of a structure that nobody measured yet included.
NO_POTENTIAL_EVALUATIONS = 60


def measure_no_potential(
    meter: Meter, start: Configurations, rng: np.random.Generator, resolution: Resolution | None
) -> Measurement | None:
    """``jacobian_asymmetry`` with few directions: an antisymmetric part leaves no potential.

    None where the allotment has no room for it.

    Cost: 60 evaluations at most.
    """
    if meter.remaining is not None and meter.remaining < NO_POTENTIAL_EVALUATIONS:
        return None
    found: Measurement = measure_jacobian_asymmetry(
        meter, start, rng=rng, resolution=resolution, directions=_DIRECTIONS
    )
    return found


def has_no_potential(asymmetry: Measurement | None) -> bool:
    """Whether lambda is above the md tolerance, with a chance of error of 1e-4; False for None."""
    return asymmetry is not None and asymmetry.interval[0] > default_tolerance("jacobian_asymmetry")


def asymmetry_figures(asymmetry: Measurement | None) -> list[float] | None:
    """lambda and the low end of its interval, for the evidence of the check that asked; or None."""
    return None if asymmetry is None else [asymmetry.value, asymmetry.interval[0]]
