"""A model with its trajectory, as every sampling check starts from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.checks.sampling.trajectory_making import make_trajectory
from physcheck.measurement import LOOK_CLOSER
from physcheck.model import Capabilities, Meter, Model
from physcheck.registry import default_tolerance
from physcheck.resolution import Resolution
from physcheck.system import Configurations, as_configurations
from physcheck.text.numbers import figure

__all__ = [
    "SampledModel",
    "needs_inner_motion",
    "sample_model",
]


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
        """What would settle the check: a trajectory so many times as long, and how to get it.

        That nothing would, where ``factor`` is infinite.
        """
        if not math.isfinite(factor):
            return LOOK_CLOSER
        trajectory = self.trajectory
        evaluations = factor * trajectory.n_steps * trajectory.n_replicas
        return (
            f"{figure(factor * trajectory.sampled_ps)} ps in all ({figure(evaluations)} "
            f"evaluations) would settle it: {LOOK_CLOSER}"
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


def needs_inner_motion(start: Configurations, capabilities: Capabilities) -> str | None:
    """Why a check of temperatures or energies doesn't apply to a structure, or None."""
    return "one atom alone has no inner motion" if start.n_atoms < 2 else None
