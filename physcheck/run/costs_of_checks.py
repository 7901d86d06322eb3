"""What checks say of structures, each asked once a plan: some count neighbours for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from physcheck.model import Capabilities
from physcheck.names import Budget
from physcheck.registry import CheckSpec

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = ["CostsOfChecks", "gains"]


@dataclass(slots=True)
class CostsOfChecks:
    """Answers of checks for one model, kept: a plan is made with several numbers of evaluations."""

    _known: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def evaluations(
        self, spec: CheckSpec, structure: Structure, capabilities: Capabilities, budget: Budget
    ) -> int:
        """The most evaluations of a record with the options of ``budget``."""
        start = structure.configurations
        key = ("evaluations", spec.id, structure.name, budget)
        found: int = self._once(key, lambda: spec.evaluations(start, capabilities, budget))
        return found

    def missing(
        self, spec: CheckSpec, structure: Structure, capabilities: Capabilities
    ) -> str | None:
        """Why a check doesn't apply, or None."""
        key = ("missing", spec.id, structure.name)
        start = structure.configurations
        found: str | None = self._once(key, lambda: spec.missing(start, capabilities))
        return found

    def enlarges(self, spec: CheckSpec, structure: Structure) -> float:
        """How many times as many atoms its evaluations have as the structure."""
        key = ("enlarges", spec.id, structure.name)
        found: float = self._once(key, lambda: spec.enlarges(structure.configurations))
        return found

    def gains(
        self,
        spec: CheckSpec,
        structure: Structure,
        capabilities: Capabilities,
        less: Budget,
        more: Budget,
    ) -> bool:
        """As :func:`gains`."""
        key = ("gains", spec.id, structure.name, less, more)
        found: bool = self._once(key, lambda: gains(spec, structure, capabilities, less, more))
        return found

    def _once(self, key: tuple[str, ...], ask: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = ask()
        return self._known[key]


def gains(
    spec: CheckSpec, structure: Structure, capabilities: Capabilities, less: Budget, more: Budget
) -> bool:
    """Whether a check does more with the options of ``more`` than with those of ``less``."""
    start, options = structure.configurations, spec.options
    if options.get(less, {}) != options.get(more, {}):
        return True
    costs = [spec.evaluations(start, capabilities, budget) for budget in (less, more)]
    if spec.shared is not None:
        costs = [spec.shared(start, capabilities, budget) for budget in (less, more)]
    return costs[0] != costs[1]
