"""How a model is called must not matter: alone or in a batch, from one thread or several; and it only reads."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.differences import Part, combine
from physcheck.checks.symmetry.lattice import open_shell
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.noise import difference_table_noise, rounding_floor
from physcheck.probes.transformations import far_pair, supercell
from physcheck.registry import Budget, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, Evaluation, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = [
    "assert_batch_invariance",
    "assert_input_untouched",
    "assert_thread_safety",
    "measure_batch_invariance",
    "measure_input_untouched",
    "measure_thread_safety",
]

_BATCH = 4
_RATTLE = 0.03
_LINE, _LINE_STEP = 5, 1e-4  # points, and Å between them, of a noise line
_THREADS = 4
_ROUNDS = 2
_SWITCH_SECONDS = 1e-5  # between threads: races become likely
_FORCES = frozenset({"forces"})


def _batches(start: Configurations, capabilities: Capabilities) -> str | None:
    if not capabilities.batched and not capabilities.mixed_sizes:
        return "the model takes one configuration at a time"
    return None


def _batch_cost(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return 3 * _BATCH + _LINE + (4 if capabilities.mixed_sizes else 0)


@check(
    family="implementation",
    quantity="rms difference of forces in a batch and alone",
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces depend on what else is in the batch",
    causes="padding that isn't masked; an index into the batch that is off; batch normalisation left in training mode",
    advice="evaluate one configuration at a time until the batching code is mended: look at "
    "padding, image shifts and normalisation over the batch",
    tolerances=Tolerances(
        screening=1e-3,
        md=1e-4,
        tight=1e-6,
        reason="another batch means other kernels and another order of sums, 1e-6 eV/Å in float32",
        source="tblite's history noise of 1.6e-5 eV/Å (max 7e-5); float32 noise of SO3LR, "
        "ANI, CHGNet to 4e-6",
    ),
    evaluations=_batch_cost,
    applies=_batches,
)
def measure_batch_invariance(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """A configuration has the same forces alone and in a batch, at any place of it.

    Four thermally displaced copies (0.03 Å) are evaluated one by one, together, and together in reverse order; a
    model that batches different sizes also gets the structure with a doubled one in one call. Judged is the largest
    rms difference of a configuration's forces to those alone.

    Can't see: batches larger than four.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 17 evaluations, 21 with mixed sizes.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    copies = one.displaced(_RATTLE * rng.standard_normal((_BATCH, one.n_atoms, 3)))
    alone = np.concatenate([meter.evaluate(c, want=_FORCES).require_forces() for c in copies])
    together = meter.evaluate(copies, want=_FORCES).require_forces()
    order = np.arange(_BATCH)[::-1]
    reversed_ = meter.evaluate(copies[order], want=_FORCES).require_forces()[order]
    sigma = math.sqrt(2) * _noise_alone(meter, one, resolution, rng)
    parts = [
        Part("forces", f"configuration {k} of {_BATCH}{how}", (found[k] - alone[k]).ravel(), sigma)
        for how, found in (("", together), (" in reverse order", reversed_))
        for k in range(_BATCH)
    ]
    if meter.capabilities.mixed_sizes and open_shell(one) is None:
        parts += _mixed(meter, copies[0], alone[0], sigma)
    return _judged("batch_invariance", meter, copies, parts, resolution, tolerance)


def _noise_alone(
    meter: Meter, one: Configurations, resolution: Resolution, rng: np.random.Generator
) -> float:
    """The noise of a force component in calls of one configuration each, eV/Å.

    The structure's own figure comes from batches, where what is looked for here counts as noise.
    """
    direction = rng.standard_normal((one.n_atoms, 3))
    line = one.displaced(_LINE_STEP * np.arange(_LINE)[:, None, None] * direction)
    forces = np.concatenate([meter.evaluate(c, want=_FORCES).require_forces() for c in line])
    noise, _ = difference_table_noise(forces.reshape(_LINE, -1))
    floor = rounding_floor(float(np.abs(forces).max()), meter.capabilities.dtype)
    return min(resolution.force_noise, max(noise, floor))


def _mixed(meter: Meter, one: Configurations, alone: Floats, sigma: float) -> list[Part]:
    if one.system.is_periodic:
        axis = int(np.flatnonzero(one.system.pbc)[0])
        double = supercell(one, axis, 2).apply(one)
    else:
        double = far_pair(one, one, 20.0)
    big_alone = meter.evaluate(double, want=_FORCES).require_forces()[0]
    found = [a.require_forces()[0] for a in meter.evaluate_many([one, double], want=_FORCES)]
    return [
        Part("forces", "the smaller of two sizes", (found[0] - alone).ravel(), sigma),
        Part("forces", "the larger of two sizes", (found[1] - big_alone).ravel(), sigma),
    ]


def _judged(
    name: str,
    meter: Meter,
    frames: Configurations,
    parts: list[Part],
    resolution: Resolution,
    tolerance: float | None,
) -> Measurement:
    target = default_tolerance(name) if tolerance is None else tolerance
    found = combine(parts, resolution.dof, target)
    each = np.linalg.norm(found.worst.mean.reshape(-1, 3), axis=1)
    atom = int(np.argmax(each))
    symbol = frames.system.symbols[atom % frames.n_atoms]
    quantities = {p.label: p.rms for p in parts}
    return Measurement(
        value=found.value,
        uncertainty=found.uncertainty,
        uncertainty_components={"rounding": found.uncertainty},
        interval=found.interval,
        detection_limit=found.detection_limit,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence={
            "place": f"{found.worst.label}: atom {atom} ({symbol}) differs by {each[atom]:.3g} eV/Å",
            "scale": f"the rms force component is {resolution.force_rms:.3g} eV/Å",
            "quantities": {"rms_differences_eV_per_A": quantities},
            "configurations": frames,
        },
    )


class _Through:
    """A model whose calls go through a function; the meter around it counts as ever."""

    def __init__(
        self, model: Model, call: Callable[[Model, Configurations, frozenset[str]], Evaluation]
    ) -> None:
        self.model, self._call = model, call

    @property
    def capabilities(self) -> Capabilities:
        return self.model.capabilities

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = _FORCES
    ) -> Evaluation:
        return self._call(self.model, configurations, want)


def _through(
    meter: Meter, call: Callable[[Model, Configurations, frozenset[str]], Evaluation]
) -> Meter:
    clone = Meter(meter)
    clone.model = _Through(meter.model, call)
    return clone


@check(
    family="implementation",
    quantity="inputs that the model changed",
    unit="inputs",
    needs={"forces"},
    kind="law",
    title="the model changes what it is given",
    causes="wrapping or centring positions in place; writing magnetic moments or charges back",
    advice="copy the input before changing it",
    tolerances=Tolerances(
        screening=0.0,
        md=0.0,
        tight=0.0,
        reason="whoever hands in positions goes on using them",
        source="the model contract: a model answers, it doesn't move atoms",
    ),
    evaluations=always(2),
)
def measure_input_untouched(
    model: Model | Meter, start: Any, *, rng: np.random.Generator
) -> Measurement:
    """A model reads its input and leaves it as it was.

    Positions, cell, numbers, masses, pbc and the per-atom arrays are handed in writable, and compared bit by bit
    after the call: for the structure, and for it moved so that atoms are outside the cell.

    Can't see: changes that are undone before the call returns; the inside of an adapter that copies.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 2 evaluations.
    """
    meter, one = Meter(model), as_configurations(start)
    changed: dict[str, str] = {}

    def call(inner: Model, asked: Configurations, want: frozenset[str]) -> Evaluation:
        given = Configurations(
            asked.system.take(np.arange(asked.n_atoms)), asked.positions, asked.cells
        )
        arrays = _arrays(given)
        before = {name: array.copy() for name, array in arrays.items()}
        info = repr(sorted(given.system.info.items(), key=str))
        for array in arrays.values():
            array.flags.writeable = True
        answer = inner.evaluate(given, want=want)
        for name, array in arrays.items():
            if array.tobytes() != before[name].tobytes():
                first = np.argwhere(array != before[name])[0].tolist()
                changed[name] = f"{name} at index {first}"
        if repr(sorted(given.system.info.items(), key=str)) != info:
            changed["info"] = "info"
        return answer

    spied = _through(meter, call)
    outside = one.at(one.positions + 5.0 * rng.uniform(1, 2, 3))
    for place in (one, outside):
        spied.evaluate(place, want=frozenset({"forces", "energy"}))
    count = float(len(changed))
    return Measurement(
        value=count,
        uncertainty=0.0,
        interval=(count, count),
        detection_limit=1.0,
        force_evaluations=meter.evaluations,
        evidence={
            "place": f"changed: {', '.join(changed.values())}" if changed else "nothing changed",
            "scale": "a changed position is an unrecorded step of the simulation",
            "quantities": {"changed": sorted(changed)},
            "configurations": one,
        },
    )


def _arrays(given: Configurations) -> dict[str, Any]:
    system = given.system
    named = {
        "positions": given.positions,
        "cells": given.cells,
        "numbers": system.numbers,
        "masses": system.masses,
        "pbc": system.pbc,
        **{f"arrays[{name!r}]": values for name, values in system.arrays.items()},
    }
    return {name: array for name, array in named.items() if array.dtype != object}


def _shareable(start: Configurations, capabilities: Capabilities) -> str | None:
    if capabilities.one_thread:
        return "it is used as an ASE calculator, which keeps its last atoms: nobody calls one from several threads"
    return None


@check(
    family="implementation",
    quantity="rms difference of forces in threads and alone",
    unit="eV/Å",
    needs={"forces"},
    kind="practice",
    title="calls from several threads disturb each other",
    causes="a buffer that all calls share; a neighbour list kept on the model",
    advice="give each thread its own copy of the model",
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

    Four displaced copies (0.03 Å) are evaluated one by one, then twice by four threads at once, with the
    interpreter switching between threads often. Judged is the largest rms difference of the forces. An
    exception in a thread only is a failure, its value infinite.

    Can't see: races rarer than one in eight calls.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 12 evaluations.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    copies = one.displaced(_RATTLE * rng.standard_normal((_THREADS, one.n_atoms, 3)))
    alone = np.concatenate([meter.evaluate(c, want=_FORCES).require_forces() for c in copies])
    raised: list[str] = []

    def call(inner: Model, asked: Configurations, want: frozenset[str]) -> Evaluation:
        try:
            return _in_threads(inner, asked, want)
        except Exception as error:
            raised.append(f"{type(error).__name__}: {error}")
            return Evaluation(forces=np.zeros_like(asked.positions))

    threaded = _through(meter, call)
    sigma = math.sqrt(2) * resolution.force_noise
    parts = []
    for turn in range(_ROUNDS):
        found = threaded.evaluate(copies, want=_FORCES).require_forces()
        parts += [
            Part("forces", f"round {turn}, thread {k}", (found[k] - alone[k]).ravel(), sigma)
            for k in range(_THREADS)
        ]
    measured = _judged("thread_safety", meter, copies, parts, resolution, tolerance)
    if not raised:
        return measured
    evidence = {**measured.evidence, "place": f"raised in a thread only: {raised[0]}"}
    return Measurement(
        value=math.inf,
        uncertainty=0.0,
        interval=(math.inf, math.inf),
        detection_limit=measured.detection_limit,
        force_evaluations=meter.evaluations,
        evidence=evidence,
    )


def _in_threads(inner: Model, asked: Configurations, want: frozenset[str]) -> Evaluation:
    """One thread a configuration, all let go at once."""
    gate = Barrier(len(asked))

    def one(configuration: Configurations) -> Evaluation:
        gate.wait(timeout=60)
        return inner.evaluate(configuration, want=want)

    # Warning filters belong to the process: they are set once around all threads, never inside.
    with _often_switching(), warnings.catch_warnings(), ThreadPoolExecutor(len(asked)) as pool:
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


assert_batch_invariance = derive_assert(measure_batch_invariance)
assert_input_untouched = derive_assert(measure_input_untouched)
assert_thread_safety = derive_assert(measure_thread_safety)
