"""Forces depend on the configuration, not on those that the model saw before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.symmetry.comparison import open_shell
from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.numerics.noise import rounding_floor
from physcheck.probes.transformations import far_pair, supercell
from physcheck.registry import check, derive_assert
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_history_independence", "measure_history_independence"]

_EXPANSION = 1.3
_FAR = 20.0
# Each kind of configuration follows different ones.
_ORDER = "xedexlxdlex"
_LABELS = {
    "x": "the structure",
    "e": "like atoms exchanged",
    "l": "1.3 times as large",
    "d": "two copies of it",
}


@dataclass(slots=True)
class _Visits:
    """The configurations by key, the forces found at each visit, and what was raised."""

    places: dict[str, Configurations]
    forces: dict[str, list[Floats]]
    raised: dict[str, str]


def _measure(meter: Meter, one: Configurations, rng: np.random.Generator) -> _Visits:
    larger = one.at(_EXPANSION * one.positions, _EXPANSION * one.cells)
    places = {"x": one, "e": _exchanged(one, rng), "l": larger, "d": _doubled(one)}
    found = _Visits(places, {key: [] for key in places}, {})
    for key in _ORDER:
        try:
            answer = meter.evaluate(places[key], want=frozenset({"forces"}))
        except (ModelError, NonFiniteOutput) as error:
            # The structure itself must be answered; the others are there to leave a trace.
            if key == "x":
                raise
            found.raised[key] = str(error)
            continue
        found.forces[key].append(answer.require_forces()[0])
    return found


def _report(meter: Meter, one: Configurations, visits: _Visits) -> Measurement:
    differences = {
        _LABELS[k]: _largest_rms(visits.forces[k]) for k in "xel" if len(visits.forces[k]) > 1
    }
    # Refusing a configuration is no fault; answering it another time is.
    fickle = [k for k in visits.raised if visits.forces[k]]
    differences.update({_LABELS[k]: math.inf for k in fickle})
    worst = max(differences, key=lambda k: differences[k])
    value = differences[worst]
    place = f"{worst}: forces differ by {value:.3g} eV/Å (rms) between its visits"
    if fickle:
        place = f"{worst}: answered at one visit, not at another: {visits.raised[fickle[0]]}"
    size = float(np.abs(visits.forces["x"][0]).max())
    # Rounding of the answers, the only noise that answers to one question may honestly have.
    floor = rounding_floor(size, meter.capabilities.dtype)
    return Measurement(
        value=value,
        uncertainty=floor if value > 0 else 0.0,
        uncertainty_components={"rounding": floor if value > 0 else 0.0},
        interval=(max(0.0, value - 4 * floor), value + 2 * floor if value > 0 else 0.0),
        detection_limit=4 * floor,
        force_evaluations=meter.evaluations,
        evidence={
            "place": place,
            "scale": f"the largest force component is {size:.3g} eV/Å",
            "quantities": {
                "rms_differences_eV_per_A": differences,
                "visits": _ORDER,
                "raised": {_LABELS[k]: text for k, text in visits.raised.items()},
            },
            "configurations": {_LABELS[k]: place for k, place in visits.places.items()}[worst],
        },
    )


def _largest_rms(visits: list[Floats]) -> float:
    return max(
        math.sqrt(float(np.mean((a - b) ** 2))) for i, a in enumerate(visits) for b in visits[:i]
    )


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


def _doubled(start: Configurations) -> Configurations:
    if open_shell(start) is not None:
        return start
    if start.system.is_periodic:
        axis = int(np.flatnonzero(start.system.pbc)[0])
        return supercell(start, axis, 2).apply(start)
    return far_pair(start, start, _FAR)


@check(
    family="implementation",
    quantity="rms difference of forces after different histories",
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces depend on what the model was asked before",
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
    evaluations=always(11),
)
def measure_history_independence(
    model: Model | Meter, start: Any, *, rng: np.random.Generator
) -> Measurement:
    """Forces depend on the configuration, not on those that the model saw before.

    Four kinds of configurations are visited in an order in which each follows different ones: the
    structure, the same with like atoms exchanged (any neighbour list is then wrong), the structure
    1.3 times as large, and two copies of it (another number of atoms). Judged is the largest rms
    difference of the forces at one configuration between its visits; it is infinite where a model
    raises at one visit and answers at another.

    Can't see: a memory that reaches farther back than a few calls, or that only other inputs set.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 11 evaluations, two of them of twice the size.

    Source: a potential is a function of positions; tblite's warm starts scatter by 1.6e-5 eV/Å.
    """
    meter, one = Meter(model), as_configurations(start)
    return _report(meter, one, _measure(meter, one, rng))


assert_history_independence = derive_assert(measure_history_independence)
