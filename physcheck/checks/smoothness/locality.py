"""A model with a declared range doesn't look beyond it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.differences import (
    Part,
    force_part,
    largest_difference,
    place_rounding,
    scale_sentence,
)
from physcheck.checks.plotted import changes_by_atom
from physcheck.checks.symmetry.comparison import COPIES, thermal
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.probes.transformations import far_pair, supercell
from physcheck.registry import Failure, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution, visit
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_locality", "measure_locality"]

_MARGIN = 0.5  # Å between the declared range and what must not matter
_MOVE = 0.3  # Å, of each coordinate at most
_MOST_ATOMS = 4000


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    reach = capabilities.interaction_range
    if reach is None:
        return "the model declares no interaction_range"
    if start.system.is_periodic:
        atoms = _repeats(start, reach)[1] * start.n_atoms
        if atoms > _MOST_ATOMS:
            return f"a cell longer than twice the range would have {atoms} atoms"
    return None


def _repeats(start: Configurations, reach: float) -> tuple[int, int]:
    """The axis along which the fewest repeats reach beyond twice the range, and how many."""
    cell, pbc = start.cells[0], start.system.pbc
    best = (0, 10**9)
    for axis in np.flatnonzero(pbc):
        # Distance between the planes that the other periodic vectors span.
        others = cell[[k for k in np.flatnonzero(pbc) if k != axis]]
        along = cell[axis]
        if len(others):
            q, _ = np.linalg.qr(others.T)
            along = along - q @ (q.T @ along)
        height = float(np.linalg.norm(along))
        count = math.ceil((2 * (reach + _MARGIN + 2 * _MOVE) + 2 * height) / height)
        if count < best[1]:
            best = (int(axis), count)
    return best


@check(
    family="smoothness",
    quantity="rms change of forces by atoms beyond the declared range",
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="atoms feel what is beyond the declared range",
    causes="a global readout or normalisation; more message-passing layers than declared; a mesh",
    advice="declare the true range (layers times cutoff), or switch the long-range part off",
    failure=Failure(
        short_title="far atoms matter",
        meaning="An atom feels others beyond the range that was declared. Domain decomposition, as "
        "in LAMMPS, gives other forces than one process does.",
    ),
    tolerances=Tolerances(
        screening=1e-3,
        md=1e-4,
        tight=1e-6,
        reason="nothing may reach beyond a declared range but rounding; md as for the symmetries",
        source="float32 force noise of SO3LR, ANI and CHGNet: 1.2e-6 to 4e-6 eV/Å, by ECNoise",
    ),
    evaluations=always(2 * COPIES),
    applies=_applies,
)
def measure_locality(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Moving atoms beyond the declared interaction range changes no force.

    Without periodic axes a copy of the structure stands just beyond ``interaction_range`` (0.5 Å of
    margin) and its atoms are moved by up to 0.3 Å; with them, the cell is repeated along one axis
    until the atoms of its first repeat are beyond the range of those in the middle, and the former
    are moved. Judged is the largest rms change of a component of the forces that must not notice,
    of three such moves.

    Can't see: a dependence on what doesn't change in such a move (number and kinds of atoms:
    ``separated_additivity`` and ``supercell_extensivity`` see that).

    Raises
    ------
    CapabilityMissing
        No range is declared (through ``applies``).
    ModelError, NonFiniteOutput

    Cost: 6 evaluations of a larger system.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("locality") if tolerance is None else tolerance
    reach = meter.capabilities.interaction_range
    assert reach is not None
    move = _choose_move(one, reach, rng)
    parts = _measure(meter, move, rng, resolution)
    return _report(meter, move, parts, reach, target, resolution)


@dataclass(frozen=True, slots=True, eq=False)
class _Move:
    """Copies before and after a move of some atoms that others must not notice."""

    label: str
    before: Configurations
    after: Configurations
    moved: Any
    watched: Any


def _choose_move(one: Configurations, reach: float, rng: np.random.Generator) -> _Move:
    copies = thermal(one, rng)
    # Atoms on both sides may move towards each other.
    far = reach + _MARGIN + 2 * _MOVE
    if one.system.is_periodic:
        axis, count = _repeats(one, reach)
        before = supercell(one, axis, count).apply(copies)
        moved = np.arange(one.n_atoms)
        watched = _beyond(before, moved, axis, far)
        label = f"atoms of one cell moved, those beyond {reach:g} Å watched"
    else:
        before = far_pair(copies, thermal(one, rng), far)
        moved, watched = np.arange(one.n_atoms, 2 * one.n_atoms), np.arange(one.n_atoms)
        label = f"a copy moved beyond {reach:g} Å"
    # A move of its own for each copy: one alone may leave what others feel by chance as it was.
    step = np.zeros_like(before.positions)
    step[:, moved] = _MOVE * rng.uniform(-1, 1, (COPIES, len(moved), 3))
    after = Configurations(before.system, before.positions + step, before.cells)
    return _Move(label, before, after, moved, watched)


def _measure(
    meter: Meter, move: _Move, rng: np.random.Generator, resolution: Resolution
) -> list[Part]:
    want, fresh = frozenset({"forces"}), resolution.needs_fresh
    before, after = (
        visit(meter, place, want=want, rng=rng, fresh=fresh).require_forces()[:, move.watched]
        for place in (move.before, move.after)
    )
    rounding = place_rounding(meter.capabilities, resolution, move.before)
    return [
        force_part(f"{move.label} ({k})", difference[None], resolution, rounding=rounding)
        for k, difference in enumerate(after - before, 1)
    ]


def _report(
    meter: Meter,
    move: _Move,
    parts: list[Part],
    reach: float,
    target: float,
    resolution: Resolution,
) -> Measurement:
    # All that far atoms do may come down to one number, such as a mean over everything.
    found = largest_difference(parts, resolution.dof, target, components=1)
    worst = parts.index(found.worst)
    each = np.linalg.norm(found.worst.mean.reshape(-1, 3), axis=1)
    atom = int(move.watched[int(np.argmax(each))])
    symbol = move.before.system.symbols[atom]
    ends = np.stack([move.before.positions[worst], move.after.positions[worst]])
    evidence = {
        "place": f"{found.worst.label}: atom {atom} ({symbol}) feels {each.max():.3g} eV/Å",
        "scale": scale_sentence(resolution),
        "quantities": {
            "interaction_range_A": reach,
            "atoms_moved": len(move.moved),
            "atoms_watched": len(move.watched),
        },
        "configurations": Configurations(move.before.system, ends, move.before.cells[:2]),
        **_for_pictures(found.value > target, each, move),
    }
    return found.to_measurement(meter, resolution, evidence)


def _for_pictures(fails: bool, each: Floats, move: _Move) -> dict[str, Any]:
    if not fails:
        return {}
    return {"force_changes": changes_by_atom(each, move.before.system.symbols, move.watched)}


def _beyond(big: Configurations, moved: Any, axis: int, distance: float) -> Any:
    """Atoms farther than ``distance`` from every moved one, measured along one axis only."""
    cell = big.cells[0]
    others = cell[[k for k in np.flatnonzero(big.system.pbc) if k != axis]]
    along: Floats = cell[axis]
    if len(others):
        q, _ = np.linalg.qr(others.T)
        along = along - q @ (q.T @ along)
    height = float(np.linalg.norm(along))
    coordinate = big.positions[0] @ (along / height)
    gap = coordinate[:, None] - coordinate[moved][None]
    gap = np.abs(gap - height * np.rint(gap / height))
    return np.flatnonzero(gap.min(axis=1) > distance)


assert_locality = derive_assert(measure_locality)
