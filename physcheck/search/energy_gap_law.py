"""Forces against the energy along one short line of a case.

A gap shows in one of two ways.  Forces that are no gradient differ from the energy's slope on
*every* piece of the line, however short.  An energy that jumps differs at one place, by as much on
a short piece as on a long one.  A kink of the energy, which is no violation, does neither: it is at
one place, and what Simpson's rule leaves there falls with the length.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from physcheck.checks.conservation.subject import Subject
from physcheck.measurement import Measurement
from physcheck.model import Meter
from physcheck.numerics.noise import rounding_floor
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS, student_quantile
from physcheck.resolution import RESOLUTION_EVALUATIONS
from physcheck.search.asking import Asked, Noise, energy_of, rms, sane_answer
from physcheck.search.case import Case
from physcheck.search.law import SearchLaw
from physcheck.search.tape import Tape
from physcheck.system import Configurations, Floats

__all__ = ["ForceEnergyGap", "moved_atoms"]

_MEV = 1e3
# Half the length of a line, Å in 3N space.
_HALF_LENGTHS = (0.02, 0.25)
# Composite Simpson's rule over the line, from -1 to 1: its points and weights, and those of the
# rule over three of the points.
_POINTS = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
_WEIGHTS = np.array([1.0, 4.0, 2.0, 4.0, 1.0]) / 6.0
_COARSE = np.array([1.0, 0.0, 4.0, 0.0, 1.0]) / 3.0
# A judgement's pieces are so many, each this share of the line, and one of them may have a kink:
# as short as rounding allows, since a gap is the same on a short piece, and few of these have any.
_PIECES, _SHARE, _WITH_KINK = 6, 1 / 1024, 1
# They are longer until the noise of a gap is below the tolerance over this.
_QUIET = 8
# Halvings of the line in search of a jump: what a kink leaves falls by 2 with each, a jump stays.
# Of several jumps the first halvings leave one.
_HALVINGS, _LEAVE_ONE = 7, 3
# A jump keeps this share of itself over all halvings that follow, a kink a sixteenth at most.
_KEPT = 0.7
# Roundings of an energy, in units of the one of its size.
_ROUNDINGS = 4


def moved_atoms(tape: Tape, start: Configurations, columns: int) -> tuple[Floats, int]:
    """(N, 3, columns) random directions of one atom, of two, or of all, and how many move."""
    n = start.n_atoms
    count = min(n, tape.one_of((1, 2, n)))
    moving = tape.rng.permutation(n)[:count]
    ways = np.zeros((n, 3, columns))
    ways[moving] = tape.rng.standard_normal((count, 3, columns))
    return ways, count


@final
class ForceEnergyGap(SearchLaw):
    """E(x + d) - E(x - d) is minus the integral of F along the way; ``move`` is d (N, 3), Å."""

    check: ClassVar[str] = "force_energy_gap"
    least_atoms: ClassVar[int] = 2
    asking: ClassVar[int] = len(_POINTS)
    judging: ClassVar[int] = RESOLUTION_EVALUATIONS + 3 * _PIECES + 3 + 2 * _HALVINGS

    def acted(self, tape: Tape, start: Configurations, made_from: str) -> Case:
        """A line of one atom, two or all."""
        way = moved_atoms(tape, start, 1)[0][:, :, 0]
        length = tape.between(*_HALF_LENGTHS)
        move = length * way / np.linalg.norm(way)
        return Case(self.check, start, {"move": move.tolist()}, made_from)

    def ask(self, meter: Meter, case: Case, noise: Noise) -> Asked:
        """The gap over the whole line, meV/Å, by five points."""
        move = case.numbers_of("move")
        places = case.start.displaced(_POINTS[:, None, None] * move)
        answer = sane_answer(meter, places)
        pull = np.einsum("tia,ia->t", answer.require_forces(), move)
        energy = answer.require_energy()
        length = 2 * float(np.linalg.norm(move))
        gap = float(energy[-1] - energy[0] + _WEIGHTS @ pull)
        rounding = _ROUNDINGS * rounding_floor(
            float(np.abs(energy).max()), meter.capabilities.dtype
        )
        rounding += math.sqrt(2) * noise.energy + length * noise.forces
        doubt = abs(float((_WEIGHTS - _COARSE) @ pull)) + rounding
        size = rms(answer.require_forces())
        value = _MEV * abs(gap) / length
        return Asked(value, _MEV * doubt / length, "energy", size, energy_of(answer))

    def judge(
        self, meter: Meter, case: Case, rng: np.random.Generator, tolerance: float
    ) -> Measurement:
        """The gap on several short pieces; where they have none, the jump that halving finds."""
        own = Meter(meter)
        subject = Subject.of(own, case.start, rng, None)
        line = _Line(subject, case.numbers_of("move"))
        low = _uniform(line, rng, tolerance)
        found = low if low.interval[0] > tolerance else _jump(line, low)
        return _measurement(own, subject, found)

    def described(self, case: Case) -> str:
        """Which atoms move how far."""
        move = case.numbers_of("move")
        which = np.flatnonzero(move.any(axis=1))
        names = ", ".join(f"{k} ({case.start.system.symbols[k]})" for k in which[:4])
        more = f" and {len(which) - 4} more" if len(which) > 4 else ""
        length = 2 * np.linalg.norm(move)
        return f"atom {names}{more} moved along a straight line of {length:.2g} Å"


@dataclass(frozen=True, slots=True)
class _Found:
    """A gap, meV/Å, with its errors, and a sentence about it."""

    value: float
    noise: float
    truncation: float
    interval: tuple[float, float]
    said: str


@dataclass(slots=True)
class _Line:
    """The line of a case: what the model says at its points, each asked once.

    Attributes
    ----------
    subject : Subject
    move : (N, 3) float, Å
        From the middle to the end.
    """

    subject: Subject
    move: Floats
    _known: dict[float, tuple[float, float]] = field(default_factory=dict)

    @property
    def length(self) -> float:
        """Of the whole line, Å."""
        return 2 * float(np.linalg.norm(self.move))

    def look(self, times: Iterable[float]) -> None:
        """Ask at points, from -1 to 1, that aren't known."""
        new = [t for t in dict.fromkeys(times) if t not in self._known]
        if not new:
            return
        places = self.subject.start.displaced(np.reshape(new, (-1, 1, 1)) * self.move)
        answer = self.subject.evaluate(places, "forces", "energy")
        pulls = np.einsum("tia,ia->t", answer.require_forces(), self.move)
        found = zip(answer.require_energy().tolist(), pulls.tolist())
        self._known.update(zip(new, found))

    def gap(self, a: float, b: float) -> float:
        """E(b) - E(a) and the work of the forces, eV, by Simpson's rule over a known piece."""
        (start, pull_a), (_, pull_m), (end, pull_b) = (self._known[t] for t in (a, (a + b) / 2, b))
        return end - start + (b - a) * (pull_a + 4 * pull_m + pull_b) / 6


def _noise(subject: Subject, length: float) -> float:
    """Standard deviation of a piece's gap over its length, eV/Å."""
    resolution = subject.resolution
    of_energy = math.sqrt(2) * (resolution.energy_noise or 0.0) / length
    return math.hypot(of_energy, resolution.force_noise)


def _uniform(line: _Line, rng: np.random.Generator, tolerance: float) -> _Found:
    """The gap per length that all pieces but one have at least.

    Pieces are a thousandth of the line, longer where the noise of the energy needs it.
    """
    whole, subject = line.length, line.subject
    share = _SHARE
    while share < 1 / 2 and _MEV * _noise(subject, share * whole) > tolerance / _QUIET:
        share *= 2
    begins = rng.uniform(-1, 1 - 2 * share, _PIECES)
    line.look(t for a in begins for t in (a, (a + a + 2 * share) / 2, a + 2 * share))
    length = share * whole
    gaps = np.array([_MEV * line.gap(a, a + 2 * share) / length for a in begins])
    noise = _MEV * _noise(subject, length)
    sizes = np.sort(np.abs(gaps))
    middle = float(np.median(sizes))
    agree = abs(float(np.sign(gaps).sum())) >= _PIECES - 2 * _WITH_KINK
    quantile = student_quantile(FALSE_FAIL / 4, subject.resolution.dof)
    low = max(0.0, float(sizes[_WITH_KINK]) - quantile * noise) if agree else 0.0
    high = middle + student_quantile(FALSE_PASS, subject.resolution.dof) * noise
    spread = float(sizes[-1 - _WITH_KINK] - sizes[_WITH_KINK]) / 2
    said = f"on {_PIECES} pieces of {length:.2g} Å: {sizes[0]:.3g} to {sizes[-1]:.3g} meV/Å"
    return _Found(middle, noise, spread, (min(low, middle), high), said)


def _jump(line: _Line, otherwise: _Found) -> _Found:
    """The jump of the energy that halving the line ends at; ``otherwise`` where there is none."""
    whole, subject = line.length, line.subject
    a, b = -1.0, 1.0
    line.look((a, 0.0, b))
    sizes = []
    for _ in range(_HALVINGS):
        middle = (a + b) / 2
        line.look(((a + middle) / 2, (middle + b) / 2))
        a, b = max(((a, middle), (middle, b)), key=lambda half: abs(line.gap(*half)))
        sizes.append(abs(line.gap(a, b)))
    size, length = sizes[-1], whole * (b - a) / 2
    noise = math.sqrt(2) * (subject.resolution.energy_noise or 0.0)
    quantile = student_quantile(FALSE_FAIL / 4, subject.resolution.dof)
    if not (size - quantile * noise > _KEPT * max(sizes[_LEAVE_ONE - 1 :])):
        return otherwise
    # Over the line, as the gap that made the case suspicious.
    low = (size - quantile * noise) / whole
    high = (size + quantile * noise) / whole
    said = f"the energy jumps by {_MEV * size:.3g} meV within {length:.2g} Å"
    return _Found(_MEV * size / whole, _MEV * noise / whole, 0.0, (_MEV * low, _MEV * high), said)


def _measurement(own: Meter, subject: Subject, found: _Found) -> Measurement:
    return Measurement(
        value=found.value,
        uncertainty=math.hypot(found.noise, found.truncation),
        uncertainty_components={"rounding": found.noise, "truncation": found.truncation},
        interval=found.interval,
        detection_limit=found.noise * student_quantile(FALSE_FAIL / 4, subject.resolution.dof),
        force_evaluations=own.evaluations,
        nothing_tested="",
        evidence={"place": found.said, "quantities": {}},
    )
