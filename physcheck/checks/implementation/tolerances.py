"""What the implementation checks accept."""

from __future__ import annotations

from physcheck.tolerances import register_tolerances

_ANY = {"screening": 0.0, "md": 0.0, "tight": 0.0}
register_tolerances(
    "finite_outputs", "situations", _ANY,
    reason="one NaN ends a simulation and poisons every average",
    source="IEEE 754: NaN compares false with everything",
)  # fmt: skip
register_tolerances(
    "input_untouched", "inputs", _ANY,
    reason="whoever hands in positions goes on using them",
    source="the model contract: a model answers, it doesn't move atoms",
)  # fmt: skip
for _id, _reason in {
    "determinism": "equal calls differ by the order of parallel sums, 1e-6 eV/Å in float32; md is far above that, and "
    "as noise in dynamics heats by less than 1e-7 eV/atom/ps",
    "history_independence": "warm starts of a self-consistent model leave 2e-5 eV/Å; md is above that, and below what "
    "makes signed work around loops at md",
    "batch_invariance": "another batch means other kernels and another order of sums, 1e-6 eV/Å in float32",
    "thread_safety": "equal calls differ by rounding at most, 1e-6 eV/Å in float32; a race gives another "
    "configuration's forces",
}.items():
    register_tolerances(
        _id, "eV/Å", {"screening": 1e-3, "md": 1e-4, "tight": 1e-6}, reason=_reason,
        source="tblite's history noise of 1.6e-5 eV/Å (max 7e-5); float32 noise of SO3LR, ANI, CHGNet to 4e-6",
    )  # fmt: skip
register_tolerances(
    "memory_growth", "kB/evaluation", {"screening": 100.0, "md": 10.0, "tight": 1.0},
    reason="at 10 kB an evaluation a million steps of dynamics need 10 GB",
    source="the length of runs in the paper, 1e5 to 1e6 steps",
)  # fmt: skip
