"""A model reads its input and leaves it, and its earlier answers, as they were."""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.adapters.handed_over import watching
from physcheck.checks.allotments import always
from physcheck.checks.implementation.call_comparison import through
from physcheck.checks.symmetry.comparison import outputs_of
from physcheck.checks.what_shows import SHEARED_CELL
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.registry import Failure, check, derive_assert
from physcheck.system import Configurations, Evaluation, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_input_untouched", "measure_input_untouched"]


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


@check(
    family="implementation",
    quantity="inputs and earlier answers that the model changed",
    unit="inputs",
    needs={"forces"},
    kind="law",
    title="the model changes what it is given, or gave",
    causes="wrapping or centring positions in place; writing magnetic moments or charges back; one "
    "buffer for the answers of all calls (CUDA graphs)",
    advice="copy the input before changing it, and the answers before the next call",
    failure=Failure(
        short_title="arrays are overwritten",
        meaning="The caller's structure is changed by evaluating it. Trajectories and later calls "
        "are corrupted without a message.",
    ),
    tolerances=Tolerances(
        screening=0.0,
        md=0.0,
        tight=0.0,
        reason="whoever hands in positions goes on using them",
        source="the model contract: a model answers, it doesn't move atoms",
    ),
    evaluations=always(2),
    # Wrapping changes nothing where there is no cell.
    shows=SHEARED_CELL,
)
def measure_input_untouched(
    model: Model | Meter, start: Any, *, rng: np.random.Generator
) -> Measurement:
    """A model reads its input and leaves it, and its earlier answers, as they were.

    Positions, cell, numbers, masses, pbc and the per-atom arrays are handed in writable, and
    compared bit by bit after the call, and so are the very objects that the model's own code gets
    from its adapter (an Atoms with its info, arrays and constraints; tensors; a SimState): for the
    structure, and for it moved out of the cell. The first answer is compared after the second call.

    Can't see: changes that are undone before the call returns.

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

    spied = through(meter, call)
    outside = one.at(one.positions + 5.0 * rng.uniform(1, 2, 3))
    with watching() as changed_in_hand:
        for place in (one, outside):
            spied.evaluate(place, want=outputs_of(place))
    changed.update(changed_in_hand)
    count = float(len(changed))
    return Measurement(
        value=count,
        uncertainty=0.0,
        interval=(count, count),
        detection_limit=1.0,
        noise_floor=0.0,
        force_evaluations=meter.evaluations,
        evidence={
            "place": f"changed: {', '.join(changed.values())}" if changed else "nothing changed",
            "scale": "a changed position is an unrecorded step of the simulation",
            "quantities": {"changed": sorted(changed)},
            "configurations": one,
        },
    )


assert_input_untouched = derive_assert(measure_input_untouched)
