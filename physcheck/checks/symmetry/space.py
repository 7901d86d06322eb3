"""Space has no origin, no direction and no hand, and atoms of a kind have no names."""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.symmetry.comparison import (
    COPIES,
    EXACT_SYMMETRY,
    LEARNED_SYMMETRY,
    QUANTITY,
    compared,
    one_atom,
)
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.probes.transformations import inversion, relabelling, rigid_rotation, rigid_shift
from physcheck.registry import check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import as_configurations

__all__ = [
    "assert_inversion_equivariance",
    "assert_permutation_equivariance",
    "assert_rotation_equivariance",
    "assert_translation_invariance",
    "measure_inversion_equivariance",
    "measure_permutation_equivariance",
    "measure_rotation_equivariance",
    "measure_translation_invariance",
]

# Lengths of the rigid shifts, Å: within a cell, and as far as a molecule diffuses.
_SHIFTS = (1.0, 10.0)
_TWO = always(3 * COPIES)
_ONE = always(2 * COPIES)


@check(
    family="symmetry",
    quantity=QUANTITY,
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces or energy change when everything is moved together",
    causes="absolute positions used as features; a mesh or an external field; atoms lost outside the cell",
    advice="use only differences of positions as inputs",
    tolerances=EXACT_SYMMETRY,
    evaluations=_TWO,
    applies=one_atom,
)
def measure_translation_invariance(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Moving all atoms together by a vector changes neither forces nor energy nor stress.

    F(x + t) = F(x) for a random t of 1 Å and of 10 Å, at a thermally displaced copy of ``start`` (0.03 Å).
    Three jittered copies (1e-4 Å and 1e-4 of strain) are compared each with its own transformed copy: the
    mean difference is judged, its spread and the rounding of positions at the new place are its noise.
    Judged is the largest rms component of the difference in forces (eV/Å); an energy or virial of 1 eV
    an atom counts as 1 eV/Å. Energies and stresses whose noise is above the tolerance can't pass and are
    named in ``quantities``.

    Can't see: a dependence on the place with exactly the period of the shifts.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 9 evaluations.

    Source: Noether's theorem; with conservative forces it is equivalent to ``net_force``.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    return compared(
        "translation_invariance",
        meter,
        one,
        [rigid_shift(one, length, rng) for length in _SHIFTS],
        rng=rng,
        resolution=resolution,
        tolerance=tolerance,
    )


@check(
    family="symmetry",
    quantity=QUANTITY + ", relative to the rms force",
    unit="",
    needs={"forces"},
    kind="practice",
    title="forces don't turn with the atoms",
    causes="an architecture without rotational symmetry; a lab frame in the features; a cell assumed triangular",
    advice="average over rotations or train with them, and keep an eye on simulations that "
    "rotate; conservation matters more than this",
    tolerances=LEARNED_SYMMETRY,
    evaluations=_TWO,
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

    F(x Q^T) = F(x) Q^T for two random rotations Q, uniform over SO(3), cell and stress turned too. Measured
    as in :func:`measure_translation_invariance` and divided by the rms force component (at rest, and of
    thermal displacements of 0.05 Å).

    Can't see: directions that both rotations keep; per-atom vectors of ``start.arrays`` (magnetic moments)
    are not turned.

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
    tolerances=LEARNED_SYMMETRY,
    evaluations=_ONE,
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

    F(2 c - x) = -F(x), c the centroid; the cell is kept, as a lattice is its own inverse. With rotations this
    covers every mirror. Measured as :func:`measure_rotation_equivariance`.

    Can't see: a chiral term that vanishes in planar structures (the thermal displacements of 0.03 Å
    make any structure of 4 atoms or more slightly chiral).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 6 evaluations.

    Source: parity of electromagnetism; a practice as ``rotation_equivariance`` is, for the same reason.
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


@check(
    family="symmetry",
    quantity=QUANTITY,
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces depend on the order in which atoms are listed",
    causes="a cap on the number of neighbours; features by index; a neighbour list that loses pairs",
    advice="sum over atoms and neighbours only; look for indices used as features and for "
    "order-dependent caps",
    tolerances=EXACT_SYMMETRY,
    evaluations=_TWO,
    applies=one_atom,
)
def measure_permutation_equivariance(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Listing the same atoms in another order changes no atom's force.

    F_k(P x) = F_P(k)(x) for two random orders P, species and per-atom arrays with them. Measured as in
    :func:`measure_translation_invariance`.

    Can't see: ties that only a perfect crystal has (the structure is thermally displaced).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 9 evaluations.

    Source: identical particles.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    return compared(
        "permutation_equivariance",
        meter,
        one,
        [relabelling(one, rng) for _ in range(2)],
        rng=rng,
        resolution=resolution,
        tolerance=tolerance,
    )


assert_translation_invariance = derive_assert(measure_translation_invariance)
assert_rotation_equivariance = derive_assert(measure_rotation_equivariance)
assert_inversion_equivariance = derive_assert(measure_inversion_equivariance)
assert_permutation_equivariance = derive_assert(measure_permutation_equivariance)
