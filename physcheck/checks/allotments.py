"""Allotments that don't depend on structure or budget."""

from __future__ import annotations

from collections.abc import Callable

from physcheck.model import Capabilities
from physcheck.registry import Budget
from physcheck.system import Configurations

__all__ = ["always"]


def always(evaluations: int) -> Callable[[Configurations, Capabilities, Budget], int]:
    """The same allotment for every structure, model and budget."""

    def allotment(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
        return evaluations

    return allotment
