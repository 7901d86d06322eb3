"""A model reads its input and leaves it, and its earlier answers, as they were."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from physcheck.adapters.handed_over import watching
from physcheck.checks.allotments import always
from physcheck.checks.implementation.call_comparison import through
from physcheck.checks.symmetry.comparison import outputs_of
from physcheck.checks.what_shows import SHEARED_CELL
from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.process_settings import (
    changed_settings,
    random_states,
    random_states_kept,
    settings_put_back,
)
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


# Å, by which all atoms are moved, so that no answer is a kept one.
_UNSEEN = 0.01
# Where no input is changed.
_OF_THE_PROCESS = "a call changes settings or random numbers of the whole process"


def _seeds_set(first: dict[str, bytes], second: dict[str, bytes]) -> dict[str, str]:
    """Generators whose state after a call doesn't depend on that before."""
    equal = [name for name in first if first[name] == second.get(name)]
    return {name: f"the seed of {name}: set in each call" for name in equal}


def _changed_by_calls(
    meter: Meter, one: Configurations, rng: np.random.Generator
) -> tuple[dict[str, str], dict[str, str]]:
    """Inputs and earlier answers that two calls change, and what the process shares, by name."""
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
    after: list[dict[str, bytes]] = []
    with watching() as changed_in_hand:
        for seed, place in zip(rng.choice(2**31, 2, replace=False), (one, outside), strict=True):
            with random_states_kept(int(seed)):
                spied.evaluate(place, want=outputs_of(place))
                after.append(random_states())
    changed.update(changed_in_hand)
    return changed, _changed_again(meter, one) | _seeds_set(*after)


def _changed_again(meter: Meter, one: Configurations) -> dict[str, str]:
    """Settings that calls have changed, and change once more where they were put back.

    What is changed once is what loading at the first call does.  Cost: 1 evaluation where calls
    have changed any.
    """
    if not changed_settings(meter.model):
        return {}
    with settings_put_back(meter.model) as again, suppress(ModelError, NonFiniteOutput):
        # A model that needs what was changed, and doesn't set it in each call, may raise.
        elsewhere = one.at(one.positions + _UNSEEN)
        meter.evaluate(elsewhere, want=outputs_of(one))
    return again


def _place(changed: dict[str, str], once: list[str]) -> str:
    if changed:
        return f"changed: {', '.join(changed.values())}"
    if once:
        return f"changed once, as by code that is loaded at a first call: {', '.join(once)}"
    return "nothing changed"


@check(
    family="implementation",
    quantity="inputs and earlier answers that the model changed",
    unit="inputs",
    needs={"forces"},
    kind="law",
    title="the model changes what it is given, or gave",
    causes="wrapping or centring positions in place; writing magnetic moments or charges back; one "
    "buffer for the answers of all calls (CUDA graphs); seeds or defaults of numpy or torch that "
    "are set in a call",
    advice="copy the input before changing it, and the answers before the next call; put settings "
    "back",
    failure=Failure(
        short_title="arrays are overwritten",
        meaning="The caller's structure, or what the whole process shares, is changed by "
        "evaluating it. Trajectories and later calls are corrupted without a message.",
    ),
    tolerances=Tolerances(
        screening=0.0,
        md=0.0,
        tight=0.0,
        reason="whoever hands in positions goes on using them",
        source="the model contract: a model answers, it doesn't move atoms",
    ),
    evaluations=always(3),
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

    So is what the whole process shares. Settings are NumPy's handling of errors, the working
    folder, torch's default dtype, gradient mode and number of threads. Those that any call so far
    has changed are put back, and the model is called once more: what it changes again fails. What
    it doesn't change again was set once, as by code that is loaded at the first call; that is no
    failure, and ``quantities`` has it. Of the generators of random numbers (``numpy.random``,
    ``random``, torch), the states are compared after calls from two seeds: where they are one and
    the same, the call sets the seed, and a thermostat draws the same numbers in each step.

    Can't see: changes that are undone before the call returns, and those made while loading.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 2 evaluations; 1 more where settings have changed.
    """
    meter, one = Meter(model), as_configurations(start)
    inputs, settings = _changed_by_calls(meter, one, rng)
    changed = inputs | settings
    once = [said for name, said in changed_settings(meter.model).items() if name not in settings]
    title = {} if inputs or not settings else {"title": _OF_THE_PROCESS}
    count = float(len(changed))
    return Measurement(
        value=count,
        uncertainty=0.0,
        interval=(count, count),
        detection_limit=1.0,
        noise_floor=0.0,
        force_evaluations=meter.evaluations,
        evidence={
            "place": _place(changed, once),
            "scale": "a changed position is an unrecorded step of the simulation",
            **title,
            "quantities": {"changed": sorted(changed), "changed_once_as_by_loading": once},
            "configurations": one,
        },
    )


assert_input_untouched = derive_assert(measure_input_untouched)
