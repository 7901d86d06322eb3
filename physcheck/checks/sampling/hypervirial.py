"""The temperature that forces tell: <F_i²> = -kT <dF_i/dx_i>."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from ase.units import kB

from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.model import Meter

__all__ = ["PROBES", "configurational_temperatures"]

#: Evaluations for each species.
PROBES = 32
# Length of a difference, Å rms of the coordinates moved.
_STEP = 0.01


def configurational_temperatures(
    meter: Meter, trajectory: Trajectory, rng: np.random.Generator
) -> dict[str, Any]:
    """Each species' ``<F²>/<-tr J>/kB`` over snapshots of a trajectory, K, with its standard error.

    The trace is estimated along one random direction of signs a snapshot (Hutchinson), by one-sided differences.
    The same as the kinetic temperature where the forces are a gradient and the sampling is right.

    Cost: 32 evaluations a species, or fewer where that is what the trajectory has in snapshots.

    Source: Hirschfelder, J. Chem. Phys. 33, 1462 (1960) (hypervirial theorem); Butler et al., J. Chem. Phys. 109,
    6519 (1998) (configurational temperature).
    """
    snapshots, forces = trajectory.snapshots, trajectory.snapshot_forces
    system = trajectory.start.system
    if len(snapshots) < 4:
        return {}
    rows = np.linspace(0, len(snapshots) - 1, min(PROBES, len(snapshots))).astype(int)
    share = (system.masses / system.masses.sum())[None, :, None]
    found: dict[str, Any] = {}
    for z in sorted(set(system.numbers.tolist())):
        mask = system.numbers == z
        signs = rng.choice([-1.0, 1.0], (len(rows), len(system), 3)) * mask[None, :, None]
        shifted = meter.evaluate(
            trajectory.start.at(
                snapshots.positions[rows] + _STEP * signs,
                np.repeat(trajectory.start.cells, len(rows), axis=0),
            )
        ).require_forces()
        shifted = shifted - share * shifted.sum(axis=1, keepdims=True)
        trace = -np.einsum("sna,sna->s", signs, shifted - forces[rows]) / _STEP
        squares = (forces[rows][:, mask] ** 2).sum(axis=(1, 2))
        if not trace.mean() > 0:
            continue
        ratio = float(squares.mean() / trace.mean())
        residual = (squares - ratio * trace) / trace.mean()
        error = float(np.std(residual, ddof=1)) / math.sqrt(len(rows))
        found[chemical_symbols[z]] = {"temperature_K": ratio / kB, "error_K": error / kB}
    return found
