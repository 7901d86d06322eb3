"""Calls from several threads give what they give one after the other."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.differences import Part
from physcheck.checks.implementation.call_comparison import (
    FORCES,
    RATTLE,
    differences_measured,
    through,
)
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.process_settings import settings_kept
from physcheck.registry import Failure, check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, Evaluation, as_configurations
from physcheck.text.exceptions import description
from physcheck.tolerances import Tolerances

__all__ = ["assert_thread_safety", "measure_thread_safety"]

_THREADS = 4
_ROUNDS = 2
_SWITCH_SECONDS = 1e-5  # between threads: races become likely


def _shareable(start: Configurations, capabilities: Capabilities) -> str | None:
    if capabilities.one_thread:
        return (
            "it is an ASE calculator, which keeps its last atoms and isn't called from several "
            "threads"
        )
    return None


def _in_threads(inner: Model, asked: Configurations, want: frozenset[str]) -> Evaluation:
    """One thread a configuration, all let go at once."""
    gate = Barrier(len(asked))

    def one(configuration: Configurations) -> Evaluation:
        gate.wait(timeout=60)
        return inner.evaluate(configuration, want=want)

    # Warning filters belong to the process: they are set once around all threads, never inside.
    with (
        _often_switching(),
        settings_kept(),
        warnings.catch_warnings(),
        ThreadPoolExecutor(len(asked)) as pool,
    ):
        warnings.simplefilter("ignore")
        answers = list(pool.map(one, list(asked)))
    return Evaluation(forces=np.concatenate([a.require_forces() for a in answers]))


@contextmanager
def _often_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@check(
    family="implementation",
    quantity="rms difference of forces in threads and alone",
    unit="eV/Å",
    needs={"forces"},
    kind="practice",
    title="calls from several threads disturb each other",
    causes="a buffer that all calls share; a neighbour list kept on the model",
    advice="give each thread its own copy of the model",
    failure=Failure(
        short_title="threads disturb forces",
        meaning="Simulations that share one model in threads disturb each other's forces.",
    ),
    tolerances=Tolerances(
        screening=1e-3,
        md=1e-4,
        tight=1e-6,
        reason="equal calls differ by rounding at most, 1e-6 eV/Å in float32; a race gives "
        "another configuration's forces",
        source="tblite's history noise of 1.6e-5 eV/Å (max 7e-5); float32 noise of SO3LR, "
        "ANI, CHGNet to 4e-6",
    ),
    evaluations=always(_THREADS * (_ROUNDS + 1)),
    applies=_shareable,
)
def measure_thread_safety(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Calls from several threads give what they give one after the other.

    Four displaced copies (0.03 Å) are evaluated one by one, then twice by four threads at once,
    with the interpreter switching between threads often. Judged is the largest rms difference of
    the forces. An exception in a thread only is a failure, its value infinite.

    Can't see: races rarer than one in eight calls.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 12 evaluations.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    copies = one.displaced(RATTLE * rng.standard_normal((_THREADS, one.n_atoms, 3)))
    alone = np.concatenate([meter.evaluate(c, want=FORCES).require_forces() for c in copies])
    raised: list[str] = []

    def call(inner: Model, asked: Configurations, want: frozenset[str]) -> Evaluation:
        try:
            return _in_threads(inner, asked, want)
        except Exception as error:
            raised.append(description(error))
            return Evaluation(forces=np.zeros_like(asked.positions))

    threaded = through(meter, call)
    sigma = math.sqrt(2) * resolution.force_noise
    parts = []
    for turn in range(_ROUNDS):
        found = threaded.evaluate(copies, want=FORCES).require_forces()
        parts += [
            Part("forces", f"round {turn}, thread {k}", (found[k] - alone[k]).ravel(), sigma)
            for k in range(_THREADS)
        ]
    measured = differences_measured("thread_safety", meter, copies, parts, resolution, tolerance)
    if not raised:
        return measured
    evidence = {**measured.evidence, "place": f"raised in a thread only: {raised[0]}"}
    return Measurement(
        value=math.inf,
        uncertainty=0.0,
        interval=(math.inf, math.inf),
        detection_limit=measured.detection_limit,
        noise_floor=measured.noise_floor,
        force_evaluations=meter.evaluations,
        evidence=evidence,
    )


assert_thread_safety = derive_assert(measure_thread_safety)
