"""Forces on an isolated body have no torque about its centre."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from physcheck.checks.symmetry.balance import BALANCE, COST, measured
from physcheck.checks.symmetry.comparison import one_atom
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.registry import check, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats

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

    def unbalanced(place: Configurations, forces: Floats) -> Floats:
        arms = place.positions - place.positions.mean(axis=1, keepdims=True)
        torque = np.cross(arms, forces).sum(axis=1)
        squares = np.einsum("bia,bia->b", arms, arms)
        inertia = squares[:, None, None] * np.eye(3) - np.einsum("bia,bic->bac", arms, arms)
        moments, axes = np.linalg.eigh(inertia)
        along = np.einsum("ba,bak->bk", torque, axes)
        # About the axis of a linear molecule nothing turns, and nothing may be divided by zero.
        safe = moments > 1e-6 * moments[:, -1:]
        scaled = np.where(safe, along / np.sqrt(np.where(safe, moments, 1.0)), 0.0)
        # |w × r|² summed is torque² over moment of inertia; eigenvectors have no sign, the lab
        # frame has.
        back = np.einsum("bk,bak->ba", scaled, axes)
        return np.asarray(back / math.sqrt(place.n_atoms))

    return measured("net_torque", model, start, unbalanced, rng, resolution, tolerance)


assert_net_torque = derive_assert(measure_net_torque)
