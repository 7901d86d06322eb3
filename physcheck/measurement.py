"""A measured violation, the verdict on it, and the judge.  Knows nothing of pytest."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from physcheck.text.numbers import figure, ratio
from physcheck.tolerances import Tolerance

__all__ = [
    "FINER_ARITHMETIC",
    "LOOK_CLOSER",
    "NOTHING_SETTLES",
    "LookCloser",
    "Measurement",
    "Outcome",
    "Verdict",
    "judge",
    "limit_beside",
    "limited_by_noise",
]


#: Stands in an advice for how a closer look is had; the judge puts it into words.
LOOK_CLOSER = "{look closer}"
#: The advice where rounding is the limit; no advice to one that is in float64 already.
FINER_ARITHMETIC = "rerun with --physcheck-dtype=float64 if the model can be had in it"

#: How a closer look is had, from the factor by which its work must grow to settle the verdict:
#: infinite where none would, None where that can't be foretold.
LookCloser = Callable[[float | None], str]


def _by_its_options(work_needed: float | None) -> str:
    if work_needed is None:
        return "its options let the check look more closely"
    if math.isinf(work_needed):
        return NOTHING_SETTLES
    return (
        f"its options let the check look more closely: {work_needed:.2g} times as much settles it"
    )


#: What is said where no number of probes would settle a verdict.
NOTHING_SETTLES = "looking more closely would not settle it, by what this look found"


class Outcome(StrEnum):
    """What a record can come to."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    ERROR = "error"
    KNOWN_FAILURE = "known_failure"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Measurement:
    """How far a model is from a law, with what is known about that number.

    Attributes
    ----------
    check : str
        The check's id.
    quantity, unit : str
        A check need not repeat these three: what is left empty is taken from its registration.
    value : float
        The violation, >= 0, larger is worse.
    uncertainty : float
        One standard deviation, all sources.
    uncertainty_components : mapping of str to float
        Its parts: ``truncation`` (finite steps and points), ``rounding`` (the model's noise,
        history included), ``sampling`` (few random probes).
    interval : (low, high)
        ``low`` is exceeded by the true violation except for a chance of 1e-4 a record (so FAIL is
        rarely false), ``high`` is not exceeded with 97.5 % confidence.
    detection_limit : float or None
        The smallest true violation that this measurement would have called FAIL with 95 % chance:
        tolerance, sampling of loops and probes, noise and confirmation included, so that it is
        never below the tolerance (:mod:`physcheck.numerics.detection`).  None where it can't be
        told, or where nothing is held against the number; ``limit_unknown`` says why.
    limit_unknown : str
        Why there is no detection limit; else empty.
    noise_floor : float or None
        What rounding, roughness and memory hide: below it the low end of the interval is zero.
        None where a check doesn't tell.
    force_evaluations : int
    jacobian_products : int
    evidence : mapping
        Worst configuration, further quantities (under ``quantities``), arrays for plots, seed.
        ``configurations`` may hold a Configurations, saved as extxyz beside the report; ``lines``
        more sentences for a failure, ``causes`` what fits the numbers in place of the check's own.
    nothing_tested : str
        Why the number says nothing of the model, such as forces that don't respond; else empty.
    resolve : str
        What would resolve an INCONCLUSIVE, in a sentence; empty to leave it to the judge.
    work_needed : float or None
        By what factor the evaluations must grow to settle an INCONCLUSIVE, if the number stays as
        it is; infinite where none would, None where that can't be foretold.
    bound_by : str
        Where the number is a bound that follows from something else: from what, in a sentence.
    """

    value: float
    uncertainty: float
    interval: tuple[float, float]
    detection_limit: float | None
    force_evaluations: int
    noise_floor: float | None = None
    limit_unknown: str = ""
    check: str = ""
    quantity: str = ""
    unit: str = ""
    uncertainty_components: Mapping[str, float] = field(default_factory=dict)
    jacobian_products: int = 0
    evidence: Mapping[str, Any] = field(default_factory=dict)
    nothing_tested: str = ""
    resolve: str = ""
    bound_by: str = ""
    work_needed: float | None = None

    @property
    def known_limit(self) -> float | None:
        """The detection limit where it is a number; never infinite or NaN."""
        limit = self.detection_limit
        return limit if limit is not None and math.isfinite(limit) else None

    def plot(self) -> Any:
        """A matplotlib Figure: the value and its interval beside the tolerances.

        Raises
        ------
        ImportError
            matplotlib isn't installed.
        """
        # How it looks is known in rooms above; the package's own face finds them.
        import physcheck

        return physcheck._plot_of_measurement(self)

    def _repr_html_(self) -> str:
        import physcheck

        return physcheck._html_of_measurement(self)

    def __repr__(self) -> str:
        import physcheck

        return physcheck._lines_of_measurement(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome and the sentence that explains it."""

    outcome: Outcome
    message: str

    @property
    def failed(self) -> bool:
        """True for FAIL."""
        return self.outcome is Outcome.FAIL


def judge(
    measurement: Measurement,
    tolerance: Tolerance | None,
    *,
    closer: LookCloser = _by_its_options,
    finer: str = FINER_ARITHMETIC,
) -> Verdict:
    """Hold a measurement against a tolerance.

    PASS if ``high <= tolerance``; FAIL if ``low > tolerance``; otherwise INCONCLUSIVE with what
    would resolve it; ``closer`` says how a closer look is had that would settle it, ``finer``
    how less rounding is.  A value that is not finite FAILs.  A check without a tolerance (kind
    ``info``) passes.

    Raises
    ------
    ValueError
        The units of measurement and tolerance differ.
    """
    low, high = measurement.interval
    unit = measurement.unit
    if tolerance is not None and tolerance.unit != unit:
        raise ValueError(
            f"{measurement.check} is measured in {unit!r}, its tolerance is in {tolerance.unit!r}"
        )
    if not math.isfinite(measurement.value):
        return Verdict(Outcome.FAIL, f"the {measurement.quantity} is {measurement.value}")
    if measurement.nothing_tested:
        text = f"nothing tested: {measurement.nothing_tested}"
        return Verdict(Outcome.INCONCLUSIVE, _with_advice(text, measurement, closer, finer))
    if tolerance is None:
        measured = figure(measurement.value, unit)
        return Verdict(Outcome.PASS, f"measured {measured}; there is no tolerance")
    limit = tolerance.value
    if not (low <= limit):
        return Verdict(Outcome.FAIL, ratio(measurement.value, limit))
    if high <= limit:
        return Verdict(Outcome.PASS, _what_passed(measurement, limit))
    text = _why_inconclusive(measurement, limit)
    return Verdict(Outcome.INCONCLUSIVE, _with_advice(text, measurement, closer, finer))


def _with_advice(text: str, measurement: Measurement, closer: LookCloser, finer: str) -> str:
    if LOOK_CLOSER in text:
        text = text.replace(LOOK_CLOSER, closer(measurement.work_needed))
    return text.replace(FINER_ARITHMETIC, finer)


def _what_passed(measurement: Measurement, limit: float) -> str:
    unit = measurement.unit
    if measurement.bound_by:
        return f"at most {figure(measurement.interval[1], unit)}: {measurement.bound_by}"
    if measurement.interval[0] > 0:
        value = figure(measurement.value, unit)
        return f"a violation of {value} was measured, within the tolerance of {figure(limit, unit)}"
    known = measurement.known_limit
    if known is None:
        return "no violation was found"
    # A violation below the tolerance passes, however clearly it is seen.
    would = figure(max(known, limit), unit)
    return f"no violation was found; one of {would} or more would have failed"


def limit_beside(measurement: Measurement, tolerance: Tolerance | None) -> float | None:
    """The detection limit to be shown: none without a tolerance, and never below it."""
    known = measurement.known_limit
    if known is None or tolerance is None:
        return None
    return float(max(known, tolerance.value))


def limited_by_noise(measurement: Measurement) -> bool:
    """Whether nothing was found, and only less noise of the model would let more be seen."""
    low, high = measurement.interval
    noise = measurement.uncertainty_components.get("rounding", 0.0)
    by_noise = _largest_part(measurement) == "rounding" and noise >= _NOISE_SHARE * high
    return low <= 0 and by_noise and not measurement.nothing_tested


# An interval that noise makes ends a few standard deviations above zero; where it ends far beyond,
# something else does.
_NOISE_SHARE = 0.1


# What to do where an uncertainty is too large, by its largest component.
_RESOLVED_BY = {
    "rounding": f"the model's own numerical noise sets this limit: {FINER_ARITHMETIC}",
    "truncation": f"kinks or strong curvature of the energy surface set this limit: {LOOK_CLOSER}",
    "sampling": f"the number of probes sets this limit: {LOOK_CLOSER}",
}


def _why_inconclusive(measurement: Measurement, limit: float) -> str:
    low, high = measurement.interval
    unit = measurement.unit
    bound = f"{figure(low)} to {figure(high, unit)}" if math.isfinite(high) else "which has no end"
    if low > 0:
        text = (
            f"a violation of {figure(measurement.value, unit)} was measured, but the tolerance of "
            f"{figure(limit, unit)} lies within its interval, {bound}"
        )
    elif measurement.bound_by:
        text = (
            f"at most {figure(high, unit)}, and the tolerance is {figure(limit, unit)}: "
            f"{measurement.bound_by}"
        )
    elif math.isfinite(high):
        text = (
            f"no violation is certain, but up to {figure(high, unit)} can't be ruled out, and the "
            f"tolerance is {figure(limit, unit)}"
        )
    else:
        text = f"nothing can be told of a tolerance of {figure(limit, unit)}"
    if measurement.resolve:
        return f"{text}; {measurement.resolve}"
    part = _largest_part(measurement)
    rounding = measurement.uncertainty_components.get("rounding", 0.0)
    if part == "truncation" and rounding > measurement.uncertainty_components[part] / 2:
        # Noise looks like roughness: what is estimated of truncation is never smaller than it.
        part = "rounding"
    return f"{text}; {_RESOLVED_BY.get(part, LOOK_CLOSER)}"


def _largest_part(measurement: Measurement) -> str:
    """The component of the uncertainty that limits what can be seen; empty where none is known."""
    parts = dict(measurement.uncertainty_components)
    if not measurement.interval[0] > 0:
        # More probes don't lower a limit that each probe's own error sets.
        parts.pop("sampling", None)
    return max(parts, key=lambda name: parts[name]) if parts else ""
