"""Describing the same lattice by other cell vectors changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.symmetry.comparison import (
    COPIES,
    EXACT_SYMMETRY,
    QUANTITY,
    compared,
    one_atom,
)
from physcheck.checks.what_shows import SHEARED_CELL
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.probes.transformations import exchanged_vectors, new_basis
from physcheck.registry import check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, as_configurations

__all__ = ["assert_lattice_basis", "measure_lattice_basis"]


def _mixable(start: Configurations, capabilities: Capabilities) -> str | None:
    if int(start.system.pbc.sum()) < 2:
        return "fewer than two periodic axes: there are no cell vectors to mix"
    return one_atom(start, capabilities)


@check(
    family="symmetry",
    quantity=QUANTITY,
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces depend on the choice of cell vectors",
    causes="a neighbour list for orthorhombic or weakly tilted cells; too few images of a tilted "
    "cell; a volume with the sign of the determinant (left-handed cells)",
    advice="build neighbour lists for any cell, skewed and left-handed ones included; until "
    "then reduce cells before each call",
    tolerances=EXACT_SYMMETRY,
    evaluations=always(4 * COPIES),
    applies=_mixable,
    shows=SHEARED_CELL,
)
def measure_lattice_basis(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Describing the same lattice by other cell vectors changes nothing.

    h' = B h with B integer: periodic axes exchanged in a cycle and one sheared by another, twice at
    random (determinant 1), and two of them exchanged (determinant -1: a left-handed cell, if the
    given one is right-handed); atoms are put inside the new cell. Measured as in
    :func:`physcheck.measure_translation_invariance`.

    Can't see: faults of cells more tilted than by one lattice vector.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 12 evaluations.

    Source: periodic boundary conditions.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    return compared(
        "lattice_basis",
        meter,
        one,
        [*(new_basis(one, rng) for _ in range(2)), exchanged_vectors(one, rng)],
        rng=rng,
        resolution=resolution,
        tolerance=tolerance,
    )


assert_lattice_basis = derive_assert(measure_lattice_basis)
