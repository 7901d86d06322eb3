"""What is reported where a replica of the trajectory ran away."""

from __future__ import annotations

import math

import numpy as np

from physcheck.checks.conservation.no_potential import has_no_potential, measure_no_potential
from physcheck.checks.sampling.sampled_model import SampledModel
from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.measurement import Measurement

__all__ = ["measure_blow_up"]


def measure_blow_up(sampled: SampledModel, trajectory: Trajectory | None = None) -> Measurement:
    """The measurement of a trajectory that ran away: a FAIL, unless a shorter timestep cures it.

    Where that could not be tried, a FAIL if the forces have no potential.

    Parameters
    ----------
    sampled : SampledModel
    trajectory : Trajectory
        Another than that of ``sampled``.
    """
    ran = sampled.trajectory if trajectory is None else trajectory
    finding, excuse = _whose_fault(sampled, ran)
    return Measurement(
        value=0.0 if excuse else math.inf,
        uncertainty=math.inf,
        interval=(0.0, math.inf),
        detection_limit=None,
        limit_unknown="a replica ran away",
        force_evaluations=sampled.meter.evaluations,
        nothing_tested=excuse,
        evidence={
            "place": f"{ran.blown_up}{finding}",
            "scale": f"no stable dynamics at {ran.temperature_K:g} K: nothing can be sampled",
            "quantities": {"blow_up": not excuse, "trajectory": ran.facts()},
            "configurations": ran.start,
        },
    )


def _whose_fault(sampled: SampledModel, ran: Trajectory) -> tuple[str, str]:
    """What makes it the model's fault, and why it may not be one; one of them empty."""
    shorter = f"{ran.retried_fs:.2g} fs"
    advice = (
        "no option of a run makes the timestep shorter; in Python, "
        f"measure_{sampled.check}(model, atoms, timestep_fs={ran.retried_fs:.2g})"
    )
    if ran.unstable_step:
        return "", f"{ran.blown_up}, but not at {shorter}: {advice}"
    if ran.unstable_step is not None:
        return f", and so did one at {shorter}", ""
    asymmetry = measure_no_potential(sampled.meter, ran.start, np.random.default_rng(0), None)
    if asymmetry is not None and has_no_potential(asymmetry):
        return f"; the forces have no potential (lambda {asymmetry.value:.1e})", ""
    excuse = f"{ran.blown_up}, and too few evaluations were left to try {shorter}; {advice}"
    return "", f"{excuse}, or in the suite with a larger --physcheck-budget"
