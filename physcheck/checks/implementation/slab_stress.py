"""The stress of what is periodic along some axes only, against the energy's own derivative."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.model import Meter
from physcheck.numerics.noise import UNIFORM_SD, grid_spacing, rounding_floor
from physcheck.system import Configurations, Floats

__all__ = ["SLAB_COST", "SlabStress", "measure_slab_stress"]

# Strain between neighbouring energies.  A crystal's energy has a third derivative of 100 eV/atom by
# the strain (of 4,000 where a cutoff has a kink), so that central differences err by 2e-5 eV/atom,
# most of which two steps take away; energies of 50 eV round by 1e-3 eV over it in float32.
_STEP = 1e-3
_POINTS = np.array([-2.0, -1.0, 1.0, 2.0])
#: The stress, and the energies.
SLAB_COST = 1 + len(_POINTS)


@dataclass(frozen=True, slots=True)
class SlabStress:
    """The work of a strain along the periodic axes, twice.

    Attributes
    ----------
    of_stress : float, eV
        V stress : strain direction, V the volume of the cell that was given.
    of_energy : float, eV
        The energy's derivative along it.
    error : float, eV
        Standard deviation of that derivative: rounding, and what two steps differ by.
    """

    of_stress: float
    of_energy: float
    error: float


def measure_slab_stress(meter: Meter, place: Configurations) -> SlabStress | None:
    """Of ``place`` (B = 1) with the last of its axes not periodic.

    V sum_ij stress_ij s_ij = dE/d eta for cell and positions times 1 + eta s, s a fixed symmetric
    strain in the plane (or along the line) of the periodic axes: programs that look for neighbours
    in an enlarged cell divide by its volume, not by that of the cell.

    None where the model takes no such system, gives no stress of it (all zeros are none), or the
    structure has no cell of three vectors.

    Cost: 5 evaluations.
    """
    if meter.capabilities.periodicity != "partial" or "energy" not in meter.capabilities.outputs:
        return None
    slab = _slab(place)
    if slab is None:
        return None
    strain = _in_plane(slab)
    maps = np.eye(3) + _STEP * _POINTS[:, None, None] * strain
    strained = Configurations(
        slab.system, slab.positions[0] @ maps.swapaxes(1, 2), slab.cells[0] @ maps.swapaxes(1, 2)
    )
    try:
        stress = meter.further_outputs(slab).get("stress")
        if stress is None or not np.any(stress):
            return None
        energies = meter.evaluate(strained, want={"energy"}).require_energy()
    except (ModelError, NonFiniteOutput):
        return None
    near = float(energies[2] - energies[1]) / (2 * _STEP)
    far = float(energies[3] - energies[0]) / (4 * _STEP)
    of_stress = float(slab.volumes()[0]) * float((stress * strain).sum())
    size = float(np.abs(energies).max())
    grain = grid_spacing(energies) * UNIFORM_SD
    rounding = max(grain, rounding_floor(size, meter.capabilities.dtype)) / _STEP
    # The error of each is a third of what they differ by, or less: Richardson takes it away.
    return SlabStress(of_stress, (4 * near - far) / 3, math.hypot(rounding, abs(near - far) / 3))


def _slab(place: Configurations) -> Configurations | None:
    system = place.system
    if not system.is_periodic or not abs(np.linalg.det(place.cells[0])) > 0:
        return None
    pbc = system.pbc.copy()
    if pbc.all():
        pbc[2] = False
    return Configurations(replace(system, pbc=pbc), place.positions, place.cells)


def _in_plane(slab: Configurations) -> Floats:
    """A symmetric strain (3, 3) of norm 1 along the periodic axes, unlike in each direction."""
    axes, _ = np.linalg.qr(slab.cells[0][slab.system.pbc].T)
    weights = np.array([[1.0, 0.3], [0.3, 0.6]])[: axes.shape[1], : axes.shape[1]]
    strain: Floats = axes @ weights @ axes.T
    return strain / float(np.linalg.norm(strain))
