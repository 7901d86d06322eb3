"""Antisymmetry of the force Jacobian."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from physcheck.checks.consequences import heating_sentence
from physcheck.checks.conservation.fault_location import (
    Place,
    localisation_cost,
    place_by_bisection,
    resolve_block,
)
from physcheck.checks.conservation.jacobian_map import jacobian_map
from physcheck.checks.conservation.jacobian_products import measure_exact_asymmetry
from physcheck.checks.conservation.line_slopes import (
    Probe,
    Steps,
    antisymmetric,
    choose_formula,
    rms_pairs,
)
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.quadrature import aliasing, spectrum
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS, noise_rms_quantile, rank2_quantile
from physcheck.numerics.resampling import jackknife_sd
from physcheck.probes.directions import orthonormal_directions
from physcheck.probes.loops import Circle
from physcheck.registry import Budget, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution, visit
from physcheck.system import Configurations, Floats, Ints, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_jacobian_asymmetry", "measure_jacobian_asymmetry"]

LAMBDA = Tolerances(
    screening=3e-4,
    md=3e-5,
    tight=3e-6,
    reason="a relative antisymmetry lambda of the force Jacobian heats by P = c lambda^2; measured c "
    "is 0.2 to 30 eV/atom/ps in crystals, 3 to 220 in a metal's melt, 85 to some 10,000 in liquid "
    "water, where lambda is set by stiff bonds and the heat goes into soft modes: md keeps 10 K/ns "
    "up to c = 2,900, and a molecular liquid with a local fault may heat by some 70 K/ns at it, so "
    "take tight for those; screening and tight are a factor 100 in heat away",
    source="docs/calibration.md; Bigi, Langer, Ceriotti, arXiv 2412.11569: PET-NC 0.004 heats by "
    "7 K/ps, ORB-v2 0.015 by 70 K/ps",
)

_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"directions": 16},
    "standard": {"directions": 32, "localise": True},
    "full": {"directions": 64, "localise": True},
}
_PILOTS = 4
# Directions given up to pay for the third step of the pilots and the confirmation, with 4-point formulas.
_DEAR = 2
# What the step is divided by for the confirmation, the largest first.
_CONFIRMING_DIVISORS = (8, 4, 2)
# The loop in the worst plane: points, and its radius in Å in 3N space.
_LOOP_POINTS, _LOOP_RADIUS = 16, 0.05
# A violation seen on a rough surface is looked for at so many places near by, and so many have to show it; that is paid for
# with so many directions fewer.
_NEARBY, _AGREEING, _DEARER = 5, 4, 6
# There, a direction along which the derivative is so many times the median's has a jump of the forces in it.
_JUMP = 5.0


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    if capabilities.differentiable:
        return _LOOP_POINTS
    k = min(int(_OPTIONS[budget]["directions"]), start.n_coordinates)
    pilots = min(_PILOTS, k)
    simple = 4 * pilots + 2 * (k - pilots) + 4
    dear = 6 * pilots + 4 * max(0, k - pilots - _DEAR) + 4
    rough = 10 * pilots + 2 * max(0, k - pilots - _DEAR - _DEARER) + 4 * _NEARBY
    if "localise" in _OPTIONS[budget]:
        where = localisation_cost(start, resolve=True)
        return max(dear, rough) + 2 * where + _LOOP_POINTS
    return max(simple, dear, rough)


@check(
    family="conservation",
    quantity="lambda, relative antisymmetry of the force Jacobian",
    unit="",
    needs={"forces"},
    kind="law",
    title="the force Jacobian is not symmetric: the forces have no potential",
    causes="forces predicted directly; a detached term; a fused kernel with a wrong backward",
    advice="run dynamics with the conservative head, or correct this model with a "
    "conservative one by multiple time stepping (mts_tandem); in a model that means "
    "to be conservative, switch off fused kernels and detached terms one by one",
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

        lambda = |J - J^T|_F / (2 |J|_F)

    J is not built: along k random orthonormal directions u_i of the n = 3N coordinates, J u_i comes from
    central differences, and with A_ij = (u_i.J u_j - u_j.J u_i)/2

        |J_anti|_F^2 = n(n-1) mean_{i<j} A_ij^2,    |J|_F^2 = n mean_i |J u_i|^2.

    The noise's share of A^2 is subtracted. Four pilot directions at two steps (three where noise limits)
    choose between the 2-point and the 4-point formula and give the truncation error; the step starts from
    the model's noise, and where the truncation then is far above that noise, as on surfaces with kinks, one
    8 to 128 times smaller is tried. The interval allows for the worst shape of defect (rank 2); the largest pair of a
    FAIL is confirmed at an eighth of the step.

    A model with exact products (``capabilities.differentiable``) gives (J - J^T) u without any step: see
    :func:`physcheck.checks.conservation.jacobian_products.measure_exact_asymmetry`; it also names the molecule.

    Can't see: a defect diluted in a large system below the tolerance, nor a force that is the gradient of
    another energy.

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    tolerance : float, dimensionless
        What the choice of formula and the confirmation aim at; the md profile's if left out.
    directions : int
        k; at most 3N.
    localise : bool
        On a FAIL, resolve the Jacobian of the molecule (or atom) that holds the violation and walk a loop
        in its worst plane. Its name is found by bisection in any case where the allotment has room.
    full : bool
        All 3N coordinate directions: exact but for the differences; evidence then has the map of
        lambda_ij over pairs of atoms with their distances, and lambda per pair of species and
        mass-weighted.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 2k + 8 at any N, or 4k - 4 where noise limits (with 3 directions fewer), 2k + 8 on a rough surface (with 8 directions fewer); up to 20 more for a
    FAIL there. The name of the place: 4 a halving of the molecules; localise: 6 an atom of the last, and 16
    (twice the first two where noise limits). Full: 6N + 8, or 12N + 8. Exact: 10 products, and 16 evaluations where a violation is seen.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, eq. 5; unbiased estimate and quantiles: the docs.
    """
    meter = Meter(model)
    one = as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("jacobian_asymmetry") if tolerance is None else tolerance
    n = one.n_coordinates
    if meter.capabilities.differentiable and not full:
        return _by_products(meter, one, resolution, rng)
    count = n if full else min(directions, n)
    frame = np.eye(n) if full else orthonormal_directions(n, count, rng)
    probe = Probe(meter, one, rng, resolution)
    pilots = min(_PILOTS, count)

    formula, pilot_slopes = choose_formula(probe, frame[:pilots], target)
    if (formula.order == 4 or formula.rough) and not full:
        count = max(pilots, count - _DEAR - (_DEARER if formula.tried else 0))
        frame = frame[:count]
    rest = frame[pilots:]
    slopes = pilot_slopes
    if len(rest):
        more = probe.slopes(rest, formula.steps)
        slopes = {s: np.concatenate([pilot_slopes[s], more[s]]) for s in formula.steps}
    responses = formula.combine(slopes)
    if formula.rough and not full:
        smooth = _without_jumps(responses)
        frame, responses = frame[smooth], responses[smooth]
    result = _Judged(frame, responses, probe, formula, n)
    confirmed = None
    if result.interval[0] > target and resolution.responds:
        result, confirmed = _confirm(probe, result)
    evidence = _evidence(one, result, confirmed)
    if full:
        evidence["full"] = jacobian_map(one, responses.T)
    cost = formula.order // 2 * localisation_cost(one, resolve=localise)
    affordable = meter.remaining is None or cost <= meter.remaining
    if result.interval[0] > target and resolution.responds and not full and affordable:
        place = _find_place(probe, result, rng, resolve=localise)
        if place is not None and localise:
            _add_loop(evidence, meter, one, place, rng, resolution)
        elif place is not None:
            evidence["place"] = place.sentence(one)
    return Measurement(
        value=result.value,
        uncertainty=result.uncertainty,
        uncertainty_components=result.components,
        interval=result.interval,
        detection_limit=result.detection_limit,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence=evidence,
    )


def _find_place(
    probe: Probe, result: _Judged, rng: np.random.Generator, *, resolve: bool
) -> Place | None:
    """The molecule or atoms that hold the antisymmetry, with the formula of the measurement."""
    formula, n = result.formula, result.dimension

    def slopes(unit_vectors: Floats) -> Floats:
        moved = int(np.any(unit_vectors != 0, axis=0).sum())
        return formula.combine(probe.slopes(unit_vectors, formula.steps, moved))

    total = result.value * result.unit * math.sqrt(n * (n - 1))
    place = place_by_bisection(probe.start, slopes, total, probe.noise(formula), rng)
    if place is not None and resolve:
        place = resolve_block(probe.start, slopes, total, place)
    return place


def _by_products(
    meter: Meter, one: Configurations, resolution: Resolution, rng: np.random.Generator
) -> Measurement:
    """The measurement from exact Jacobian products."""
    exact = measure_exact_asymmetry(meter, one, rng, resolution.dof)
    evidence: dict[str, Any] = {
        "place": f"exact Jacobian products along {exact.quantities['directions']} directions",
        "scale": heating_sentence(exact.value),
        "quantities": exact.quantities,
        "configurations": one,
    }
    if exact.place is not None:
        _add_loop(evidence, meter, one, exact.place, rng, resolution)
    return Measurement(
        value=exact.value,
        uncertainty=exact.uncertainty,
        uncertainty_components=exact.components,
        interval=exact.interval,
        detection_limit=exact.detection_limit,
        force_evaluations=meter.evaluations,
        jacobian_products=meter.jacobian_products_made,
        nothing_tested=resolution.rigid_reason,
        evidence=evidence,
    )


def _add_loop(
    evidence: dict[str, Any],
    meter: Meter,
    one: Configurations,
    place: Place,
    rng: np.random.Generator,
    resolution: Resolution,
) -> None:
    """Name the place of a violation in the evidence, with the loop that shows it best (16 evaluations)."""
    facts, path = _worst_loop(meter, one, place, rng, resolution)
    evidence["place"] = (
        f"{place.sentence(one)}; a circle of {_LOOP_RADIUS} Å in its worst plane does "
        f"{1e3 * facts['work_eV']:.3g} meV per cycle"
    )
    evidence["worst_loop"] = facts
    evidence["configurations"] = path


class _Judged:
    """lambda from k directions and their responses, with its errors."""

    def __init__(
        self, frame: Floats, responses: Floats, probe: Probe, formula: Steps, dimension: int
    ) -> None:
        self.frame, self.responses = frame, responses
        self.probe, self.formula, self.dimension = probe, formula, dimension
        k, n = len(frame), dimension
        self.antisymmetric = antisymmetric(frame, responses)
        squares = np.sum(responses**2, axis=1)
        self.unit = math.sqrt(float(np.mean(squares)) / (n - 1)) or math.inf
        rms = rms_pairs(self.antisymmetric) / self.unit
        rounding = probe.noise(formula) / self.unit
        truncation = formula.truncation / self.unit
        error = math.hypot(rounding, truncation)
        pairs = k * (k - 1) / 2
        self.excess = rms**2 - error**2
        self.value = math.sqrt(max(self.excess, 0.0))

        def log_lambda(kept: list[int]) -> float:
            part = self.antisymmetric[np.ix_(kept, kept)]
            size = math.sqrt(float(np.mean(squares[kept])))
            return math.log(max(rms_pairs(part), 1e-300) / max(size, 1e-300))

        # Whole sampling error where directions are few, none where they span the space.
        finite = math.sqrt(max(0.0, 1 - k / n))
        spread = finite * jackknife_sd(log_lambda, k)
        logs = np.log(np.maximum(squares, 1e-300)) / 2
        scale_sd = finite * jackknife_sd(lambda kept: float(np.mean(logs[kept])), k)
        floor = max(self.value, error * (2 / pairs) ** 0.25, 1e-300)
        shrink = math.sqrt(2 * error**2 + 4 * self.value**2) / (2 * floor * math.sqrt(pairs))
        self.components = {
            "truncation": truncation * shrink,
            "rounding": rounding * shrink,
            "sampling": self.value * spread,
        }
        self.uncertainty = math.sqrt(sum(c**2 for c in self.components.values()))
        dof = probe.resolution.dof
        self.detection_limit = error * noise_rms_quantile(int(pairs), dof)
        upward = rank2_quantile(k, n, 1 - FALSE_FAIL / 2) * math.exp(4 * scale_sd)
        low = max(0.0, rms - self.detection_limit) / upward
        high = max(rms / rank2_quantile(k, n, FALSE_PASS), error)
        self.interval = (low, high)

    def worst_pair(self) -> tuple[int, int]:
        flat = int(np.argmax(np.abs(np.triu(self.antisymmetric, 1))))
        i, j = divmod(flat, len(self.frame))
        return i, j

    def with_truncation(self, truncation: float) -> _Judged:
        formula = replace(self.formula, truncation=max(truncation, self.formula.truncation))
        return _Judged(self.frame, self.responses, self.probe, formula, self.dimension)


def _confirm(probe: Probe, result: _Judged) -> tuple[_Judged, bool]:
    """The largest pair at a much smaller step: a violation is flat over the step, truncation is not.

    A kink that lies nearer than the step to the configuration gives an antisymmetric difference, which only a
    step that doesn't reach the kink is free of: so the step is divided by 8, or by 4 or 2 where the noise
    would hide the pair.  On a rough surface, where the step is already as small as the noise allows, the pair is
    looked at from five places near by instead, out of that kink's reach: kinks are so dense there that one place meets another
    one in ten times or so, four of five don't.
    """
    i, j = result.worst_pair()
    formula = result.formula
    pair, seen = result.frame[[i, j]], abs(float(result.antisymmetric[i, j]))
    if formula.rough:
        changes = [
            abs(float(nearby[0, 1] - result.antisymmetric[i, j]))
            for nearby in _from_near_by(probe, pair, formula)
        ]
        if sum(change <= 0.5 * seen for change in changes) >= _AGREEING:
            return result, True
        return result.with_truncation(seen), False
    for divisor in _CONFIRMING_DIVISORS:
        other = Steps(formula.base / divisor, 2, 0.0)
        if probe.noise(other) <= seen / 8:
            break
    responses = probe.slopes(pair, other.steps)[other.base]
    change = abs(float(antisymmetric(pair, responses)[0, 1] - result.antisymmetric[i, j]))
    if change <= 0.5 * seen:
        return result, True
    return result.with_truncation(change), False


def _without_jumps(responses: Floats) -> Ints:
    """The indices of the directions along which the forces don't jump within the step."""
    sizes = np.linalg.norm(responses, axis=1)
    return np.flatnonzero(sizes <= _JUMP * np.median(sizes))


def _from_near_by(probe: Probe, pair: Floats, formula: Steps) -> list[Floats]:
    """The pair's antisymmetric parts with the whole difference moved by eight steps, five times."""
    found = []
    for _ in range(_NEARBY):
        away = 8 * formula.base * probe.rng.standard_normal((1, probe.n))
        other = Probe(probe.meter, probe.start.displaced(away), probe.rng, probe.resolution)
        found.append(antisymmetric(pair, other.slopes(pair, (formula.base,))[formula.base]))
    return found


def _evidence(one: Configurations, result: _Judged, confirmed: bool | None) -> dict[str, Any]:
    i, j = result.worst_pair()
    plane = result.frame[[i, j]].reshape(2, one.n_atoms, 3)
    share = np.sum(plane**2, axis=(0, 2)) / 2
    atom = int(np.argmax(share))
    return {
        "place": f"largest pair of {len(result.frame)} directions; it moves atom {atom} "
        f"({one.system.symbols[atom]}) most",
        "scale": heating_sentence(result.value),
        "confirmed": confirmed,
        "quantities": {
            "lambda_squared": result.excess,
            "directions": len(result.frame),
            "step_A": result.formula.base,
            "formula_points": result.formula.order,
            "jacobian_norm": result.unit * math.sqrt(result.dimension * (result.dimension - 1)),
            "antisymmetric_norm": result.value
            * result.unit
            * math.sqrt(result.dimension * (result.dimension - 1)),
        },
        "configurations": one,
        "worst_plane": plane,
    }


def _worst_loop(
    meter: Meter,
    one: Configurations,
    place: Place,
    rng: np.random.Generator,
    resolution: Resolution,
) -> tuple[dict[str, Any], Configurations]:
    """The work around a circle in the worst plane: what the fault does, in eV per cycle."""
    u, v = place.plane
    loop = Circle(u, v, _LOOP_RADIUS, float(rng.uniform(0, 2 * np.pi)), "circle in the worst plane")
    positions, tangents = loop.path(one.positions[0], _LOOP_POINTS)
    answer = visit(
        meter,
        one.at(positions),
        want=frozenset({"forces"}),
        rng=rng,
        fresh=resolution.needs_fresh,
    )
    integrand = np.einsum("tia,tia->t", answer.require_forces(), tangents)
    noise = resolution.force_noise * float(np.linalg.norm(tangents)) * 2 * np.pi / _LOOP_POINTS
    facts = {
        "work_eV": float(2 * np.pi * integrand.mean()),
        "uncertainty_eV": math.hypot(noise, aliasing(spectrum(integrand))),
        "radius": _LOOP_RADIUS,
        "phase": loop.phase,
        "u": u,
        "v": v,
        "center": one.positions[0],
        "atoms": place.atoms,
        "share": place.share,
    }
    return facts, one.at(positions)


assert_jacobian_asymmetry = derive_assert(measure_jacobian_asymmetry)
