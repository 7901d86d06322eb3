"""Stress against the energy it should come from.

How it is measured.  Along each of six orthonormal symmetric strains the energy's difference is held
against the stress integrated over the same piece, by Simpson's rule, so that no small strain is
needed.  Two pilot strains at three lengths choose the length with the least error; two far shorter
ones are tried where the surface is rough.  The truncation error is the pilots', and grows with how
much more the stress bends within the other pieces.  A FAIL is confirmed on the worst strain at half
the length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from ase.units import GPa

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
from physcheck.checks.conservation.stress_noise import (
    NOISE_EVALUATIONS,
    StressNoise,
    measure_stress_noise,
    needs_a_volume,
)
from physcheck.checks.conservation.subject import Subject
from physcheck.checks.failures_that_follow import OF_STRESS
from physcheck.checks.gap_naming import with_cause
from physcheck.checks.plotted import line_through
from physcheck.checks.what_shows import SHEARED_CELL
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.numerics.detection import limit_of_excess
from physcheck.numerics.quantiles import noise_rms_quantile
from physcheck.probes.strains import strained, symmetric_strains
from physcheck.registry import Budget, Failure, KnownFault, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Floats
from physcheck.text.gap_causes import stress_cause
from physcheck.tolerances import Tolerances

__all__ = ["assert_stress_energy_gap", "measure_stress_energy_gap"]

# Range of the shortest strain tried first: far above the rounding of positions, and small enough
# that stiff bonds are smooth over four times the upper end.
_FIRST_STRAIN = (1e-4, 2e-3)
# Strains on which the length is chosen, of the six that span all symmetric ones.
_PILOTS, _STRAINS = 2, 6
# |Delta|_F over this is the rms of its 9 components.
_ROOT_OF_COMPONENTS = 3
# One-sided normal quantile of 97.5 %: six strains span the whole gap, so nothing else is uncertain.
_HIGH_SDS = 1.96
_VOIGT = {"xx": (0, 0), "yy": (1, 1), "zz": (2, 2), "yz": (1, 2), "xz": (0, 2), "xy": (0, 1)}
# The line of the noise, the start, two ends of each strain, the pilots' other lengths, and a
# confirmation.
_EVALUATIONS = (
    NOISE_EVALUATIONS + 1 + 2 * _STRAINS + 2 * (LENGTHS + SHORTER_LENGTHS - 1) * _PILOTS + 2
)
_BY_BUDGET: dict[Budget, int] = {b: _EVALUATIONS for b in ("quick", "standard", "full")}


@check(
    family="conservation",
    quantity="rms gap between stress and the energy's strain derivative",
    unit="GPa",
    needs={"energy", "stress"},
    kind="law",
    title="stress is not the strain derivative of the energy",
    causes="stress predicted directly; a wrong sign, factor or order of Voigt components; a virial "
    "without the term of the smoothing function or of the cell's images",
    advice="take the stress as the strain derivative of the energy over the volume, and "
    "compare sign, unit and Voigt order first; until then simulate at constant volume "
    "only",
    failure=Failure(
        short_title="stress isn't dE/dstrain",
        meaning="Pressures are wrong by about the value. Constant-pressure dynamics has the wrong "
        "density, relaxed cells the wrong size and shape, elastic constants are off.",
        spoils=("constant-pressure dynamics", "cell relaxations"),
        fault=KnownFault(
            "the stress is not the strain derivative of the energy",
            explains=OF_STRESS,
        ),
    ),
    tolerances=Tolerances(
        screening=0.1,
        md=0.01,
        tight=1e-4,
        reason="screening: the stress error of a good MLIP; md: 0.01 GPa shifts a lattice "
        "constant by 3e-5 at a bulk modulus of 100 GPa, below thermal expansion over "
        "10 K; tight: analytic stresses in float64",
        source="OpenKIM's checks of numerical derivatives are the ancestor",
    ),
    evaluations=_BY_BUDGET,
    applies=needs_a_volume,
    shows=SHEARED_CELL,
)
def measure_stress_energy_gap(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Stress is the derivative of the energy with respect to strain: sigma = (1/V) dE/d(strain).

    With orthonormal symmetric strains S (a random frame of all six), at fixed fractional positions,

        g_S = (E(+e) - E(-e))/(2 e V) - [w(-e) + 4 w(0) + w(+e)]/(6 V),  w = V' sigma:S(1 + e S)^-1.

    The six give the whole symmetric part of the gap; the antisymmetric part of the stress itself is
    added: gap = |Delta|_F/3, the rms over 9 components, in GPa.  The module's docstring says how
    the length e is chosen and how a FAIL is confirmed.

    Can't see: a constant added to the energy; anything where the model gives no energy
    (strain_loop_work).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1, periodic in three directions
    tolerance : float, GPa
        What the length and the confirmation aim at; the md profile's if left out.

    Raises
    ------
    CapabilityMissing
        No energy, no stress, or not fully periodic.
    ModelError, NonFiniteOutput

    Cost: 27 evaluations, 8 more where the surface is rough, 2 more for a FAIL.

    Source: Knuth et al., Comput. Phys. Commun. 190, 33 (2015), for the definition; OpenKIM.
    """
    subject = Subject.of(model, start, rng, resolution)
    target = default_tolerance("stress_energy_gap") if tolerance is None else tolerance
    pieces = _Pieces.through(subject)
    frame = symmetric_strains(rng)

    length = _choose_steps(pieces, frame, target)
    measured = _measure(pieces, frame, length)
    gaps, length = measured.values, length.seen_by_all(measured)
    result = _Result(gaps, length, _estimate(pieces, gaps, length, target))
    result = _confirm(pieces, frame, result, target)
    derived = (pieces.stress + pieces.stress.T) / 2 + np.einsum("k,kij->ij", result.gaps, frame)
    return with_cause(
        _report(pieces, frame, result),
        target,
        lambda: stress_cause(pieces.stress, derived, pieces.volume, subject.start.n_atoms),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Gaps along short pieces of strain through one configuration, eV/Å³."""

    subject: Subject
    noises: StressNoise
    #: (3, 3) stress at the start, the middle of every piece.
    stress: Floats
    volume: float
    energy: float
    #: Step, strains, energies and works of what was asked so far, for the picture of a line.
    asked: list[tuple[float, Floats, Floats, Floats]] = field(default_factory=list)

    @classmethod
    def through(cls, subject: Subject) -> _Pieces:
        """Pieces through the start of ``subject``. Cost: 7 evaluations."""
        noises = measure_stress_noise(subject)
        answer = subject.evaluate(subject.start, "energy", "stress", "forces")
        volume = float(subject.start.volumes()[0])
        energy = float(answer.require_energy()[0])
        return cls(subject, noises, answer.require_stress()[0], volume, energy)

    def gaps(self, strains: Floats, step: float) -> Gaps:
        """g_S of each unit strain (k, 3, 3)."""
        both = np.concatenate([-step * strains, step * strains])
        ends = strained(self.subject.start, both)
        answer = self.subject.evaluate(ends, "energy", "stress", "forces")
        deformation = np.eye(3) + both
        volumes = self.volume * np.linalg.det(deformation)
        # The velocity gradient of the piece: S (1 + e S)^-1.
        gradient = np.concatenate([strains, strains]) @ np.linalg.inv(deformation)
        work = volumes * np.einsum("kij,kij->k", answer.require_stress(), gradient)
        energies = answer.require_energy()
        self.asked.append((step, strains, energies, work))
        e_minus, e_plus = np.split(energies, 2)
        w_minus, w_plus = np.split(work, 2)
        middle = self.volume * np.einsum("ij,kij->k", self.stress, strains)
        mean = (w_minus + SIMPSON_MIDDLE * middle + w_plus) / SIMPSON_SUM
        bends = (mean - (w_minus + w_plus) / 2) / self.volume
        return Gaps(((e_plus - e_minus) / (2 * step) - mean) / self.volume, bends)

    def line(self, strain: Floats, step: float) -> dict[str, Any]:
        """Energies and slopes along a strain that was asked; empty if it wasn't."""
        for asked_step, strains, energies, work in self.asked:
            found = np.flatnonzero((strains == strain).all(axis=(1, 2)))
            if asked_step == step and len(found):
                ends = [found[0], len(strains) + found[0]]
                middle = self.volume * float(np.sum(self.stress * strain))
                three = np.array([energies[ends[0]], self.energy, energies[ends[1]]])
                slopes = np.array([work[ends[0]], middle, work[ends[1]]])
                return line_through([-step, 0.0, step], three, slopes)
        return {}

    def noise(self, step: float) -> float:
        """Standard deviation of a gap: a difference of two energies, and Simpson's mean."""
        # Two energies of noise e: sqrt(2) e over 2 step.
        energy = self.noises.energy / (math.sqrt(2) * step * self.volume)
        return math.hypot(energy, self.noises.stress * SIMPSON_NORM / SIMPSON_SUM)

    @property
    def asymmetry(self) -> Floats:
        """(3, 3) antisymmetric part of the stress, which no energy can have."""
        part: Floats = (self.stress - self.stress.T) / 2
        return part


@dataclass(frozen=True, slots=True, eq=False)
class _Result:
    """The gaps along the six strains, what they come to, and whether a FAIL was confirmed."""

    gaps: Floats
    length: PieceLength
    estimate: Estimate
    confirmed: bool | None = None

    @property
    def worst(self) -> int:
        """The strain with the largest gap."""
        return int(np.argmax(np.abs(self.gaps)))


def _choose_steps(pieces: _Pieces, frame: Floats, target: float) -> PieceLength:
    """The length of the pieces, from two pilot strains."""
    return choose_length(pieces, frame[:_PILOTS], target * GPa, _FIRST_STRAIN)


def _measure(pieces: _Pieces, frame: Floats, length: PieceLength) -> Gaps:
    """The gaps along all six strains."""
    return length.gaps.followed_by(pieces.gaps(frame[_PILOTS:], length.step))


def _estimate(pieces: _Pieces, gaps: Floats, length: PieceLength, target: float) -> Estimate:
    """The rms gap over the 9 components, GPa; six strains span it, so nothing is sampled."""
    # Orthonormal strains: the squares of their gaps add up to those of the symmetric part.
    squares = float(np.sum(gaps**2) + np.sum(pieces.asymmetry**2))
    whole = math.sqrt(squares) / _ROOT_OF_COMPONENTS / GPa
    error = math.sqrt(len(gaps)) * length.error / _ROOT_OF_COMPONENTS / GPa
    noise_floor = error * noise_rms_quantile(len(gaps), pieces.subject.resolution.dof)
    uncertainty = length.error / _ROOT_OF_COMPONENTS / GPa
    return Estimate(
        value=math.sqrt(max(whole**2 - error**2, 0.0)),
        uncertainty=uncertainty,
        components={
            "truncation": length.truncation / GPa / _ROOT_OF_COMPONENTS,
            "rounding": length.noise / GPa / _ROOT_OF_COMPONENTS,
            "sampling": 0.0,
        },
        interval=(max(0.0, whole - noise_floor), whole + _HIGH_SDS * uncertainty),
        detection_limit=limit_of_excess(target, noise_floor, uncertainty),
        noise_floor=noise_floor,
        # All strains are there: nothing more can be looked at.
        work_needed=math.inf,
    )


def _confirm(pieces: _Pieces, frame: Floats, result: _Result, target: float) -> _Result:
    """A FAIL must show again over half the length along the worst strain."""
    if not (result.estimate.exceeds(target) and pieces.subject.resolution.responds):
        return result
    worst, shorter = result.worst, result.length.step / 2
    gap = result.gaps[worst]
    again = pieces.gaps(frame[worst : worst + 1], shorter).values[0]
    change = abs(float(again - gap))
    confirmed = gap_is_confirmed(change, abs(float(gap)), pieces.noise(shorter))
    result = replace(result, confirmed=confirmed)
    # An antisymmetric stress above the tolerance fails without any strain.
    if confirmed or float(np.linalg.norm(pieces.asymmetry)) > target * GPa:
        return result
    length = result.length.with_truncation(change)
    return replace(result, length=length, estimate=_estimate(pieces, result.gaps, length, target))


def _report(pieces: _Pieces, frame: Floats, result: _Result) -> Measurement:
    """The record, with the strain that shows the gap best."""
    gaps, worst = result.gaps, result.worst
    strain = ", ".join(f"{axes} {frame[worst][i, j]:.2f}" for axes, (i, j) in _VOIGT.items())
    evidence = {
        "place": f"{gaps[worst] / GPa:.3g} GPa along the unit strain ({strain})",
        "scale": f"the rms stress component is {_rms(pieces.stress) / GPa:.3g} GPa; a barostat or "
        "a cell relaxation meets a pressure that is wrong by about the gap",
        "confirmed": result.confirmed,
        "quantities": {
            "strain_step": result.length.step,
            "gap_GPa": np.einsum("k,kij->ij", gaps, frame) / GPa,
            "stress_GPa": pieces.stress / GPa,
            "asymmetry_GPa": _rms(pieces.asymmetry) / GPa,
            "stress_noise_GPa": pieces.noises.stress / GPa,
            "volume_A3": pieces.volume,
        },
        "line": pieces.line(frame[worst], result.length.step),
        "configurations": pieces.subject.start,
    }
    return result.estimate.to_measurement(pieces.subject, evidence)


def _rms(tensor: Floats) -> float:
    return float(np.sqrt(np.mean(tensor**2)))


assert_stress_energy_gap = derive_assert(measure_stress_energy_gap)
