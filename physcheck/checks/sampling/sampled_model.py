"""A model with its trajectory, as every sampling check starts from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.checks.sampling.trajectory_making import FULL_EVALUATIONS, make_trajectory
from physcheck.model import Capabilities, Meter, Model
from physcheck.registry import default_tolerance
from physcheck.resolution import Resolution
from physcheck.system import Configurations, as_configurations
from physcheck.text.numbers import figure

__all__ = [
    "SampledModel",
    "needs_inner_motion",
    "room_below",
    "sample_model",
]

# The least room below a tolerance that a longer run is planned for, as a share of the tolerance:
# with a value at the tolerance or beyond, no length makes it pass for sure.
_LEAST_ROOM = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class SampledModel:
    """What a check measures on, and what it holds the result against.

    Attributes
    ----------
    check : str
        The check's id.
    meter : Meter
        The model, with all evaluations of this record counted.
    start : Configurations with B = 1
    trajectory : Trajectory
    tolerance : float
        In the check's unit.
    resolution : Resolution or None
    rng : Generator
    """

    check: str
    meter: Meter
    start: Configurations
    trajectory: Trajectory
    tolerance: float
    resolution: Resolution | None
    rng: np.random.Generator

    @property
    def nothing_tested(self) -> str:
        """Why no sampling check says anything, where the forces don't respond; else empty."""
        return "" if self.resolution is None else self.resolution.rigid_reason

    def longer_run(self, factor: float) -> str:
        """What would resolve the check: a trajectory so many times as long, and how to get it.

        Empty where ``factor`` is infinite.
        """
        if not math.isfinite(factor):
            return ""
        trajectory = self.trajectory
        evaluations = factor * trajectory.n_steps * trajectory.n_replicas
        length = factor * trajectory.sampled_ps
        if evaluations <= FULL_EVALUATIONS:
            how = "rerun with --physcheck-budget=full"
        else:
            how = (
                f"in a script, measure_{self.check}(model, atoms, "
                f"evaluations={_round_up(evaluations)}); a larger box of the same system "
                "resolves more for each evaluation"
            )
        return (
            f"{figure(length)} ps in all ({figure(evaluations)} evaluations) would resolve it: "
            f"{how}"
        )


def sample_model(
    check: str,
    model: Model | Meter,
    start: Any,
    *,
    trajectory: Trajectory | None,
    tolerance: float | None,
    resolution: Resolution | None,
    rng: np.random.Generator,
    evaluations: int,
    replicas: int | None,
    temperature_K: float,
    timestep_fs: float | None,
) -> SampledModel:
    """The trajectory given, or one made here as by :func:`make_trajectory`; the check's tolerance.

    Cost: ``evaluations`` at most, nothing if a trajectory is given.
    """
    meter = Meter(model)
    one = as_configurations(start)
    target = default_tolerance(check) if tolerance is None else tolerance
    if trajectory is None:
        trajectory = make_trajectory(
            meter,
            one,
            rng=rng,
            evaluations=evaluations,
            replicas=replicas,
            temperature_K=temperature_K,
            timestep_fs=timestep_fs,
        )
    return SampledModel(check, meter, one, trajectory, target, resolution, rng)


def room_below(tolerance: float, value: float) -> float:
    """How far above ``value`` an interval may end for a PASS; at least half of the tolerance."""
    return max(tolerance - value, _LEAST_ROOM * tolerance)


def _round_up(number: float) -> int:
    """The next whole number of two digits and zeros."""
    unit: int = 10 ** max(0, int(math.log10(max(number, 1.0))) - 1)
    return math.ceil(number / unit) * unit


def needs_inner_motion(start: Configurations, capabilities: Capabilities) -> str | None:
    """Why a check of temperatures or energies doesn't apply to a structure, or None."""
    return "one atom alone has no inner motion" if start.n_atoms < 2 else None
