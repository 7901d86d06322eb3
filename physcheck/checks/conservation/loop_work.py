"""Work around closed loops.

How it is measured.  Loops are circles in random planes of the coordinates; their work comes from
the equispaced periodic trapezoid.  The amplitude follows from the model's noise unless it is given.
Two pilot loops have 16 points.  If their harmonics 6 to 8, which 8 points would alias, are
negligible, the other loops have 8 points; otherwise 16, and they are half as many.  Where kinks or
jumps of the surface leave more truncation than the target, the pilots are repeated and the better
amplitude is kept: as small as the noise allows, where that is much smaller, since small circles
cross no kinks; else at 0.03 Å.

Truncation is extrapolated from the spectrum (:func:`physcheck.numerics.quadrature.aliasing`),
rounding comes from the model's noise.  Points are visited in random order, so that a model's memory
makes no signed work.  The interval allows for the worst shape of defect (rank 2).  A FAIL is
confirmed on the worst loop, with 16 points halfway between the first.  Further loops are reported,
not judged: one atom on a small circle, and one molecule turned once in the frozen rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.units import kB

from physcheck.checks.consequences import heating_sentence
from physcheck.checks.conservation.jacobian_asymmetry import LAMBDA
from physcheck.checks.conservation.loop_lambda import (
    LoopLambda,
    confirm_loop_lambda,
    estimate_loop_lambda,
    work_is_confirmed,
    work_per_lambda,
)
from physcheck.checks.conservation.subject import Subject
from physcheck.checks.conservation.walked_loops import WalkedLoop, stiffness_squared, walk_loops
from physcheck.checks.failures_that_follow import NO_POTENTIAL
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.quadrature import aliasing, spectrum
from physcheck.probes.loops import Circle, atom_circle, collective_circles, molecule_rotation
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats

__all__ = ["assert_loop_work", "measure_loop_work"]

_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"pilots": 2, "loops": 6},
    "standard": {"pilots": 4, "loops": 28},
    "full": {"pilots": 8, "loops": 56},
}
# rms displacement of a coordinate, Å: thermal motion of a solid, from some 5 K to 50 K.
_AMPLITUDES = (0.005, 0.015)
# Where kinks or jumps spoil that: far enough that a few of them average out, near enough that bonds
# hold, Å.
_WIDE = 0.03
# Where the noise leaves room below the first amplitude, circles shrink until they meet no kinks: by
# so much or more, as the share of circles that meet one falls in proportion, and never below that
# many Å, where positions near 10 Å have too few digits.
_SHRINK, _NARROWEST = 8.0, 1e-5
# Points of a loop: enough to extrapolate its spectrum, and enough where that has decayed.
_FINE, _COARSE = 16, 8
# The harmonics, first and one past the last, that the coarse points would alias.
_ALIASED = (6, 9)
# By how much more other loops may alias than the pilots did, in rms: kinks are met by few loops.
# What the pilots saw on rattled copper, whose pairs cross the ends of the switching function, was
# 5 to 9 times too small in 4 of 60 seeds.
_MISSED = 3.0
# The share of the target below which what the coarse points alias is of no interest.
_NEGLIGIBLE = 0.1
# How many standard deviations of noise and kinks the pilots' work must exceed to be taken for work.
_SURE = 4.0
# The noise of lambda_loop is to be this fraction of the target.
_NOISE_FRACTION = 6
# The truncation of a circle grows as this power of its amplitude, relative to its work: where the
# target is below md's, the lower limit of the amplitude falls as the root of that.
_TRUNCATION_POWER = 4
# A loop that isn't judged is named only where its work can't be noise: 6 standard deviations of
# Student's t with 10 degrees of freedom leave a chance of 1e-4.
_NAMED_SDS = 6
# Temperature, K, that the work of a loop is compared with.
_ROOM_TEMPERATURE = 300


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    options = _OPTIONS[budget]
    circles = options["pilots"] * _FINE + options["loops"] * _COARSE
    # One atom, one molecule, one confirmation.
    return int(circles + _COARSE + _FINE + _FINE)


@check(
    family="conservation",
    quantity="lambda_loop, work around closed loops relative to the stiffness",
    unit="",
    needs={"forces"},
    kind="law",
    title="forces do work around a closed loop",
    causes="forces predicted directly; a detached term; a fused kernel with a wrong backward pass",
    advice="run dynamics with the conservative head, or correct this model with a "
    "conservative one by multiple time stepping (mts_tandem); in a model that means "
    "to be conservative, switch off fused kernels and detached terms one by one",
    failure=Failure(
        short_title="work in a closed loop",
        meaning="Atoms that move around a closed path gain or lose energy each time. "
        "Constant-energy dynamics heats or cools steadily, and a thermostat only hides it.",
        fault=NO_POTENTIAL,
    ),
    tolerances=LAMBDA,
    evaluations=_evaluations,
    options=_OPTIONS,
)
def measure_loop_work(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    pilots: int = 2,
    loops: int = 6,
    rms_displacement: float | None = None,
    atom_radius: float = 0.05,
) -> Measurement:
    """Forces of a potential do no work around a closed loop.

    W is the integral of F.dx over circles x(t) = x0 + a (cos(t + phase) u + sin(t + phase) v) in
    random planes u, v of the n = 3N coordinates.  For a force with Jacobian J, antisymmetric part
    A, W = 2 pi a^2 u.A v, so that W_rms = 2 pi a^2 |A|_F/sqrt(n(n-1)).  Judged is the intensive

        lambda_loop = sqrt(n(n-1)) rms(W) / (2 pi a^2 |J|_F),

    on the scale of ``jacobian_asymmetry``; |J|_F comes from the first harmonic of the same forces.
    The module's docstring says how a is chosen, how truncation is judged and a FAIL confirmed.

    Can't see: work that needs displacements much larger than the amplitude, which is 1e-5 Å among
    kinks (``rms_displacement_A`` in the record), or that is diluted in a large system; a force that
    is the gradient of another energy (force_energy_gap sees that).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    tolerance : float, dimensionless
        What the step choice and the confirmation aim at; the md profile's if left out.
    pilots, loops : int
        Loops with 16 points, and with 8 (or half as many with 16).
    rms_displacement : float, Å
        Amplitude of a coordinate; from the model's noise if left out.
    atom_radius : float, Å
        Of the circle of one atom, which is reported and not judged.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 16 pilots + 8 loops + 24, and 16 more for a FAIL.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, eq. 4 and appendix E.
    """
    subject = Subject.of(model, start, rng, resolution)
    target = default_tolerance("loop_work") if tolerance is None else tolerance

    plan = _choose_steps(subject, target, pilots, loops, rms_displacement)
    walked = _measure(subject, plan)
    local = _measure_local(subject, atom_radius)
    truncation = _judge_truncation(subject, plan, walked)
    result = _estimate(subject, walked, truncation, target)
    result = _confirm(subject, result, target)
    return _report(subject, result, local)


@dataclass(frozen=True, slots=True, eq=False)
class _Pilots:
    """Loops of 16 points, and what their spectra say of truncation and noise, in eV."""

    walked: list[WalkedLoop]
    truncation: float
    coarse_truncation: float
    coarse_noise: float
    unit: float

    @property
    def work(self) -> float:
        """rms over the loops."""
        return float(np.sqrt(np.mean([loop.work**2 for loop in self.walked])))


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """The amplitude, Å, the pilots at it, and how many loops of how many points follow."""

    pilots: _Pilots
    amplitude: float
    loops: int
    n_points: int


def _choose_steps(
    subject: Subject, target: float, pilots: int, loops: int, rms_displacement: float | None
) -> _Plan:
    """The amplitude and the number of points, from loops that show what the others need."""
    free = rms_displacement is None
    amplitude = rms_displacement or _amplitude(subject.resolution, target)
    pilot = _walk_pilots(subject, amplitude, pilots)
    if pilot.coarse_truncation <= _negligible(pilot, target):
        return _Plan(pilot, amplitude, loops, _COARSE)
    left = loops * _COARSE
    narrow = max(_NARROWEST, _resolving_amplitude(subject.resolution, target))
    shrinks = narrow * _SHRINK <= amplitude
    # Kinks and jumps, not curvature; the spectrum of few points can miss most of them.
    missing = max(pilot.truncation / _NEGLIGIBLE, pilot.work) if shrinks else pilot.truncation
    if not (free and missing > target * pilot.unit):
        return _Plan(pilot, amplitude, left // _FINE, _FINE)
    other = _WIDE
    if shrinks:
        left -= _FINE
        other, pilots = narrow, max(1, pilots // 2)
    left -= pilots * _FINE
    again = _walk_pilots(subject, other, pilots)
    jumps = shrinks and not _does_work(subject, again, target) and _is_work(subject, pilot)
    if not jumps and again.truncation / again.unit < pilot.truncation / pilot.unit:
        pilot, amplitude = again, other
        if again.coarse_truncation <= _negligible(again, target):
            return _Plan(pilot, amplitude, left // _COARSE, _COARSE)
    return _Plan(pilot, amplitude, left // _FINE, _FINE)


def _does_work(subject: Subject, pilot: _Pilots, target: float) -> bool:
    """Whether pilots do more work than the target allows, beyond what noise and kinks may do."""
    noise = math.hypot(_harmonic_noise(subject, pilot.walked), pilot.truncation)
    return pilot.work > max(target * pilot.unit, _SURE * noise)


def _is_work(subject: Subject, pilot: _Pilots) -> bool:
    """Whether the pilots' largest work shows again at points halfway between the first.

    An energy that jumps does work around circles that cross the jump, and no small one would.
    Cost: 16 evaluations.
    """
    loop = pilot.walked[int(np.argmax([abs(loop.work) for loop in pilot.walked]))]
    shifted = loop.circle.rephased(loop.circle.phase + np.pi / _FINE)
    again = walk_loops(subject, [shifted], _FINE)[0]
    noise = again.noise(subject.resolution.force_noise)
    return work_is_confirmed(loop.work, again.work, noise)


def _negligible(pilot: _Pilots, target: float) -> float:
    """What the coarse points may alias, eV."""
    return max(_NEGLIGIBLE * target * pilot.unit, pilot.coarse_noise)


def _resolving_amplitude(resolution: Resolution, target: float) -> float:
    """The smallest amplitude, Å, at which 8 points resolve a sixth of the target over the noise.

    The noise of lambda_loop is sigma_F/(rho sqrt(8) |J|_F/sqrt(3N)) at an amplitude rho.
    """
    resolved = resolution.stiffness * math.sqrt(_COARSE) * target / _NOISE_FRACTION
    return resolution.force_noise / resolved if resolved > 0 else math.inf


def _amplitude(resolution: Resolution, target: float) -> float:
    """What the noise asks for, within the range of amplitudes, Å."""
    if resolution.stiffness <= 0:
        return _AMPLITUDES[1]
    stricter = min(1.0, target / default_tolerance("loop_work"))
    smallest = _AMPLITUDES[0] * stricter ** (1 / _TRUNCATION_POWER)
    return float(np.clip(_resolving_amplitude(resolution, target), smallest, _AMPLITUDES[1]))


def _walk_circles(subject: Subject, amplitude: float, count: int, points: int) -> list[WalkedLoop]:
    if count < 1:
        return []
    circles = collective_circles(subject.start.n_atoms, count, amplitude, subject.rng)
    return walk_loops(subject, circles, points)


def _walk_pilots(subject: Subject, amplitude: float, count: int) -> _Pilots:
    walked = _walk_circles(subject, amplitude, count, _FINE)
    pooled = spectrum(np.array([loop.integrand for loop in walked]))
    # The tangents of a circle have the length of its radius, so that the work of n points has the
    # noise (2 pi/n) radius sigma_F sqrt(n).
    radius = amplitude * math.sqrt(subject.n_coordinates)
    noise = 2 * np.pi * radius * subject.resolution.force_noise / math.sqrt(_COARSE)
    unit = work_per_lambda(walked, subject.n_coordinates)
    truncation = aliasing(pooled, _harmonic_noise(subject, walked))
    aliased = pooled.band(*_ALIASED)
    if aliased > noise:
        aliased = math.sqrt(_MISSED**2 * (aliased**2 - noise**2) + noise**2)
    return _Pilots(walked, truncation, aliased, noise, unit)


def _measure(subject: Subject, plan: _Plan) -> list[WalkedLoop]:
    """The pilots and the further loops."""
    further = _walk_circles(subject, plan.amplitude, plan.loops, plan.n_points)
    return plan.pilots.walked + further


def _measure_local(subject: Subject, atom_radius: float) -> list[WalkedLoop]:
    """One atom on a circle and one molecule turned once, where the structure has them."""
    start, rng = subject.start, subject.rng
    walked = []
    if start.n_atoms > 1:
        atom = int(rng.integers(start.n_atoms))
        walked += walk_loops(subject, [atom_circle(start, atom, atom_radius, rng)], _COARSE)
    turn = molecule_rotation(start, rng)
    return walked + walk_loops(subject, [] if turn is None else [turn], _FINE)


def _judge_truncation(subject: Subject, plan: _Plan, walked: list[WalkedLoop]) -> Floats:
    """One standard deviation of each work's truncation error, eV, from the loops' spectra."""
    if plan.n_points == _COARSE:
        # Eight points are too few for a spectrum: the pilots' one says what they alias, and the
        # highest harmonics that eight points tell how much more the other loops have of it.
        pilots = plan.pilots
        count = len(pilots.walked)
        own = _highest_harmonics(pilots.walked, _FINE // _COARSE)
        grown = _highest_harmonics(walked[count:], 1) / own if own > 0 else 1.0
        of_others = pilots.coarse_truncation * max(1.0, grown)
        return np.array([pilots.truncation] * count + [of_others] * (len(walked) - count))
    pooled = spectrum(np.array([loop.integrand for loop in walked]))
    return np.full(len(walked), aliasing(pooled, _harmonic_noise(subject, walked)))


def _harmonic_noise(subject: Subject, walked: list[WalkedLoop]) -> float:
    """rms of a harmonic, the work among them, that the noise of the forces makes, eV."""
    noises = [loop.noise(subject.resolution.force_noise) for loop in walked]
    return float(np.sqrt(np.mean(np.square(noises))))


def _highest_harmonics(walked: list[WalkedLoop], every: int) -> float:
    """rms of the highest harmonics of loops of eight points, eV; of every n-th point of others."""
    if not walked:
        return 0.0
    pooled = spectrum(np.array([loop.integrand[::every] for loop in walked]))
    return pooled.band(_COARSE // 2 - 1, _COARSE // 2 + 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Result:
    """lambda_loop, the loop that does most work, and whether a FAIL was confirmed on it."""

    found: LoopLambda
    worst: WalkedLoop
    confirmed: bool | None = None


def _estimate(
    subject: Subject, walked: list[WalkedLoop], truncation: Floats, target: float
) -> _Result:
    """lambda_loop with its errors."""
    found = estimate_loop_lambda(subject, walked, truncation, target)
    return _Result(found, found.worst)


def _confirm(subject: Subject, result: _Result, target: float) -> _Result:
    """A FAIL must show again around the worst loop, with points halfway between the first."""
    if not (result.found.estimate.exceeds(target) and subject.resolution.responds):
        return result
    return _Result(*confirm_loop_lambda(subject, result.found, result.worst, _FINE))


def _report(subject: Subject, result: _Result, local: list[WalkedLoop]) -> Measurement:
    """The record, with the loop that does most work and those of one atom and one molecule."""
    found, worst, circle = result.found, result.worst, result.worst.circle
    facts = _loop_facts(worst, subject.resolution)
    quantities: dict[str, Any] = {
        "worst_loop_work": facts["work_eV"],
        "tolerance_per_lambda": found.unit,
        "stiffness": math.sqrt(stiffness_squared(found.walked)),
        "n_loops": len(found.walked),
        "rms_displacement_A": circle.radius / math.sqrt(subject.n_coordinates),
        "loop_works": [loop.work for loop in found.walked],
    }
    place = f"worst loop: {worst.loop.label}, {_per_cycle(worst)}"
    for loop in local:
        key = "atom_circle" if isinstance(loop.loop, Circle) else "molecule_rotation"
        quantities[key] = small = _loop_facts(loop, subject.resolution)
        certain = abs(small["work_eV"]) > _NAMED_SDS * small["uncertainty_eV"]
        if certain and found.estimate.exceeds(0):
            place += f"; {loop.loop.label}: {_per_cycle(loop)}"
    evidence = {
        "place": place,
        "scale": heating_sentence(found.estimate.value),
        "confirmed": result.confirmed,
        "worst_loop": {
            **facts,
            "formula": "x(t) = center + radius (cos(t + phase) u + sin(t + phase) v)",
            "center": subject.start.positions[0],
            "u": circle.u,
            "v": circle.v,
            "radius": circle.radius,
            "phase": circle.phase,
        },
        "quantities": quantities,
        "configurations": subject.start.at(worst.positions),
        "frame_forces": worst.forces,
    }
    return found.estimate.to_measurement(subject, evidence)


def _loop_facts(walked: WalkedLoop, resolution: Resolution) -> dict[str, Any]:
    truncation, noise = 0.0, walked.noise(resolution.force_noise)
    if len(walked.forces) >= _FINE:
        truncation = aliasing(spectrum(walked.integrand), noise)
    return {
        "label": walked.loop.label,
        "work_eV": walked.work,
        "uncertainty_eV": math.hypot(noise, truncation),
        "work_per_kT_300K": walked.work / (_ROOM_TEMPERATURE * kB),
        "work_per_path_eV_per_A": abs(walked.work) / walked.path_length,
        "n_points": len(walked.forces),
    }


def _per_cycle(walked: WalkedLoop) -> str:
    return f"{1e3 * walked.work:.3g} meV per cycle"


assert_loop_work = derive_assert(measure_loop_work)
