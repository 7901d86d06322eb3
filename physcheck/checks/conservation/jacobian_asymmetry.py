"""Antisymmetry of the force Jacobian.

How it is measured.  The Jacobian isn't built: along k random orthonormal directions u_i of the
n = 3N coordinates, J u_i comes from central differences of the forces, and with
A_ij = (u_i.J u_j - u_j.J u_i)/2

    |J_anti|_F^2 = n(n-1) mean_{i<j} A_ij^2,    |J|_F^2 = n mean_i |J u_i|^2.

The noise's share of A^2 is subtracted.  Four pilot directions at two steps (three where noise
limits) choose between the 2-point and the 4-point formula and give the truncation error, which
grows with how much more the forces bend along the other directions.  The step starts from the
model's noise; where truncation is then far above that noise, as on surfaces with kinks, one that is
8 to 128 times smaller is tried.

The interval allows for the worst shape of defect (rank 2).  The largest pair of a FAIL is confirmed
at an eighth of the step; on a rough surface, where the step is as small as the noise allows, at
five places near by.

In systems of more than 200 atoms the same elements say whether one atom or small molecule explains
them (:mod:`physcheck.checks.conservation.diluted_fault`): its own block is then judged, too.  Where
none does, bisection places the violation of a FAIL, if the allotment has room.

A model with exact products (``capabilities.differentiable``) gives (J - J^T) u without any step:
see :mod:`physcheck.checks.conservation.jacobian_products`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from physcheck.checks.consequences import heating_sentence
from physcheck.checks.conservation.diluted_fault import (
    DilutedFault,
    Elements,
    diluted_fault_cost,
    find_diluted_fault,
)
from physcheck.checks.conservation.estimate import Estimate
from physcheck.checks.conservation.fault_location import (
    Place,
    localisation_cost,
    place_by_bisection,
    resolve_block,
)
from physcheck.checks.conservation.jacobian_differences import (
    DifferenceFormula,
    JacobianProbe,
    Sides,
    antisymmetric_part,
    bends_over_those_of_pilots,
    choose_formula,
    pair_at_nearby_place,
    pair_at_smaller_step,
    rms_of_pairs,
    slopes_of,
    slopes_of_parts,
    without_jumps,
)
from physcheck.checks.conservation.jacobian_map import block_map, maps_of_directions
from physcheck.checks.conservation.jacobian_products import measure_exact_asymmetry
from physcheck.checks.conservation.jacobian_sampling import sampling_spreads, shrinkage
from physcheck.checks.conservation.subject import Subject
from physcheck.checks.conservation.worst_loop import LOOP_POINTS, worst_loop_evidence
from physcheck.checks.failures_that_follow import NO_POTENTIAL
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import SampledRms
from physcheck.numerics.quantiles import rank2_quantile
from physcheck.probes.directions import orthonormal_directions
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats
from physcheck.tolerances import Tolerances

__all__ = ["LAMBDA", "assert_jacobian_asymmetry", "measure_jacobian_asymmetry"]

#: The tolerances of lambda, which the works around loops share.
LAMBDA = Tolerances(
    screening=3e-4,
    md=3e-5,
    tight=3e-6,
    reason="a relative antisymmetry lambda of the force Jacobian heats by P = c lambda^2; measured "
    "c is 0.2 to 30 eV/atom/ps in crystals, 3 to 220 in a metal's melt, 85 to some 10,000 in "
    "liquid water, where lambda is set by stiff bonds and the heat goes into soft modes: md keeps "
    "10 K/ns up to c = 2,900, and a molecular liquid with a local fault may heat by some 70 K/ns "
    "at it, so take tight for those; screening and tight are a factor 100 in heat away",
    source="docs/calibration.md; Bigi, Langer, Ceriotti, arXiv 2412.11569: PET-NC 0.004 heats by "
    "7 K/ps, ORB-v2 0.015 by 70 K/ps",
)

_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"directions": 16},
    "standard": {"directions": 32, "localise": True},
    "full": {"directions": 64, "localise": True},
}
# Directions on which the formula is chosen.
_PILOTS = 4
# Directions given up to pay for the pilots' third step and the confirmation of 4-point formulas ...
_FEWER_IF_4_POINTS = 2
# ... and, on top, for much shorter steps of the pilots and the places near by.
_FEWER_IF_ROUGH = 6
# A pair is confirmed if it changes by less than this share of itself.
_STEADY = 0.5
# On a rough surface the largest pair is measured again at so many places near by, and so many of
# them have to agree with it: one place meets another kink in ten times or so, four of five don't.
_NEARBY, _AGREEING = 5, 4


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    if capabilities.differentiable:
        return LOOP_POINTS
    k = min(int(_OPTIONS[budget]["directions"]), start.n_coordinates)
    pilots = min(_PILOTS, k)
    # Two evaluations a step and direction; a confirmation takes two directions at one step.
    simple = 4 * pilots + 2 * (k - pilots) + 4
    four_points = 6 * pilots + 4 * max(0, k - pilots - _FEWER_IF_4_POINTS) + 4
    left = max(0, k - pilots - _FEWER_IF_4_POINTS - _FEWER_IF_ROUGH)
    rough = 10 * pilots + 2 * left + 4 * _NEARBY
    if "localise" in _OPTIONS[budget]:
        # Twice the evaluations of the place, for a 4-point formula.
        place = localisation_cost(start, resolve=True)
        return max(four_points, rough) + 2 * place + LOOP_POINTS + diluted_fault_cost(start, k, 4)
    return max(
        simple + diluted_fault_cost(start, k),
        max(four_points, rough) + diluted_fault_cost(start, k, 4),
    )


@check(
    family="conservation",
    quantity="lambda, relative antisymmetry of the force Jacobian",
    unit="",
    needs={"forces"},
    kind="law",
    title="the force Jacobian is not symmetric: the forces have no potential",
    causes="forces predicted directly; a detached term; a fused kernel with a wrong backward pass",
    advice="run dynamics with the conservative head, or correct this model with a "
    "conservative one by multiple time stepping (mts_tandem); in a model that means "
    "to be conservative, switch off fused kernels and detached terms one by one",
    failure=Failure(
        short_title="Jacobian not symmetric",
        meaning="No energy has these forces. Constant-energy dynamics heats or cools steadily, "
        "relaxations may circle for ever, and phonons have complex frequencies.",
        fault=NO_POTENTIAL,
    ),
    tolerances=LAMBDA,
    evaluations=_evaluations,
    options=_OPTIONS,
)
def measure_jacobian_asymmetry(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    directions: int = 16,
    localise: bool = False,
    full: bool = False,
) -> Measurement:
    """The Jacobian J = dF/dx of the forces of a potential is symmetric (it is minus the Hessian).

        lambda = |J - J^T|_F / (2 |J|_F), from J u along k random directions.

    The module's docstring says how the steps are chosen and how a FAIL is confirmed and placed.
    Can't see: a defect that is diluted in a large system below the tolerance; a force that is the
    gradient of another energy (force_energy_gap sees that).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    tolerance : float, dimensionless
        What the choice of formula and the confirmation aim at; the md profile's if left out.
    directions : int
        k; at most 3N.
    localise : bool
        On a FAIL, resolve the block of the molecule or atom that holds it, and walk its worst loop.
    full : bool
        All 3N coordinates: exact but for the differences; evidence then has ``jacobian_map``.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 2k + 8 at any N; 4k - 4 where noise limits (2 directions fewer); 2k + 8 on a rough surface
    (8 fewer), up to 20 more for a FAIL there.  Place: 6 an atom and 4 where one atom or molecule
    explains the elements, else 4 a halving of the molecules; localise: 6 an atom of the last, and
    16; twice what there is an atom and a halving with 4 points.  Full: 6N + 8, or 12N + 8.  Exact:
    10 products, and 16 evaluations where a violation is seen.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, eq. 5.
    """
    subject = Subject.of(model, start, rng, resolution)
    target = default_tolerance("jacobian_asymmetry") if tolerance is None else tolerance
    if subject.meter.capabilities.differentiable and not full:
        return measure_exact_asymmetry(subject, target)
    probe, n = JacobianProbe(subject), subject.n_coordinates
    frame = np.eye(n) if full else orthonormal_directions(n, min(directions, n), rng)
    chosen = _choose_steps(probe, frame, target, full)
    frame, responses, formula = _measure(probe, chosen, full)
    result = _estimate(probe, frame, responses, formula, target)
    result = _confirm(probe, result, target)
    fault = None if full else _find_diluted(probe, result, target)
    place = None if fault is None or not fault.estimate.exceeds(0) else fault.place
    if place is None and not full:
        place = _locate(probe, result, target, localise)
    return _report(subject, result, fault, place, localise, target)


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """The formula, the directions that the allotment has room for, and the pilots' forces."""

    formula: DifferenceFormula
    frame: Floats
    pilots: Sides


def _choose_steps(probe: JacobianProbe, frame: Floats, target: float, full: bool) -> _Chosen:
    """The formula that fits noise and surface, and how many directions are left to pay for."""
    pilots = min(_PILOTS, len(frame))
    formula, sides = choose_formula(probe, frame[:pilots], target)
    if (formula.order == 4 or formula.rough) and not full:
        fewer = _FEWER_IF_4_POINTS + (_FEWER_IF_ROUGH if formula.tried_shorter else 0)
        frame = frame[: max(pilots, len(frame) - fewer)]
    return _Chosen(formula, frame, sides)


def _measure(
    probe: JacobianProbe, chosen: _Chosen, full: bool
) -> tuple[Floats, Floats, DifferenceFormula]:
    """The directions (k, n), the responses J u (k, n) along them, and the formula for all of them.

    Its truncation error grows where the others bend the forces more than the pilots do.
    """
    formula, frame, sides = chosen.formula, chosen.frame, chosen.pilots
    pilots = min(_PILOTS, len(frame))
    if len(frame) > pilots:
        more = probe.sides(frame[pilots:], formula.steps)
        sides = {s: np.concatenate([sides[s], more[s]], axis=1) for s in formula.steps}
    responses, ends = formula.combine(slopes_of(sides)), sides[formula.base]
    if formula.rough and not full:
        smooth = without_jumps(responses)
        frame, responses, ends = frame[smooth], responses[smooth], ends[:, smooth]
        pilots = int(np.sum(smooth < pilots))
    grown = bends_over_those_of_pilots(frame, ends, pilots)
    return frame, responses, replace(formula, truncation=formula.truncation * grown)


@dataclass(frozen=True, slots=True, eq=False)
class _Result:
    """lambda from k directions and their responses, and whether a FAIL was confirmed.

    Attributes
    ----------
    frame, responses : (k, n) float
    formula : DifferenceFormula
    antisymmetric : (k, k) float, eV/Å²
    unit : float, eV/Å²
        |J|_F/sqrt(n(n-1)): the rms antisymmetric element that a lambda of 1 stands for.
    squared : float
        lambda^2 with the noise's share taken out; may be negative.
    estimate : Estimate
    confirmed : bool or None
    """

    frame: Floats
    responses: Floats
    formula: DifferenceFormula
    antisymmetric: Floats
    unit: float
    squared: float
    estimate: Estimate
    confirmed: bool | None = None

    @property
    def jacobian_norm(self) -> float:
        """|J|_F, eV/Å²."""
        n = self.frame.shape[1]
        return self.unit * math.sqrt(n * (n - 1))

    @property
    def antisymmetric_norm(self) -> float:
        """|J_anti|_F, eV/Å², the noise's share taken out."""
        return self.estimate.value * self.jacobian_norm

    @property
    def worst_pair(self) -> tuple[int, int]:
        """The directions with the largest antisymmetric element."""
        flat = int(np.argmax(np.abs(np.triu(self.antisymmetric, 1))))
        i, j = divmod(flat, len(self.frame))
        return i, j


def _estimate(
    probe: JacobianProbe,
    frame: Floats,
    responses: Floats,
    formula: DifferenceFormula,
    target: float,
) -> _Result:
    """lambda with its errors and its interval."""
    k, n = frame.shape
    antisymmetric = antisymmetric_part(frame, responses)
    unit = math.sqrt(float(np.mean(np.sum(responses**2, axis=1))) / (n - 1)) or math.inf
    rms = rms_of_pairs(antisymmetric) / unit
    rounding, truncation = probe.noise(formula) / unit, formula.truncation / unit
    error = math.hypot(rounding, truncation)
    # Errors add to the mean square whatever their sign.
    squared = rms**2 - error**2
    value = math.sqrt(max(squared, 0.0))
    pairs = k * (k - 1) / 2
    spread, size_spread = sampling_spreads(antisymmetric, responses)
    shrink = shrinkage(value, error, pairs)
    components = {
        "truncation": truncation * shrink,
        "rounding": rounding * shrink,
        "sampling": value * spread,
    }
    # The worst shape of defect (rank 2), and a |J|_F that came out small.
    found = SampledRms(
        rms=rms,
        error=error,
        dof=probe.subject.resolution.dof,
        count=k,
        strays=lambda count, chance: rank2_quantile(count, n, chance),
        values=lambda count: count * (count - 1) // 2,
        size_spread=size_spread,
    )
    estimate = Estimate(
        value=value,
        uncertainty=math.sqrt(sum(c**2 for c in components.values())),
        components=components,
        interval=found.interval(),
        detection_limit=found.limit(target),
        noise_floor=found.noise_floor(),
        work_needed=found.work_needed(target),
    )
    return _Result(frame, responses, formula, antisymmetric, unit, squared, estimate)


def _confirm(probe: JacobianProbe, result: _Result, target: float) -> _Result:
    """The largest pair of a FAIL must be the same at a much smaller step, or at places near by.

    A violation is flat over the step, truncation is not.  A kink that lies nearer than the step to
    the configuration gives an antisymmetric difference, which only a step that doesn't reach the
    kink is free of.
    """
    if not (result.estimate.exceeds(target) and probe.subject.resolution.responds):
        return result
    i, j = result.worst_pair
    pair, found, formula = result.frame[[i, j]], result.antisymmetric[i, j], result.formula
    seen = abs(float(found))
    if formula.rough:
        # The step is already as small as the noise allows.
        nearby = [pair_at_nearby_place(probe, pair, formula) for _ in range(_NEARBY)]
        changes = [abs(float(there - found)) for there in nearby]
        confirmed = sum(change <= _STEADY * seen for change in changes) >= _AGREEING
        change = seen
    else:
        change = abs(float(pair_at_smaller_step(probe, pair, formula, seen) - found))
        confirmed = change <= _STEADY * seen
    if not confirmed:
        formula = replace(formula, truncation=max(change, formula.truncation))
        result = _estimate(probe, result.frame, result.responses, formula, target)
    return replace(result, confirmed=confirmed)


def _find_diluted(probe: JacobianProbe, result: _Result, target: float) -> DilutedFault | None:
    """The one atom or molecule that explains the elements, where the forces respond."""
    if not probe.subject.resolution.responds:
        return None
    known = Elements(result.frame, result.antisymmetric, result.antisymmetric_norm)
    return find_diluted_fault(probe, result.formula, known, target)


def _locate(probe: JacobianProbe, result: _Result, target: float, resolve: bool) -> Place | None:
    """The molecule or atom that holds the violation of a FAIL, where the allotment has room."""
    subject, formula = probe.subject, result.formula
    # The formula takes one or two pairs of points a direction.
    cost = formula.order // 2 * localisation_cost(subject.start, resolve=resolve)
    affordable = subject.meter.remaining is None or cost <= subject.meter.remaining
    if not (result.estimate.exceeds(target) and subject.resolution.responds and affordable):
        return None
    slopes = slopes_of_parts(probe, formula)
    total = result.antisymmetric_norm
    place = place_by_bisection(subject.start, slopes, total, probe.noise(formula), subject.rng)
    if place is not None and resolve:
        place = resolve_block(subject.start, slopes, total, place)
    return place


def _report(
    subject: Subject,
    result: _Result,
    fault: DilutedFault | None,
    place: Place | None,
    localise: bool,
    target: float,
) -> Measurement:
    """The record, with the largest pair, or the place and the loop that shows it best."""
    plane = result.frame[list(result.worst_pair)]
    evidence: dict[str, Any] = {
        "place": f"largest pair of {len(result.frame)} directions; it moves "
        f"{subject.atom_moved_most(plane)} most",
        "scale": heating_sentence(result.estimate.value),
        "confirmed": result.confirmed,
        "quantities": {
            "lambda_squared": result.squared,
            "directions": len(result.frame),
            "step_A": result.formula.base,
            "formula_points": result.formula.order,
            "jacobian_norm": result.jacobian_norm,
            "antisymmetric_norm": result.antisymmetric_norm,
            "element_per_lambda": result.unit,
        },
        "configurations": subject.start,
        "worst_plane": plane.reshape(2, subject.start.n_atoms, 3),
    }
    evidence |= maps_of_directions(subject.start, result.frame, result.responses)
    if place is not None and place.block is not None:
        evidence["block"] = block_map(subject.start, place.atoms, place.block)
    if place is not None and localise:
        evidence |= worst_loop_evidence(subject, place)
    elif place is not None:
        evidence["place"] = place.sentence(subject.start)
    judged = result.estimate
    if fault is not None:
        evidence["quantities"] |= fault.quantities
        if fault.decides(judged, target):
            judged = fault.estimate
            evidence |= fault.in_words(str(evidence["place"]), result.estimate.value)
    return judged.to_measurement(subject, evidence)


assert_jacobian_asymmetry = derive_assert(measure_jacobian_asymmetry)
