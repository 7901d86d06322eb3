"""Forces on an isolated body have no torque about its centre."""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.checks.symmetry.balance import BALANCE, COST, measured, unbalanced_torque
from physcheck.checks.symmetry.comparison import one_atom
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.registry import Failure, check, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations

__all__ = ["assert_net_torque", "measure_net_torque"]


def _isolated(start: Configurations, capabilities: Capabilities) -> str | None:
    if start.system.is_periodic:
        return "the structure is periodic: torque isn't defined"
    return one_atom(start, capabilities)


@check(
    family="symmetry",
    quantity="rms of the least change of forces that removes the net torque",
    unit="eV/Å",
    needs={"forces"},
    kind="practice",
    title="forces turn an isolated body",
    causes="forces predicted directly; an energy that isn't invariant under rotation",
    advice="subtract the net torque of isolated molecules, or use a rotationally invariant "
    "energy, before angular momentum matters",
    failure=Failure(
        short_title="net torque isn't zero",
        meaning="An isolated molecule or cluster starts to spin by itself.",
    ),
    tolerances=BALANCE,
    evaluations=COST,
    applies=_isolated,
)
def measure_net_torque(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Forces on an isolated body have no torque about its centre.

    Judged is the rms component of the least change of the forces that makes it so, w × (r_i - c)
    with I w = sum_i (r_i - c) × F_i and I the inertia tensor of unit masses; two thermal copies as
    in :func:`measure_net_force`. A practice, as ``rotation_equivariance``, of which it is the
    infinitesimal form where the forces have an energy.

    Can't see: a torque about the axis of a linear molecule.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 6 evaluations.

    Source: angular momentum conservation.
    """
    return measured("net_torque", model, start, unbalanced_torque, rng, resolution, tolerance)


assert_net_torque = derive_assert(measure_net_torque)
