"""Forces against the energy they should come from.

How it is measured.  Energy differences along random directions are held against the line integral
of the forces over the same pieces, by Simpson's rule, so that no small step is needed.  Two pilot
directions at three lengths choose the length with the least error; the shortest follows from the
energy's noise, and two far shorter ones are tried where the surface is rough.  The truncation error
is the change from half the length (a sixteenth of it would do on a smooth surface, but not at
kinks), and grows with how much more the forces bend within the other pieces than within the
pilots'.  After 8 directions the run stops if the verdict is clear; a fifth of the chance of a false
FAIL is spent there.

A FAIL is confirmed on the worst direction with pieces that are up to 16 times shorter: truncation
shrinks with the length, a gap doesn't.  Where the pieces are so short already that noise forbids
this, two pieces that are moved aside must agree with the first.  A direction that a kink spoils is
left out, and the next one is tried.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from physcheck.checks.conservation.estimate import Estimate
from physcheck.checks.conservation.piece_length import (
    LENGTHS,
    SHORTER_LENGTHS,
    SIMPSON_MIDDLE,
    SIMPSON_NORM,
    SIMPSON_SUM,
    Gaps,
    PieceLength,
    choose_length,
    gap_is_confirmed,
)
from physcheck.checks.conservation.subject import Subject
from physcheck.checks.failures_that_follow import OF_OTHER_FORCES
from physcheck.checks.gap_naming import with_cause
from physcheck.checks.plotted import line_through
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import SampledRms
from physcheck.numerics.quantiles import projection_rms_quantile
from physcheck.probes.directions import orthonormal_directions
from physcheck.registry import Budget, Failure, KnownFault, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats
from physcheck.text.gap_causes import force_cause
from physcheck.text.numbers import figure
from physcheck.tolerances import Tolerances

__all__ = ["assert_force_energy_gap", "measure_force_energy_gap"]

_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"directions": 16},
    "standard": {"directions": 32},
    "full": {"directions": 64},
}
# Directions on which the length is chosen.
_PILOTS = 2
# Directions after which a clear verdict ends the run, and the shares of the chance of a false FAIL
# that are spent there and at the end.
_FIRST_LOOK, _FIRST_SHARE, _LAST_SHARE = 8, 0.2, 0.8
# Directions given up to pay for the shorter lengths of the pilots.
_FEWER_IF_ROUGH = 6
# Directions on which a FAIL is measured again until one confirms it.
_CONFIRMATIONS = 2
# Where noise forbids shorter pieces, so many that are moved aside have to agree with the first: a
# second kink is met there now and then.
_ASIDE = 2
# How far aside, in half lengths: out of reach of a kink of the first piece.
_AWAY = 8
# What the length is divided by for a confirmation: the largest at which the gap is _CLEAR times
# the noise, and half the length if there is none.
_DIVISORS, _LEAST_DIVISOR, _CLEAR = (16, 8, 4), 2, 8
# Range of the shortest half length tried first, Å (rms of a coordinate): the lower end is far above
# the rounding of float64 positions; at four times the upper one stiff bonds are barely smooth.
_FIRST_STEP = (0.0005, 0.004)
# meV in an eV.
_MEV = 1e3


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    k = min(int(_OPTIONS[budget]["directions"]), start.n_coordinates)
    pilots = min(_PILOTS, k)
    # Two evaluations a piece and one at the start; one of the pilots' lengths is among the k.
    smooth = 2 * k + 2 * (LENGTHS - 1) * pilots + 2 * _CONFIRMATIONS
    lengths = LENGTHS + SHORTER_LENGTHS
    rough = 2 * max(pilots, k - _FEWER_IF_ROUGH) + 2 * (lengths - 1) * pilots
    return 1 + max(smooth, rough + 2 * _ASIDE * _CONFIRMATIONS)


@check(
    family="conservation",
    quantity="rms gap between forces and the energy's negative gradient",
    unit="meV/Å",
    needs={"forces", "energy"},
    kind="law",
    title="forces are not the negative gradient of the energy",
    causes="forces predicted directly; a term of the energy that is detached or left out of the "
    "gradient; energy and forces that are smoothed, shifted or scaled differently (with ASE, the "
    "energy that belongs to the forces is free_energy)",
    advice="take the forces as the gradient of the very energy that is reported; compare the two "
    "term by term on a dimer to find the part that differs",
    failure=Failure(
        short_title="forces aren't -dE/dx",
        meaning="The forces are not those of the reported energy. Dynamics follows another surface "
        "than the energies that are averaged, compared and plotted; line searches and nudged "
        "elastic bands misjudge their steps.",
        fault=KnownFault(
            "the forces are not the gradient of the energy that is reported",
            explains=OF_OTHER_FORCES,
        ),
    ),
    tolerances=Tolerances(
        screening=20.0,
        md=1.0,
        tight=0.01,
        reason="screening: the force error of a good MLIP, so that a gap is no worse than "
        "the fit; md: far below it, so that the energies of a trajectory agree with the work of "
        "its forces; tight: what analytic gradients in float64 reach with room for energy offsets",
        source="OpenKIM's ForcesNumerDeriv check is the ancestor; figures from physcheck's "
        "own benchmarks",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
)
def measure_force_energy_gap(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    directions: int = 16,
) -> Measurement:
    """Forces are the negative gradient of the energy: F = -dE/dx.

    With random orthonormal directions u of the 3N coordinates and pieces from -l to +l,

        g_u = (E(+l) - E(-l))/(2l) + u.(F(-l) + 4 F(0) + F(+l))/6,      gap = rms over u of g_u,

    which is the rms gap of a force component, averaged over the piece.  The module's docstring says
    how l is chosen, when the run stops early and how a FAIL is confirmed.

    Can't see: a lack of conservation where the model gives no energy; a gap that averages out over
    0.03 Å; a wrong energy (only that both disagree).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    tolerance : float, meV/Å
        Decides when to stop; the md profile's if left out.
    directions : int
        At most 3N are used.

    Raises
    ------
    CapabilityMissing
        The model gives no energy.
    ModelError, NonFiniteOutput

    Cost: 25 evaluations for a clear case, 13 + 2 x directions at most (with 6 directions fewer on a
    rough surface).

    Source: the OpenKIM verification check of forces against numerical derivatives is the ancestor.
    """
    subject = Subject.of(model, start, rng, resolution)
    target = default_tolerance("force_energy_gap") if tolerance is None else tolerance
    n = subject.n_coordinates
    frame = orthonormal_directions(n, min(directions, n), rng)
    pieces = _Pieces.through(subject)

    frame, length = _choose_steps(pieces, frame, target)
    result = _measure(pieces, frame, length, target)
    result = _confirm(pieces, frame, result, target)
    shares = (frame[: len(result.gaps)] * pieces.forces).reshape(-1, n // 3, 3).sum(axis=2)
    return with_cause(
        _report(pieces, frame, result),
        target,
        lambda: force_cause(shares, result.gaps, subject.start.system.symbols),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Gaps along pieces of straight lines through one configuration, eV/Å."""

    subject: Subject
    #: (3N,) forces at the start, the middle of every piece, and the energy there, eV.
    forces: Floats
    energy: float
    #: Step, directions, energies and forces of what was asked so far, for the picture of a line.
    asked: list[tuple[float, Floats, Floats, Floats]] = field(default_factory=list)

    @classmethod
    def through(cls, subject: Subject) -> _Pieces:
        """Pieces through the start of ``subject``. Cost: 1 evaluation."""
        middle = np.zeros((1, subject.n_coordinates))
        energies, forces = _energies_and_forces(subject, middle)
        return cls(subject, forces[0], float(energies[0]))

    def gaps(self, directions: Floats, step: float) -> Gaps:
        """g_u for each unit direction (k, 3N); the step is the rms of a coordinate, Å."""
        length = step * math.sqrt(self.subject.n_coordinates)
        ends = np.concatenate([-length * directions, length * directions])
        energies, forces = _energies_and_forces(self.subject, ends)
        self.asked.append((step, directions, energies, forces))
        e_minus, e_plus = np.split(energies, 2)
        f_minus, f_plus = np.split(forces, 2)
        # Forces are minus the gradient, so that their integral is added to the energy difference.
        ends_sum = np.einsum("kn,kn->k", directions, f_minus + f_plus)
        middle = directions @ self.forces
        force = (ends_sum + SIMPSON_MIDDLE * middle) / SIMPSON_SUM
        return Gaps((e_plus - e_minus) / (2 * length) + force, ends_sum / 2 - force)

    def line(self, direction: Floats, step: float) -> dict[str, Any]:
        """Energies and slopes on the piece along a direction that was asked; empty if none was."""
        length = step * math.sqrt(self.subject.n_coordinates)
        for asked_step, directions, energies, forces in self.asked:
            found = np.flatnonzero((directions == direction).all(axis=1))
            if asked_step == step and len(found):
                ends = [found[0], len(directions) + found[0]]
                three = np.array([energies[ends[0]], self.energy, energies[ends[1]]])
                along = np.array([forces[ends[0]], self.forces, forces[ends[1]]]) @ direction
                return line_through([-length, 0.0, length], three, -along)
        return {}

    def gap_aside(self, direction: Floats, step: float) -> float:
        """g_u on a piece that is moved aside at random, out of a kink's reach; by the trapezoid."""
        subject = self.subject
        length = step * math.sqrt(subject.n_coordinates)
        away = _AWAY * step * subject.rng.standard_normal((1, subject.n_coordinates))
        ends = away + length * np.concatenate([-direction, direction])
        energies, forces = _energies_and_forces(subject, ends)
        # The middle would cost one evaluation more; over so short a piece the trapezoid will do.
        mean = forces.mean(axis=0) @ direction.T
        return float(((energies[1:] - energies[:1]) / (2 * length) + mean)[0])

    def noise(self, step: float) -> float:
        """Standard deviation of a gap: a difference of two energies, and Simpson's mean."""
        resolution = self.subject.resolution
        length = step * math.sqrt(self.subject.n_coordinates)
        # Two energies of noise e: sqrt(2) e over 2 l.
        energy = (resolution.energy_noise or 0.0) / (math.sqrt(2) * length)
        return math.hypot(energy, resolution.force_noise * SIMPSON_NORM / SIMPSON_SUM)


def _energies_and_forces(subject: Subject, moves: Floats) -> tuple[Floats, Floats]:
    """Energies (B,) and forces (B, 3N) at the start displaced by ``moves`` (B, 3N)."""
    answer = subject.evaluate(subject.start.displaced(moves), "forces", "energy")
    return answer.require_energy(), answer.require_forces().reshape(len(moves), -1)


@dataclass(frozen=True, slots=True, eq=False)
class _Result:
    """The gaps along all directions, what they come to, and whether a FAIL was confirmed."""

    gaps: Floats
    length: PieceLength
    estimate: Estimate
    worst: int
    confirmed: bool | None = None


def _choose_steps(pieces: _Pieces, frame: Floats, target: float) -> tuple[Floats, PieceLength]:
    """The directions that the allotment has room for, and the length of the pieces."""
    pilots = min(_PILOTS, len(frame))
    length = choose_length(pieces, frame[:pilots], target / _MEV, _FIRST_STEP)
    if length.tried_shorter:
        frame = frame[: max(pilots, len(frame) - _FEWER_IF_ROUGH)]
    return frame, length


def _measure(pieces: _Pieces, frame: Floats, length: PieceLength, target: float) -> _Result:
    """The gaps along a first few directions, and along all if the verdict isn't clear by then."""
    gaps, first = length.gaps, min(_FIRST_LOOK, len(frame))
    for look, share in ((first, _FIRST_SHARE), (len(frame), _LAST_SHARE)):
        if look > len(gaps.values):
            more = pieces.gaps(frame[len(gaps.values) : look], length.step)
            gaps = gaps.followed_by(more)
        seen = length.seen_by_all(gaps)
        planned = len(frame)
        estimate = _estimate(pieces.subject, gaps.values, seen, share, target, planned=planned)
        if look == len(frame) or estimate.interval[1] <= target or estimate.exceeds(target):
            break
    worst = int(np.argsort(-np.abs(gaps.values))[0])
    return _Result(gaps.values, seen, estimate, worst)


def _estimate(
    subject: Subject,
    gaps: Floats,
    length: PieceLength,
    share: float,
    target: float,
    *,
    planned: int,
    drawn: int | None = None,
) -> Estimate:
    """The rms gap of a component, meV/Å, from the gaps along ``drawn`` random directions.

    Where ``gaps`` leaves the largest of those out, the mean is still over all: a lower bound.
    ``share`` is that of the chance of a false FAIL.  The detection limit is that of all ``planned``
    directions: a violation would not have let the run stop before.
    """
    count, n = drawn or len(gaps), subject.n_coordinates
    rms = _MEV * float(np.sqrt(np.sum(gaps**2) / count))
    error = _MEV * length.error
    value = math.sqrt(max(rms**2 - error**2, 0.0))
    # An rms of so many normal values has a relative standard deviation of 1/sqrt(2 count); it is
    # none where the directions span all coordinates.
    sampling = math.sqrt(max(0.0, 1 - count / n)) * value / math.sqrt(2 * count)
    found = SampledRms(
        rms=rms,
        error=error,
        dof=subject.resolution.dof,
        count=count,
        strays=lambda probes, chance: projection_rms_quantile(probes, n, chance),
        share=share,
    )
    return Estimate(
        value=value,
        uncertainty=math.hypot(sampling, error / math.sqrt(count)),
        components={
            "truncation": length.truncation * _MEV / math.sqrt(count),
            "rounding": length.noise * _MEV / math.sqrt(count),
            "sampling": sampling,
        },
        interval=found.interval(),
        detection_limit=replace(found, share=_LAST_SHARE).limit(target, planned),
        noise_floor=found.noise_floor(),
        work_needed=found.work_needed(target),
    )


def _confirm(pieces: _Pieces, frame: Floats, result: _Result, target: float) -> _Result:
    """A FAIL must show again over other pieces along the worst direction, or the one after it."""
    subject, gaps = pieces.subject, result.gaps
    if not (result.estimate.exceeds(target) and subject.resolution.responds):
        return result
    order = np.argsort(-np.abs(gaps))
    left_out = 0.0
    for rank in range(_CONFIRMATIONS):
        worst = int(order[rank])
        change, confirmed = _measure_again(pieces, frame[worst], gaps[worst], result.length)
        result = replace(result, worst=worst, confirmed=confirmed)
        if confirmed:
            return result
        # A direction with a kink or a jump says nothing of the others: judge without it.
        left_out = max(left_out, change)
        kept = gaps[order[rank + 1 :]]
        estimate = _estimate(
            subject, kept, result.length, _LAST_SHARE, target,
            planned=len(frame), drawn=len(gaps),
        )  # fmt: skip
        result = replace(result, estimate=estimate)
        if not estimate.exceeds(target):
            break
    length = result.length.with_truncation(left_out)
    estimate = _estimate(subject, gaps, length, _LAST_SHARE, target, planned=len(frame))
    return replace(result, length=length, estimate=estimate)


def _measure_again(
    pieces: _Pieces, unit_vector: Floats, gap: float, length: PieceLength
) -> tuple[float, bool]:
    """How far the gap is from its first value over other pieces, and whether that confirms it."""
    seen, step, direction = abs(float(gap)), length.step, unit_vector[None]
    divisor = next((d for d in _DIVISORS if pieces.noise(step / d) <= seen / _CLEAR), None)
    shorter = step / (divisor or _LEAST_DIVISOR)
    if length.tried_shorter and divisor is None:
        again = [pieces.gap_aside(direction, step) for _ in range(_ASIDE)]
    else:
        again = [float(pieces.gaps(direction, shorter).values[0])]
    change = max(abs(other - float(gap)) for other in again)
    return change, gap_is_confirmed(change, seen, pieces.noise(shorter))


def _report(pieces: _Pieces, frame: Floats, result: _Result) -> Measurement:
    """The record, with the direction that shows the gap best."""
    subject, gaps = pieces.subject, result.gaps
    resolution = subject.resolution
    force = _MEV * resolution.force_rms
    direction = frame[result.worst]
    evidence = {
        "place": f"{figure(_MEV * gaps[result.worst], 'meV/Å', digits=3)} along one of "
        f"{len(gaps)} random directions; it moves {subject.atom_moved_most(direction)} most",
        "confirmed": result.confirmed,
        "scale": f"the rms force component is {figure(force, 'meV/Å', digits=3)}; in molecular "
        "dynamics the reported energy is not the one that these forces conserve",
        "quantities": {
            "directions": len(gaps),
            "step_A": result.length.step,
            "relative_gap": result.estimate.value / force if force > 0 else 0.0,
            "gaps_meV_per_A": (_MEV * gaps).tolist(),
            "energy_noise_eV": resolution.energy_noise,
        },
        "configurations": subject.start,
        "worst_direction": direction.reshape(subject.start.n_atoms, 3),
        "line": pieces.line(direction, result.length.step),
    }
    return result.estimate.to_measurement(subject, evidence)


assert_force_energy_gap = derive_assert(measure_force_energy_gap)
