"""Temperatures under local baths of several strengths: how strong a bath has to be to hide what the forces do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from ase.units import kB

from physcheck.checks.sampling.bath_run import Stage
from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.dynamics import Langevin, degrees_of_freedom, draw_velocities
from physcheck.model import Meter
from physcheck.system import Bools, Floats

__all__ = ["FRICTION_TIMES_FS", "langevin_series"]

#: 1/friction of the baths, fs.
FRICTION_TIMES_FS = (1000.0, 100.0, 10.0)
# The first part of each run isn't counted.
_WARMING_SHARE = 0.25


def langevin_series(
    meter: Meter,
    trajectory: Trajectory,
    groups: Mapping[str, Bools],
    rng: np.random.Generator,
    evaluations: int,
) -> dict[str, Any]:
    """Kinetic temperature of all atoms and of each group under Langevin baths, K, with its standard error over replicas.

    The bath that warmed the trajectory costs nothing more; baths of 1000, 100 and 10 fs share ``evaluations``, if there
    are enough, from the trajectory's last snapshots and fresh velocities on.  A bath removes heat at a rate of
    2 K/time: forces that feed P eV/ps of it into a species leave that P time/(n kB) too hot, if nothing else takes it.

    Returns
    -------
    mapping
        By the bath's time ("1000 fs"), then by group ("all atoms" besides): [temperature, error]; a string where a
        replica ran away.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, table 3 (T - 300 K of ORB: +51/+4.2/+0.4 at 1000/100/10 fs).
    """
    members = {"all atoms": np.ones(trajectory.start.n_atoms, dtype=np.bool_), **groups}
    found: dict[str, Any] = {}
    if len(trajectory.warm):
        name = f"{trajectory.warming_bath.time_fs:g} fs"
        found[name] = _temperatures(trajectory.warm, trajectory, members)
    count = min(trajectory.n_replicas, len(trajectory.snapshots))
    steps = evaluations // len(FRICTION_TIMES_FS) // max(count, 1) - 1
    if steps < 8:
        return found
    places = trajectory.start.at(
        trajectory.snapshots.positions[-count:],
        np.repeat(trajectory.start.cells, count, axis=0),
    )
    skipped = int(_WARMING_SHARE * steps)
    for time_fs in FRICTION_TIMES_FS:
        velocities = draw_velocities(trajectory.start.system, count, trajectory.temperature_K, rng)
        bath = Langevin(trajectory.temperature_K, time_fs)
        stage = Stage(meter, places, velocities, trajectory.timestep_fs, bath, rng)
        stage.advance(steps)
        if stage.lost is not None:
            found[f"{time_fs:g} fs"] = stage.describe()
            continue
        kinetic = stage.simulation.trace().middle[skipped:].mean(axis=0)
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
