"""Asked the same twice, a model answers the same twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.plotted import changes_by_atom, short
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.numerics.detection import MISSED, limit_of_excess
from physcheck.numerics.noise import rounding_floor
from physcheck.numerics.quantiles import FALSE_PASS
from physcheck.registry import Failure, KnownFault, check, default_tolerance, derive_assert
from physcheck.system import Configurations, Evaluation, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_determinism", "measure_determinism"]

_REPEATS = 5
# More calls where five leave open whether the scatter is below the tolerance.
_MORE = 20
# Times the tolerance: a scatter of five calls below that may be one of less than the tolerance.
_CLEARLY = 3.0
# Rounding of equal sums in another order isn't taken for a scatter that was seen.
_ROUNDINGS = 4
_WANT = frozenset({"forces", "energy"})


@check(
    family="implementation",
    quantity="rms scatter of forces in equal calls, or of energy an atom over 1 Å",
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="equal calls give different forces",
    causes="random numbers at inference (dropout, sampling); uninitialised memory; atomic adds on "
    "a GPU",
    advice="ask the framework for deterministic kernels, and look for random numbers, "
    "dropout or training mode in the forward pass",
    failure=Failure(
        short_title="equal calls differ",
        meaning="Two equal calls differ. Runs can't be repeated, and random forces heat a "
        "simulation at constant energy.",
        # Answers that scatter are told from each other by nothing else either.
        fault=KnownFault(
            "equal calls give different answers",
            explains=("batch_invariance", "history_independence", "thread_safety"),
        ),
    ),
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
    evaluations=always(_REPEATS + _MORE),
)
def measure_determinism(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    tolerance: float | None = None,
) -> Measurement:
    """Asked the same twice, a model answers the same twice.

    The standard deviation of a force component over five equal calls, one after the other, pooled
    in rms, or that of the energy an atom over 1 Å, the larger of both; twenty more calls where that
    is near the tolerance. A scatter that was seen is a fact: it fails above the tolerance. Whether
    answers are equal bit by bit is in ``quantities``; parallel sums make them differ.

    Can't see: randomness that strikes in fewer than one of five calls, or depends on what ran
    before (``history_independence``).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 5 evaluations, 25 where the answers scatter near the tolerance.

    Source: a potential is a function of positions.
    """
    meter, one = Meter(model), as_configurations(start)
    target = default_tolerance("determinism") if tolerance is None else tolerance
    answers, scatter, high = _asked_again(meter, one, target)
    forces = np.concatenate([a.require_forces() for a in answers])
    floor = rounding_floor(float(np.abs(forces).max()), meter.capabilities.dtype)
    floor = max(floor, _energy_floor(answers, meter.capabilities.dtype))
    dof = len(answers) - 1
    energies = [0.0 if a.energy is None else float(a.energy[0]) for a in answers]
    spread = np.ptp(forces, axis=0)
    atom = int(np.argmax(spread.max(axis=1)))
    equal = bool(spread.max() == 0 and np.ptp(energies) == 0)
    place = f"atom {atom} ({one.system.symbols[atom]}): forces within {spread.max():.3g} eV/Å"
    return Measurement(
        value=scatter,
        uncertainty=scatter / math.sqrt(2 * dof),
        uncertainty_components={"sampling": scatter / math.sqrt(2 * dof)},
        interval=(max(0.0, scatter - _ROUNDINGS * floor), high),
        detection_limit=_limit(target, floor),
        noise_floor=_ROUNDINGS * floor,
        force_evaluations=meter.evaluations,
        evidence={
            "place": "equal bit by bit" if equal else place,
            "scale": f"the largest force component is {np.abs(forces).max():.3g} eV/Å",
            "quantities": {
                "bitwise_equal": equal,
                "largest_force_difference_eV_per_A": float(spread.max()),
                "energy_difference_eV": float(np.ptp(energies)),
                "repeats": len(answers),
            },
            "configurations": one,
            **_for_pictures(scatter > target, spread, energies, one),
        },
    )


def _for_pictures(
    fails: bool, spread: Floats, energies: Sequence[float], one: Configurations
) -> dict[str, Any]:
    """The range of the force on each atom, and the energy of each call less that of the first."""
    if not fails:
        return {}
    found: dict[str, Any] = {}
    if spread.any():
        sizes = np.linalg.norm(spread, axis=1)
        found["force_changes"] = changes_by_atom(sizes, one.system.symbols)
    if np.ptp(energies) > 0:
        found["energy_by_call_eV"] = short(np.array(energies) - energies[0])
    return found


def _asked_again(
    meter: Meter, one: Configurations, target: float
) -> tuple[list[Evaluation], float, float]:
    """The answers to equal calls, their scatter and its upper end."""
    answers = [meter.evaluate(one, want=_WANT) for _ in range(_REPEATS)]
    scatter, high = _scatter(answers)
    if scatter <= target < high or target < scatter < _CLEARLY * target:
        answers += [meter.evaluate(one, want=_WANT) for _ in range(_MORE)]
        scatter, high = _scatter(answers)
    return answers, scatter, high


def _scatter(answers: Sequence[Evaluation]) -> tuple[float, float]:
    """The rms scatter of a force component, and its upper end."""
    from scipy.special import chdtri

    forces = np.concatenate([a.require_forces() for a in answers])
    # From the first answer, so that equal ones differ by exactly nothing.
    scatter = math.sqrt(float(np.mean(np.var(forces - forces[0], axis=0, ddof=1))))
    if all(a.energy is not None for a in answers):
        energy = np.array([float(a.require_energy()[0]) for a in answers])
        scatter = max(scatter, float(np.std(energy - energy[0], ddof=1)) / forces.shape[1])
    # One degree of freedom a repeat: noise may be alike in all components.
    dof = len(answers) - 1
    return scatter, scatter * math.sqrt(dof / chdtri(dof, 1 - FALSE_PASS))


def _limit(target: float, floor: float) -> float:
    """The scatter that all calls together show to be above ``target`` with 95 % chance."""
    from scipy.special import chdtri

    dof = _REPEATS + _MORE - 1
    falls_short = math.sqrt(float(chdtri(dof, 1 - MISSED)) / dof)
    return limit_of_excess(target, _ROUNDINGS * floor) / falls_short


def _energy_floor(answers: Sequence[Evaluation], dtype: str) -> float:
    """What rounding of the energy leaves an atom, eV over 1 Å."""
    energy = answers[0].energy
    if energy is None:
        return 0.0
    n_atoms = len(answers[0].require_forces()[0])
    return rounding_floor(float(np.abs(energy).max()), dtype) / n_atoms


assert_determinism = derive_assert(measure_determinism)
