"""Smoothness: no jumps, no holes, no reach beyond what is declared."""

from __future__ import annotations

from physcheck.checks.smoothness import tolerances as tolerances
from physcheck.checks.smoothness.cutoff_smoothness import (
    assert_cutoff_smoothness,
    measure_cutoff_smoothness,
)
from physcheck.checks.smoothness.locality import assert_locality, measure_locality
from physcheck.checks.smoothness.path_smoothness import (
    assert_path_smoothness,
    measure_path_smoothness,
)
from physcheck.checks.smoothness.short_range_repulsion import (
    assert_short_range_repulsion,
    measure_short_range_repulsion,
)

__all__ = [
    "assert_cutoff_smoothness",
    "assert_locality",
    "assert_path_smoothness",
    "assert_short_range_repulsion",
    "measure_cutoff_smoothness",
    "measure_locality",
    "measure_path_smoothness",
    "measure_short_range_repulsion",
]
