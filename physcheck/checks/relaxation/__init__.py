"""Relaxation: do optimisers end in a minimum, does the energy released equal the work, is the minimum one?"""

from __future__ import annotations

from physcheck.checks.relaxation.convergence import (
    assert_relaxation_convergence,
    measure_relaxation_convergence,
)

__all__ = [
    "assert_relaxation_convergence",
    "measure_relaxation_convergence",
]
