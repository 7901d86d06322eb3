"""The proof that forces have no potential, for checks that see its consequences only with large errors."""

from __future__ import annotations

import numpy as np

from physcheck.checks.conservation.jacobian_asymmetry import measure_jacobian_asymmetry
from physcheck.measurement import Measurement
from physcheck.model import Meter
from physcheck.registry import default_tolerance
from physcheck.resolution import Resolution
from physcheck.system import Configurations

__all__ = ["PROOF_EVALUATIONS", "figures_of", "has_no_potential", "measure_proof"]

_DIRECTIONS = 8
#: What a proof costs at most, the resolution of a structure that nobody measured yet included.
PROOF_EVALUATIONS = 60


def measure_proof(
    meter: Meter, start: Configurations, rng: np.random.Generator, resolution: Resolution | None
) -> Measurement | None:
    """``jacobian_asymmetry`` at a place, with few directions: an antisymmetric part leaves no potential.

    None where the allotment has no room for it.
    """
    if meter.remaining is not None and meter.remaining < PROOF_EVALUATIONS:
        return None
    found: Measurement = measure_jacobian_asymmetry(
        meter, start, rng=rng, resolution=resolution, directions=_DIRECTIONS
    )
    return found


def has_no_potential(proof: Measurement | None) -> bool:
    """Whether lambda lies above the md tolerance beyond doubt (a chance of 1e-4)."""
    return proof is not None and proof.interval[0] > default_tolerance("jacobian_asymmetry")


def figures_of(proof: Measurement | None) -> list[float] | None:
    """lambda and the low end of its interval, for the evidence of a check that asked for a proof."""
    return None if proof is None else [proof.value, proof.interval[0]]
