"""Relaxation: ASE's optimisers on a Model, the work along their paths, modes at the minimum,
two models in one relaxation.
"""

from __future__ import annotations

from physcheck.relaxation.noise_floor import achievable_fmax
from physcheck.relaxation.optimisers import (
    NEEDS_ENERGY,
    OPTIMISERS,
    Path,
    evaluations_needed,
    relax,
)
from physcheck.relaxation.starting_points import rattled
from physcheck.relaxation.success import RelaxationSuccess, success_of
from physcheck.relaxation.two_models import TwoModelRelaxation, relax_with_two_models

__all__ = [
    "NEEDS_ENERGY",
    "OPTIMISERS",
    "Path",
    "RelaxationSuccess",
    "TwoModelRelaxation",
    "achievable_fmax",
    "evaluations_needed",
    "rattled",
    "relax",
    "relax_with_two_models",
    "success_of",
]
