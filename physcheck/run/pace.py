"""How long an evaluation lasts: from warm calls, in batches where the model takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.model import Meter
from physcheck.run.progress_display import Stage, no_stage

if TYPE_CHECKING:
    from physcheck.structures import Structure
    from physcheck.system import Evaluation

__all__ = ["Pace", "measure_pace"]

# Checks ask for some tens of configurations at once.
_BATCH = 16
# Where a warm call of one configuration takes longer, no batch is tried: it could take 16 times
# that, and a model so slow gets few evaluations in any case, s.
_SLOW = 0.25
# Timing ends where it took longer, a twelfth of the minute that most runs have, s.
_MOST_SECONDS = 5.0
# Forces of a batch and of one configuration are the same where they differ by less than this share,
# which is far above what float32 or TF32 round, of the largest force, eV/Å, or of this force.
_ROUNDING = 0.01
_SMALL_FORCE = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds of one evaluation at structures that were timed, and so at all others.

    Attributes
    ----------
    seconds : mapping of structure to float, s
        Of a warm call.
    atoms : mapping of structure to int
        Of the same structures.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    atoms: Mapping[str, int] = field(default_factory=dict)

    def at(self, structure: Structure) -> float | None:
        """Seconds of one evaluation at any structure; None where none was timed.

        Where it wasn't: what the one nearest in size takes, in proportion to the atoms where it is
        larger than that.
        """
        if structure.name in self.seconds:
            return self.seconds[structure.name]
        if not self.seconds:
            return None
        ratios = {name: structure.configurations.n_atoms / n for name, n in self.atoms.items()}
        nearest = min(ratios, key=lambda name: abs(np.log(ratios[name])))
        return self.seconds[nearest] * max(1.0, ratios[nearest])

    @property
    def text(self) -> str:
        """For people: ``an evaluation takes 0.14 to 27 ms``."""
        least, most = (f"{1e3 * s:.2g}" for s in (min(self._all), max(self._all)))
        return f"an evaluation takes {least if least == most else f'{least} to {most}'} ms"

    @property
    def _all(self) -> tuple[float, ...]:
        return tuple(self.seconds.values())


def measure_pace(
    meter: Meter,
    structures: Sequence[Structure],
    called: Mapping[str, bool],
    stage: Stage = no_stage,
) -> Pace:
    """Time the model at each structure, as far as that takes seconds only.

    ``called`` are structures at which a call was made before, and whether it was answered.  The
    least of two calls counts, in batches of 16 where the model is batched: unless a batch is
    answered otherwise than its configuration alone, since then checks ask for one configuration
    at a time.  Cost: at most 3 evaluations a structure, 37 if it is batched.
    """
    seconds: dict[str, float] = {}
    begun = meter.seconds
    batched = meter.capabilities.batched
    for structure in structures:
        if meter.seconds - begun > _MOST_SECONDS:
            break
        if not called.get(structure.name, True):
            continue
        with stage(f"timing the model at {structure.name}"):
            is_first = structure.name not in called
            found, same = _pace_at(meter, structure, batched, is_first=is_first)
            if not same:
                batched = False
                found, _ = _pace_at(meter, structure, batched, is_first=False)
        if found is not None:
            seconds[structure.name] = found
    atoms = {s.name: s.configurations.n_atoms for s in structures if s.name in seconds}
    return Pace(seconds, atoms)


def _pace_at(
    meter: Meter, structure: Structure, batched: bool, *, is_first: bool
) -> tuple[float | None, bool]:
    """Seconds of an evaluation in a warm call, None where it fails; and whether a batch of copies
    has the forces of one copy alone, as far as that was asked.
    """
    try:
        if is_first:
            _call(meter, structure, 1)
        # Twice, since compilers look at the first two calls of a size.
        single, alone = _call(meter, structure, 1)
        if single > _SLOW or not batched:
            single = min(single, _call(meter, structure, 1)[0])
        if single > _SLOW or not batched:
            return single, True
        (first, together), (second, _) = (_call(meter, structure, _BATCH) for _ in range(2))
    except ModelError:
        return None, True
    return min(first, second), _same(alone, together)


def _same(alone: Evaluation | None, together: Evaluation | None) -> bool:
    """Whether forces are the same but for what any precision does; true where there are none."""
    if alone is None or together is None or alone.forces is None or together.forces is None:
        return True
    size = max(float(np.abs(alone.forces).max(initial=0.0)), _SMALL_FORCE)
    return bool(np.abs(together.forces - alone.forces).max(initial=0.0) <= _ROUNDING * size)


def _call(meter: Meter, structure: Structure, size: int) -> tuple[float, Evaluation | None]:
    """Seconds of an evaluation in a call with so many configurations, and the answer if finite."""
    start, begun = structure.configurations, meter.seconds
    batch = start.at(np.repeat(start.positions, size, axis=0))
    answer = None
    # What isn't finite takes as long.
    with suppress(NonFiniteOutput):
        answer = meter.evaluate(batch, want={"energy", "forces"} & meter.capabilities.outputs)
    return (meter.seconds - begun) / size, answer
