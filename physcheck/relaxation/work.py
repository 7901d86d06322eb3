"""The work of the forces along the path of an optimiser."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from physcheck.model import Meter
from physcheck.relaxation.coordinates import Coordinates
from physcheck.relaxation.optimisers import Path
from physcheck.resolution import Resolution, visit
from physcheck.system import Floats

__all__ = ["PathWork", "work_along"]

# Halvings of a piece, after which its rule is composite Simpson on 8 intervals.
_DEEPEST = 3


@dataclass(frozen=True, slots=True, eq=False)
class PathWork:
    """The line integral of the forces over the polygon through a path's places.

    Attributes
    ----------
    work : (K,) float, eV
        Integral of F.dq from the first place up to each.
    travelled : (K,) float, eV
        Sum over the pieces so far of the size of their work: what ``work`` would be if no piece went uphill.
    truncation : (K,) float, eV
        What ``work`` may be off by: the sum over the pieces so far of the difference of two embedded rules.
    length : (K,) float, Å
        Root of the sum of squares of the pieces' lengths: times the noise of a force, the noise of ``work``.
    evaluations : int
    """

    work: Floats
    travelled: Floats
    truncation: Floats
    length: Floats
    evaluations: int


def _summed(values: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(values)])


@dataclass(slots=True)
class _Piece:
    """One straight piece: components of the force along it, at equal distances, ends included."""

    begin: Floats
    step: Floats
    along: Floats
    level: int = 0
    value: float = field(init=False)
    error: float = field(init=False)

    def __post_init__(self) -> None:
        self._integrate()

    def _integrate(self) -> None:
        fine, coarse = _rule(self.along), _rule(self.along[::2]) if self.level else None
        self.value = fine
        # Against the rectangle rule where nothing is known between the ends.
        first = 0.5 * abs(float(self.along[1] - self.along[0]))
        self.error = first if coarse is None else abs(fine - coarse)

    def midpoints(self) -> Floats:
        """(m, M, 3) places that the next level needs."""
        count = len(self.along) - 1
        shares = (np.arange(count) + 0.5) / count
        points: Floats = self.begin + shares[:, None, None] * self.step
        return points

    def refine(self, forces: Floats) -> None:
        """Take forces (m, M, 3) at the midpoints in."""
        between = np.einsum("mij,ij->m", forces, self.step)
        merged = np.empty(len(self.along) + len(between))
        merged[::2], merged[1::2] = self.along, between
        self.along = merged
        self.level += 1
        self._integrate()


def _rule(along: Floats) -> float:
    """The trapezoidal rule on one interval, Simpson's on more."""
    count = len(along) - 1
    if count == 1:
        return 0.5 * float(along[0] + along[1])
    weights = np.ones(count + 1)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    return float(weights @ along) / (3 * count)


def work_along(
    meter: Meter,
    coordinates: Coordinates,
    path: Path,
    *,
    last: int,
    accuracy: float,
    evaluations: int,
    rng: np.random.Generator,
    resolution: Resolution,
) -> PathWork:
    """Integrate the forces over the polygon through places 0 ... ``last`` of a path.

    Each piece is known at its ends from the relaxation. The pieces with the largest errors are halved
    (Simpson's rule, held against the rule on half the points) until all errors together are below
    ``accuracy`` times the work travelled, or the evaluations are spent.

    Parameters
    ----------
    coordinates : Coordinates
        Those of the path.
    last : int
    accuracy : float
        Wanted sum of errors over the work travelled.
    evaluations : int
        The most that are made.
    """
    q, forces = path.q[: last + 1], path.q_forces[: last + 1]
    steps = np.diff(q, axis=0)
    pieces = [
        _Piece(q[k], steps[k], np.array([np.vdot(forces[k + i], steps[k]) for i in (0, 1)]))
        for k in range(len(steps))
    ]
    spent = 0
    while pieces:
        travelled = sum(abs(piece.value) for piece in pieces)
        excess = sum(piece.error for piece in pieces) - accuracy * travelled
        chosen: list[_Piece] = []
        cost = 0
        for piece in sorted(pieces, key=lambda piece: -piece.error):
            price = 2**piece.level
            if excess <= 0 or piece.level >= _DEEPEST:
                continue
            if spent + cost + price > evaluations:
                break
            chosen.append(piece)
            cost += price
            excess -= piece.error
        if not chosen:
            break
        places = coordinates.places(np.concatenate([piece.midpoints() for piece in chosen]))
        answer = visit(
            meter, places, want=coordinates.wanted, rng=rng, fresh=resolution.needs_fresh
        )
        found = coordinates.forces(places, answer)
        at = 0
        for piece in chosen:
            count = 2**piece.level
            piece.refine(found[at : at + count])
            at += count
        spent += cost
    values = np.array([piece.value for piece in pieces])
    return PathWork(
        work=_summed(values),
        travelled=_summed(np.abs(values)),
        truncation=_summed(np.array([piece.error for piece in pieces])),
        length=np.sqrt(_summed((steps**2).sum(axis=(1, 2)))),
        evaluations=spent,
    )
