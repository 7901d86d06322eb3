"""Do atoms and cell relax together, and is the energy released their work?

How it is measured.  q are the positions and the logarithm of the deformation, f the generalised
forces, as ASE's FrechetCellFilter has them, at zero pressure.  The start is strained and rattled by
known seeds.  The integral is taken as in relaxation_descent.  A stress of the wrong sign takes the
optimiser uphill, half of it releases twice the work's energy; a stress that isn't zero where the
energy is least leaves a gap on the way there.  How far fmax and stress came is in the evidence.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ase.units import GPa

from physcheck.checks.relaxation.descent_energy import (
    Descent,
    descend,
    descent_measurement,
    goal_of,
)
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.relaxation.optimisers import evaluations_needed
from physcheck.relaxation.starting_points import rattled, strained
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_cell_relaxation", "measure_cell_relaxation"]

_QUANTITY = "energy released on relaxing atoms and cell that isn't their work, over that work"


_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"steps": 28, "pieces": 40},
    "standard": {"steps": 120, "pieces": 180},
    "full": {"steps": 400, "pieces": 600},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    options = _OPTIONS[budget]
    return int(options["steps"]) + int(options["pieces"]) + int(options["pieces"]) // 2


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    return None if start.system.is_fully_periodic else "a cell relaxes where all axes are periodic"


@check(
    family="relaxation",
    quantity=_QUANTITY,
    unit="",
    needs={"forces", "energy", "stress"},
    kind="law",
    title="relaxing the cell releases another energy than the work of forces and stress",
    causes="a stress of the wrong sign, factor or order of components; a stress predicted "
    "directly; a missing term",
    advice="take the stress as the strain derivative of the energy (stress_energy_gap); "
    "relax at constant cell until then",
    failure=Failure(
        short_title="energy isn't the work",
        meaning="A cell relaxation is driven by another energy than the reported one. Lattice "
        "constants and relaxed energies can't be compared.",
        spoils=("cell relaxations",),
    ),
    tolerances=Tolerances(
        screening=0.1,
        md=0.01,
        tight=0.001,
        reason="as for relaxation_descent; a stress that is wrong by a share s of itself is "
        "off by s of the cell's part of the work, about half",
        source="physcheck's own choice; a stress halved or of the wrong sign, a common "
        "fault, is off by 0.2 and more",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
    applies=_applies,
)
def measure_cell_relaxation(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    optimiser: str = "LBFGS",
    strain: float = 0.03,
    rattle: float = 0.05,
    steps: int = 28,
    pieces: int = 40,
) -> Measurement:
    """The energy that atoms and cell release on relaxing is the work of forces and stress.

        gap = |E(end) - E(start) + integral of f.dq| / sum over the steps of |integral of f.dq|

    See the module for q and f and for how the integral is taken.

    Can't see: what relaxation_descent can't; a stress that is right for a wrong energy.

    Parameters
    ----------
    tolerance : float, dimensionless
        What the integral's error aims at; the md profile's if left out.
    optimiser : one of physcheck.relaxation.OPTIMISERS
    strain : float
        rms of the six components of the strain that the cell starts with.
    rattle : float, Å
    steps, pieces : int
        Evaluations of the relaxation, and of the integral before it is confirmed.

    Raises
    ------
    CapabilityMissing: no energy, no stress, or an axis that isn't periodic.
    ModelError, NonFiniteOutput

    Cost: at most steps + pieces, 68 by default; half of the pieces again to confirm a FAIL.

    Source: the filter is that of ASE, after JuLIP's expcell.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("cell_relaxation") if tolerance is None else tolerance
    goal = goal_of(resolution, one.n_atoms)
    begin = strained(rattled(one, rattle, rng), strain, rng)
    descent = descend(
        meter,
        begin,
        cell=True,
        optimiser=optimiser,
        fmax=goal,
        steps=steps,
        pieces=pieces,
        tolerance=target,
        rng=rng,
        resolution=resolution,
    )
    return _report(meter, descent, goal, resolution)


def _report(meter: Meter, descent: Descent, goal: float, resolution: Resolution) -> Measurement:
    stress = descent.path.answer.require_stress()
    first, last = (float(np.abs(stress[i]).max()) / GPa for i in (0, descent.last))
    needed = evaluations_needed(descent.path, goal)
    if descent.path.converged:
        state = "relaxed"
    elif np.isfinite(needed):
        state = f"on its way, some {needed:.0f} evaluations in all"
    else:
        state = descent.path.ended
    return descent_measurement(
        "cell_relaxation",
        _QUANTITY,
        descent,
        meter,
        resolution,
        scale=f"; the largest stress went from {first:.2g} to {last:.2g} GPa ({state})",
        quantities={
            "first_stress_GPa": first,
            "final_stress_GPa": last,
            "goal_fmax": goal,
            "converged": descent.path.converged,
        },
    )


assert_cell_relaxation = derive_assert(measure_cell_relaxation)
