"""What the plan, the suite and the reports know of a check."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from physcheck.measurement import Measurement
from physcheck.model import Capabilities
from physcheck.names import Budget, Kind
from physcheck.registry.failure import Failure
from physcheck.system import Configurations
from physcheck.tolerances import Tolerance, Tolerances

__all__ = ["CheckSpec", "Measure", "Shows", "applies_always", "same_size"]


class Measure(Protocol):
    """The shape of every ``measure_<id>(model, start, *, rng, ...)``."""

    __name__: str
    __doc__: str | None

    def __call__(self, model: Any, start: Any, **options: Any) -> Measurement:
        """Measure at one structure."""
        ...


def applies_always(start: Configurations, capabilities: Capabilities) -> str | None:
    """A check that says nothing else applies to all models and structures."""
    return None


def same_size(start: Configurations) -> float:
    """Evaluations are at structures of as many atoms, unless a check says otherwise."""
    return 1.0


@dataclass(frozen=True, slots=True)
class Shows:
    """What a structure must have so that a check's fault can show.

    Attributes
    ----------
    score : callable (Configurations) -> float
        How well a structure can show it; 0 where it can't.
    needs : str
        What a structure is that can, such as ``a sheared cell``: for the list of what is missing.
    """

    score: Callable[[Configurations], float]
    needs: str


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """What the plan, the suite and the reports know of a check.

    Attributes
    ----------
    id : str
        The function's name without ``measure_``; stable API.
    family, kind, quantity, unit, needs
        As given to :func:`check`.
    title : str
        The law's violation in a few words, for the first line of a failure.
    causes : str
        Usual causes of a failure.
    advice : str
        What to do about a failure, in a sentence.
    failure : Failure
        What else reports say of a failure: its meaning, and what it explains.
    tolerances : Tolerances or None
        What each profile accepts, with reason and source; None for kind ``info``.
    measure : Measure
    evaluations : callable (Configurations, Capabilities, Budget) -> int
        The allotment of a record: the most evaluations it can make.
    options : mapping of budget to keyword arguments of ``measure``
    shows : Shows or None
        What a structure must have to show the fault; the plan gives the check the one that shows
        it best, too.  None where any structure does.
    shared : callable (Configurations, Capabilities, Budget) -> int, or None
        Evaluations wanted for the trajectory that checks of a structure share, where this is one.
    by_gradient : int or None
        Its own evaluations where it is told how far forces are from the gradient of the energy
        (``gradient``) instead of getting a trajectory; None if it can't be told by that.
    enlarges : callable (Configurations) -> float
        How many times as many atoms its evaluations have as the structure: a second look counts
        so many times as much.
    applies : callable (Configurations, Capabilities, **options) -> str or None
        Why the check doesn't apply, or None.  It gets those options of ``measure`` that it has
        parameters for.
    """

    id: str
    family: str
    kind: Kind
    quantity: str
    unit: str
    needs: frozenset[str]
    title: str
    causes: str
    advice: str
    tolerances: Tolerances | None
    measure: Measure
    evaluations: Callable[[Configurations, Capabilities, Budget], int]
    options: Mapping[Budget, Mapping[str, Any]] = field(default_factory=dict)
    failure: Failure = field(default_factory=Failure)
    shared: Callable[[Configurations, Capabilities, Budget], int] | None = None
    by_gradient: int | None = None
    shows: Shows | None = None
    enlarges: Callable[[Configurations], float] = same_size
    applies: Callable[..., str | None] = applies_always

    @property
    def law(self) -> str:
        """The law in a sentence: the first line of the docstring."""
        return (inspect.getdoc(self.measure) or "").split("\n", 1)[0]

    @property
    def compares(self) -> bool:
        """Whether ``measure`` takes a second model, ``reference``, and can't do without one."""
        return "reference" in inspect.signature(self.measure).parameters

    def tolerance(self, profile: str) -> Tolerance | None:
        """What a profile accepts; None for a check that is held against nothing."""
        return None if self.tolerances is None else self.tolerances.of(profile, self.unit)

    def missing(
        self, start: Configurations, capabilities: Capabilities, **options: Any
    ) -> str | None:
        """Why this check is not applicable to a model and structure, or None.

        ``options`` are those that ``measure`` will get: one may make a check apply.
        """
        lacking = sorted(self.needs - capabilities.outputs)
        if lacking:
            return f"the model gives no {' and no '.join(lacking)}"
        known = inspect.signature(self.applies).parameters
        heard = {name: value for name, value in options.items() if name in known}
        return self.applies(start, capabilities, **heard)
