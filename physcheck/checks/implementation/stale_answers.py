"""Answers that belong to an earlier structure: kept when one is refused, or in a shared cache."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physcheck.checks.differences import ENERGY_LENGTH
from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.model import Meter
from physcheck.system import Configurations, Floats

__all__ = ["STALE_COST", "Answer", "answer_of", "fresh_models_agree", "largest_of", "stale_answers"]

#: Evaluations of :func:`stale_answers` where nothing is found; where something is, it needs not be
#: looked for a second time, which costs more.
STALE_COST = 5
_PRESSED = "the structure with two atoms 0.3 Å apart, after another one"
# Å: nearer than atoms come in any simulation, so that models that refuse something refuse it.
_TOO_NEAR = 0.3
# Å by which all atoms are moved together: nothing changes by it but the key of a cache, be it of
# positions that are rounded to 1e-3 Å.
_SHIFT = np.array([0.002, 0.003, 0.005])
# An answer changes by so many times more than by the shift alone where a cache is to blame.
_MORE = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Forces (N, 3), eV/Å, energy, eV, and virial (3, 3), eV, where there are any."""

    forces: Floats
    energy: float | None
    virial: Floats | None

    def difference(self, other: Answer) -> float:
        """The largest rms difference: of forces, of energies and of virials an atom over 1 Å."""
        n = len(self.forces)
        found = [math.sqrt(float(np.mean((self.forces - other.forces) ** 2)))]
        if self.energy is not None and other.energy is not None:
            found.append(abs(self.energy - other.energy) / n / ENERGY_LENGTH)
        if self.virial is not None and other.virial is not None:
            apart = float(np.mean((self.virial - other.virial) ** 2))
            found.append(math.sqrt(apart) / n / ENERGY_LENGTH)
        return max(found)


def largest_of(visits: list[Answer]) -> float:
    """The largest difference between any two of some answers, eV/Å."""
    pairs = (a.difference(b) for i, a in enumerate(visits) for b in visits[:i])
    return max(pairs, default=0.0)


def answer_of(meter: Meter, place: Configurations) -> Answer:
    """Forces, and energy and stress where there are any. Cost: 1 evaluation."""
    want = {"forces", "energy"} | ({"stress"} if place.system.is_fully_periodic else set())
    answer = meter.evaluate(place, want=want)
    energy = None if answer.energy is None else float(answer.energy[0])
    virial = None if answer.stress is None else answer.stress[0] * float(place.volumes()[0])
    return Answer(answer.require_forces()[0], energy, virial)


def fresh_models_agree(meter: Meter, one: Configurations, target: float) -> bool:
    """Whether fresh models can be made, and two of them answer alike within ``target``, eV/Å.

    Those of a factory with random weights, and no seed, don't: what they say of another model isn't
    that it remembers. Cost: 2 evaluations where fresh models can be made.
    """
    if getattr(meter.model, "fresh", None) is None:
        return False
    first, second = (answer_of(meter.fresh(), one) for _ in range(2))
    return first.difference(second) <= target


def stale_answers(
    meter: Meter,
    here: Answer,
    one: Configurations,
    other: Configurations,
    without_effect: Mapping[str, Configurations],
    target: float,
) -> dict[str, float]:
    """How far apart answers are, eV/Å, that should be the same, by label; empty where none are
    farther than ``target``.

    They are those of earlier places to the last bit, so that no scatter explains them.

    Parameters
    ----------
    here : Answer
        The model's at ``one``.
    one, other : Configurations
        Two places (B = 1) with as many atoms that have different answers.
    without_effect : mapping of label to Configurations
        Places with one input changed at which the model answers as at ``one``.

    Cost: 3 to 5 evaluations; 3 to 4 more, and one for each input, where something is found.
    """
    kept = _kept_when_refused(meter, one, other)
    if kept > target:
        return {_PRESSED: kept}
    shared = _shared_by_instances(meter, here, one, without_effect, target)
    if not shared:
        return {}
    # One failure, and all inputs that the key lacks.
    which = " and ".join(label.removeprefix("the structure with ") for label in shared)
    said = f"the structure with {which}, which counts once all atoms are shifted by 0.006 Å"
    return {f"{said}: a cache of all instances": max(shared.values())}


def _pressed(one: Configurations) -> Configurations | None:
    """The structure with its two nearest atoms 0.3 Å apart; None for a single atom."""
    positions = one.positions[0]
    if len(positions) < 2:
        return None
    apart = np.linalg.norm(positions[:, None] - positions, axis=-1)
    np.fill_diagonal(apart, np.inf)
    i, j = np.unravel_index(int(np.argmin(apart)), apart.shape)
    moved = positions.copy()
    along = (positions[j] - positions[i]) / apart[i, j] if apart[i, j] > 0 else np.eye(3)[0]
    moved[j] = positions[i] + _TOO_NEAR * along
    return one.at(moved[None])


def _kept_when_refused(meter: Meter, one: Configurations, other: Configurations) -> float:
    """How far apart the answers at one refused place are, eV/Å, if they are those of the places
    before it, ``one`` and ``other``, to the last bit; 0 otherwise.

    A calculator that catches an exception, or keeps its results through one, answers so.
    """
    place = _pressed(one)
    if place is None:
        return 0.0
    answers = []
    for before in (one, other):
        try:
            earlier = answer_of(meter, before)
            answer = _answer_in_the_end(meter, place)
        except (ModelError, NonFiniteOutput):
            return 0.0
        if not np.array_equal(earlier.forces, answer.forces):
            return 0.0
        answers.append(answer)
    return answers[0].difference(answers[1])


def _answer_in_the_end(meter: Meter, place: Configurations) -> Answer:
    """The answer, or the one when asked again after a refusal."""
    try:
        return answer_of(meter, place)
    except (ModelError, NonFiniteOutput):
        return answer_of(meter, place)


def _shared_by_instances(
    meter: Meter,
    here: Answer,
    one: Configurations,
    without_effect: Mapping[str, Configurations],
    target: float,
) -> dict[str, float]:
    """Inputs whose change has an effect only once all atoms are moved together, eV/Å by label.

    ``without_effect`` are places with one input changed at which the model answers as at ``one``. A
    cache that all instances of a class share, with a key of positions alone, gives that even to a
    fresh model. ``here`` is its answer there. Cost: 1 evaluation; 1 more, and one for
    each input, where something is found.
    """
    if not without_effect:
        return {}
    places = list(without_effect.values())
    try:
        if _apart(meter, _all_changed(one, places), here, 1.0) <= target:
            return {}
        alone = _MORE * _apart(meter, one, here, 2.0)
    except (ModelError, NonFiniteOutput):
        return {}
    found: dict[str, float] = {}
    for label, place in without_effect.items():
        try:
            # Another shift than before: that of all inputs is in the cache now.
            apart = _apart(meter, place, here, 3.0 + len(found))
        except (ModelError, NonFiniteOutput):
            continue
        if apart > max(target, alone):
            found[label] = apart
    return found


def _apart(meter: Meter, place: Configurations, here: Answer, times: float) -> float:
    return answer_of(meter, place.at(place.positions + times * _SHIFT)).difference(here)


def _all_changed(one: Configurations, places: Sequence[Configurations]) -> Configurations:
    """The structure with all inputs changed that places change, one each."""
    system, cells = one.system, one.cells
    for place in places:
        changed = place.system
        if place.cells is not one.cells and not np.array_equal(place.cells, one.cells):
            cells = place.cells
        system = replace(
            system,
            numbers=_newer(system.numbers, changed.numbers, one.system.numbers),
            pbc=_newer(system.pbc, changed.pbc, one.system.pbc),
            info={**system.info, **changed.info},
            arrays={**system.arrays, **changed.arrays},
        )
    return Configurations(system, one.positions, cells)


def _newer(now: NDArray[Any], changed: NDArray[Any], original: NDArray[Any]) -> NDArray[Any]:
    return now if np.array_equal(changed, original) else changed
