"""From two ends of a trajectory: does the energy differ by what the forces say?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from physcheck.dynamics.shadow import WindowMoment
from physcheck.model import Meter
from physcheck.system import Configurations, Floats

__all__ = ["LINE_POINTS", "belongs_together", "energy_gap_between", "gap_along", "inner_places"]

# Of belongs_together: evaluations, rms displacement and half the piece of a line, Å.
_QUESTIONS = 3
_AWAY, _HALF_PIECE = 0.02, 0.005


@dataclass(frozen=True, slots=True, eq=False)
class _Rule:
    """Inner nodes on [-1, 1], weights of the rule and of a coarser one within it, ends included."""

    nodes: Floats
    weights: Floats
    embedded: Floats


# Lobatto's 4 points and Kronrod's 3 more (Gander and Gautschi, BIT 40, 84 (2000)).
_LONG = _Rule(
    np.array([-math.sqrt(2 / 3), -math.sqrt(1 / 5), 0.0, math.sqrt(1 / 5), math.sqrt(2 / 3)]),
    np.array([77.0, 432.0, 625.0, 672.0, 625.0, 432.0, 77.0]) / 1470.0,
    np.array([1.0, 0.0, 5.0, 0.0, 5.0, 0.0, 1.0]) / 6.0,
)
# Lobatto's 5 points, and Simpson's 3 of them.
_SHORT = _Rule(
    np.array([-math.sqrt(3 / 7), 0.0, math.sqrt(3 / 7)]),
    np.array([9.0, 49.0, 64.0, 49.0, 9.0]) / 90.0,
    np.array([1.0, 0.0, 4.0, 0.0, 1.0]) / 3.0,
)
#: Evaluations that a line costs, its ends being known; for short lines there is a cheaper rule.
LINE_POINTS = 5


def energy_gap_between(
    meter: Meter,
    start: Configurations,
    begin: WindowMoment,
    end: WindowMoment,
    *,
    short: bool = False,
) -> tuple[Floats, Floats]:
    """``E(end) - E(begin) + integral of F.dx`` along straight lines, eV: zero where F = -dE/dx.

    Taking it off a trajectory's energy change leaves the work of the forces around the closed path,
    so what remains doesn't depend on which energy the model reports: no gradient, of whatever
    energy, heats. Energies are those in the weighting of the shadow energy, so that the two may be
    subtracted.

    Parameters
    ----------
    meter : Meter
    start : Configurations with B = 1
        System and cell.
    begin, end : WindowMoment
        Of B replicas.
    short : bool
        For lines of a few hundredths of an Å: 3 points are enough.

    Returns
    -------
    gap : (B,) eV
    error : (B,) eV
        Of the quadrature, a third of the difference from the embedded rule.

    Cost: 5 B evaluations, 3 B if short.
    """
    places = inner_places(begin, end, short=short)
    shape = places.shape
    cells = np.broadcast_to(start.cells, (shape[0] * shape[1], 3, 3))
    inner = meter.evaluate(
        Configurations(start.system, places.reshape(-1, *shape[2:]), cells)
    ).require_forces()
    weight = (start.system.masses / start.system.masses.sum())[:, None]
    inner = inner - weight * inner.sum(axis=1, keepdims=True)
    return gap_along(begin, end, inner.reshape(shape), short=short)


def inner_places(begin: WindowMoment, end: WindowMoment, *, short: bool = False) -> Floats:
    """(P, B, ...) the places on the straight lines where forces are asked: 5 a line, 3 if short."""
    rule = _SHORT if short else _LONG
    share = ((1.0 + rule.nodes) / 2).reshape(-1, *[1] * begin.positions.ndim)
    places: Floats = begin.positions + share * (end.positions - begin.positions)
    return places


def gap_along(
    begin: WindowMoment, end: WindowMoment, inner: Floats, *, short: bool = False
) -> tuple[Floats, Floats]:
    """What :func:`energy_gap_between` gives, from the forces (P, B, ...) at the inner places.

    Coordinates may be any, if positions and forces belong together.
    """
    rule = _SHORT if short else _LONG
    chord = end.positions - begin.positions
    forces = np.concatenate([begin.forces[None], inner, end.forces[None]])
    along = (forces * chord).reshape(*forces.shape[:2], -1).sum(axis=2)
    work, coarse = 0.5 * (rule.weights @ along), 0.5 * (rule.embedded @ along)
    # The embedded rule is off by far more, 7 times at the least where cutoffs make kinks.
    error: Floats = np.abs(work - coarse) / 3
    gap = end.energies - begin.energies + work + end.work - begin.work
    return gap, error


def belongs_together(meter: Meter, start: Configurations, rng: np.random.Generator) -> bool:
    """Whether the energy changes along the forces about as they say, at a place near the start.

    False for an energy that is constant, of another sign or scale: within a factor of two is taken.
    True where the allotment has no room to ask.  Cost: 3 evaluations.
    """
    if meter.remaining is not None and meter.remaining < _QUESTIONS:
        return True
    move = _AWAY * rng.standard_normal((1, start.n_atoms, 3))
    place = start.displaced(move)
    forces = meter.evaluate(place).require_forces()[0]
    size = float(np.linalg.norm(forces))
    way = _HALF_PIECE * forces / max(size, 1e-300)
    ends = place.displaced(np.stack([way, -way]))
    energy = meter.evaluate(ends, want=frozenset({"energy", "forces"})).require_energy()
    slope = float(energy[1] - energy[0]) / (2 * _HALF_PIECE)
    return bool(0.5 * size <= slope <= 2 * size)
