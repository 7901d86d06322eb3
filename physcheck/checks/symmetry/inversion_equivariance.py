"""Forces of the inverted structure are the inverted forces; energy and stress stay."""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.symmetry.comparison import (
    COPIES,
    LEARNED_SYMMETRY,
    QUANTITY,
    compared,
    one_atom,
)
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.probes.transformations import inversion
from physcheck.registry import Failure, check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import as_configurations

__all__ = ["assert_inversion_equivariance", "measure_inversion_equivariance"]


@check(
    family="symmetry",
    quantity=QUANTITY + ", relative to the rms force",
    unit="",
    needs={"forces"},
    kind="practice",
    title="a mirror image has other forces than the mirrored ones",
    causes="triple products or cross products of pseudoscalar kind; an architecture for SO(3) only",
    advice="remove features that change sign under inversion, unless the model is meant to "
    "be chiral",
    failure=Failure(
        short_title="mirror image differs",
        meaning="Mirror images have different energies and forces. Enantiomers and "
        "mirror-symmetric structures are treated unequally.",
        titles_by_output={
            "energy": "a mirror image has another energy",
            "stress": "a mirror image has another stress",
        },
    ),
    tolerances=LEARNED_SYMMETRY,
    evaluations=always(2 * COPIES),
    applies=one_atom,
)
def measure_inversion_equivariance(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Forces of the inverted structure are the inverted forces; energy and stress stay.

    F(2 c - x) = -F(x), c the centroid; the cell is kept, as a lattice is its own inverse. With
    rotations this covers every mirror. Measured as :func:`measure_rotation_equivariance`.

    Can't see: a chiral term that vanishes in planar structures (the thermal displacements of 0.03 Å
    make any structure of 4 atoms or more slightly chiral).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 6 evaluations.

    Source: parity of electromagnetism; a practice as ``rotation_equivariance`` is, for the same
    reason.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    return compared(
        "inversion_equivariance",
        meter,
        one,
        [inversion(one)],
        rng=rng,
        resolution=resolution,
        tolerance=tolerance,
        relative=True,
    )


assert_inversion_equivariance = derive_assert(measure_inversion_equivariance)
