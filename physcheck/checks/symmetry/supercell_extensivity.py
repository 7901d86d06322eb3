"""A cell repeated twice has the same forces and stress, and twice the energy."""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.checks.symmetry.comparison import (
    COPIES,
    EXACT_SYMMETRY,
    QUANTITY,
    compared,
    not_periodic,
    open_shell,
)
from physcheck.checks.symmetry.one_atom_cells import ONE_ATOM_COST, one_atom_cells
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.probes.transformations import supercell
from physcheck.registry import Budget, Failure, KnownFault, check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, as_configurations

__all__ = ["assert_supercell_extensivity", "measure_supercell_extensivity"]


def _repeatable(start: Configurations, capabilities: Capabilities) -> str | None:
    return not_periodic(start, capabilities) or open_shell(start)


def _supercell_cost(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    alone = ONE_ATOM_COST if start.system.is_fully_periodic else 0
    return COPIES * (2 + min(2, int(start.system.pbc.sum()))) + alone


@check(
    family="symmetry",
    quantity=QUANTITY,
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="a larger cell of the same crystal has other forces or another energy an atom",
    causes="a readout that averages or attends over the whole system; cells smaller than the "
    "cutoff; a cap on neighbours",
    advice="look for averages or norms over the whole structure in the readout, and for a "
    "cutoff that exceeds what the neighbour search covers",
    failure=Failure(
        short_title="size of cell matters",
        meaning="A larger cell of the same crystal is another material. Results don't converge "
        "with the size of the cell.",
        titles_by_output={
            "energy": "a larger cell of the same crystal has another energy an atom, but the "
            "same forces",
            "stress": "a larger cell of the same crystal has another stress, but the same forces",
        },
        fault=KnownFault(
            "a cell and its supercell are told apart",
        ),
    ),
    tolerances=EXACT_SYMMETRY,
    evaluations=_supercell_cost,
    applies=_repeatable,
)
def measure_supercell_extensivity(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """A cell repeated twice has the same forces and stress, and twice the energy.

    The cell is doubled along its shortest periodic axis, then along the next one. Likewise, for
    crystals, a cell of one atom, smaller than any cutoff
    (:mod:`physcheck.checks.symmetry.one_atom_cells`). Measured as in
    :func:`physcheck.measure_translation_invariance`.

    Can't see: an energy that leaves being proportional to size only beyond twice the cell; a
    constant added to the energy, which has no effect on physics and is reported (three times the
    cell tells it).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 9 evaluations (6 with one periodic axis), of cells of twice the size; for crystals 3 more
    of up to three atoms; 3 more where energies disagree.

    Source: extensivity; for cells in the ground state, without charge or open shells.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    axes = np.flatnonzero(one.system.pbc)
    lengths = np.linalg.norm(one.cells[0], axis=1)[axes]
    chosen = axes[np.argsort(lengths, kind="stable")][:2]
    alone = one_atom_cells(meter, one, resolution) if one.system.is_fully_periodic else []
    return compared(
        "supercell_extensivity",
        meter,
        one,
        [supercell(one, int(axis), 2) for axis in chosen],
        rng=rng,
        resolution=resolution,
        tolerance=tolerance,
        thrice=supercell(one, int(chosen[0]), 3),
        further=alone,
    )


assert_supercell_extensivity = derive_assert(measure_supercell_extensivity)
