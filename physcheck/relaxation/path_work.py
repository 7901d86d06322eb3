"""The work of the forces along the path of an optimiser."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from physcheck.model import Meter
from physcheck.relaxation.coordinates import Coordinates
from physcheck.relaxation.optimisers import Path
from physcheck.resolution import Resolution, visit
from physcheck.system import Floats

__all__ = ["PathIntegral", "PathWork"]

# Halvings of a piece, after which its rule is composite Simpson on 16 intervals.
_DEEPEST = 4


@dataclass(frozen=True, slots=True, eq=False)
class PathWork:
    """The line integral of the forces over the polygon through a path's places.

    Attributes
    ----------
    work : (K,) float, eV
        Integral of F.dq from the first place up to each.
    travelled : (K,) float, eV
        Sum over the pieces so far of the size of their work: what ``work`` would be if no piece
        went uphill.
    truncation : (K,) float, eV
        What ``work`` may be off by: the sum over the pieces so far of the difference of two
        embedded rules.
    length : (K,) float, Å
        Root of the sum of squares of the pieces' lengths: times the noise of a force, the noise of
        ``work``.
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


class PathIntegral:
    """The line integral of the forces over the polygon through places 0 ... ``last`` of a path.

    Each piece is known at its ends from the relaxation; halving it gives Simpson's rule, held
    against the rule on half the points without credit for its order, since kinks have none.

    Parameters
    ----------
    meter : Meter
    coordinates : Coordinates
        Those of the path.
    path : Path
    last : int
    rng : numpy generator
        Chooses the order of evaluations.
    resolution : Resolution
    """

    def __init__(
        self,
        meter: Meter,
        coordinates: Coordinates,
        path: Path,
        *,
        last: int,
        rng: np.random.Generator,
        resolution: Resolution,
    ) -> None:
        self.meter, self.coordinates, self.rng, self.resolution = (
            meter,
            coordinates,
            rng,
            resolution,
        )
        q, forces = path.q[: last + 1], path.q_forces[: last + 1]
        self.steps = np.diff(q, axis=0)
        self.pieces = [
            _Piece(q[k], step, np.array([np.vdot(forces[k + i], step) for i in (0, 1)]))
            for k, step in enumerate(self.steps)
        ]
        self.evaluations = 0

    def _halve(self, chosen: list[_Piece]) -> None:
        if not chosen:
            return
        places = self.coordinates.places(np.concatenate([p.midpoints() for p in chosen]))
        answer = visit(
            self.meter,
            places,
            want=self.coordinates.wanted,
            rng=self.rng,
            fresh=self.resolution.needs_fresh,
        )
        found = self.coordinates.forces(places, answer)
        at = 0
        for piece in chosen:
            count = 2**piece.level
            piece.refine(found[at : at + count])
            at += count
        self.evaluations += at

    def refine(self, accuracy: float, evaluations: int) -> None:
        """Halve the pieces with the largest errors.

        Until all errors together are below ``accuracy`` times the work travelled, or
        ``evaluations`` are spent.
        """
        left = evaluations
        while self.pieces:
            travelled = sum(abs(piece.value) for piece in self.pieces)
            excess = sum(piece.error for piece in self.pieces) - accuracy * travelled
            chosen: list[_Piece] = []
            for piece in sorted(self.pieces, key=lambda piece: -piece.error):
                if excess <= 0 or 2**piece.level > left:
                    break
                if piece.level < _DEEPEST:
                    chosen.append(piece)
                    left -= 2**piece.level
                    excess -= piece.error
            if not chosen:
                return
            self._halve(chosen)

    def confirm(self, falls: Floats, upto: int, evaluations: int) -> None:
        """Halve once more the pieces whose work differs most from the energy's fall.

        An error estimate can be small by chance, where a force turns round within a step. Of the
        first ``upto`` pieces those with the largest gaps are halved again, as far as
        ``evaluations`` go; the gap of a piece that wasn't counts as its error from then on.

        Parameters
        ----------
        falls : (K - 1,) float, eV
            E(begin) - E(end) of each piece.
        """
        left = evaluations
        gaps = [
            abs(piece.value - float(fall)) for piece, fall in zip(self.pieces, falls, strict=True)
        ]
        chosen, doubtful = [], []
        for k in sorted(range(upto), key=lambda k: -gaps[k]):
            piece = self.pieces[k]
            if piece.level < _DEEPEST and 2**piece.level <= left:
                chosen.append(piece)
                left -= 2**piece.level
            else:
                doubtful.append(k)
        self._halve(chosen)
        for k in doubtful:
            self.pieces[k].error = max(self.pieces[k].error, gaps[k])

    def work(self) -> PathWork:
        """What is known by now."""
        values = np.array([piece.value for piece in self.pieces])
        return PathWork(
            work=_summed(values),
            travelled=_summed(np.abs(values)),
            truncation=_summed(np.array([piece.error for piece in self.pieces])),
            length=np.sqrt(_summed((self.steps**2).sum(axis=(1, 2)))),
            evaluations=self.evaluations,
        )
