"""Deviations that are likely but not certain, decided by whether the forces have a potential."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from physcheck.checks.conservation.no_potential import (
    NO_POTENTIAL_EVALUATIONS,
    asymmetry_figures,
    has_no_potential,
    measure_no_potential,
)
from physcheck.checks.sampling.sampled_model import SampledModel
from physcheck.checks.sampling.temperature_deviations import Deviation
from physcheck.measurement import Measurement

__all__ = ["CONFIRMATION_EVALUATIONS", "Confirmed", "confirm_likely"]

Key = TypeVar("Key")

#: What asking whether the forces have a potential costs at most.
CONFIRMATION_EVALUATIONS = NO_POTENTIAL_EVALUATIONS


@dataclass(frozen=True, slots=True, eq=False)
class Confirmed(Generic[Key]):
    """Deviations as they are to be judged, and what ``jacobian_asymmetry`` found.

    ``asymmetry`` is None where it wasn't asked.
    """

    deviations: Mapping[Key, Deviation]
    asymmetry: Measurement | None = None

    @property
    def note(self) -> str:
        """What the asymmetry adds to the message of a deviation; empty where it decides nothing."""
        if self.asymmetry is None or not has_no_potential(self.asymmetry):
            return ""
        return (
            f"; the forces certainly have no potential (lambda {self.asymmetry.value:.1e}), so "
            "that the size of this difference is judged at a chance of 5 %, not 1e-4"
        )

    @property
    def figures(self) -> list[float] | None:
        """lambda and the low end of its interval, for the evidence."""
        return asymmetry_figures(self.asymmetry)


def confirm_likely(found: Mapping[Key, Deviation], sampled: SampledModel) -> Confirmed[Key]:
    """The deviations, judged at a chance of 5 % where the forces are known to have no potential.

    Temperatures scatter for picoseconds, so that a violation is often likely long before it is
    certain. Whether the law is broken at all then needs no statistics of temperatures:
    ``jacobian_asymmetry`` at the last snapshot decides that, at its own chance of 1e-4. What is
    left to the temperatures is the size. Where forces have a potential nothing changes, so that
    such models fail wrongly in 1e-4 of records at most.

    It is asked only where that matters: no deviation is certain, one is likely, and the
    allotment has room for it.

    Cost: 20 evaluations, 60 at most.
    """
    certain = any(d.low > sampled.tolerance for d in found.values())
    likely = any(d.likely_low > sampled.tolerance for d in found.values())
    if certain or not likely:
        return Confirmed(found)
    trajectory = sampled.trajectory
    place = trajectory.start.at(trajectory.snapshots.positions[-1])
    asymmetry = measure_no_potential(sampled.meter, place, sampled.rng, sampled.resolution)
    if not has_no_potential(asymmetry):
        return Confirmed(found, asymmetry)
    judged = {
        key: replace(d, low=d.likely_low, detection_limit=d.likely_detection_limit)
        for key, d in found.items()
    }
    return Confirmed(judged, asymmetry)
