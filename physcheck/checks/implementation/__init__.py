"""Implementation: a model is a function, and a well-behaved one."""

from __future__ import annotations

from physcheck.checks.implementation import tolerances as tolerances
from physcheck.checks.implementation.calls import (
    assert_batch_invariance,
    assert_input_untouched,
    assert_thread_safety,
    measure_batch_invariance,
    measure_input_untouched,
    measure_thread_safety,
)
from physcheck.checks.implementation.finite_outputs import (
    assert_finite_outputs,
    measure_finite_outputs,
)
from physcheck.checks.implementation.memory_growth import (
    assert_memory_growth,
    measure_memory_growth,
)
from physcheck.checks.implementation.repeats import (
    assert_determinism,
    assert_history_independence,
    assert_numerical_noise,
    measure_determinism,
    measure_history_independence,
    measure_numerical_noise,
)

__all__ = [
    "assert_batch_invariance",
    "assert_determinism",
    "assert_finite_outputs",
    "assert_history_independence",
    "assert_input_untouched",
    "assert_memory_growth",
    "assert_numerical_noise",
    "assert_thread_safety",
    "measure_batch_invariance",
    "measure_determinism",
    "measure_finite_outputs",
    "measure_history_independence",
    "measure_input_untouched",
    "measure_memory_growth",
    "measure_numerical_noise",
    "measure_thread_safety",
]
