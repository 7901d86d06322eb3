"""How long an evaluation lasts: from warm calls, in batches where the model takes them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.model import Meter
from physcheck.run.progress_display import Stage, no_stage

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = ["PACED_STRUCTURES", "measure_pace", "typical_pace"]

#: So many structures are timed; a first call, which compiles, was made at each.
PACED_STRUCTURES = 3
# Checks ask for some tens of configurations at once.
_BATCH = 16
# A structure whose first call took longer isn't called again and again, s.
_SLOW = 2.0


def measure_pace(
    meter: Meter,
    structures: Sequence[Structure],
    first: Mapping[str, float],
    stage: Stage = no_stage,
) -> dict[str, float]:
    """Seconds of one evaluation by structure, where a call succeeds; ``first`` are first calls'.

    A batched model is timed at a batch of 16.  Cost: at most 96 evaluations, 6 if it
    isn't batched.
    """
    pace = dict(first)
    for structure in structures[:PACED_STRUCTURES]:
        if structure.name not in first:
            continue
        with stage(f"timing the model at {structure.name}"):
            seconds = _pace_at(meter, structure, slow=first[structure.name] > _SLOW)
        if seconds is not None:
            pace[structure.name] = min(pace[structure.name], seconds)
    return pace


def _pace_at(meter: Meter, structure: Structure, *, slow: bool) -> float | None:
    """Seconds of an evaluation in a warm call; None where it fails."""
    start = structure.configurations
    size = _BATCH if meter.capabilities.batched else 1
    batch = start.at(np.repeat(start.positions, size, axis=0))
    seconds = None
    # One more call first where it is cheap: compilers look at the second one, too.
    for _ in (0,) if slow else (0, 1):
        started = time.perf_counter()
        try:
            meter.evaluate(batch, want={"energy", "forces"} & meter.capabilities.outputs)
        except (ModelError, NonFiniteOutput):
            return None
        seconds = (time.perf_counter() - started) / size
    return seconds


def typical_pace(structures: Sequence[Structure], pace: Mapping[str, float]) -> float | None:
    """The mean over the first structures, s; None where none answered."""
    known = [pace[s.name] for s in structures[:PACED_STRUCTURES] if s.name in pace]
    return float(np.mean(known)) if known else None
