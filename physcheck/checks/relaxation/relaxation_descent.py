"""Is the energy released on relaxing the work of the forces?"""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.checks.relaxation.descent_energy import descend, descent_measurement, goal_of
from physcheck.checks.relaxation.relaxation_convergence import inner_motion
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.relaxation.starting_points import rattled
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_relaxation_descent", "measure_relaxation_descent"]

_QUANTITY = "energy released on relaxing that isn't the forces' work, over that work"


_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"steps": 24, "pieces": 32},
    "standard": {"steps": 100, "pieces": 150, "rattle": 0.2},
    "full": {"steps": 300, "pieces": 500, "rattle": 0.3},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    options = _OPTIONS[budget]
    return int(options["steps"]) + int(options["pieces"]) + int(options["pieces"]) // 2


@check(
    family="relaxation",
    quantity=_QUANTITY,
    unit="",
    needs={"forces", "energy"},
    kind="law",
    title="a relaxation releases another energy than the forces' work",
    causes="forces predicted directly; a detached term; energy and forces smoothed, shifted or "
    "scaled differently",
    advice="report the energy whose gradient the forces are (force_energy_gap); don't use "
    "line searches or energy differences of relaxed structures until then",
    failure=Failure(
        short_title="energy isn't the work",
        meaning="The energy that a relaxation reports isn't the work that the forces did. "
        "Optimisers that look at energies fail, and energies of relaxed structures can't be "
        "compared.",
    ),
    tolerances=Tolerances(
        screening=0.1,
        md=0.01,
        tight=0.001,
        reason="a share of the energy that a relaxation releases: screening, 10 %, the error "
        "of a good fit's relaxation energies; md, 1 %, an adsorption energy of 1 eV "
        "is as good with forces' work as with energies to 10 meV; tight a tenth of it",
        source="physcheck's own choice; built-in potentials reach 1e-6 in float64, 1e-5 in "
        "float32 (tests)",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
    applies=inner_motion,
)
def measure_relaxation_descent(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    optimiser: str = "LBFGS",
    rattle: float = 0.1,
    steps: int = 24,
    pieces: int = 32,
) -> Measurement:
    """The energy that a relaxation releases is the work of the forces on its way.

        gap = |E(end) - E(start) + integral of F.dx| / sum over the steps of |integral of F.dx|

    One of ASE's optimisers relaxes a rattled start; the integral runs over the polygon through the
    places it evaluated, where the forces are known already. The pieces with the largest errors are
    halved until all errors are a tenth of the tolerance (Simpson's rule, held against the rule on
    half the points, without credit for its order: kinks have none). The path need not end in a
    minimum. Judged is its end, or the place on its way where the gap is largest, if it is certain
    there.

    Can't see: a lack of conservation that shows on curved ways only (loop_work does: downhill the
    way is nearly straight), nor gaps that cancel over the way (force_energy_gap has them locally).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    tolerance : float, dimensionless
        What the integral's error aims at; the md profile's if left out.
    optimiser : one of physcheck.relaxation.OPTIMISERS
    rattle : float, Å
        Largest move of an atom before.
    steps, pieces : int
        Evaluations of the relaxation, and of the integral before it is confirmed.

    Raises
    ------
    CapabilityMissing
        No energy, or a single atom.
    ModelError, NonFiniteOutput

    Cost: at most steps + pieces, 56 by default; half of the pieces again to confirm a FAIL.

    Source: the line integral is that of force_energy_gap, after the OpenKIM verification check of
    forces.
    """
    meter = Meter(model)
    one = as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("relaxation_descent") if tolerance is None else tolerance
    fmax = goal_of(resolution, one.n_atoms)
    descent = descend(
        meter, rattled(one, rattle, rng), cell=False, optimiser=optimiser, fmax=fmax, steps=steps,
        pieces=pieces, tolerance=target, rng=rng, resolution=resolution,
    )  # fmt: skip
    return descent_measurement("relaxation_descent", _QUANTITY, descent, meter, resolution)


assert_relaxation_descent = derive_assert(measure_relaxation_descent)
