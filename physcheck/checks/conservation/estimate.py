"""A violation with its errors: what the stage ``_estimate`` of a conservation check ends in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from physcheck.checks.conservation.subject import Subject
from physcheck.measurement import Measurement

__all__ = ["Estimate"]

# Why there is no detection limit.
_TOO_FEW = "too few probes tell how much the scale of the violation varies from one to the next"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimate:
    """The violation, its errors and its interval, in the unit of the check.

    Attributes
    ----------
    value, uncertainty, interval, detection_limit, noise_floor, work_needed
        As in :class:`~physcheck.measurement.Measurement`.
    components : dict of str to float
        The parts of the uncertainty: ``truncation``, ``rounding``, ``sampling``.
    """

    value: float
    uncertainty: float
    components: dict[str, float]
    interval: tuple[float, float]
    detection_limit: float
    noise_floor: float
    work_needed: float | None = None

    def exceeds(self, tolerance: float) -> bool:
        """Whether the violation is above ``tolerance`` beyond the chance of a false FAIL."""
        # The low end of the interval, which holds the value's noise and its sampling.
        return self.interval[0] > tolerance

    def to_measurement(self, subject: Subject, evidence: Mapping[str, Any]) -> Measurement:
        """The record, with what the subject spent and why it may have tested nothing."""
        return Measurement(
            value=self.value,
            uncertainty=self.uncertainty,
            uncertainty_components=self.components,
            interval=self.interval,
            detection_limit=self.detection_limit,
            noise_floor=self.noise_floor,
            limit_unknown="" if math.isfinite(self.detection_limit) else _TOO_FEW,
            work_needed=self.work_needed,
            force_evaluations=subject.meter.evaluations,
            jacobian_products=subject.meter.jacobian_products_made,
            nothing_tested=subject.resolution.rigid_reason,
            evidence=evidence,
        )
