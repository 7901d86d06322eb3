"""The temperature that configurations and forces have: <F_i²> = -kT <dF_i/dx_i>."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from ase.units import kB

from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.model import Meter

__all__ = ["SPECIES_EVALUATIONS", "configurational_temperatures"]

#: Evaluations for each species.
SPECIES_EVALUATIONS = 32
# With fewer snapshots the standard error says nothing.
_FEWEST_SNAPSHOTS = 4
# Displacement of each coordinate of the species, Å: thermal, far above the noise of forces.
_STEP = 0.01


def configurational_temperatures(
    meter: Meter, trajectory: Trajectory, rng: np.random.Generator
) -> dict[str, Any]:
    """Each species' ``<F²>/<-tr J>/kB`` over snapshots of a trajectory, K, with its standard error.

    The trace of the Jacobian J is estimated along one random direction of signs a snapshot
    (Hutchinson), by one-sided differences. The same as the kinetic temperature where the forces
    are a gradient and the sampling is right.

    Returns
    -------
    mapping
        By species: ``temperature_K`` and ``error_K``. A species is left out where the trace isn't
        positive; all are with fewer than four snapshots.

    Cost: 32 evaluations a species, or one a snapshot where these are fewer.

    Source: Hirschfelder, J. Chem. Phys. 33, 1462 (1960) (hypervirial theorem); Butler et al., J.
    Chem. Phys. 109, 6519 (1998) (configurational temperature).
    """
    snapshots, forces = trajectory.snapshots, trajectory.snapshot_forces
    system = trajectory.start.system
    if len(snapshots) < _FEWEST_SNAPSHOTS:
        return {}
    count = min(SPECIES_EVALUATIONS, len(snapshots))
    rows = np.linspace(0, len(snapshots) - 1, count).astype(int)
    share = (system.masses / system.masses.sum())[None, :, None]
    found: dict[str, Any] = {}
    for z in sorted(set(system.numbers.tolist())):
        mask = system.numbers == z
        signs = rng.choice([-1.0, 1.0], (len(rows), len(system), 3)) * mask[None, :, None]
        places = trajectory.start.at(
            snapshots.positions[rows] + _STEP * signs,
            np.repeat(trajectory.start.cells, len(rows), axis=0),
        )
        shifted = meter.evaluate(places).require_forces()
        # As the trajectory's forces: without the net force, which only moves the centre of mass.
        shifted = shifted - share * shifted.sum(axis=1, keepdims=True)
        trace = -np.einsum("sna,sna->s", signs, shifted - forces[rows]) / _STEP
        squares = (forces[rows][:, mask] ** 2).sum(axis=(1, 2))
        if not trace.mean() > 0:
            continue
        ratio = float(squares.mean() / trace.mean())
        # Error of a ratio of means, to first order (delta method).
        residual = (squares - ratio * trace) / trace.mean()
        error = float(np.std(residual, ddof=1)) / math.sqrt(len(rows))
        found[chemical_symbols[z]] = {"temperature_K": ratio / kB, "error_K": error / kB}
    return found
