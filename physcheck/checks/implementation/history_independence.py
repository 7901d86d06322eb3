"""Answers depend on the configuration, not on those that the model saw before."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.differences import ENERGY_LENGTH
from physcheck.checks.symmetry.comparison import open_shell
from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.numerics.detection import limit_of_difference
from physcheck.numerics.noise import rounding_floor
from physcheck.probes.transformations import doubled
from physcheck.registry import check, default_tolerance, derive_assert
from physcheck.system import Configurations, Floats, System, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_history_independence", "measure_history_independence"]

_EXPANSION = 1.3
# A chance of 1e-4 or less, one-sided, of a normal error.
_SIGMAS = 4.0
# Each kind of configuration follows different ones.
# Equal calls, one after the other.
_IN_A_ROW = 4
_ORDER = "xedexlxdlex"
_LABELS = {
    "x": "the structure",
    "e": "like atoms exchanged",
    "l": "1.3 times as large",
    "d": "two copies of it",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """Forces (N, 3), eV/Å, and energy, eV, where there is one."""

    forces: Floats
    energy: float | None

    def difference(self, other: _Answer) -> float:
        """The larger of the rms difference of forces and that of energies an atom over 1 Å."""
        apart = math.sqrt(float(np.mean((self.forces - other.forces) ** 2)))
        if self.energy is None or other.energy is None:
            return apart
        per_atom = abs(self.energy - other.energy) / len(self.forces)
        return max(apart, per_atom / ENERGY_LENGTH)


@dataclass(slots=True)
class _Visits:
    """The configurations by key, the answers at each visit, and what was raised.

    Attributes
    ----------
    places, answers, raised : dict by key
    against_fresh : dict of label to float, eV/Å
        Differences between this model and a fresh one at the same configuration.
    scatter : float, eV/Å
        The largest difference of equal calls in a row, which no history explains.
    """

    places: dict[str, Configurations]
    answers: dict[str, list[_Answer]]
    raised: dict[str, str]
    against_fresh: dict[str, float] = field(default_factory=dict)
    scatter: float = 0.0


def _measure(meter: Meter, one: Configurations, rng: np.random.Generator) -> _Visits:
    twice = one if open_shell(one) is not None else doubled(one)
    larger = one.at(_EXPANSION * one.positions, _EXPANSION * one.cells)
    places = {"x": one, "e": _exchanged(one, rng), "l": larger, "d": twice}
    found = _Visits(places, {key: [] for key in places}, {})
    for key in _ORDER:
        try:
            found.answers[key].append(_answer(meter, places[key]))
        except (ModelError, NonFiniteOutput) as error:
            # The structure itself must be answered; the others are there to leave a trace.
            if key == "x":
                raise
            found.raised[key] = str(error)
    if getattr(meter.model, "fresh", None) is not None:
        _compare_with_fresh(meter, found)
    differs = max([*map(_largest, found.answers.values()), *found.against_fresh.values()])
    if differs > 0:
        # The first of them still has a history.
        in_a_row = [_answer(meter, one) for _ in range(_IN_A_ROW)]
        found.scatter = _largest(in_a_row[1:])
    return found


def _answer(meter: Meter, place: Configurations) -> _Answer:
    answer = meter.evaluate(place, want=frozenset({"forces", "energy"}))
    energy = None if answer.energy is None else float(answer.energy[0])
    return _Answer(answer.require_forces()[0], energy)


def _compare_with_fresh(meter: Meter, found: _Visits) -> None:
    """The first answers of a new model against this one's, also after another charge or spin."""
    one = found.places["x"]
    for key in "xl":
        if found.answers[key]:
            first = _answer(meter.fresh(), found.places[key])
            label = f"{_LABELS[key]}, first answer of a fresh model"
            found.against_fresh[label] = found.answers[key][-1].difference(first)
    for label, place in _other_inputs(one):
        try:
            first = _answer(meter.fresh(), place)
        except (ModelError, NonFiniteOutput):
            # A model that refuses this input has no answer to be held against.
            continue
        _answer(meter, one)
        found.against_fresh[label] = _answer(meter, place).difference(first)


def _other_inputs(one: Configurations) -> list[tuple[str, Configurations]]:
    """The structure with another charge, and with magnetic moments."""
    system = one.system
    charge = float(system.info.get("charge", 0) or 0) + 1
    moments = np.asarray(system.arrays.get("initial_magmoms", np.zeros(one.n_atoms))) + 1.0
    changed = {
        "the structure with another charge": ({"charge": charge, "spin": 2}, {}),
        "the structure with other magnetic moments": ({}, {"initial_magmoms": moments}),
    }
    return [
        (label, Configurations(_with(system, info, arrays), one.positions, one.cells))
        for label, (info, arrays) in changed.items()
    ]


def _with(system: System, info: dict[str, Any], arrays: dict[str, Any]) -> System:
    return System(
        system.numbers,
        system.masses,
        system.pbc,
        {**system.info, **info},
        {**system.arrays, **arrays},
    )


def _report(meter: Meter, one: Configurations, visits: _Visits, target: float) -> Measurement:
    differences = {
        _LABELS[k]: _largest(visits.answers[k]) for k in "xel" if len(visits.answers[k]) > 1
    }
    # Refusing a configuration is no fault; answering it another time is.
    fickle = [k for k in visits.raised if visits.answers[k]]
    differences.update({_LABELS[k]: math.inf for k in fickle})
    differences.update(visits.against_fresh)
    worst = max(differences, key=lambda k: differences[k])
    value = differences[worst]
    place = f"{worst}: forces or energy differ by {value:.3g} eV/Å"
    if worst not in visits.against_fresh:
        place += " between its visits"
    if fickle and math.isinf(value):
        worst = _LABELS[fickle[0]]
        place = f"{worst}: answered at one visit, not at another: {visits.raised[fickle[0]]}"
    size = float(np.abs(visits.answers["x"][0].forces).max())
    # Rounding of the answers, the only noise that answers to one question may have.
    floor = rounding_floor(size, meter.capabilities.dtype)
    unexplained = max(floor, visits.scatter)
    noise = unexplained if value > 0 else 0.0
    frames = {_LABELS[k]: place for k, place in visits.places.items()}
    return Measurement(
        value=value,
        uncertainty=noise,
        uncertainty_components={"rounding": noise},
        interval=(max(0.0, value - _SIGMAS * noise), value + 2 * noise),
        detection_limit=limit_of_difference(
            target, allowance=_SIGMAS * unexplained, scatter=unexplained, probes=len("xel")
        ),
        noise_floor=_SIGMAS * unexplained,
        force_evaluations=meter.evaluations,
        evidence={
            "place": place,
            "scale": f"the largest force component is {size:.3g} eV/Å",
            "quantities": {
                "rms_differences_eV_per_A": differences,
                "visits": _ORDER,
                "scatter_of_equal_calls_eV_per_A": visits.scatter,
                "raised": {_LABELS[k]: text for k, text in visits.raised.items()},
                "compared_with_fresh_model": bool(visits.against_fresh),
            },
            "configurations": frames.get(worst, one),
        },
    )


def _largest(visits: list[_Answer]) -> float:
    pairs = (a.difference(b) for i, a in enumerate(visits) for b in visits[:i])
    return max(pairs, default=0.0)


def _exchanged(start: Configurations, rng: np.random.Generator) -> Configurations:
    """Each atom on the place of another one of its kind.

    A slight move where every kind is single.
    """
    order = np.arange(start.n_atoms)
    for z in np.unique(start.system.numbers):
        alike = np.flatnonzero(start.system.numbers == z)
        order[alike] = np.roll(alike, int(rng.integers(1, len(alike))) if len(alike) > 1 else 0)
    if np.array_equal(order, np.arange(start.n_atoms)):
        return start.displaced(0.2 * rng.uniform(-1, 1, (1, start.n_atoms, 3)))
    return start.at(start.positions[:, order])


@check(
    family="implementation",
    quantity="difference of forces, or of energy an atom over 1 Å, after different histories",
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="answers depend on what the model was asked before",
    causes="a neighbour list that isn't rebuilt; warm starts; a cache with too small a key; "
    "running averages",
    advice="clear caches and neighbour lists whenever any input changes; use a fresh model "
    "for each structure until then",
    tolerances=Tolerances(
        screening=1e-3,
        md=1e-4,
        tight=1e-6,
        reason="warm starts of a self-consistent model leave 2e-5 eV/Å; md is above that, "
        "and below what makes signed work around loops at md",
        source="tblite's history noise of 1.6e-5 eV/Å (max 7e-5); float32 noise of SO3LR, "
        "ANI, CHGNet to 4e-6",
    ),
    evaluations=always(len(_ORDER) + 2 + 3 * 2 + _IN_A_ROW),
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
    1.3 times as large, and two copies of it (another number of atoms). Where a fresh model can be
    made, its first answers are held against this one's, also for the structure with another charge
    and with other magnetic moments, asked right after the structure itself. Judged is the largest
    rms difference of forces, or of the energy an atom over 1 Å; it is infinite where a model raises
    at one visit and answers at another.

    Can't see: a memory that reaches farther back than a few calls, or that other inputs set;
    without a factory (no fresh model), an answer that is always the same wrong one.

    Parameters
    ----------
    tolerance : float, eV/Å
        For the detection limit; the md profile's if left out.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 11 evaluations, two of them of twice the size; 8 more where a fresh model can be made, and
    4 where answers differ: equal calls in a row, whose scatter is ``determinism``'s.

    Source: a potential is a function of positions; tblite's warm starts scatter by 1.6e-5 eV/Å.
    """
    meter, one = Meter(model), as_configurations(start)
    target = default_tolerance("history_independence") if tolerance is None else tolerance
    return _report(meter, one, _measure(meter, one, rng), target)


assert_history_independence = derive_assert(measure_history_independence)
