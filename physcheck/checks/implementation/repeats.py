"""The same question has the same answer, whatever was asked before."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.symmetry.lattice import open_shell
from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.numerics.noise import rounding_floor
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS
from physcheck.probes.transformations import far_pair, supercell
from physcheck.registry import check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = [
    "assert_determinism",
    "assert_history_independence",
    "assert_numerical_noise",
    "measure_determinism",
    "measure_history_independence",
    "measure_numerical_noise",
]

_REPEATS = 5
_EXPANSION = 1.3
_FAR = 20.0
_WANT = frozenset({"forces", "energy"})
_LABELS = {
    "x": "the structure",
    "e": "like atoms exchanged",
    "l": "1.3 times as large",
    "d": "two copies of it",
}


@check(
    family="implementation",
    quantity="rms scatter of forces in equal calls",
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="equal calls give different forces",
    causes="random numbers at inference (dropout, sampling); uninitialised memory; atomic adds on a GPU",
    advice="ask the framework for deterministic kernels, and look for random numbers, "
    "dropout or training mode in the forward pass",
    tolerances=Tolerances(
        screening=1e-3,
        md=1e-4,
        tight=1e-6,
        reason="equal calls differ by the order of parallel sums, 1e-6 eV/Å in float32; md "
        "is far above that, and as noise in dynamics heats by less than 1e-7 "
        "eV/atom/ps",
        source="tblite's history noise of 1.6e-5 eV/Å (max 7e-5); float32 noise of SO3LR, "
        "ANI, CHGNet to 4e-6",
    ),
    evaluations=always(_REPEATS),
)
def measure_determinism(
    model: Model | Meter, start: Any, *, rng: np.random.Generator
) -> Measurement:
    """Asked the same twice, a model answers the same twice.

    The standard deviation of a force component over five equal calls, one after the other, pooled in rms. Whether the
    answers are equal bit by bit is in ``quantities``: a difference within the tolerance, as parallel sums make
    it, is no failure.

    Can't see: randomness that strikes in fewer than one of five calls, or depends on what ran before
    (``history_independence``).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 5 evaluations.

    Source: a potential is a function of positions.
    """
    from scipy.special import chdtri

    meter, one = Meter(model), as_configurations(start)
    answers = [meter.evaluate(one, want=_WANT) for _ in range(_REPEATS)]
    forces = np.concatenate([a.require_forces() for a in answers])
    # From the first answer, so that equal ones differ by exactly nothing.
    scatter = math.sqrt(float(np.mean(np.var(forces - forces[0], axis=0, ddof=1))))
    # One degree of freedom a repeat: noise may be alike in all components.
    dof = _REPEATS - 1
    low = scatter * math.sqrt(dof / chdtri(dof, FALSE_FAIL / 2))
    high = scatter * math.sqrt(dof / chdtri(dof, 1 - FALSE_PASS))
    energies = [0.0 if a.energy is None else float(a.energy[0]) for a in answers]
    spread = np.ptp(forces, axis=0)
    atom = int(np.argmax(spread.max(axis=1)))
    equal = bool(spread.max() == 0 and np.ptp(energies) == 0)
    place = f"atom {atom} ({one.system.symbols[atom]}): forces within {spread.max():.3g} eV/Å"
    return Measurement(
        value=scatter,
        uncertainty=scatter / math.sqrt(2 * dof),
        uncertainty_components={"sampling": scatter / math.sqrt(2 * dof)},
        interval=(low, high),
        detection_limit=rounding_floor(float(np.abs(forces).max()), meter.capabilities.dtype),
        force_evaluations=meter.evaluations,
        evidence={
            "place": "equal bit by bit" if equal else place,
            "scale": f"the largest force component is {np.abs(forces).max():.3g} eV/Å",
            "quantities": {
                "bitwise_equal": equal,
                "largest_force_difference_eV_per_A": float(spread.max()),
                "energy_difference_eV": float(np.ptp(energies)),
                "repeats": _REPEATS,
            },
            "configurations": one,
        },
    )


@check(
    family="implementation",
    quantity="rms difference of forces after different histories",
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces depend on what the model was asked before",
    causes="a neighbour list that isn't rebuilt; warm starts; a cache with too small a key; running averages",
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

    Four kinds of configurations are visited in an order in which each follows different ones: the structure, the
    same with like atoms exchanged (any neighbour list is then wrong), the structure 1.3 times as large, and two
    copies of it (another number of atoms). Judged is the largest rms difference of the forces at one
    configuration between its visits; it is infinite where a model raises at one visit and answers at another.

    Can't see: a memory that reaches farther back than a few calls, or that only other inputs set.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 11 evaluations, two of them of twice the size.

    Source: a potential is a function of positions; tblite's warm starts scatter by 1.6e-5 eV/Å.
    """
    meter, one = Meter(model), as_configurations(start)
    exchanged = _exchanged(one, rng)
    larger = one.at(_EXPANSION * one.positions, _EXPANSION * one.cells)
    doubled = _doubled(one)
    names = {"x": one, "e": exchanged, "l": larger, "d": doubled}
    visits: dict[str, list[Floats]] = {"x": [], "e": [], "l": [], "d": []}
    raised: dict[str, str] = {}
    for name in "xedexlxdlex":
        try:
            forces = meter.evaluate(names[name], want=frozenset({"forces"})).require_forces()[0]
        except (ModelError, NonFiniteOutput) as error:
            # The structure itself must be answered; the others are there to leave a trace.
            if name == "x":
                raise
            raised[name] = str(error)
            continue
        visits[name].append(forces)
    differences = {_LABELS[k]: _largest_rms(visits[k]) for k in "xel" if len(visits[k]) > 1}
    # Refusing a configuration is no fault; answering it another time is.
    fickle = [k for k in raised if visits[k]]
    differences.update({_LABELS[k]: math.inf for k in fickle})
    worst = max(differences, key=lambda k: differences[k])
    value = differences[worst]
    frame = {_LABELS[k]: names[k] for k in visits}[worst]
    place = f"{worst}: forces differ by {value:.3g} eV/Å (rms) between its visits"
    if fickle:
        place = f"{worst}: answered at one visit, not at another: {raised[fickle[0]]}"
    size = float(np.abs(visits["x"][0]).max())
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
                "visits": "xedexlxdlex",
                "raised": {_LABELS[k]: text for k, text in raised.items()},
            },
            "configurations": frame,
        },
    )


def _largest_rms(visits: list[Floats]) -> float:
    return max(
        math.sqrt(float(np.mean((a - b) ** 2))) for i, a in enumerate(visits) for b in visits[:i]
    )


def _exchanged(start: Configurations, rng: np.random.Generator) -> Configurations:
    """Each atom on the place of another one of its kind; a slight move where every kind is single."""
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
    quantity="standard deviation of a force component by noise",
    unit="eV/Å",
    needs={"forces"},
    kind="info",
    title="numerical noise of the forces",
    causes="float32, TF32, fused kernels, self-consistency tolerances, energy offsets",
    advice="use float64, or an energy offset removed before rounding, where other checks are "
    "limited by this noise",
    evaluations=always(0),
)
def measure_numerical_noise(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
) -> Measurement:
    """Reports the noise that all other comparisons are judged against.

    The standard deviation of a force component, by difference tables on two short lines, history included (see
    :func:`physcheck.resolution.measure_resolution`). Energy noise, stiffness and the rms force are in
    ``quantities``.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: none where the structure's resolution is known, else 16 to 24 evaluations.

    Source: Moré and Wild, SIAM J. Sci. Comput. 33, 1292 (2011).
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    noise = resolution.force_noise
    spread = noise / math.sqrt(2 * resolution.dof)
    return Measurement(
        value=noise,
        uncertainty=spread,
        uncertainty_components={"sampling": spread},
        interval=(noise / 2, 2 * noise),
        detection_limit=0.0,
        force_evaluations=meter.evaluations,
        evidence={
            "place": "about the structure itself",
            "scale": f"the rms force component is {resolution.force_rms:.3g} eV/Å",
            "quantities": resolution.to_json(),
            "configurations": one,
        },
    )


assert_determinism = derive_assert(measure_determinism)
assert_history_independence = derive_assert(measure_history_independence)
assert_numerical_noise = derive_assert(measure_numerical_noise)
