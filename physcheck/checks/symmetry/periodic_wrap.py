"""Replacing atoms by their periodic images changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.symmetry.comparison import (
    COPIES,
    EXACT_SYMMETRY,
    QUANTITY,
    compared,
    not_periodic,
)
from physcheck.checks.what_shows import PARTLY_PERIODIC
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.probes.transformations import atom_at_corner, lattice_shifts, wrapped_into_cell
from physcheck.registry import Failure, KnownFault, check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import as_configurations

__all__ = ["assert_periodic_wrap", "measure_periodic_wrap"]

# Reach of the lattice shifts, in cells: as far as a diffusing atom gets unwrapped.
_REACH = 3
# Å, of an atom at the corner of the cell: optimisers and symmetric crystals leave such coordinates.
# Adding the cell to a negative one that is this small gives the cell itself, not less.
_CORNERS = ((0.0, -0.0, 0.0), (-4e-52, -4e-52, -4e-52), (-1e-16, -1e-16, -1e-16))
# The opposite corner: exactly there (1 - 0 is no fraction of a cell), and one rounding below.
_OPPOSITE = (1.0, 1.0 - 2.0**-53)


@check(
    family="symmetry",
    quantity=QUANTITY,
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces depend on which periodic image of an atom is given",
    causes="a minimum image by hand that fails beyond one cell; positions assumed inside the cell; "
    "x - floor(x) that is 1 for tiny negative x",
    advice="wrap positions, or build neighbour lists from fractional coordinates of any "
    "size; until then wrap atoms before each call",
    failure=Failure(
        short_title="choice of image matters",
        meaning="Forces change when an atom is written at another image of the cell. Dynamics with "
        "unwrapped positions, as ASE runs it, jumps or goes wrong after a while.",
        titles_by_output={
            "energy": "the energy depends on which periodic image of an atom is given",
            "stress": "the stress depends on which periodic image of an atom is given",
        },
        fault=KnownFault(
            "an atom and its periodic image are told apart",
            # Whoever tells them apart sees where the cell's faces are, which each of these moves.
            # Lines of generated cases cross the faces.
            explains=(
                "lattice_basis",
                "supercell_extensivity",
                "inversion_equivariance",
                "force_energy_gap",
            ),
        ),
    ),
    tolerances=EXACT_SYMMETRY,
    evaluations=always((3 + len(_CORNERS) + len(_OPPOSITE)) * COPIES),
    applies=not_periodic,
    shows=PARTLY_PERIODIC,
)
def measure_periodic_wrap(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Replacing atoms by their periodic images changes nothing.

    F(x + n h) = F(x) for integer n of each atom's own, random up to 3 cells along the periodic
    axes. Likewise for all atoms inside the cell (a crystal's atoms on its faces are outside once
    they are displaced), and for the structure moved so that an atom is at the corner of the cell,
    with coordinates of 0, -0, -4e-52 and -1e-16 Å, and at the opposite corner, exactly and one
    rounding below: such an atom must not fall between two cells.
    Measured as in :func:`physcheck.measure_translation_invariance`.

    Can't see: faults that need an atom farther away than 3 cells.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 24 evaluations.

    Source: periodic boundary conditions.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    atom = int(rng.integers(one.n_atoms))
    corners = [atom_at_corner(one, atom, np.array(corner)) for corner in _CORNERS]
    corners += [atom_at_corner(one, atom, np.zeros(3), share) for share in _OPPOSITE]
    return compared(
        "periodic_wrap",
        meter,
        one,
        [lattice_shifts(one, _REACH, rng), wrapped_into_cell(one), *corners],
        rng=rng,
        resolution=resolution,
        tolerance=tolerance,
    )


assert_periodic_wrap = derive_assert(measure_periodic_wrap)
