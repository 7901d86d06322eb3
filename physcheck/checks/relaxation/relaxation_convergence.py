"""Do relaxations converge?

How it is measured.  Seeded rattled starts are relaxed with ASE's optimisers, unchanged.  Judged is
the fmax (longest force) that the best optimiser reached, for the start where that is largest.  Runs
stop at half of the tolerance, or at the *achievable* fmax, which the noise of the forces sets
(:func:`physcheck.relaxation.noise_floor.achievable_fmax`).  The share of all runs that got there is
told with a binomial interval, of all and of each optimiser; runs that were cut off on their way
count either way (:mod:`physcheck.relaxation.success`).

A start from which no run gets there is one of three things.  It is *on its way*: the verdict is
INCONCLUSIVE with the evaluations that the rate of the last two thirds asks for.  It is at the
noise: INCONCLUSIVE at the achievable fmax.  Or a run *stalls*: fmax falls no more in its last
third.  Stalls happen on good models too (a timestep too long for stiff bonds, kinks, an endless
slope), so a FAIL needs evidence that there is no potential: the Jacobian within the directions in
which L-BFGS, BFGS or FIRE goes round and round is antisymmetric
(:mod:`physcheck.relaxation.circling`) beyond the tolerance that ``jacobian_asymmetry`` has for
screening, noise and truncation allowed for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

# Its tolerance says what counts as antisymmetric.
from physcheck.checks.conservation import jacobian_asymmetry as jacobian_asymmetry
from physcheck.measurement import FINER_ARITHMETIC, LOOK_CLOSER, NOTHING_SETTLES, Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import limit_of_excess
from physcheck.registry import (
    Budget,
    Failure,
    check,
    default_tolerance,
    derive_assert,
    tolerance_of,
)
from physcheck.relaxation.circling import (
    CIRCLING_EVALUATIONS,
    Circling,
    measure_circling,
    stalled,
)
from physcheck.relaxation.noise_floor import achievable_fmax
from physcheck.relaxation.optimisers import (
    NEEDS_ENERGY,
    OPTIMISERS,
    Path,
    evaluations_needed,
    relax,
)
from physcheck.relaxation.starting_points import rattled
from physcheck.relaxation.success import success_of
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, as_configurations
from physcheck.text.numbers import figure
from physcheck.tolerances import Tolerances

__all__ = ["assert_relaxation_convergence", "measure_relaxation_convergence"]

_UNIT = "eV/Å"
_QUANTITY = "largest force where relaxations end"
# A stall of these is the forces' doing where those have no potential; a fixed timestep (MDMin on
# stiff bonds) and line searches (on noise) stall on good models too.
_DEPENDABLE = frozenset({"LBFGS", "BFGS", "FIRE"})
# Of what is left, this share goes to a run if others are to follow: L-BFGS is the fastest, so it
# comes first.
_SHARE = 0.8
# A run shorter than this isn't worth beginning after another, and says nothing of a stall.
_TELLING = 30
# What a stalled run is granted to still gain if it were twice as long.
_STILL_TO_GAIN = 0.8


_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"rattles": (0.1,), "optimisers": ("LBFGS", "FIRE"), "evaluations": 120},
    "standard": {
        "rattles": (0.05, 0.2, 0.5),
        "optimisers": ("LBFGS", "FIRE", "SciPyFminCG"),
        "evaluations": 1_350,
    },
    "full": {"rattles": (0.05, 0.2, 0.5), "optimisers": OPTIMISERS, "evaluations": 18_000},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    options = _OPTIONS[budget]
    return int(options["evaluations"]) + CIRCLING_EVALUATIONS * len(options["rattles"])


def inner_motion(start: Configurations, capabilities: Capabilities) -> str | None:
    """Why nothing can relax, or None."""
    return "one atom alone has no inner motion" if start.n_atoms < 2 else None


@dataclass(frozen=True, slots=True, eq=False)
class _Start:
    """The runs from one rattled start."""

    rattle: float
    paths: list[Path]
    stalls: list[bool]
    circling: Circling | None

    @property
    def reached(self) -> float:
        """The smallest fmax of any run."""
        return min(float(path.fmax.min()) for path in self.paths)

    @property
    def best(self) -> Path:
        """The run that reached it."""
        return min(self.paths, key=lambda path: float(path.fmax.min()))


@check(
    family="relaxation",
    quantity=_QUANTITY,
    unit=_UNIT,
    needs={"forces"},
    kind="law",
    title="relaxations go round and round instead of ending in a minimum",
    causes="forces predicted directly, which have no minimum to go to; a net torque; a detached "
    "term",
    advice="relax with conservative forces, and use this model to come near the minimum only",
    failure=Failure(
        short_title="reaches no minimum",
        meaning="Geometry optimisations don't end, or end by chance: there is no minimum to go to.",
    ),
    tolerances=Tolerances(
        screening=0.05,
        md=0.01,
        tight=0.001,
        reason="the fmax that people ask for: 0.05 for screening structures (ASE's default), "
        "0.01 for energies of minima, 0.001 for phonons and barriers",
        source="ASE's Optimizer.run has fmax = 0.05; Bigi, Langer, Ceriotti, arXiv "
        "2412.11569: L-BFGS in 1000 steps on liquid water converges in 9 % of the "
        "cases with ORB's direct forces, in 83 to 88 % with conservative ones",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
    applies=inner_motion,
)
def measure_relaxation_convergence(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    rattles: tuple[float, ...] = (0.1,),
    optimisers: tuple[str, ...] = ("LBFGS", "FIRE"),
    evaluations: int = 120,
) -> Measurement:
    """Downhill along the forces of a potential there is an end.

    fmax = max_i |F_i|, eV/Å, that the best of ASE's optimisers reached, for the start where that is
    largest. How a stall is told from a fault: see the module.

    Can't see: non-gradient forces that still have a zero nearby, which is common for weak ones in
    stiff crystals (jacobian_asymmetry sees them).

    Parameters
    ----------
    tolerance : float, eV/Å
        Where runs may stop; the md profile's if left out.
    rattles : tuple of float, Å
        One start each: the largest move of an atom, less where its neighbours leave no room.
    optimisers : tuple of str
        Of :data:`physcheck.relaxation.OPTIMISERS`; those that search lines are left out where there
        is no energy.
    evaluations : int
        For all runs together; what one leaves goes to the next.

    Raises
    ------
    CapabilityMissing: a single atom. ValueError: no start, or no optimiser that can run.
    ModelError, NonFiniteOutput

    Cost: at most evaluations + 16 a start, 136 by default.

    Source: arXiv 2412.11569, section on geometry optimisation; the optimisers are ASE's.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("relaxation_convergence") if tolerance is None else tolerance
    if "energy" not in meter.capabilities.outputs:
        optimisers = tuple(name for name in optimisers if name not in NEEDS_ENERGY)
    if not rattles or not optimisers:
        raise ValueError("no start or no optimiser that can run")
    floor = achievable_fmax(resolution, one.n_atoms)
    goal = max(target / 2, floor)
    starts = _measure(meter, one, rattles, optimisers, evaluations, goal, rng, resolution)
    return _report(meter, resolution, starts, target, goal, floor)


def _measure(
    meter: Meter,
    one: Configurations,
    rattles: tuple[float, ...],
    optimisers: tuple[str, ...],
    evaluations: int,
    goal: float,
    rng: np.random.Generator,
    resolution: Resolution,
) -> list[_Start]:
    left = evaluations
    found = []
    for index, rattle in enumerate(rattles):
        pool = left // (len(rattles) - index)
        begin = rattled(one, rattle, rng)
        paths: list[Path] = []
        for rank, name in enumerate(optimisers):
            share = pool if rank == len(optimisers) - 1 else int(_SHARE * pool)
            if share < (_TELLING if paths else 1):
                continue
            path = relax(meter, begin, optimiser=name, fmax=goal, evaluations=share)
            pool -= len(path)
            left -= len(path)
            paths.append(path)
        if not paths:
            continue
        stalls = [stalled(path, goal) for path in paths]
        circling = None
        suspects = [
            path
            for path, stall in zip(paths, stalls, strict=True)
            if stall and path.optimiser in _DEPENDABLE and path.ended != "ran away"
        ]
        if suspects and not any(path.fmax.min() <= goal for path in paths):
            longest = max(suspects, key=len)
            circling = measure_circling(meter, longest, rng=rng, resolution=resolution)
        found.append(_Start(rattle, paths, stalls, circling))
    return found


def _report(
    meter: Meter,
    resolution: Resolution,
    starts: list[_Start],
    target: float,
    goal: float,
    floor: float,
) -> Measurement:
    limit = tolerance_of("jacobian_asymmetry", "screening")
    assert limit is not None
    faulty = [s for s in starts if s.circling is not None and s.circling.low > limit.value]
    worst = max(faulty or starts, key=lambda s: s.reached)
    value = worst.reached
    low = max(0.0, _STILL_TO_GAIN * value - floor) if faulty else 0.0
    needed = min(evaluations_needed(path, goal) for path in worst.paths)
    return Measurement(
        value=value,
        uncertainty=resolution.force_noise,
        uncertainty_components={"rounding": resolution.force_noise},
        interval=(low, value + 2 * resolution.force_noise),
        # Judged is what a run that stalls would still reach, above the noise.
        detection_limit=limit_of_excess(target, floor) / _STILL_TO_GAIN,
        noise_floor=floor,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        resolve=_advice(worst, bool(faulty), goal, floor, target, needed),
        # What it would take is told of a run that is on its way alone.
        work_needed=needed / len(worst.best) if np.isfinite(needed) else None,
        evidence=_evidence(starts, worst, goal, floor, needed),
    )


def _evidence(
    starts: list[_Start], worst: _Start, goal: float, floor: float, needed: float
) -> dict[str, Any]:
    paths = [path for start in starts for path in start.paths]
    success = success_of(paths, goal)
    by_optimiser = {
        name: success_of([path for path in paths if path.optimiser == name], goal).quantities
        for name in dict.fromkeys(path.optimiser for path in paths)
    }
    circling = [start.circling for start in starts]
    return {
        "place": f"{success.text(goal)}; {_best_of_worst(worst)}",
        "scale": f"the noise of the forces lets fmax reach {floor:.2g} eV/Å",
        "quantities": {
            "achievable_fmax": floor,
            "goal": goal,
            "converged_fraction": success.converged / len(paths),
            "success": success.quantities,
            "success_by_optimiser": by_optimiser,
            "evaluations_needed": needed if np.isfinite(needed) else None,
            "antisymmetric_share_where_it_stalls": [
                None if found is None else [found.share, found.low] for found in circling
            ],
            "runs": [run for start in starts for run in _runs_from(start)],
        },
        "configurations": worst.best.final,
        "series": {f"fmax_{i}_{path.optimiser}": path.fmax for i, path in enumerate(paths[:6])},
    }


def _best_of_worst(worst: _Start) -> str:
    """How far the best run from the worst start came, and whether it goes round."""
    text = (
        f"the best from the worst start ({worst.rattle} Å) is {worst.best.optimiser}'s "
        f"{worst.reached:.2g} eV/Å after {len(worst.best)} evaluations"
    )
    if worst.circling is None:
        return text
    share = figure(100 * worst.circling.share)
    return f"{text}; it goes round where {share} % of the Jacobian is antisymmetric"


def _runs_from(start: _Start) -> list[dict[str, Any]]:
    """What each optimiser made of a start."""
    return [
        {
            "rattle_A": start.rattle,
            "optimiser": path.optimiser,
            "first_fmax": float(path.fmax[0]),
            "smallest_fmax": float(path.fmax.min()),
            "evaluations": len(path),
            "ended": path.ended,
            "stalled": stall,
        }
        for path, stall in zip(start.paths, start.stalls, strict=True)
    ]


def _advice(
    worst: _Start, faulty: bool, goal: float, floor: float, target: float, needed: float
) -> str:
    """What would resolve an INCONCLUSIVE."""
    value = worst.reached
    if floor > target / 2 and value <= 4 * floor:
        return (
            f"the noise of the forces lets fmax reach {floor:.2g} eV/Å and no less: "
            f"{FINER_ARITHMETIC}"
        )
    if faulty:
        return (
            "the forces have no potential where it stalls, but fmax is near the tolerance: "
            f"{NOTHING_SETTLES}"
        )
    if np.isfinite(needed) and not all(worst.stalls):
        return (
            f"{worst.best.optimiser} is on its way at {value:.2g} eV/Å and would take some "
            f"{needed:.0f} evaluations: {LOOK_CLOSER}"
        )
    how = f"fmax stays near {value:.2g} eV/Å"
    if any(path.ended == "ran away" for path in worst.paths):
        how = "the structure falls apart"
    return (
        f"{how}, but no lack of a potential is seen there: kinks, a flat or endless slope, or the "
        f"optimiser's own doing; {LOOK_CLOSER}"
    )


assert_relaxation_convergence = derive_assert(measure_relaxation_convergence)
