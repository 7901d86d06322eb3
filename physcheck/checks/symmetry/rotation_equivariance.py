"""Forces turn with the atoms and the cell; energy stays."""

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
from physcheck.probes.transformations import rigid_rotation
from physcheck.registry import Failure, check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import as_configurations

__all__ = ["assert_rotation_equivariance", "measure_rotation_equivariance"]


@check(
    family="symmetry",
    quantity=QUANTITY + ", relative to the rms force",
    unit="",
    needs={"forces"},
    kind="practice",
    title="forces don't turn with the atoms",
    causes="an architecture without rotational symmetry; a lab frame in the features; a cell "
    "assumed triangular",
    advice="average over rotations or train with them, and keep an eye on simulations that "
    "rotate; conservation matters more than this",
    failure=Failure(
        short_title="orientation matters",
        meaning="A molecule that turns feels other forces. Free rotors, liquids and anything that "
        "reorients is disturbed, in proportion to the value.",
        titles_by_output={
            "energy": "the energy changes when the atoms are turned",
            "stress": "the stress doesn't turn with the atoms, forces do",
        },
    ),
    tolerances=LEARNED_SYMMETRY,
    evaluations=always(3 * COPIES),
    applies=one_atom,
)
def measure_rotation_equivariance(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Forces turn with the atoms and the cell; energy stays.

    F(x Q^T) = F(x) Q^T for two random rotations Q, uniform over SO(3), cell and stress turned too.
    Measured as in :func:`measure_translation_invariance` and divided by the rms force component (at
    rest, and of thermal displacements of 0.05 Å).

    Can't see: directions that both rotations keep; per-atom vectors of ``start.arrays`` (magnetic
    moments) are not turned.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 9 evaluations.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569 (a practice, since learnable and harmless).
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    return compared(
        "rotation_equivariance",
        meter,
        one,
        [rigid_rotation(one, rng) for _ in range(2)],
        rng=rng,
        resolution=resolution,
        tolerance=tolerance,
        relative=True,
    )


assert_rotation_equivariance = derive_assert(measure_rotation_equivariance)
