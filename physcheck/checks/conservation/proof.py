"""The proof that forces have no potential, for checks that see its consequences only with large errors."""

from __future__ import annotations

import numpy as np

from physcheck.checks.conservation.jacobian import measure_jacobian_asymmetry
from physcheck.measurement import Measurement
from physcheck.model import Meter
from physcheck.resolution import Resolution
from physcheck.system import Configurations
from physcheck.tolerances import default_tolerance

__all__ = ["PROOF_EVALUATIONS", "has_no_potential", "measure_proof"]

_DIRECTIONS = 8
#: What a proof costs at most, the resolution of a structure that nobody measured yet included.
PROOF_EVALUATIONS = 60


def measure_proof(
    meter: Meter, start: Configurations, rng: np.random.Generator, resolution: Resolution | None
) -> Measurement:
    """``jacobian_asymmetry`` at a place, with few directions: an antisymmetric part leaves no potential."""
    found: Measurement = measure_jacobian_asymmetry(
        meter, start, rng=rng, resolution=resolution, directions=_DIRECTIONS
    )
    return found


def has_no_potential(proof: Measurement) -> bool:
    """Whether lambda lies above the md tolerance beyond doubt (a chance of 1e-4)."""
    return proof.interval[0] > default_tolerance("jacobian_asymmetry")
