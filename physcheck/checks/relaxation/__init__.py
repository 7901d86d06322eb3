"""Relaxation: do optimisers end in a minimum, does the energy released equal the work, is the minimum one?"""

from __future__ import annotations

from physcheck.checks.relaxation.cell_relaxation import (
    assert_cell_relaxation,
    measure_cell_relaxation,
)
from physcheck.checks.relaxation.minimum_stability import (
    assert_minimum_stability,
    measure_minimum_stability,
)
from physcheck.checks.relaxation.relaxation_convergence import (
    assert_relaxation_convergence,
    measure_relaxation_convergence,
)
from physcheck.checks.relaxation.relaxation_descent import (
    assert_relaxation_descent,
    measure_relaxation_descent,
)

__all__ = [
    "assert_cell_relaxation",
    "assert_minimum_stability",
    "assert_relaxation_convergence",
    "assert_relaxation_descent",
    "measure_cell_relaxation",
    "measure_minimum_stability",
    "measure_relaxation_convergence",
    "measure_relaxation_descent",
]
