"""The force Jacobian along directions, by central differences whose steps fit the model's noise and its surface."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from physcheck.model import Meter
from physcheck.resolution import Resolution, visit
from physcheck.system import Configurations, Floats

__all__ = ["Probe", "Steps", "antisymmetric", "choose_formula", "rms_pairs"]

# Where truncation is more than so many times the noise, the surface is rougher than the first steps took it for:
# the 2-point formula is tried at steps smaller by a factor in this range.
_ROUGH, _FINER = 4.0, (8.0, 128.0)
# Relative curvature of forces, 1/Å²: a bond's Morse exponent of 5/Å, squared; only the step starts from it.
_CURVATURE = 25.0
# Steps, Å (rms of a coordinate): below, positions near 10 Å have too few digits; above, anharmonicity.
_STEP_RANGE = (1e-5, 5e-3)


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """A difference formula: its steps (multiples of one base), weights and amplification of noise."""

    base: float
    order: int
    truncation: float
    rough: bool = False
    #: Whether shorter steps were paid for, chosen or not.
    tried: bool = False

    @property
    def steps(self) -> tuple[float, ...]:
        """The steps, Å (rms of a coordinate)."""
        return (self.base,) if self.order == 2 else (self.base, 2 * self.base)

    @property
    def amplification(self) -> float:
        """Noise of a derivative over noise of a value, times the step: sqrt(sum of squared weights)."""
        return math.sqrt(0.5) if self.order == 2 else math.sqrt(130.0) / 12.0

    def combine(self, slopes: dict[float, Floats]) -> Floats:
        """The derivative from central slopes at the steps (Richardson where there are two)."""
        if self.order == 2:
            return slopes[self.base]
        return (4 * slopes[self.base] - slopes[2 * self.base]) / 3


class Probe:
    """J along directions, by central differences of the forces."""

    def __init__(
        self,
        meter: Meter,
        start: Configurations,
        rng: np.random.Generator,
        resolution: Resolution,
    ) -> None:
        self.meter, self.start, self.rng, self.resolution = meter, start, rng, resolution
        self.n = start.n_coordinates

    def slopes(
        self, directions: Floats, steps: tuple[float, ...], moved: int | None = None
    ) -> dict[float, Floats]:
        """Central slopes (k, n) of the forces along unit ``directions`` (k, n), eV/Å², by step.

        ``moved`` is the number of coordinates that the directions move, if not all.
        """
        lengths = np.array(steps) * math.sqrt(moved or self.n)
        moves = np.stack([s * length * directions for length in lengths for s in (1.0, -1.0)])
        forces = visit(
            self.meter,
            self.start.displaced(moves.reshape(-1, self.n)),
            want=frozenset({"forces"}),
            rng=self.rng,
            fresh=self.resolution.needs_fresh,
        ).require_forces()
        sides = forces.reshape(len(steps), 2, len(directions), self.n)
        return {
            step: (pair[0] - pair[1]) / (2 * length)
            for step, length, pair in zip(steps, lengths, sides)
        }

    def noise(self, formula: Steps) -> float:
        """Standard deviation of an element of A, eV/Å²."""
        element = formula.amplification * self.resolution.force_noise
        return element / (formula.base * math.sqrt(self.n)) / math.sqrt(2.0)


def antisymmetric(directions: Floats, responses: Floats) -> Floats:
    """(k, k) antisymmetric part of J within the directions (k, n), from the responses J v."""
    projected = directions @ responses.T
    return (projected - projected.T) / 2


def rms_pairs(matrix: Floats) -> float:
    """rms of the elements above the diagonal."""
    k = len(matrix)
    return float(np.sqrt(np.sum(np.triu(matrix, 1) ** 2) / (k * (k - 1) / 2)))


def choose_formula(probe: Probe, frame: Floats, target: float) -> tuple[Steps, dict[float, Floats]]:
    """The cheapest formula whose errors are far below the target, and the pilots' slopes."""
    stiffness = max(probe.resolution.stiffness, 1e-12)
    ideal = (3 * probe.resolution.force_noise / (math.sqrt(2) * _CURVATURE * stiffness)) ** (1 / 3)
    step = float(np.clip(ideal, *_STEP_RANGE))
    slopes = probe.slopes(frame, (step, 2 * step))
    a1, a2 = (antisymmetric(frame, slopes[s]) for s in (step, 2 * step))
    # The error of the 2-point formula falls by 4 with the step, so a third of the difference stays.
    simple = Steps(step, 2, rms_pairs(a2 - a1) / 3)
    unit = math.sqrt(float(np.mean(np.sum(slopes[step] ** 2, axis=1))) / (probe.n - 1))
    if math.hypot(probe.noise(simple), simple.truncation) <= 0.03 * target * unit:
        return simple, slopes
    slopes |= probe.slopes(frame, (4 * step,))
    fine, coarse = Steps(step, 4, 0.0), Steps(2 * step, 4, 0.0)
    change = rms_pairs(
        antisymmetric(frame, coarse.combine(slopes)) - antisymmetric(frame, fine.combine(slopes))
    )
    # The noise of both is in their difference; what is left of six pairs is known to half that noise.
    noise = math.hypot(probe.noise(fine), probe.noise(coarse))
    change = math.sqrt(max(change**2 - noise**2, (0.4 * noise) ** 2))
    # Smooth surfaces gain 16 by halving the step; 4 is granted, since kinks gain less.
    candidates = [Steps(step, 4, change / 4), Steps(2 * step, 4, change)]
    best = min(candidates, key=lambda f: math.hypot(probe.noise(f), f.truncation))
    if best.truncation > _ROUGH * probe.noise(best):
        # Where noise would be as large as a truncation that falls in proportion to the step.
        divisor = float(np.clip(math.sqrt(best.truncation / probe.noise(best)), *_FINER))
        finer = _finer(probe, frame, max(best.base / divisor, _STEP_RANGE[0]))
        if math.hypot(probe.noise(finer[0]), finer[0].truncation) < best.truncation:
            return finer
        best = replace(best, tried=True)
    return best, slopes


def _finer(probe: Probe, frame: Floats, base: float) -> tuple[Steps, dict[float, Floats]]:
    """The 2-point formula at a step well below kinks and sharp curvature."""
    slopes = probe.slopes(frame, (base, 2 * base))
    change = rms_pairs(antisymmetric(frame, slopes[2 * base]) - antisymmetric(frame, slopes[base]))
    # Nothing is granted for the halved step: at kinks there may be no gain.
    noise = math.hypot(probe.noise(Steps(base, 2, 0.0)), probe.noise(Steps(2 * base, 2, 0.0)))
    return Steps(
        base, 2, math.sqrt(max(change**2 - noise**2, (0.4 * noise) ** 2)), rough=True, tried=True
    ), slopes
