"""Listing the same atoms in another order changes no atom's force."""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.failures_that_follow import OF_FORCES, are_other_atoms_forces
from physcheck.checks.symmetry.comparison import (
    COPIES,
    EXACT_SYMMETRY,
    QUANTITY,
    compared,
    one_atom,
)
from physcheck.checks.what_shows import SEVERAL_SPECIES
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.probes.transformations import relabelling
from physcheck.registry import Failure, KnownFault, check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, as_configurations

__all__ = ["assert_permutation_equivariance", "measure_permutation_equivariance"]


@check(
    family="symmetry",
    quantity=QUANTITY,
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces depend on the order in which atoms are listed",
    causes="a cap on the number of neighbours; features by index; a neighbour list that loses "
    "pairs",
    advice="sum over atoms and neighbours only; look for indices used as features and for "
    "order-dependent caps",
    failure=Failure(
        short_title="order matters",
        meaning="Forces depend on the order of atoms in the file. Identical atoms behave "
        "differently, and sorting a file changes the result.",
        titles_by_output={
            "energy": "the energy depends on the order in which atoms are listed",
            "stress": "the stress depends on the order in which atoms are listed",
        },
        fault=KnownFault(
            "answers depend on the order in which atoms are listed",
            explains=(
                "loop_work",
                "jacobian_asymmetry",
                "force_energy_gap",
                "net_torque",
                "separated_additivity",
                "supercell_extensivity",
                *OF_FORCES,
            ),
            explains_where=are_other_atoms_forces,
        ),
    ),
    tolerances=EXACT_SYMMETRY,
    evaluations=always(3 * COPIES),
    applies=one_atom,
    shows=SEVERAL_SPECIES,
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

    F_k(P x) = F_P(k)(x) for two random orders P, species and per-atom arrays with them, that begin
    with other species than the structure does, where it has any: the first atom is what padding and
    tables of parameters are mistaken for. Measured as in :func:`measure_translation_invariance`.

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
        [relabelling(one, rng, first) for first in _first_species(one)],
        rng=rng,
        resolution=resolution,
        tolerance=tolerance,
    )


def _first_species(start: Configurations) -> tuple[int | None, int | None]:
    """Atomic numbers of the atoms that come first in the two orders, the lightest first."""
    numbers = start.system.numbers
    others = sorted({int(z) for z in numbers} - {int(numbers[0])})
    return (others[0], others[-1]) if others else (None, None)


assert_permutation_equivariance = derive_assert(measure_permutation_equivariance)
