"""The record of whatever came out: a number, a reason why there is none, or an exception."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import nan
from typing import TYPE_CHECKING, Any

from physcheck.errors import CapabilityMissing, ModelError, NonFiniteOutput, TimeIsUp
from physcheck.measurement import Measurement, Outcome, Verdict, limit_beside
from physcheck.run.entry import record_seed
from physcheck.run.record import Record
from physcheck.run.settings import Settings
from physcheck.text.exceptions import description, replaced_by
from physcheck.tolerances import Tolerance

if TYPE_CHECKING:
    from physcheck.registry import CheckSpec

__all__ = [
    "Cost",
    "error_record",
    "measured_record",
    "record_of_exception",
    "unmeasured_record",
    "with_cost",
]

_CAUSES_OF_NOT_FINITE = (
    "overflow, a division by a distance or norm of zero, damaged or untrained weights"
)
_ADVICE_ON_NOT_FINITE = (
    "evaluate the model where the message says, and guard divisions, roots and norms there"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a record has spent.

    Attributes
    ----------
    force_evaluations, jacobian_products : int
    seconds, model_seconds : float
    """

    force_evaluations: int
    jacobian_products: int
    seconds: float
    model_seconds: float


def unmeasured_record(
    spec: CheckSpec,
    structure: str,
    seed: tuple[int, ...],
    settings: Settings,
    *,
    verdict: Outcome,
    message: str,
    budget: str | None = None,
    search: int | None = None,
) -> Record:
    """The record of a check that gave no number; ``budget`` makes it again, else the run's.

    ``search`` are the evaluations of a record of generated cases.
    """
    rerun = None
    if settings.model is not None:
        in_catalogue = structure in _catalogue_names()
        rerun = settings.rerun_command(
            spec.id,
            structure,
            budget=budget or settings.budget,
            in_catalogue=in_catalogue,
            search=search,
        )
    return Record(
        check=spec.id,
        family=spec.family,
        kind=spec.kind,
        structure=structure,
        verdict=verdict,
        quantity=spec.quantity,
        unit=spec.unit,
        seed=tuple(seed),
        message=message,
        title=spec.title,
        short_title=spec.failure.short_title,
        causes=spec.causes,
        advice=spec.advice,
        rerun=rerun,
    )


def error_record(spec: CheckSpec, structure: str, settings: Settings, message: str) -> Record:
    """The record of what could not be measured."""
    seed = record_seed(settings.seed, spec.id, structure)
    return unmeasured_record(
        spec, structure, seed, settings, verdict=Outcome.ERROR, message=message
    )


@cache
def _catalogue_names() -> frozenset[str]:
    from physcheck.structures import catalogue

    return frozenset(catalogue())


def measured_record(
    blank: Record,
    measured: Measurement,
    tolerance: Tolerance | None,
    verdict: Verdict,
    evidence: Mapping[str, Any],
) -> Record:
    """``blank`` with a measurement, its verdict and its evidence; the cost comes last."""
    low, high = measured.interval
    reason = None
    if verdict.outcome is Outcome.INCONCLUSIVE and measured.nothing_tested:
        reason = verdict.message
    components = measured.uncertainty_components
    return replace(
        blank,
        verdict=verdict.outcome,
        reason=reason,
        message=verdict.message,
        quantity=measured.quantity,
        unit=measured.unit,
        value=float(measured.value),
        uncertainty=float(measured.uncertainty),
        uncertainty_components={name: float(part) for name, part in components.items()},
        interval=(float(low), float(high)),
        tolerance=None if tolerance is None else float(tolerance.value),
        detection_limit=limit_beside(measured, tolerance),
        limit_unknown=_why_no_limit(measured, tolerance),
        noise_floor=None if measured.noise_floor is None else float(measured.noise_floor),
        title=str(measured.evidence.get("title", blank.title)),
        causes=str(measured.evidence.get("causes", blank.causes)),
        evidence=evidence,
    )


def _why_no_limit(measured: Measurement, tolerance: Tolerance | None) -> str | None:
    if limit_beside(measured, tolerance) is not None:
        return None
    if measured.limit_unknown:
        return measured.limit_unknown
    return "nothing is held against this number" if tolerance is None else "it can't be told"


def with_cost(record: Record, cost: Cost) -> Record:
    """The record with what it spent."""
    return replace(
        record,
        force_evaluations=cost.force_evaluations,
        jacobian_products=cost.jacobian_products,
        seconds=round(cost.seconds, 6),
        model_seconds=round(cost.model_seconds, 6),
    )


def record_of_exception(
    blank: Record,
    error: BaseException,
    cost: Cost,
    tolerance: Tolerance | None,
    timeout: float | None,
    measure: Callable[..., Measurement],
) -> Record:
    """``blank`` with what an exception says: output that isn't finite fails, others are errors.

    Where ``measure`` is physcheck's own, what is raised in a file of the user's can't be a check's.
    """
    match error:
        case CapabilityMissing():
            return _without_number(blank, Outcome.NOT_APPLICABLE, str(error), cost)
        case NonFiniteOutput(of=""):
            return with_cost(_not_finite(blank, error, tolerance), cost)
        # Output of another model that isn't finite says nothing of this one.
        case NonFiniteOutput() | ModelError():
            return _without_number(blank, Outcome.ERROR, str(error), cost)
        case TimeIsUp():
            text = f"took longer than the {timeout:g} s of --physcheck-timeout"
            return _without_number(blank, Outcome.ERROR, text, cost)
    place = replaced_by(error) if measure.__module__.startswith("physcheck.") else None
    if place is not None:
        text = (
            f"{place} raised {description(error)}, called in the place of a library's function: "
            "the model's code has replaced it"
        )
        return _without_number(blank, Outcome.ERROR, text, cost)
    text = (
        f"the check raised {description(error)} (a fault of physcheck or of the check, "
        "not a verdict on the model; please report it)"
    )
    trace = "".join(traceback.format_exception(error))
    return _without_number(blank, Outcome.ERROR, text, cost, traceback=trace)


def _without_number(
    blank: Record, outcome: Outcome, message: str, cost: Cost, **more: str
) -> Record:
    spent = {
        "force_evaluations": cost.force_evaluations,
        "seconds": round(cost.seconds, 6),
    }
    evidence = {**blank.evidence, **more, "spent": spent}
    return replace(blank, verdict=outcome, message=message, evidence=evidence)


def _not_finite(blank: Record, error: NonFiniteOutput, tolerance: Tolerance | None) -> Record:
    return replace(
        blank,
        verdict=Outcome.FAIL,
        message=f"the model's output is not finite, and so is the {blank.quantity}: {error}",
        value=nan,
        uncertainty=nan,
        interval=(nan, nan),
        tolerance=None if tolerance is None else float(tolerance.value),
        detection_limit=None,
        limit_unknown="the output is not finite",
        evidence={
            **blank.evidence,
            "not_finite": {"output": error.output, "value": error.value},
        },
        causes=_CAUSES_OF_NOT_FINITE,
        advice=_ADVICE_ON_NOT_FINITE,
    )
