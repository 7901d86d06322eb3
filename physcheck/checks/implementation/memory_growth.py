"""Memory that is taken in a call is given back."""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import limit_of_excess
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_memory_growth", "measure_memory_growth"]

_WARM_UP = 4
_BLOCKS = 4
_KB = 1000.0
_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"calls": 12},
    "standard": {"calls": 80},
    "full": {"calls": 400},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return int(_WARM_UP + _OPTIONS[budget]["calls"])


@check(
    family="implementation",
    quantity="growth of memory",
    unit="kB/evaluation",
    needs={"forces"},
    kind="practice",
    title="memory grows with every evaluation",
    causes="results or graphs kept in a list; gradients that aren't detached; a cache without a "
    "bound",
    advice="release results after each call: look for lists, caches and graphs that are kept",
    failure=Failure(
        short_title="memory keeps growing",
        meaning="Memory fills up as a simulation runs, until the process is ended.",
    ),
    tolerances=Tolerances(
        screening=100.0,
        md=10.0,
        tight=1.0,
        reason="at 10 kB an evaluation a million steps of dynamics need 10 GB",
        source="the length of runs in the paper, 1e5 to 1e6 steps",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
)
def measure_memory_growth(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    tolerance: float | None = None,
    calls: int = 12,
) -> Measurement:
    """Evaluating again and again takes no more memory.

    ``calls`` evaluations at displaced copies (0.01 Å), after a warm-up of 4, in four blocks; after
    each block the memory that Python objects hold (tracemalloc, numpy arrays included) and the
    resident memory of the process are read. Growth counts if it is there in every block (the lower
    end of the interval is the smallest block's), the value is the median block's: a one-off growth
    of a pool is neither, nor is what the process gives back later.

    Parameters
    ----------
    tolerance : float, kB/evaluation
        For the detection limit; the md profile's if left out.

    Can't see: leaks below a page (4 kB) a block outside Python, memory on a GPU, leaks that a
    garbage collection cures.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 16 evaluations at quick.
    """
    meter, one = Meter(model), as_configurations(start)
    target = default_tolerance("memory_growth") if tolerance is None else tolerance
    block, python, resident = _readings(meter, one, rng, calls)
    slopes = {"python": np.diff(python) / block, "resident": np.diff(_kept(resident)) / block}
    page = os.sysconf("SC_PAGE_SIZE") / _KB / block if hasattr(os, "sysconf") else 4.1 / block
    value, low = (max(float(pick(s)) for s in slopes.values()) for pick in (_median, _least))
    spread = max(float(np.std(slopes["python"], ddof=1)), page)
    return Measurement(
        value=max(0.0, value),
        uncertainty=spread,
        uncertainty_components={"sampling": spread},
        interval=(max(0.0, low - page), max(0.0, value) + page),
        # The smallest block counts for a FAIL: it may be two of its scatters below the true growth.
        detection_limit=limit_of_excess(target, page + 2 * spread),
        noise_floor=page,
        force_evaluations=meter.evaluations,
        evidence={
            "place": f"over {_BLOCKS} blocks of {block} evaluations",
            "scale": f"a million steps at this rate need {max(0.0, value):.2g} GB",
            "quantities": {
                "python_kB_per_evaluation": slopes["python"].tolist(),
                "resident_kB_per_evaluation": slopes["resident"].tolist(),
            },
            "configurations": one,
        },
    )


def _readings(
    meter: Meter, one: Configurations, rng: np.random.Generator, calls: int
) -> tuple[int, Floats, Floats]:
    """Evaluations of a block, and the memory, kB, after the warm-up and after each block."""
    block = max(1, calls // _BLOCKS)
    places = one.displaced(0.01 * rng.standard_normal((_WARM_UP + _BLOCKS * block, one.n_atoms, 3)))
    python, resident = np.zeros(_BLOCKS + 1), np.zeros(_BLOCKS + 1)
    with _tracing(), _old_objects_left_out():
        done = 0
        for index in range(_BLOCKS + 1):
            size = _WARM_UP if index == 0 else block
            for place in places[done : done + size]:
                meter.evaluate(place, want=frozenset({"forces", "energy"}))
            done += size
            gc.collect()
            python[index] = tracemalloc.get_traced_memory()[0] / _KB
            resident[index] = _resident_kb()
    return block, python, resident


def _median(values: Floats) -> float:
    return float(np.median(values))


def _kept(readings: Floats) -> Floats:
    """What each reading has that none of the later ones lacks.

    An allocator takes and gives back in turns.
    """
    kept: Floats = np.minimum.accumulate(readings[::-1])[::-1]
    return kept


def _least(values: Floats) -> float:
    return float(np.min(values))


def _resident_kb() -> float:
    """Resident memory of this process, kB; 0 where the system doesn't say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / _KB


@contextmanager
def _old_objects_left_out() -> Iterator[None]:
    """Garbage is looked for among the objects made from now on.

    A million others, most of them the frameworks', can't grow; to walk them takes 0.15 s each time.
    """
    gc.collect()
    if gc.get_freeze_count():
        # The host keeps some objects apart by itself: they must stay so.
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _tracing() -> Iterator[None]:
    """tracemalloc on, and off again unless somebody else had it on."""
    if tracemalloc.is_tracing():
        yield
        return
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


assert_memory_growth = derive_assert(measure_memory_growth)
