"""Temperatures under local baths: how strong a bath has to be to hide what the forces do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from ase.units import kB

from physcheck.checks.sampling.bath_run import BathRun
from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.dynamics import Langevin, degrees_of_freedom, draw_velocities
from physcheck.model import Meter
from physcheck.system import Bools, Floats

__all__ = ["FRICTION_TIMES_FS", "langevin_series"]

#: 1/friction of the baths, fs.
FRICTION_TIMES_FS = (1000.0, 100.0, 10.0)
# The first part of each run isn't counted: the bath takes its time to equilibrate.
_EQUILIBRATION_SHARE = 0.25
# Shorter runs are all noise.
_FEWEST_STEPS = 8


def langevin_series(
    meter: Meter,
    trajectory: Trajectory,
    groups: Mapping[str, Bools],
    rng: np.random.Generator,
    evaluations: int,
) -> dict[str, Any]:
    """Kinetic temperatures under Langevin baths of several strengths, K, with standard errors.

    The bath that equilibrated the trajectory costs nothing more. Baths of 1000, 100 and 10 fs share
    ``evaluations``, if there are enough, from the trajectory's last snapshots with fresh
    velocities. A bath removes heat at a rate of 2 K/time: forces that put P eV/ps of it into a
    species leave it P time/(n kB) too hot, if nothing else takes the heat.

    Returns
    -------
    mapping
        By the bath's time ("1000 fs"), then by group ("all atoms" besides): [temperature, error
        over replicas]; a string where a replica ran away.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, table 3 (T - 300 K of ORB: +51/+4.2/+0.4 at
    1000/100/10 fs).
    """
    members = {"all atoms": np.ones(trajectory.start.n_atoms, dtype=np.bool_), **groups}
    found: dict[str, Any] = {}
    if len(trajectory.equilibration_kinetic):
        name = f"{trajectory.equilibration_bath.time_fs:g} fs"
        found[name] = _temperatures(trajectory.equilibration_kinetic, trajectory, members)
    count = min(trajectory.n_replicas, len(trajectory.snapshots))
    # One evaluation a replica goes to the forces at the start of a run.
    steps = evaluations // len(FRICTION_TIMES_FS) // max(count, 1) - 1
    if steps < _FEWEST_STEPS:
        return found
    places = trajectory.start.at(
        trajectory.snapshots.positions[-count:],
        np.repeat(trajectory.start.cells, count, axis=0),
    )
    skipped = int(_EQUILIBRATION_SHARE * steps)
    for time_fs in FRICTION_TIMES_FS:
        velocities = draw_velocities(trajectory.start.system, count, trajectory.temperature_K, rng)
        bath = Langevin(trajectory.temperature_K, time_fs)
        run = BathRun(meter, places, velocities, trajectory.timestep_fs, bath, rng)
        run.advance(steps)
        if run.runaway is not None:
            found[f"{time_fs:g} fs"] = run.describe_runaway()
            continue
        kinetic = run.simulation.trace().middle[skipped:].mean(axis=0)
        found[f"{time_fs:g} fs"] = _temperatures(kinetic, trajectory, members)
    return found


def _temperatures(
    kinetic: Floats, trajectory: Trajectory, groups: Mapping[str, Bools]
) -> dict[str, list[float]]:
    """By group, from each replica's mean kinetic energies (B, N)."""
    found = {}
    for name, mask in groups.items():
        n_dof = degrees_of_freedom(trajectory.start.system, mask)
        each = 2 * kinetic[:, mask].sum(axis=1) / (kB * n_dof)
        error = float(np.std(each, ddof=1)) / math.sqrt(len(each)) if len(each) > 1 else math.inf
        found[name] = [float(each.mean()), error]
    return found
