"""Answers depend on the configuration, not on those that the model saw before."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from physcheck.checks.implementation.changed_inputs import (
    STEPS,
    changed_inputs,
    exchanged,
    moved_alone,
    walk,
)
from physcheck.checks.implementation.stale_answers import (
    STALE_COST,
    Answer,
    answer_of,
    fresh_models_agree,
    largest_of,
    stale_answers,
)
from physcheck.checks.symmetry.comparison import open_shell
from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import limit_of_difference
from physcheck.numerics.noise import rounding_floor
from physcheck.probes.transformations import doubled
from physcheck.registry import Budget, Failure, KnownFault, check, default_tolerance, derive_assert
from physcheck.system import Configurations, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_history_independence", "measure_history_independence"]

_EXPANSION = 1.3
# A chance of 1e-4 or less, one-sided, of a normal error.
_SIGMAS = 4.0
# Equal calls, one after the other: the range of three would be too small now and then.
_IN_A_ROW = 6
# Each kind of configuration follows different ones.
_ORDER = "xedexlxdlex"
_LABELS = {
    "x": "the structure",
    "e": "like atoms exchanged",
    "l": "1.3 times as large",
    "d": "two copies of it",
}
_AFTER_A_WALK = "1.1 times as large, atoms moved by up to 0.9 Å in eight steps"
# Enough room to walk in, and still within reach of each other.
_ROOM_TO_WALK = 1.1
# Steps after which a fresh model is asked, too: a list is oldest before it is made again.
_ON_THE_WAY = (2, 4, 6)
_AFTER_ONE_MOVED = "1.1 times as large, one atom moved by up to 0.9 Å"
_AFTER_A_SMALL_MOVE = "the structure with an atom moved by 1e-4 Å"
_AFTER_ANOTHER_CELL = "the structure after the same atoms in a cell twice as large"
_AFTER_ANOTHER_BOX = "the structure in a periodic box, after a box 1 Å larger"
# Å between a molecule and its images in that box: less than any cutoff.
_BETWEEN_IMAGES = 2.5
# Å: far beyond rounding, and below what anybody may take for no move at all.
_SMALL_MOVE = 1e-4
# How much larger the memory of a self-consistent model's start may be far from rest.
_WARM = 30.0
# Share of the tolerance that isn't asked for again: no verdict hangs on it.
_NEGLIGIBLE = 1e-6
# What differs in one round and not in the next.
_RARE = (
    "uninitialised memory; a race between threads; random numbers in a branch that is rarely taken"
)


def _cost(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    """The visits twice, the paths, a first answer, and equal calls.

    A path costs its places and two calls where no fresh model can be made; where it can, one call
    less, which pays for the other first answers and for two fresh models that are compared.
    """
    paths = [2] * (len(changed_inputs(start, capabilities)) + 2) + [STEPS + 1]
    if start.system.is_periodic:
        paths.append(3)
    elif capabilities.periodicity != "none":
        paths.append(2)
    rest = 1 + _IN_A_ROW + STALE_COST + 2 * len(_ON_THE_WAY)
    return 2 * len(_ORDER) + sum(length + 2 for length in paths) + rest


@dataclass(slots=True)
class _Visits:
    """The configurations by key, the answers at each visit, and what was raised.

    Attributes
    ----------
    places, answers, raised : dict by key
    apart : dict of label to float, eV/Å
        The largest difference of answers to one question.
    where : dict of label to Configurations
    without_effect : list of str
        Changed inputs that the model's first answers take no notice of.
    compared_with_fresh : bool
    largest_force : float, eV/Å
        Of any answer: what rounding goes by.
    """

    places: dict[str, Configurations]
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    raised: dict[str, str] = field(default_factory=dict)
    apart: dict[str, float] = field(default_factory=dict)
    where: dict[str, Configurations] = field(default_factory=dict)
    without_effect: list[str] = field(default_factory=list)
    compared_with_fresh: bool = False
    largest_force: float = 0.0

    @property
    def worst(self) -> str:
        return max(self.apart, key=lambda label: self.apart[label])


@dataclass(frozen=True, slots=True)
class _Found:
    """The visits, and what asking again and equal calls say of their largest difference.

    Attributes
    ----------
    visits : _Visits
    worst : str
        The label of what differed most at first.
    again : float or None, eV/Å
        The largest difference where it was looked for a second time.
    scatter : float, eV/Å
        The largest difference of two equal calls in a row, which no history explains.
    """

    visits: _Visits
    worst: str
    again: float | None = None
    scatter: float = 0.0

    @property
    def is_rare(self) -> bool:
        """Whether answers that differed were alike when all was asked again in the same order."""
        return self.again == 0


def _measure(meter: Meter, one: Configurations, rng: np.random.Generator, target: float) -> _Found:
    twice = one if open_shell(one) is not None else doubled(one)
    larger = one.at(_EXPANSION * one.positions, _EXPANSION * one.cells)
    places = {"x": one, "e": exchanged(one, rng), "l": larger, "d": twice}
    changed = {label: [one, place] for label, place in changed_inputs(one, meter.capabilities)}
    paths = {**changed, **_paths(places, meter.capabilities, rng)}
    visits = _Visits(places, compared_with_fresh=fresh_models_agree(meter, one, target))
    _visit_all(meter, visits)
    for label in _first_answers(visits):
        _compare_first(meter, visits, label)
    for label, path in paths.items():
        _ask_otherwise(meter, visits, label, path)
    _allow_for_warm_starts(visits, target)
    visits.without_effect = [label for label in visits.without_effect if label in changed]
    _ask_for_stale(meter, visits, {k: changed[k][-1] for k in visits.without_effect}, target)
    worst = visits.worst
    if visits.apart[worst] <= _NEGLIGIBLE * target or worst not in {
        *paths,
        *_LABELS.values(),
        *_first_answers(visits),
    }:
        return _Found(visits, worst)
    again = _Visits(places, compared_with_fresh=visits.compared_with_fresh)
    if worst in paths:
        _ask_otherwise(meter, again, worst, paths[worst])
    else:
        _visit_all(meter, again)
        if worst in _first_answers(visits):
            _compare_first(meter, again, worst)
    # The first of them still has a history.
    in_a_row = [answer_of(meter, one) for _ in range(_IN_A_ROW)]
    repeated = again.apart.get(worst, 0.0)
    if repeated > 0:
        # A history does the same again; the largest of many differences by scatter is smaller then.
        visits.apart[worst] = min(visits.apart[worst], repeated)
    # Steps, not the range: a count of calls grows steadily, and is a memory.
    steps = [a.difference(b) for a, b in pairwise(in_a_row[1:])]
    return _Found(visits, worst, repeated, max(steps))


def _ask_for_stale(
    meter: Meter, found: _Visits, without_effect: dict[str, Configurations], target: float
) -> None:
    """Answers that belong to an earlier place; nothing is asked where answers differ already."""
    if max(found.apart.values()) > target:
        return
    here, places = found.answers["x"][0], found.places
    stale = stale_answers(meter, here, places["x"], places["l"], without_effect, target)
    found.apart.update(stale)
    found.where.update({label: without_effect.get(label, places["x"]) for label in stale})
    found.without_effect = [label for label in found.without_effect if label not in stale]


def _allow_for_warm_starts(found: _Visits, target: float) -> None:
    """A memory within the tolerance at the structure may be larger where atoms are far from rest:
    there it counts as none up to a factor.
    """
    usual = max(found.apart[label] for label in _LABELS.values())
    if not 0 < usual <= target:
        return
    for label, apart in found.apart.items():
        if label not in _LABELS.values() and apart <= _WARM * usual:
            found.apart[label] = 0.0


def _paths(
    places: dict[str, Configurations], capabilities: Capabilities, rng: np.random.Generator
) -> dict[str, list[Configurations]]:
    """Places that lead to the one that is compared, which comes last."""
    one = places["x"]
    larger = one.at(_ROOM_TO_WALK * one.positions, _ROOM_TO_WALK * one.cells)
    if not one.system.is_periodic and capabilities.periodicity != "none":
        # All atoms of a molecule are each other's neighbours, wherever they go; images come and go.
        larger = _boxed(larger)
    small = np.zeros((1, one.n_atoms, 3))
    small[0, int(rng.integers(one.n_atoms)), int(rng.integers(3))] = _SMALL_MOVE
    paths = {
        _AFTER_A_WALK: [larger, *walk(larger, rng)],
        _AFTER_ONE_MOVED: [larger, moved_alone(larger, rng)],
        _AFTER_A_SMALL_MOVE: [one, one.displaced(small)],
    }
    if one.system.is_periodic:
        # Another number of atoms before, so that no list of the small cell is left.
        in_larger = one.at(one.positions, 2 * one.cells)
        paths[_AFTER_ANOTHER_CELL] = [places["d"], in_larger, one]
    elif capabilities.periodicity != "none":
        paths[_AFTER_ANOTHER_BOX] = [_boxed(one, _BETWEEN_IMAGES + 1.0), _boxed(one)]
    return paths


def _boxed(one: Configurations, room: float = _BETWEEN_IMAGES) -> Configurations:
    """A molecule where it is, in a periodic box that leaves ``room`` Å to its images."""
    periodic = replace(one.system, pbc=np.ones(3, bool))
    cell = np.diag(np.ptp(one.positions[0], axis=0) + room)
    return Configurations(periodic, one.positions, cell[None])


def _visit_all(meter: Meter, found: _Visits) -> None:
    for key in _ORDER:
        try:
            found.answers.setdefault(key, []).append(answer_of(meter, found.places[key]))
        except (ModelError, NonFiniteOutput) as error:
            # The structure itself must be answered; the others are there to leave a trace.
            if key == "x":
                raise
            found.raised[key] = str(error)
    for key, label in _LABELS.items():
        # Refusing a configuration is no fault; answering it another time is.
        fickle = key in found.raised and found.answers[key]
        found.apart[label] = math.inf if fickle else largest_of(found.answers[key])
        found.where[label] = found.places[key]
    answers = [answer for visits in found.answers.values() for answer in visits]
    found.largest_force = max(float(np.abs(answer.forces).max()) for answer in answers)


def _first_answers(found: _Visits) -> dict[str, str]:
    """Keys of the places that a fresh model is asked at first, by label."""
    if not found.compared_with_fresh:
        return {}
    return {
        f"{_LABELS[key]}, first answer of a fresh model": key
        for key in "xld"
        if found.answers.get(key)
    }


def _compare_first(meter: Meter, found: _Visits, label: str) -> None:
    key = _first_answers(found)[label]
    first = answer_of(meter.fresh(), found.places[key])
    found.apart[label] = found.answers[key][-1].difference(first)
    found.where[label] = found.places[key]


def _ask_otherwise(meter: Meter, found: _Visits, label: str, path: list[Configurations]) -> None:
    """The last place of a path after the others, against the answer of a fresh model.

    Where no fresh model can be made, against its answer after another number of atoms.  A place
    that is refused either way is left out.
    """
    other, place = found.places["d"], path[-1]
    try:
        if found.compared_with_fresh:
            first = answer_of(meter.fresh(), place)
        else:
            answer_of(meter, other)
            first = answer_of(meter, place)
    except (ModelError, NonFiniteOutput):
        return
    before: list[Answer] = []
    on_the_way = _ON_THE_WAY if label == _AFTER_A_WALK and found.compared_with_fresh else ()
    apart = 0.0
    for index, step in enumerate(path[:-1]):
        # What is refused may leave a trace, too.
        with suppress(ModelError, NonFiniteOutput):
            before.append(answer_of(meter, step))
            if index in on_the_way:
                apart = max(apart, before[-1].difference(answer_of(meter.fresh(), step)))
    found.where[label] = place
    try:
        answer = answer_of(meter, place)
    except (ModelError, NonFiniteOutput) as error:
        found.apart[label], found.raised[label] = math.inf, str(error)
        return
    found.apart[label] = max(apart, answer.difference(first))
    if len(path) == 2 and before and first.difference(before[0]) == 0:
        found.without_effect.append(label)


def _report(meter: Meter, found: _Found, target: float) -> Measurement:
    visits, worst = found.visits, found.worst
    value = visits.apart[worst]
    floor = rounding_floor(visits.largest_force, meter.capabilities.dtype)
    # Rounding of the answers, the only noise that answers to one question may have.
    unexplained = max(floor, found.scatter)
    noise = unexplained if value > 0 else 0.0
    evidence: dict[str, Any] = {
        "place": _place(found),
        "scale": f"the largest force component is {visits.largest_force:.3g} eV/Å",
        "quantities": {
            "rms_differences_eV_per_A": visits.apart,
            "when_asked_again_eV_per_A": found.again,
            "visits": _ORDER,
            "scatter_of_equal_calls_eV_per_A": found.scatter,
            "raised": {_LABELS.get(key, key): text for key, text in visits.raised.items()},
            "compared_with_fresh_model": visits.compared_with_fresh,
            "changes_without_effect": visits.without_effect,
        },
        "configurations": visits.where[worst],
    }
    if found.is_rare:
        evidence["causes"] = _RARE
    return Measurement(
        value=value,
        uncertainty=noise,
        uncertainty_components={"rounding": noise},
        interval=(max(0.0, value - _SIGMAS * noise), value + 2 * noise),
        detection_limit=limit_of_difference(
            target, allowance=_SIGMAS * unexplained, scatter=unexplained, probes=len(_LABELS)
        ),
        noise_floor=_SIGMAS * unexplained,
        force_evaluations=meter.evaluations,
        evidence=evidence,
    )


def _place(found: _Found) -> str:
    visits, worst = found.visits, found.worst
    value = visits.apart[worst]
    if math.isinf(value):
        key = next((k for k, label in _LABELS.items() if label == worst), worst)
        return f"{worst}: answered at one visit, not at another: {visits.raised[key]}"
    place = f"{worst}: forces, energy or stress differ by {value:.3g} eV/Å"
    if worst in _LABELS.values():
        place += " between its visits"
    if found.is_rare:
        place += (
            "; not so when all was asked again in the same order: either the first answers of all "
            "differ, or answers scatter now and then, whatever was asked before"
        )
    return place


@check(
    family="implementation",
    quantity="difference of forces, or of energy or virial an atom over 1 Å, after different "
    "histories",
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="answers depend on what the model was asked before",
    causes="a neighbour list that isn't rebuilt; warm starts; a cache with too small a key; "
    "running averages",
    advice="clear caches and neighbour lists whenever any input changes; use a fresh model "
    "for each structure until then",
    failure=Failure(
        short_title="past calls matter",
        meaning="Forces depend on what was computed before. A simulation that is restarted takes "
        "another way, and memory acts like friction or a drive.",
        fault=KnownFault(
            "answers depend on what the model was asked before",
            # Asked one configuration at a time, so that no batch explains it.
            explains=("batch_invariance",),
        ),
    ),
    tolerances=Tolerances(
        screening=1e-3,
        md=1e-4,
        tight=1e-6,
        reason="warm starts of a self-consistent model leave 2e-5 eV/Å; md is above that, "
        "and below what makes signed work around loops at md",
        source="tblite's history noise of 1.6e-5 eV/Å (max 7e-5); float32 noise of SO3LR, "
        "ANI, CHGNet to 4e-6",
    ),
    evaluations=_cost,
)
def measure_history_independence(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    tolerance: float | None = None,
) -> Measurement:
    """Answers depend on the configuration, not on those that the model saw before.

    Four kinds of configurations are visited in an order in which each follows different ones: the
    structure, the same with like atoms exchanged (any neighbour list is then wrong), the structure
    1.3 times as large, and two copies of it (another number of atoms). Then the structure is asked
    with one input changed, right after itself: the cell alone, the periodic axes, the species, the
    charge, the spin, magnetic moments, tags; and after a move of 1e-4 Å or of one atom by 0.9 Å,
    after a larger cell, and on a walk of eight short steps; a molecule in a periodic box after
    another one. Those answers are held against a fresh model's, or, where none can be made, against
    those after another number of atoms. Where none of these differ, two atoms at 0.3 Å, which many
    models refuse, mustn't have the answer of the place before, and an input that changes nothing
    mustn't do so once all atoms are shifted, as with a cache that all instances share. Judged is
    the largest rms difference of forces, or of energy or virial an atom over 1 Å; it is infinite
    where a model raises at one visit and answers at another. What differs is asked for once more,
    and the smaller difference counts: answers that then agree scatter whatever was asked before.
    Inputs whose change has no effect are in ``quantities``.

    Can't see: a memory that reaches farther back than a few calls; without a factory (no fresh
    model), an answer that is always the same wrong one.

    Parameters
    ----------
    tolerance : float, eV/Å
        For the detection limit; the md profile's if left out.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 55 to 70 evaluations, a few of them of twice the size; up to 30 more where answers differ,
    six of them equal calls in a row, whose scatter is ``determinism``'s.

    Source: a potential is a function of positions; tblite's warm starts scatter by 1.6e-5 eV/Å.
    """
    meter, one = Meter(model), as_configurations(start)
    target = default_tolerance("history_independence") if tolerance is None else tolerance
    return _report(meter, _measure(meter, one, rng, target), target)


assert_history_independence = derive_assert(measure_history_independence)
