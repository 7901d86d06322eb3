"""Moving all atoms together by a vector changes neither forces nor energy nor stress."""

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
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.probes.transformations import rigid_shift
from physcheck.registry import Failure, KnownFault, check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import as_configurations

__all__ = ["assert_translation_invariance", "measure_translation_invariance"]

# Lengths of the rigid shifts, Å: within a cell, and as far as a molecule diffuses.
_SHIFTS = (1.0, 10.0)


@check(
    family="symmetry",
    quantity=QUANTITY,
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces or energy change when everything is moved together",
    causes="absolute positions used as features; a mesh or an external field; atoms lost outside "
    "the cell",
    advice="use only differences of positions as inputs",
    failure=Failure(
        short_title="origin matters",
        meaning="Forces or energies change when everything is moved together. Energy isn't "
        "conserved as a system drifts, and results depend on the origin.",
        titles_by_output={
            "energy": "the energy changes when everything is moved together",
            "stress": "the stress changes when everything is moved together",
        },
        fault=KnownFault(
            "answers depend on where the structure is",
            # A line that crosses such a place has a gap.
            explains=("separated_additivity", "force_energy_gap"),
        ),
    ),
    tolerances=EXACT_SYMMETRY,
    evaluations=always(3 * COPIES),
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

    F(x + t) = F(x) for a random t of 1 Å and of 10 Å, at a thermally displaced copy of ``start``
    (0.03 Å). Three jittered copies (1e-4 Å and 1e-4 of strain) are compared each with its own
    transformed copy: the mean difference is judged, its spread and the rounding of positions at the
    new place are its noise. Judged is the largest rms component of the difference in forces (eV/Å);
    an energy or virial of 1 eV an atom counts as 1 eV/Å. Energies and stresses whose noise is above
    the tolerance can't pass and are named in ``quantities``.

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


assert_translation_invariance = derive_assert(measure_translation_invariance)
