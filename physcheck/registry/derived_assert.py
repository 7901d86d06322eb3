"""``assert_<id>`` of a ``measure_<id>``: what it raises where a law fails, outside a run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any

from physcheck.errors import PhysicsFailure
from physcheck.measurement import Measurement, Outcome, Verdict, judge, limit_beside
from physcheck.registry.check_spec import CheckSpec
from physcheck.registry.registration import (
    any_model,
    any_start,
    registered_checks,
    tolerance_of,
)
from physcheck.tolerances import Tolerance

__all__ = ["FailedAssertion", "derive_assert", "failed_assertion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAssertion:
    """A failure outside a run, as a :class:`physcheck.text.finding.Finding`.

    Attributes
    ----------
    check, structure, title, short_title, causes, advice, message, quantity, unit : str
    value, uncertainty : float
    tolerance, detection_limit, noise_floor : float or None
    evidence : mapping
        As the measurement has it.
    verdict, reason, rerun, reference
        Of a finding that fails, without more to be said.
    """

    check: str
    structure: str
    title: str
    short_title: str
    causes: str
    advice: str
    message: str
    quantity: str
    unit: str
    value: float
    uncertainty: float
    tolerance: float | None
    detection_limit: float | None
    noise_floor: float | None
    evidence: Mapping[str, Any]
    verdict: str = Outcome.FAIL
    reason: str | None = None
    rerun: str | None = None
    reference: None = None


def failed_assertion(
    spec: CheckSpec,
    structure: str,
    measurement: Measurement,
    tolerance: Tolerance | None,
    verdict: Verdict,
) -> FailedAssertion:
    """What the text of a failed assertion is made from."""
    return FailedAssertion(
        check=spec.id,
        structure=structure,
        title=str(measurement.evidence.get("title", spec.title)),
        short_title=spec.failure.short_title,
        causes=str(measurement.evidence.get("causes", spec.causes)),
        advice=spec.advice,
        message=verdict.message,
        quantity=measurement.quantity,
        unit=measurement.unit,
        value=float(measurement.value),
        uncertainty=float(measurement.uncertainty),
        tolerance=None if tolerance is None else float(tolerance.value),
        detection_limit=limit_beside(measurement, tolerance),
        noise_floor=measurement.noise_floor,
        evidence=measurement.evidence,
    )


def derive_assert(measure: Any) -> Callable[..., Any]:
    """The ``assert_<id>`` of a ``measure_<id>``: the same arguments plus ``profile``.

    The derived function returns the Measurement, and raises :class:`PhysicsFailure` where the
    verdict is FAIL (an inconclusive measurement does not raise), and all that ``measure`` raises.
    Of a list of structures the first that fails raises.
    """
    identifier = measure.__name__.removeprefix("measure_")

    def assertion(
        model: Any, start: Any, *, profile: str = "md", rng: Any = None, **options: Any
    ) -> Measurement | list[Measurement]:
        __tracebackhide__ = True
        spec = registered_checks()[identifier]
        tolerance = tolerance_of(identifier, profile)
        if "tolerance" in inspect.signature(measure).parameters and tolerance is not None:
            options.setdefault("tolerance", tolerance.value)

        def assert_one(taken: Any, start: Any) -> Measurement:
            from physcheck.text.failure import failure_text

            __tracebackhide__ = True
            one = any_start(start)
            measurement: Measurement = measure(taken, one, rng=rng, **options)
            verdict = judge(measurement, tolerance)
            if verdict.failed:
                name = start if isinstance(start, str) else one.system.formula
                finding = failed_assertion(spec, name, measurement, tolerance, verdict)
                raise PhysicsFailure(failure_text(finding, profile=profile), measurement, verdict)
            return measurement

        taken = any_model(model)
        if isinstance(start, list | tuple):
            return [assert_one(taken, one) for one in start]
        return assert_one(taken, start)

    update_wrapper(assertion, measure, assigned=("__module__",), updated=())
    del assertion.__wrapped__  # type: ignore[attr-defined]
    assertion.__name__ = assertion.__qualname__ = f"assert_{identifier}"
    assertion.__doc__ = (
        f"Raise PhysicsFailure if ``{identifier}`` fails at ``profile``; "
        f"see :func:`{measure.__name__}`."
    )
    return assertion
