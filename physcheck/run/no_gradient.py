"""Whether a model's forces are certainly no gradient: asked while a run is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from physcheck.errors import ModelError, NonFiniteOutput

if TYPE_CHECKING:
    from physcheck.checks.dynamics.gradient_forces import GradientForces
    from physcheck.structures import Structure

__all__ = ["MeasuresGradient", "has_no_gradient"]


class MeasuresGradient(Protocol):
    """What a run measures once a structure: ``Runner`` does."""

    def gradient(self, structure: Structure) -> GradientForces:
        """How far forces are from the gradient of the energy where heat takes the atoms."""
        ...


def has_no_gradient(runner: MeasuresGradient, structure: Structure) -> bool:
    """Whether forces at a structure are the gradient of the reported energy by no means.

    False where it is open, or where the model gives no answer: that is a record's to tell.  The
    records that ask the same later get this answer, so that it costs nothing else in a run of one
    process.

    Cost: 528 evaluations at most (``GRADIENT_EVALUATIONS``), and the structure's resolution.
    """
    try:
        return runner.gradient(structure).is_certain
    except (ModelError, NonFiniteOutput):
        return False
