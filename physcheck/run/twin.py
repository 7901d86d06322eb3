"""A law that float32 leaves open, judged on the same weights in float64."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, cast

from physcheck.measurement import Outcome
from physcheck.names import GENERATED
from physcheck.run.entry import PlanEntry, record_seed
from physcheck.run.jsonable import to_jsonable
from physcheck.run.record import Record
from physcheck.text.numbers import figure

if TYPE_CHECKING:
    from physcheck.checks.dynamics.rounding_work import RoundingWork
    from physcheck.model import Model
    from physcheck.registry import CheckSpec, Measure
    from physcheck.run.setup_costs import SetupCosts
    from physcheck.structures import Structure

__all__ = [
    "gradient_evaluations",
    "hidden_by_numerics",
    "is_of_the_weights",
    "judged_in_float64",
    "looks_as_closely",
    "rounding_of",
    "takes_rounding",
    "twin_entry",
    "wants_float64",
]

# Laws of the model itself; what float32 breaks in practice is judged in float32.
_FAMILIES = frozenset({"conservation", "symmetry", "smoothness", "sampling"})
# Of other families: the eigenvalues of J at a minimum are the model's, whatever relaxes to it.  A
# first look may not come to the minimum, in float64 either: the twin is given the last one.
_CHECKS = frozenset({"minimum_stability"})

# Errors that finer arithmetic makes smaller, by itself or by the shorter steps that it allows; and
# the share of the largest error from which on they count.
_OF_NUMERICS = ("rounding", "truncation")
_SHARE = 1 / 3
# Standard errors above the tolerance from which on a value isn't taken for scatter, so that forces
# that are wrong in float32 alone aren't passed for those in float64.
_WELL_BEYOND = 3.0


# What is known of a whole search, while the twin is asked a few of its cases.
_OF_A_SEARCH = ("cases", "refused", "out_of_bounds", "only_exactly_there", "domain")


def is_of_the_weights(family: str, check: str) -> bool:
    """Whether a check is judged in float64 where float32 leaves it open."""
    return family in _FAMILIES or check in _CHECKS


def looks_as_closely(spec: CheckSpec) -> bool:
    """Whether the twin looks as closely as the record's last look did, not as its first."""
    return spec.id in _CHECKS


def wants_float64(record: Record) -> bool:
    """Whether the same law in float64 may tell more: it is open, or it fails."""
    if not is_of_the_weights(record.family, record.check) or record.value is None:
        return False
    if record.verdict is Outcome.FAIL:
        return True
    return record.verdict is Outcome.INCONCLUSIVE and record.reason is None


def twin_entry(entry: PlanEntry, record: Record) -> PlanEntry | None:
    """What the twin is asked: the first look, as a rule, or the generated cases that decide the
    record; None where such a record holds none.
    """
    looks = entry.looks[:1]
    if looks_as_closely(entry.check):
        looks = tuple(look for look in entry.looks if look == record.level) or looks
    again = replace(entry, looks=looks, allotment=entry.twin, twin=0, shared=0)
    if entry.structure.name != GENERATED:
        return again
    found = record.evidence.get
    cases = [found("smallest_case")] if "smallest_case" in record.evidence else found("open_cases")
    if not cases:
        return None
    measure = entry.check.measure
    of_these = update_wrapper(partial(measure, cases=cases), measure)
    return replace(again, check=replace(entry.check, measure=cast("Measure", of_these)))


def hidden_by_numerics(record: Record) -> bool:
    """Whether what leaves a law open is what finer arithmetic makes smaller.

    It is where what numerics hide is above the tolerance, too: a scatter of values among kinks
    looks like sampling, and is none.
    """
    floor, tolerance = record.noise_floor, record.tolerance
    if floor is not None and tolerance is not None and floor > tolerance:
        return True
    parts = record.uncertainty_components
    of_numerics = max((parts.get(name, 0.0) for name in _OF_NUMERICS), default=0.0)
    return of_numerics > 0.0 and of_numerics >= _SHARE * max(parts.values())


def _may_be_nothing(record: Record) -> bool:
    """Whether what was measured may well be below the tolerance, by its own error."""
    if record.value is None or record.tolerance is None:
        return False
    return record.value - _WELL_BEYOND * (record.uncertainty or 0.0) <= record.tolerance


def takes_rounding(spec: CheckSpec) -> bool:
    """Whether a law that follows from the twin's forces must hold in spite of rounding, too."""
    return "rounding" in inspect.signature(spec.measure).parameters


def rounding_of(
    model: Model, finer: Model, structure: Structure, seed: int, setup: SetupCosts
) -> RoundingWork:
    """The work of a model's rounding, measured beside its float64 twin; it counts as setup."""
    import numpy as np

    from physcheck.checks.dynamics.rounding_work import measure_rounding_work
    from physcheck.model import Meter

    rng = np.random.default_rng(record_seed(seed, "rounding", structure.name))
    own, other = Meter(model), Meter(finer)
    try:
        return measure_rounding_work(own, other, structure.configurations, rng=rng)
    finally:
        setup.charge(f"rounding[{structure.name}]", own.evaluations + other.evaluations)


def gradient_evaluations(spec: CheckSpec, has_twin: bool) -> int:
    """What a law that follows from gradient forces may cost without a trajectory."""
    from physcheck.checks.dynamics.gradient_forces import GRADIENT_EVALUATIONS
    from physcheck.checks.dynamics.rounding_work import ROUNDING_EVALUATIONS

    beside = ROUNDING_EVALUATIONS if has_twin and takes_rounding(spec) else 0
    return GRADIENT_EVALUATIONS + beside


def judged_in_float64(record: Record, twin: Record) -> Record:
    """The record with what float64 says.

    Where float64 says nothing, nothing changes.  Where float32 left the law open, verdict and
    numbers are those of float64, and what float32 hides is a quantity.  Where it was scatter that
    left it open, float64 only settles what may well be below the tolerance, by a PASS: the steps
    that float32 needs leave errors that look like scatter.  A FAIL of float32 stays one; that
    float64 passes says where to look.
    """
    seen = {
        "float64_verdict": str(twin.verdict),
        "float64_value": twin.value,
        "float32_value": record.value,
        "float32_detection_limit": record.detection_limit,
        "float32_noise_floor": record.noise_floor,
    }
    record = _with_costs_of(record, twin)
    searched = record.evidence.get("quantities") or {}
    seen |= {name: searched[name] for name in _OF_A_SEARCH if name in searched}
    if twin.value is None or twin.reason is not None:
        # Float64 tells nothing: it wasn't looked closely enough, say.
        return replace(record, evidence=_with_quantities(record.evidence, seen))
    if record.verdict is Outcome.FAIL:
        message = record.message
        if twin.verdict is Outcome.PASS:
            message += (
                f"; the same weights in float64 pass ({figure(twin.value, twin.unit)}): the fault "
                "is in the precision or a kernel"
            )
        elif twin.verdict is Outcome.FAIL:
            message += f"; in float64 as well ({figure(twin.value, twin.unit)})"
        evidence = _with_quantities(record.evidence, seen)
        return replace(record, message=message, evidence=evidence)
    if not hidden_by_numerics(record) and not (
        twin.verdict is Outcome.PASS and _may_be_nothing(record)
    ):
        return replace(record, evidence=_with_quantities(record.evidence, seen))
    message = f"in float64: {twin.message}"
    if record.noise_floor is not None:
        message += f"; float32 hides what is below {figure(record.noise_floor, record.unit)}"
    return replace(
        twin,
        level=record.level,
        message=message,
        rerun=record.rerun,
        evidence=_with_quantities(twin.evidence, seen),
        force_evaluations=record.force_evaluations,
        seconds=record.seconds,
        model_seconds=record.model_seconds,
    )


def _with_costs_of(record: Record, twin: Record) -> Record:
    return replace(
        record,
        force_evaluations=(record.force_evaluations or 0) + (twin.force_evaluations or 0),
        seconds=(record.seconds or 0.0) + (twin.seconds or 0.0),
        model_seconds=(record.model_seconds or 0.0) + (twin.model_seconds or 0.0),
    )


def _with_quantities(evidence: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    known = evidence.get("quantities") or {}
    return {**evidence, "quantities": {**known, **to_jsonable(more)}}
