"""What is reported of constant-energy dynamics where a replica ran away."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from ase.units import kB

from physcheck.checks.dynamics.nve_runs import Runs
from physcheck.checks.dynamics.replicas import blown_up, runaway, thinned
from physcheck.measurement import Measurement
from physcheck.resolution import Resolution

__all__ = ["measure_runaway"]

# A replica that runs away is tried again at this share of its timestep, or of the one that fits if
# that is shorter.
_SHORTER = 0.25
# Where atoms fall onto each other no usual timestep is short enough: the step that lost the replica
# is taken again in so many, at which the integrator's error (dt²) is a 4000th.
_LAST_STEP = 64
# What is left then is the integrator's if the replica gained no more than this share without it.
_INTEGRATOR_SHARE = 0.5


def measure_runaway(
    run: Runs, replica: int, resolution: Resolution | None, phase: float
) -> Measurement:
    """A replica ran away: once more at a shorter timestep, then the verdict.

    ``phase`` is the advance of the fastest mode, rad, in a step that fits it.

    Cost: as many evaluations as the replica took, five times over, and 64; and 60 for the proof
    that the forces have no potential, where energy and forces don't belong together or the
    integrator made the gain.
    """
    meter = run.meter
    raised, span = runaway(run.fine, replica)
    calm, by_integrator, shorter_fs, calm_span = _tried_again(run, replica, raised, phase)
    real, value, lost = not calm, raised / span, run.fine.positions[replica]
    figures: dict[str, Any] = {"jacobian_asymmetry": None}
    # E + K also runs away where the energy is not at all the one of the forces.
    if by_integrator or (real and not run.belongs_together()):
        real, found = run.no_potential(resolution)
        figures |= found
    evidence = {
        "place": f"replica {replica} gained {raised:.3g} eV/atom within {1e3 * span:.3g} fs of "
        f"dynamics at a timestep of {run.fine_fs:.2g} fs"
        + ("" if real else f", but not at {shorter_fs:.2g} fs"),
        "scale": f"this is {value / (3 * kB):.2g} K/ps: the simulation blows up",
        "quantities": {
            "blow_up": real,
            **figures,
            "blow_up_time_ps": span,
            "timestep_fs": run.fine_fs,
            "calm_time_at_shorter_timestep_ps": calm_span if not real else 0.0,
        },
        "series": thinned(run.fine),
        "configurations": run.start.at(lost) if np.isfinite(lost).all() else run.start,
    }
    return Measurement(
        value=value,
        uncertainty=value / 2,
        uncertainty_components={"truncation": value / 2},
        interval=(value / 2 if real else 0.0, 2 * value),
        detection_limit=None,
        limit_unknown="a run that runs away has no error that it could be told from",
        force_evaluations=meter.evaluations,
        resolve="the integrator is unstable here, not the forces, and no option of a run makes "
        "its timestep shorter; in Python, "
        f"measure_{run.law}(model, atoms, timestep_fs={shorter_fs:.2g})",
        evidence=evidence,
    )


def _tried_again(
    run: Runs, replica: int, raised: float, phase: float
) -> tuple[bool, bool, float, float]:
    """Whether a lost replica is calm at a shorter timestep, or but for its last step.

    With the timestep, fs, at which that is so, and how long it was calm, ps.
    """
    meter, again, calm_span = run.meter, True, 0.0
    shorter_fs = _SHORTER * run.fine_fs * min(1.0, phase / max(run.phase, 1e-12))
    steps = math.ceil(run.fine.steps * run.fine_fs / shorter_fs)
    # Where there is room for one trial only, the one that costs less is made.
    last_step = run.fine.steps + _LAST_STEP + 2
    if meter.remaining is None or meter.remaining > steps + last_step:
        calmer = run.again(replica, shorter_fs)
        again = blown_up(calmer, steps) is not None
        calm_span = calmer.steps * calmer.timestep_fs * 1e-3
    if again and _integrator_made_it(run, replica, raised):
        return False, True, run.fine_fs / _LAST_STEP, calm_span
    return not again, False, shorter_fs, calm_span


def _integrator_made_it(run: Runs, replica: int, raised: float) -> bool:
    """Whether the step that lost a replica gains little where it is taken in 64.

    Forces that do work do as much of it in short steps.
    """
    meter, steps = run.meter, run.fine.steps - 1
    if meter.remaining is not None and meter.remaining <= steps + _LAST_STEP + 2:
        return False
    before = run.again(replica, run.fine_fs)
    if blown_up(before, steps) is not None:
        return False
    finer = run.continued(before, run.fine_fs / _LAST_STEP)
    if finer is None or blown_up(finer, _LAST_STEP) is not None:
        return False
    gained = abs(float(before.last_unexplained[0])) + abs(float(finer.last_unexplained[0]))
    return gained <= _INTEGRATOR_SHARE * raised * run.start.n_atoms
