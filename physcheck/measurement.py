"""A measured violation, the tolerance it is held against, and the verdict.  Knows nothing of pytest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from physcheck.tolerances import Tolerance

__all__ = ["Measurement", "Outcome", "Verdict", "judge"]


class Outcome(StrEnum):
    """What a record can come to."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    ERROR = "error"
    KNOWN_FAILURE = "known_failure"


@dataclass(frozen=True, slots=True, kw_only=True)
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
        Its parts: ``truncation`` (finite steps and points), ``rounding`` (the model's noise, history
        included), ``sampling`` (few random probes).
    interval : (low, high)
        ``low`` is exceeded by the true violation except for a chance of 1e-4 a record (so FAIL is rarely
        false), ``high`` is not exceeded with 97.5 % confidence.
    detection_limit : float
        The smallest violation that this run would have told from none.
    force_evaluations : int
    jacobian_products : int
    evidence : mapping
        Worst configuration, further quantities (under ``quantities``), arrays for plots, seed.
        ``configurations`` may hold a Configurations, saved as extxyz beside the report.
    nothing_tested : str
        Why the number says nothing of the model, such as forces that don't respond; empty if it does.
    resolve : str
        What would resolve an INCONCLUSIVE, in a sentence; empty where the judge knows better.
    """

    value: float
    uncertainty: float
    interval: tuple[float, float]
    detection_limit: float
    force_evaluations: int
    check: str = ""
    quantity: str = ""
    unit: str = ""
    uncertainty_components: Mapping[str, float] = field(default_factory=dict)
    jacobian_products: int = 0
    evidence: Mapping[str, Any] = field(default_factory=dict)
    nothing_tested: str = ""
    resolve: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome and the sentence that explains it."""

    outcome: Outcome
    message: str

    @property
    def failed(self) -> bool:
        """True for FAIL."""
        return self.outcome is Outcome.FAIL


def _figure(value: float, unit: str) -> str:
    return f"{value:.2g} {unit}".rstrip()


def judge(measurement: Measurement, tolerance: Tolerance | None) -> Verdict:
    """Hold a measurement against a tolerance.

    PASS if ``high <= tolerance``; FAIL if ``low > tolerance``; otherwise INCONCLUSIVE with what would
    resolve it.  A value that is not finite FAILs.  A check without a tolerance (kind ``info``) passes.

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
    if math.isnan(measurement.value) or math.isinf(measurement.value):
        return Verdict(Outcome.FAIL, f"the {measurement.quantity} is {measurement.value}")
    if measurement.nothing_tested:
        return Verdict(Outcome.INCONCLUSIVE, f"nothing tested: {measurement.nothing_tested}")
    if tolerance is None:
        return Verdict(Outcome.PASS, f"measured {_figure(measurement.value, unit)}")
    limit = tolerance.value
    if not (low <= limit):
        return Verdict(Outcome.FAIL, _failure_ratio(measurement.value, limit))
    if high <= limit:
        seen = measurement.detection_limit
        return Verdict(Outcome.PASS, f"would have seen >= {_figure(seen, unit)}")
    return Verdict(Outcome.INCONCLUSIVE, _why_inconclusive(measurement, limit))


def _failure_ratio(value: float, limit: float) -> str:
    return f"{value / limit:.3g}x over" if limit > 0 else "over a tolerance of zero"


def _why_inconclusive(measurement: Measurement, limit: float) -> str:
    low, high = measurement.interval
    unit = measurement.unit
    parts = dict(measurement.uncertainty_components)
    if low > 0:
        text = (
            f"a violation of {_figure(measurement.value, unit)} is seen, but its interval "
            f"[{low:.2g}, {high:.2g}] holds the tolerance {_figure(limit, unit)}"
        )
    else:
        text = (
            f"no violation seen above {_figure(measurement.detection_limit, unit)}; "
            f"tolerance {_figure(limit, unit)}"
        )
    if measurement.resolve:
        return f"{text}; {measurement.resolve}"
    if not low > 0:
        parts.pop("sampling", None)  # more probes don't lower a limit that each probe's error sets
    worst = max(parts, key=lambda name: parts[name]) if parts else ""
    advice = {
        "rounding": "limited by the model's own noise: rerun with --physcheck-dtype=float64 "
        "or a model of higher precision",
        "truncation": "limited by kinks or strong curvature of the surface: rerun with "
        "--physcheck-budget=standard",
        "sampling": "limited by the number of probes: rerun with --physcheck-budget=standard",
    }.get(worst, "rerun with --physcheck-budget=standard")
    return f"{text}; {advice}"
