"""Work around closed loops of strain and positions together.

How it is measured.  Loops are circles: one axis is a strain, the other a strain and a collective
displacement, so that both the symmetry of the elastic constants and the Maxwell relation between
force and stress are tested.  No energy is needed: this is how a stress that is predicted directly
is caught.  The strains of a loop share their axes, which makes the velocity gradient L symmetric: a
stress is mostly given without its antisymmetric part, which a model whose energy depends on the
cell's orientation has, and which would do work where L turns.

Truncation comes from the spectrum of the loops.  Where that of the first quarter of the loops is of
the size of the target, and the noise leaves room for circles that are much smaller, the others are
as small as the noise allows: they meet hardly any kinks, and curve less.  They alone are judged
then.  Where the first loops do work that shows again at other points, as an energy that jumps does
around large circles only, the others stay as large.  A FAIL is confirmed on the worst loop, with
points halfway between the first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from physcheck.checks.conservation.estimate import Estimate
from physcheck.checks.conservation.jacobian_asymmetry import LAMBDA
from physcheck.checks.conservation.loop_lambda import estimate_works, work_is_confirmed
from physcheck.checks.conservation.stress_noise import (
    NOISE_EVALUATIONS,
    measure_stress_noise,
    needs_a_volume,
)
from physcheck.checks.conservation.subject import Subject
from physcheck.checks.plotted import short
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.quadrature import aliasing, periodic_integral, spectrum
from physcheck.probes.directions import orthonormal_directions
from physcheck.probes.strains import StrainLoop, commuting_strains
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats

__all__ = ["assert_strain_loop_work", "measure_strain_loop_work"]

_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"loops": 4},
    "standard": {"loops": 12},
    "full": {"loops": 24},
}
# Points of a loop.
_POINTS = 16
# Strain amplitudes: far above the noise of stresses, and a few times thermal strain.
_AMPLITUDES = (1e-3, 6e-3)
# Where kinks or curvature spoil that and the noise leaves room, circles shrink by so much or more,
# and never below that strain: it moves atoms by some 1e-4 Å, where float64 has digits enough.
_SHRINK, _NARROWEST = 8.0, 1e-5
# One in so many loops says whether the others have to be smaller.
_PILOT_SHARE = 4
# The share of the target below which their truncation is of no interest.
_NEGLIGIBLE = 0.1
# A typical elastic modulus, eV/Å³ (50 GPa): it only balances strain against displacement.
_MODULUS = 0.3
# The noise of the work over the reversible work is to be this fraction of the target.
_NOISE_FRACTION = 15
# The truncation of a circle grows as this power of its amplitude, relative to its work: where the
# target is below md's, the lower limit of the amplitude falls as the root of that.
_TRUNCATION_POWER = 4
# The least stiffness, eV/Å², that the displacement is balanced against: that of a soft mode.
_SOFTEST = 1e-3


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    # One loop more than asked for: the confirmation.
    return NOISE_EVALUATIONS + _POINTS * (int(_OPTIONS[budget]["loops"]) + 1)


@check(
    family="conservation",
    quantity="work around closed loops of strain and positions relative to the reversible work",
    unit="",
    needs={"forces", "stress"},
    kind="law",
    title="forces and stress together do work around a closed loop",
    causes="stress predicted directly; a wrong sign, factor or order of Voigt components; forces "
    "predicted directly",
    advice="take the stress as the strain derivative of the energy; until then run neither "
    "constant-pressure dynamics nor cell relaxations",
    failure=Failure(
        short_title="work in a strain loop",
        meaning="A cycle of strain and motion gains or loses energy. Constant-pressure dynamics "
        "and cell relaxations are driven by it.",
        spoils=("constant-pressure dynamics", "cell relaxations"),
    ),
    tolerances=replace(
        LAMBDA,
        reason="the same share of irreversible work as for loops in positions, since a "
        "barostat drives the cell through such loops as dynamics drives the atoms",
        source="Bigi, Langer, Ceriotti, arXiv 2412.11569, as for loop_work",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
    applies=needs_a_volume,
)
def measure_strain_loop_work(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    loops: int = 4,
) -> Measurement:
    """Forces and stress of a potential do no work around a closed loop of strain and positions.

    With columns of the cell h(t) = (1 + e(t)) h0, L = e'(1 + e)^-1 and fractional positions s(t),

        W = closed integral of [sum_i F_i.(h s_i') - V(t) sigma(t):L] dt = 0.

    Judged is rms(W) over the reversible work (4 times the second harmonic of the integrand),
    dimensionless, of the order of 1 for a stress of wrong sign.  The module's docstring says what
    the loops are and how a FAIL is confirmed.

    Can't see: a constant pressure added to the stress (its work is exact); forces alone
    (loop_work); that the energy depends on the cell's orientation (rotation_equivariance); work
    that needs strains much larger than ``strain_radius`` in the record, 1e-5 among kinks.

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1, periodic in three directions
    tolerance : float, dimensionless
        What the amplitude and the confirmation aim at; the md profile's if left out.
    loops : int

    Raises
    ------
    CapabilityMissing
        No stress, or not fully periodic.
    ModelError, NonFiniteOutput

    Cost: 6 + 16 x loops evaluations, 16 more for a FAIL.

    Source: the first law for a deforming cell; signs and the velocity gradient as in Parrinello and
    Rahman, J. Appl. Phys. 52, 7182 (1981).
    """
    subject = Subject.of(model, start, rng, resolution)
    target = default_tolerance("strain_loop_work") if tolerance is None else tolerance
    noise = measure_stress_noise(subject).stress

    circles = _choose_steps(subject, noise, target, loops)
    walked = _measure(subject, circles, noise, target)
    truncation = _judge_truncation(walked)
    result = _estimate(subject, walked, truncation, target)
    result = _confirm(subject, result, noise, target)
    return _report(subject, result, noise)


@dataclass(frozen=True, slots=True, eq=False)
class _Walked:
    """A loop with the work's integrand around it (eV), the noise of the work, and the forces."""

    loop: StrainLoop
    configurations: Configurations
    integrand: Floats
    noise: float
    forces: Floats

    @property
    def work(self) -> float:
        """The work around the loop, eV."""
        return periodic_integral(self.integrand)

    @property
    def reversible_work(self) -> float:
        """Four times the second harmonic, eV: what a quarter of the loop stores and gives back.

        The energy stored in a harmonic crystal goes as cos^2 and sin^2, so twice around the loop.
        """
        n = len(self.integrand)
        return float(4 * 2 * np.pi * np.abs(np.fft.rfft(self.integrand)[2]) / n)


def _needed_strain(noise: float, target: float) -> float:
    """The strain at which noise leaves a fifteenth of the target.

    ``noise`` is that of a stress component, eV/Å³; that of W/(V modulus strain^2) is
    noise/(modulus strain sqrt(points)).
    """
    return noise / (_MODULUS * math.sqrt(_POINTS) * target / _NOISE_FRACTION)


def _choose_steps(subject: Subject, noise: float, target: float, count: int) -> list[StrainLoop]:
    """Random loops whose strain and displacement store about the same energy.

    The strain is what the noise asks for, within the range of amplitudes.
    """
    start, rng = subject.start, subject.rng
    stricter = min(1.0, target / default_tolerance("strain_loop_work"))
    smallest = _AMPLITUDES[0] * stricter ** (1 / _TRUNCATION_POWER)
    strain = float(np.clip(_needed_strain(noise, target), smallest, _AMPLITUDES[1]))
    # V modulus strain^2 = stiffness radius^2.
    stiffness = max(subject.resolution.stiffness, _SOFTEST)
    radius = strain * math.sqrt(float(start.volumes()[0]) * _MODULUS / stiffness)
    circles = []
    for _ in range(count):
        first, second = commuting_strains(rng, 2)
        direction = orthonormal_directions(start.n_coordinates, 1, rng)
        phase = float(rng.uniform(0, 2 * np.pi))
        circles.append(StrainLoop(first, second, direction.reshape(-1, 3), strain, radius, phase))
    return circles


def _measure(
    subject: Subject, circles: Sequence[StrainLoop], noise: float, target: float
) -> list[_Walked]:
    """Forces and stresses around each loop; around smaller ones where the first meet kinks."""
    count = max(1, len(circles) // _PILOT_SHARE)
    pilots = [_walk(subject, loop, noise) for loop in circles[:count]]
    others, strain = circles[count:], circles[0].strain_radius
    factor = max(_NARROWEST, _needed_strain(noise, target)) / strain
    is_rough = _judge_truncation(pilots) > _NEGLIGIBLE * target * _reversible_work(pilots)
    if is_rough and factor * _SHRINK <= 1 and len(others) > 1:
        # One loop is spent on whether the pilots' work is any.
        others = others[:-1]
        if not _shows_again(subject, pilots, noise):
            pilots, others = [], [loop.scaled(factor) for loop in others]
    return pilots + [_walk(subject, loop, noise) for loop in others]


def _shows_again(subject: Subject, walked: Sequence[_Walked], noise: float) -> bool:
    """Whether the largest work shows again at points halfway between. Cost: 16 evaluations."""
    worst = max(walked, key=lambda loop: abs(loop.work))
    return work_is_confirmed(worst.work, _walk_again(subject, worst, noise).work, worst.noise)


def _walk_again(subject: Subject, walked: _Walked, noise: float) -> _Walked:
    """The same loop, with points halfway between the first."""
    shifted = walked.loop.rephased(walked.loop.phase + np.pi / _POINTS)
    return _walk(subject, shifted, noise)


def _walk(subject: Subject, loop: StrainLoop, noise: float) -> _Walked:
    configurations, tangents, gradients = loop.path(subject.start, _POINTS)
    answer = subject.evaluate(configurations, "forces", "stress")
    forces = answer.require_forces()
    volumes = configurations.volumes()
    mechanical = np.einsum("tia,tia->t", forces, tangents)
    # Stress is positive under tension, so that the cell does the work -V sigma:L.
    elastic = volumes * np.einsum("tij,tij->t", answer.require_stress(), gradients)
    scatter = math.hypot(
        subject.resolution.force_noise * float(np.linalg.norm(tangents)),
        noise * float(np.linalg.norm(volumes[:, None, None] * gradients)),
    )
    spacing = 2 * np.pi / _POINTS
    return _Walked(loop, configurations, mechanical - elastic, spacing * scatter, forces)


def _judge_truncation(walked: Sequence[_Walked]) -> float:
    """One standard deviation of a work's truncation error, eV, from the loops' spectra."""
    noise = float(np.sqrt(np.mean([loop.noise**2 for loop in walked])))
    return aliasing(spectrum(np.array([loop.integrand for loop in walked])), noise)


def _reversible_work(walked: Sequence[_Walked]) -> float:
    """rms over the loops, eV; infinite where neither forces nor stress respond."""
    return float(np.sqrt(np.mean([loop.reversible_work**2 for loop in walked]))) or math.inf


@dataclass(frozen=True, slots=True, eq=False)
class _Result:
    """The loops, what they come to, and whether a FAIL was confirmed on the worst of them."""

    walked: Sequence[_Walked]
    truncation: float
    estimate: Estimate
    worst: _Walked
    confirmed: bool | None = None


def _estimate(
    subject: Subject, walked: Sequence[_Walked], truncation: float, target: float
) -> _Result:
    """rms work over the reversible work, with its errors; ``truncation`` is in eV."""
    unit = _reversible_work(walked)
    estimate = estimate_works(
        np.array([loop.work for loop in walked]),
        unit,
        tolerance=target,
        rounding=float(np.sqrt(np.mean([loop.noise**2 for loop in walked]))) / unit,
        truncation=truncation / unit,
        dof=subject.resolution.dof,
    )
    return _Result(walked, truncation, estimate, max(walked, key=lambda loop: abs(loop.work)))


def _confirm(subject: Subject, result: _Result, noise: float, target: float) -> _Result:
    """A FAIL must show again around the worst loop, with points halfway between the first."""
    if not (result.estimate.exceeds(target) and subject.resolution.responds):
        return result
    worst = result.worst
    again = _walk_again(subject, worst, noise)
    if work_is_confirmed(worst.work, again.work, again.noise):
        return replace(result, worst=again, confirmed=True)
    truncation = max(abs(again.work - worst.work), result.truncation)
    result = _estimate(subject, result.walked, truncation, target)
    return replace(result, worst=again, confirmed=False)


def _report(subject: Subject, result: _Result, noise: float) -> Measurement:
    """The record, with the loop that does most work."""
    worst, unit = result.worst, _reversible_work(result.walked)
    evidence = {
        "place": f"worst loop: {1e3 * worst.work:.3g} meV per cycle at a strain of "
        f"{worst.loop.strain_radius:.2g}",
        "scale": f"the reversible work of a loop is {1e3 * unit:.3g} meV; a barostat gains or "
        "loses this share of it in each cycle",
        "confirmed": result.confirmed,
        "quantities": {
            "worst_loop_work": worst.work,
            "loop_works": [loop.work for loop in result.walked],
            "strain_radius": worst.loop.strain_radius,
            "displacement_radius_A": worst.loop.radius,
            "stress_noise_eV_per_A3": noise,
            "reversible_work_eV": unit,
        },
        "power_around_loop_eV": short(worst.integrand),
        "configurations": worst.configurations,
        "frame_forces": worst.forces,
    }
    return result.estimate.to_measurement(subject, evidence)


assert_strain_loop_work = derive_assert(measure_strain_loop_work)
