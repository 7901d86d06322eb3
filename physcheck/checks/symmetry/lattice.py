"""A crystal has many descriptions: other images, other cell vectors, larger cells."""

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
from physcheck.model import Capabilities, Meter, Model
from physcheck.probes.transformations import lattice_shifts, new_basis, supercell
from physcheck.registry import Budget, check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, as_configurations

__all__ = [
    "assert_lattice_basis",
    "assert_periodic_wrap",
    "assert_supercell_extensivity",
    "measure_lattice_basis",
    "measure_periodic_wrap",
    "measure_supercell_extensivity",
    "open_shell",
]

# Reach of the lattice shifts, in cells: a neighbour, and as far as a diffusing atom gets unwrapped.
_REACHES = (1, 3)
_TWO = always(3 * COPIES)


def _periodic(start: Configurations, capabilities: Capabilities) -> str | None:
    if not start.system.is_periodic:
        return "the structure isn't periodic"
    return one_atom(start, capabilities)


def _mixable(start: Configurations, capabilities: Capabilities) -> str | None:
    if int(start.system.pbc.sum()) < 2:
        return "fewer than two periodic axes: there are no cell vectors to mix"
    return one_atom(start, capabilities)


def open_shell(start: Configurations) -> str | None:
    """Why a copy of a system isn't twice the system (charge, spin); None for closed shells."""
    info, arrays = start.system.info, start.system.arrays
    if float(info.get("charge", 0) or 0) != 0:
        return "the system is charged: its copies repel each other at any distance"
    if float(info.get("spin", 1) or 1) not in (0.0, 1.0):
        return "the system has an open shell: the spin of two copies isn't defined by that of one"
    if np.any(np.asarray(arrays.get("initial_magmoms", 0.0)) != 0):
        return "the system has magnetic moments: those of copies may order in another way"
    return None


def _repeatable(start: Configurations, capabilities: Capabilities) -> str | None:
    return _periodic(start, capabilities) or open_shell(start)


def _supercell_cost(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return COPIES * (2 + min(2, int(start.system.pbc.sum())))


@check(
    family="symmetry",
    quantity=QUANTITY,
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces depend on which periodic image of an atom is given",
    causes="a minimum image by hand that fails beyond one cell; positions assumed inside the cell",
    advice="wrap positions, or build neighbour lists from fractional coordinates of any "
    "size; until then wrap atoms before each call",
    tolerances=EXACT_SYMMETRY,
    evaluations=_TWO,
    applies=_periodic,
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

    F(x + n h) = F(x) for integer n of each atom's own, random up to 1 and up to 3 cells along the periodic
    axes. Measured as in :func:`physcheck.measure_translation_invariance`.

    Can't see: faults that need an atom farther away than 3 cells.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 9 evaluations.

    Source: periodic boundary conditions.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    return compared(
        "periodic_wrap",
        meter,
        one,
        [lattice_shifts(one, reach, rng) for reach in _REACHES],
        rng=rng,
        resolution=resolution,
        tolerance=tolerance,
    )


@check(
    family="symmetry",
    quantity=QUANTITY,
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces depend on the choice of cell vectors",
    causes="a neighbour list for orthorhombic or weakly tilted cells; too few images of a tilted cell",
    advice="build neighbour lists for any cell, skewed and left-handed ones included; until "
    "then reduce cells before each call",
    tolerances=EXACT_SYMMETRY,
    evaluations=_TWO,
    applies=_mixable,
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

    h' = B h with B integer and of determinant 1: periodic axes exchanged in a cycle and one sheared by
    another, twice at random; atoms are put inside the new cell. Measured as in
    :func:`physcheck.measure_translation_invariance`.

    Can't see: faults of cells more tilted than by one lattice vector.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 9 evaluations.

    Source: periodic boundary conditions.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    return compared(
        "lattice_basis",
        meter,
        one,
        [new_basis(one, rng) for _ in range(2)],
        rng=rng,
        resolution=resolution,
        tolerance=tolerance,
    )


@check(
    family="symmetry",
    quantity=QUANTITY,
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="a larger cell of the same crystal has other forces or another energy an atom",
    causes="a readout that averages or attends over the whole system; cells smaller than the cutoff; a cap on neighbours",
    advice="look for averages or norms over the whole structure in the readout, and for a "
    "cutoff that exceeds what the neighbour search covers",
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

    The cell is doubled along its shortest periodic axis, then along the next one. Measured as in
    :func:`physcheck.measure_translation_invariance`.

    Can't see: an energy that leaves being proportional to size only beyond twice the cell; a constant added to
    the energy, which has no effect on physics and is reported (three times the cell tells it).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 9 evaluations (6 with one periodic axis), of cells of twice the size; 3 more where energies disagree.

    Source: extensivity; for cells in the ground state, without charge or open shells.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    axes = np.flatnonzero(one.system.pbc)
    lengths = np.linalg.norm(one.cells[0], axis=1)[axes]
    chosen = axes[np.argsort(lengths, kind="stable")][:2]
    return compared(
        "supercell_extensivity",
        meter,
        one,
        [supercell(one, int(axis), 2) for axis in chosen],
        rng=rng,
        resolution=resolution,
        tolerance=tolerance,
        thrice=supercell(one, int(chosen[0]), 3),
    )


assert_periodic_wrap = derive_assert(measure_periodic_wrap)
assert_lattice_basis = derive_assert(measure_lattice_basis)
assert_supercell_extensivity = derive_assert(measure_supercell_extensivity)
