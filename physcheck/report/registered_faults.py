"""The faults that checks are registered with: which checks show each, and what it explains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from physcheck.report.facts_of_checks import known_checks
from physcheck.run.record import Record

__all__ = ["RegisteredFault", "registered_faults", "with_faults_of_others"]


@dataclass(frozen=True, slots=True)
class RegisteredFault:
    """What checks whose ``KnownFault`` has one title say together.

    Attributes
    ----------
    title : str
    shown_by : mapping of check to family
    explains : frozenset of str
        Ids of checks and families, those that say that they follow from it included.
    explains_where : callable (evidence) -> bool, or None
        As in :class:`physcheck.registry.KnownFault`.
    """

    title: str
    shown_by: Mapping[str, str]
    explains: frozenset[str]
    explains_where: Callable[[Mapping[str, Any]], bool] | None = None

    def covers(self, check: str, family: str) -> bool:
        """Whether it explains failures of a check."""
        return check in self.explains or family in self.explains

    def applies(self, failed: Mapping[str, list[Record]]) -> bool:
        """Whether a failure that shows it says that it explains others."""
        where = self.explains_where
        shown = [record for check in self.shown_by for record in failed.get(check, ())]
        return bool(shown) and (where is None or any(where(r.evidence) for r in shown))


def registered_faults() -> dict[str, RegisteredFault]:
    """The faults, by each check that shows them."""
    specs = known_checks().values()
    told = {spec.id: spec.failure.fault for spec in specs if spec.failure.fault is not None}
    found: dict[str, RegisteredFault] = {}
    for title in dict.fromkeys(fault.title for fault in told.values()):
        same = {check: fault for check, fault in told.items() if fault.title == title}
        shown_by = {spec.id: spec.family for spec in specs if spec.id in same}
        names = {*shown_by, *shown_by.values()}
        explains = {spec.id for spec in specs if names & {*spec.failure.follows_from}}
        explains.update(*(fault.explains for fault in same.values()))
        where = next((fault.explains_where for fault in same.values()), None)
        fault = RegisteredFault(title, shown_by, frozenset(explains), where)
        found |= dict.fromkeys(shown_by, fault)
    return found


def with_faults_of_others(
    order: Sequence[RegisteredFault],
    others: Sequence[RegisteredFault],
    failed: Mapping[str, list[Record]],
) -> list[RegisteredFault]:
    """``order`` with other packages' faults, each before the first that it explains.

    Those that explain none of these stand at the end.
    """
    made = list(order)
    for fault in others:
        if not fault.applies(failed):
            continue
        explained = (
            place
            for place, other in enumerate(made)
            if any(fault.covers(check, family) for check, family in other.shown_by.items())
        )
        made.insert(next(explained, len(made)), fault)
    return made
