"""The force Jacobian along directions, by central differences.

Their steps fit the model's noise and the roughness of its surface.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from physcheck.checks.conservation.subject import Subject
from physcheck.system import Floats, Ints

__all__ = [
    "DifferenceFormula",
    "JacobianProbe",
    "Sides",
    "antisymmetric_part",
    "bends_over_those_of_pilots",
    "choose_formula",
    "pair_at_nearby_place",
    "pair_at_smaller_step",
    "rms_of_pairs",
    "slopes_of",
    "slopes_of_parts",
    "without_jumps",
]

# Where truncation is more than so many times the noise, the surface is rougher than the first steps
# took it for: the 2-point formula is tried at steps smaller by a factor in this range.
_ROUGH, _FINER = 4.0, (8.0, 128.0)
# Relative curvature of forces, 1/Å²: a bond's Morse exponent of 5/Å, squared; only the first step
# starts from it.
_CURVATURE = 25.0
# Steps, Å (rms of a coordinate): below, positions near 100 Å keep too few digits of a step (1.4e-14
# Å of 1e-6 are 1e-8 of a slope); above, anharmonicity.
_STEP_RANGE = (1e-6, 5e-3)
# The 2-point formula is taken where its error is at most this share of the target.
_GOOD_ENOUGH = 0.03
# Halving the step of a 4-point formula divides the truncation by 16 on a smooth surface; kinks gain
# less, so 4 is granted.
_GRANTED = 4
# An rms over the six pairs of four pilots has a relative standard deviation of 1/sqrt(12), 0.3:
# what is left of it after subtracting noise is known no better than to this share of the noise.
_RESOLVED = 0.4
# For a confirmation the step is divided by the largest of these at which the pair is _CLEAR times
# the noise.
_DIVISORS, _CLEAR = (8, 4, 2), 8
# On a rough surface, a direction along which the derivative is so many times the median's has a
# jump of the forces in it.
_JUMP = 5.0
# How far a place near by is, in steps (rms of a coordinate): out of reach of a kink at the first.
_AWAY = 8
# Keeps the ideal step finite where forces don't respond.
_SOFTEST = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class DifferenceFormula:
    """A difference formula: its steps (multiples of one base) and its errors.

    Attributes
    ----------
    base : float, Å
        The smallest step, as the rms displacement of a coordinate.
    order : int
        2 for one central slope, 4 for Richardson's combination of two.
    truncation : float, eV/Å²
        One standard deviation of an antisymmetric element.
    rough : bool
        Whether kinks or sharp curvature made the step much shorter.
    tried_shorter : bool
        Whether much shorter steps were paid for, chosen or not.
    """

    base: float
    order: int
    truncation: float
    rough: bool = False
    tried_shorter: bool = False

    @property
    def steps(self) -> tuple[float, ...]:
        """The steps, Å (rms of a coordinate)."""
        return (self.base,) if self.order == 2 else (self.base, 2 * self.base)

    @property
    def amplification(self) -> float:
        """Noise of a derivative over noise of a value, times the step: sqrt(sum of w^2).

        Two points: weights 1/2 and -1/2.  Four points, (4 s(h) - s(2h))/3 of central slopes s:
        (16/2 + 1/8)/9 = 130/144.
        """
        return math.sqrt(0.5) if self.order == 2 else math.sqrt(130.0) / 12.0

    def combine(self, slopes: dict[float, Floats]) -> Floats:
        """The derivative from central slopes at the steps (Richardson where there are two)."""
        if self.order == 2:
            return slopes[self.base]
        return (4 * slopes[self.base] - slopes[2 * self.base]) / 3


# Forces (2, k, n) beyond both ends of a step over the length between them, by step.
Sides = dict[float, Floats]


def slopes_of(sides: Sides) -> dict[float, Floats]:
    """Central slopes (k, n), eV/Å², by step."""
    return {step: pair[0] - pair[1] for step, pair in sides.items()}


@dataclass(frozen=True, slots=True, eq=False)
class JacobianProbe:
    """J along directions, by central differences of the forces of a subject."""

    subject: Subject

    def slopes(
        self, directions: Floats, steps: tuple[float, ...], moved: int | None = None
    ) -> dict[float, Floats]:
        """Central slopes (k, n) of the forces along unit ``directions`` (k, n), eV/Å², by step.

        ``moved`` is the number of coordinates that the directions move, if not all.
        """
        return slopes_of(self.sides(directions, steps, moved))

    def sides(
        self, directions: Floats, steps: tuple[float, ...], moved: int | None = None
    ) -> Sides:
        """Forces (2, k, n) at both ends over the distance between them, eV/Å², by step."""
        n = self.subject.n_coordinates
        lengths = np.array(steps) * math.sqrt(moved or n)
        moves = np.stack([s * length * directions for length in lengths for s in (1.0, -1.0)])
        places = self.subject.start.displaced(moves.reshape(-1, n))
        forces = self.subject.evaluate(places, "forces").require_forces()
        sides = forces.reshape(len(steps), 2, len(directions), n)
        return {step: pair / (2 * length) for step, length, pair in zip(steps, lengths, sides)}

    def noise(self, formula: DifferenceFormula) -> float:
        """Standard deviation of an antisymmetric element, eV/Å²."""
        element = formula.amplification * self.subject.resolution.force_noise
        # An element is half the difference of two independent ones.
        return element / (formula.base * math.sqrt(self.subject.n_coordinates)) / math.sqrt(2.0)


def antisymmetric_part(directions: Floats, responses: Floats) -> Floats:
    """(k, k) antisymmetric part of J within the directions (k, n), from the responses J v."""
    projected = directions @ responses.T
    return (projected - projected.T) / 2


def rms_of_pairs(matrix: Floats) -> float:
    """rms of the elements above the diagonal."""
    k = len(matrix)
    return float(np.sqrt(np.sum(np.triu(matrix, 1) ** 2) / (k * (k - 1) / 2)))


def choose_formula(
    probe: JacobianProbe, frame: Floats, target: float
) -> tuple[DifferenceFormula, Sides]:
    """The cheapest formula whose errors are far below the target, and the pilots' forces.

    Parameters
    ----------
    probe : JacobianProbe
    frame : (k, 3N)
        The pilots' orthonormal directions.
    target : float
        The tolerance of lambda.

    Cost: 4 evaluations a pilot, 6 where noise limits, 10 on a rough surface.
    """
    step = _first_step(probe)
    sides = probe.sides(frame, (step, 2 * step))
    slopes = slopes_of(sides)
    # The error of the 2-point formula falls by 4 with the step, so a third of the difference stays.
    simple = DifferenceFormula(step, 2, _change(frame, slopes[step], slopes[2 * step]) / 3)
    # |J|_F/sqrt(n(n-1)): the rms antisymmetric element that a lambda of 1 stands for.
    size = float(np.mean(np.sum(slopes[step] ** 2, axis=1)))
    unit = math.sqrt(size / (probe.subject.n_coordinates - 1))
    if math.hypot(probe.noise(simple), simple.truncation) <= _GOOD_ENOUGH * target * unit:
        return simple, sides
    sides |= probe.sides(frame, (4 * step,))
    slopes = slopes_of(sides)
    best = _best_of_4_points(probe, frame, slopes, step)
    if best.truncation > _ROUGH * probe.noise(best):
        # Where noise would be as large as a truncation that falls in proportion to the step.
        divisor = float(np.clip(math.sqrt(best.truncation / probe.noise(best)), *_FINER))
        finer = _much_shorter(probe, frame, max(best.base / divisor, _STEP_RANGE[0]))
        if math.hypot(probe.noise(finer[0]), finer[0].truncation) < best.truncation:
            return finer
        best = replace(best, tried_shorter=True)
    return best, sides


def pair_at_smaller_step(
    probe: JacobianProbe, pair: Floats, formula: DifferenceFormula, seen: float
) -> float:
    """The antisymmetric element of a pair at the smallest step where noise doesn't hide ``seen``.

    Cost: 4 evaluations.
    """
    tried = [DifferenceFormula(formula.base / divisor, 2, 0.0) for divisor in _DIVISORS]
    shorter = next((f for f in tried if probe.noise(f) <= seen / _CLEAR), tried[-1])
    responses = probe.slopes(pair, shorter.steps)[shorter.base]
    return float(antisymmetric_part(pair, responses)[0, 1])


def pair_at_nearby_place(probe: JacobianProbe, pair: Floats, formula: DifferenceFormula) -> float:
    """The antisymmetric element of a pair with the whole difference moved by eight steps.

    Cost: 4 evaluations.
    """
    subject = probe.subject
    away = _AWAY * formula.base * subject.rng.standard_normal((1, subject.n_coordinates))
    responses = JacobianProbe(subject.displaced(away)).slopes(pair, (formula.base,))
    return float(antisymmetric_part(pair, responses[formula.base])[0, 1])


def _first_step(probe: JacobianProbe) -> float:
    """Where noise and truncation of the 2-point formula are balanced, Å.

    The step h that minimises noise/(sqrt(2) h) + curvature stiffness h^2/6.
    """
    resolution = probe.subject.resolution
    third_derivative = math.sqrt(2) * _CURVATURE * max(resolution.stiffness, _SOFTEST)
    ideal = (3 * resolution.force_noise / third_derivative) ** (1 / 3)
    return float(np.clip(ideal, *_STEP_RANGE))


def _best_of_4_points(
    probe: JacobianProbe, frame: Floats, slopes: dict[float, Floats], step: float
) -> DifferenceFormula:
    """The 4-point formula from ``step``, or from twice that, with slopes at 1, 2 and 4 steps."""
    fine, coarse = DifferenceFormula(step, 4, 0.0), DifferenceFormula(2 * step, 4, 0.0)
    change = _change(frame, fine.combine(slopes), coarse.combine(slopes))
    change = _beyond_noise(change, math.hypot(probe.noise(fine), probe.noise(coarse)))
    candidates = [replace(fine, truncation=change / _GRANTED), replace(coarse, truncation=change)]
    return min(candidates, key=lambda f: math.hypot(probe.noise(f), f.truncation))


def _much_shorter(
    probe: JacobianProbe, frame: Floats, base: float
) -> tuple[DifferenceFormula, Sides]:
    """The 2-point formula at a step well below kinks and sharp curvature."""
    sides = probe.sides(frame, (base, 2 * base))
    slopes = slopes_of(sides)
    fine, coarse = DifferenceFormula(base, 2, 0.0), DifferenceFormula(2 * base, 2, 0.0)
    change = _change(frame, slopes[base], slopes[2 * base])
    # Nothing is granted for the halved step: at kinks there may be no gain.
    truncation = _beyond_noise(change, math.hypot(probe.noise(fine), probe.noise(coarse)))
    return replace(fine, truncation=truncation, rough=True, tried_shorter=True), sides


def without_jumps(responses: Floats) -> Ints:
    """The indices of the directions along which the forces don't jump within the step."""
    sizes = np.linalg.norm(responses, axis=1)
    return np.flatnonzero(sizes <= _JUMP * np.median(sizes))


def bends_over_those_of_pilots(frame: Floats, sides: Floats, pilots: int) -> float:
    """How much more forces bend between both ends of all steps than of the pilots', in rms.

    What forces at both ends have in common beyond their value at the middle is the error of a
    central slope where a kink lies on one side, and grows with the curvature on a smooth surface.
    At least 1; 1 where there are fewer than two pilots.

    Parameters
    ----------
    frame : (k, n) directions, the pilots first
    sides : (2, k, n) forces at both ends over the length between them, eV/Å²
    """
    if pilots < 2 or len(frame) <= pilots:
        return 1.0
    common = frame @ (sides[0] + sides[1]).T
    # The force at the middle is the same for all directions; a median isn't moved by a few kinks.
    bends = common - np.median(common, axis=1, keepdims=True)
    odd = (bends - bends.T) / 2
    of_pilots = rms_of_pairs(odd[:pilots, :pilots])
    return max(1.0, rms_of_pairs(odd) / of_pilots) if of_pilots > 0 else 1.0


def _change(frame: Floats, fine: Floats, coarse: Floats) -> float:
    """rms difference of the antisymmetric elements from two sets of responses."""
    return rms_of_pairs(antisymmetric_part(frame, coarse) - antisymmetric_part(frame, fine))


def _beyond_noise(change: float, noise: float) -> float:
    """What is left of a change when the noise of both its sides is taken out."""
    return math.sqrt(max(change**2 - noise**2, (_RESOLVED * noise) ** 2))


def slopes_of_parts(probe: JacobianProbe, formula: DifferenceFormula) -> Callable[[Floats], Floats]:
    """J along directions that move some of the atoms, with the formula of the measurement."""

    def slopes(unit_vectors: Floats) -> Floats:
        moved = int(np.any(unit_vectors != 0, axis=0).sum())
        return formula.combine(probe.slopes(unit_vectors, formula.steps, moved))

    return slopes
