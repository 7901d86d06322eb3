"""Forces add up to zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.checks.symmetry.balance import BALANCE, COST, measured, unbalanced_force
from physcheck.checks.symmetry.comparison import one_atom
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.registry import Failure, check, derive_assert
from physcheck.resolution import Resolution

__all__ = ["assert_net_force", "measure_net_force"]


@check(
    family="symmetry",
    quantity="rms of the least change of forces that removes the net force",
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces don't add up to zero: the whole system accelerates",
    causes="forces predicted directly; a lost reaction; an external field",
    advice="subtract the mean force in the model, or in the engine before each step, and "
    "look for absolute positions among the model's inputs",
    failure=Failure(
        short_title="net force isn't zero",
        meaning="The whole system accelerates. Momentum isn't conserved, the centre of mass takes "
        "up kinetic energy, and temperatures are wrong unless that is removed.",
    ),
    tolerances=BALANCE,
    evaluations=COST,
    applies=one_atom,
)
def measure_net_force(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Forces add up to zero.

    Judged is the rms component of the least change of the forces that makes it so, |sum_i
    F_i|/(sqrt(3) N): the force on every atom that accelerates the whole. The larger one of two
    thermally displaced copies of ``start`` (0.03 Å), each the mean of three jittered ones (1e-4 Å).

    Can't see: what cancels in the sum; a model that subtracts its net force passes rightly.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 6 evaluations.

    Source: Newton's third law, momentum conservation.
    """
    return measured("net_force", model, start, unbalanced_force, rng, resolution, tolerance)


assert_net_force = derive_assert(measure_net_force)
