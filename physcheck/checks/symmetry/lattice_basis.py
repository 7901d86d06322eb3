"""Describing the same lattice by other cell vectors changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from physcheck.checks.differences import Part, force_part, place_rounding
from physcheck.checks.failures_that_follow import OF_FORCES, OF_STRESS, are_other_atoms_forces
from physcheck.checks.symmetry.comparison import (
    COPIES,
    EXACT_SYMMETRY,
    QUANTITY,
    compared,
    one_atom,
)
from physcheck.checks.what_shows import SHEARED_CELL
from physcheck.errors import CapabilityMissing, ModelError, NonFiniteOutput
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.probes.transformations import (
    Transformation,
    axes_in_other_rows,
    box_that_means_nothing,
    exchanged_vectors,
    new_basis,
)
from physcheck.registry import Budget, Failure, KnownFault, check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, as_configurations

__all__ = ["assert_lattice_basis", "measure_lattice_basis"]


# Å: a bond, so that images that shouldn't be there are felt in any potential.
_BOX = 2.0
# Times a lattice vector: images that a model sees along an axis that isn't periodic are then away.
_FARTHER = 3.0


def _cost(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    periodic = int(start.system.pbc.sum())
    changes = (3 if periodic > 1 else 0) + (1 if 0 < periodic < 3 else 0)
    boxed = 1 if periodic < 3 else 0
    opened = 3 if periodic == 3 else 0
    return (1 + changes + boxed) * COPIES + boxed + opened


def _opened(meter: Meter, one: Configurations, resolution: Resolution) -> list[Part]:
    """A crystal with one axis that isn't periodic: vacuum along any axis.

    Its cell's rows in two orders, and its third vector, which means nothing, three times as long.
    Empty where the model refuses such a system.

    Cost: 3 evaluations.
    """
    system = one.system
    if not system.is_fully_periodic or meter.capabilities.periodicity != "partial":
        return []
    pbc = np.array([True, True, False])
    slab = Configurations(replace(system, pbc=pbc), one.positions, one.cells)
    stretched = slab.cells.copy()
    stretched[:, 2] *= _FARTHER
    places = {
        "the third axis not periodic, and the cell vectors listed as c, a, b": (
            axes_in_other_rows(slab).apply(slab)
        ),
        f"the third axis not periodic, and its cell vector {_FARTHER:g} times as long": (
            slab.at(slab.positions, stretched)
        ),
    }
    try:
        home, *forces = [meter.evaluate(c).require_forces() for c in (slab, *places.values())]
    except (ModelError, NonFiniteOutput):
        return []
    rounding = place_rounding(meter.capabilities, resolution, *places.values())
    return [
        force_part(label, given - home, resolution, rounding=rounding)
        for label, given in zip(places, forces, strict=True)
    ]


def _box_is_refused(meter: Meter, boxed: Configurations) -> str:
    """What a model says that takes no cell along axes that aren't periodic, which is no fault."""
    try:
        meter.evaluate(boxed)
    except ModelError as error:
        return str(error)
    return ""


@check(
    family="symmetry",
    quantity=QUANTITY,
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces depend on the choice of cell vectors",
    causes="a neighbour list for orthorhombic or weakly tilted cells; too few images of a tilted "
    "cell; a volume with the sign of the determinant (left-handed cells); images along axes that "
    "aren't periodic, or periodic axes taken to come first",
    advice="build neighbour lists for any cell, skewed and left-handed ones included, and from "
    "pbc, not from the cell; until then reduce cells before each call",
    failure=Failure(
        short_title="choice of cell matters",
        meaning="The same crystal in other cell vectors has other forces. Results depend on how "
        "the input file was written, and change when a barostat shears the cell.",
        titles_by_output={
            "energy": "the energy depends on the choice of cell vectors",
            "stress": "the stress depends on the choice of cell vectors, forces don't",
        },
        # A cell that is read wrongly (transposed, or by lengths and angles) has other images.
        fault=KnownFault(
            "the same lattice in other vectors is told apart",
            explains=(
                "periodic_wrap",
                "rotation_equivariance",
                "inversion_equivariance",
                "supercell_extensivity",
                "net_force",
                "loop_work",
                "jacobian_asymmetry",
                "force_energy_gap",
                "stress_energy_gap",
                *OF_FORCES,
                *OF_STRESS,
            ),
            explains_where=are_other_atoms_forces,
        ),
    ),
    tolerances=EXACT_SYMMETRY,
    evaluations=_cost,
    applies=one_atom,
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
    given one is right-handed); atoms are put inside the new cell. Where some axes aren't periodic,
    the cell's rows and their periodicity in another order, and likewise in a crystal with its third
    axis not periodic, whose cell vector along that axis may have any length; and a cell vector of
    2 Å along each axis that isn't periodic, which means nothing (left out where the model refuses
    it; its words are in ``quantities``). Measured as in
    :func:`physcheck.measure_translation_invariance`.

    Can't see: faults of cells more tilted than by one lattice vector.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 15 evaluations; 19 where two axes are periodic, 10 where one is, 7 for molecules.

    Source: periodic boundary conditions.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    periodic = int(one.system.pbc.sum())
    changes: list[Transformation] = []
    refused = ""
    if periodic > 1:
        changes += [*(new_basis(one, rng) for _ in range(2)), exchanged_vectors(one, rng)]
    if 0 < periodic < 3:
        changes.append(axes_in_other_rows(one))
    box = box_that_means_nothing(one, _BOX)
    if periodic < 3:
        refused = _box_is_refused(meter, box.apply(one))
        if not refused:
            changes.append(box)
    if not changes:
        raise CapabilityMissing(f"the model takes no molecules in a cell: {refused}")
    found = compared(
        "lattice_basis",
        meter,
        one,
        changes,
        rng=rng,
        resolution=resolution,
        tolerance=tolerance,
        further=_opened(meter, one, resolution),
    )
    if not refused:
        return found
    quantities = {**found.evidence["quantities"], "refused": {box.label: refused}}
    return replace(found, evidence={**found.evidence, "quantities": quantities})


assert_lattice_basis = derive_assert(measure_lattice_basis)
