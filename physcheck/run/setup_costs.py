"""What a run spends beside its records, by name, so that each piece is counted once.

Every process of a run, every shard and every resumed run makes the plan's trial calls and the
resolutions that it needs anew.  They are the same calls with the same seeds: a report counts each
by its name, and so says the same whoever made its records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["SetupCosts", "counted_once_by_name"]


@dataclass(slots=True)
class SetupCosts:
    """Evaluations by what they were made for.

    Attributes
    ----------
    evaluations : dict of str to int
        Shared with what :meth:`under` gives.
    label : str
        What the names of this one begin with.
    """

    evaluations: dict[str, int] = field(default_factory=dict)
    label: str = ""

    def charge(self, name: str, evaluations: int) -> None:
        """Add to what was spent on ``name``."""
        if evaluations:
            key = self.label + name
            self.evaluations[key] = self.evaluations.get(key, 0) + evaluations

    def under(self, label: str) -> SetupCosts:
        """The same costs, for what is made of another form of the model."""
        return SetupCosts(self.evaluations, f"{self.label}{label}: ")

    @property
    def total(self) -> int:
        """The sum."""
        return sum(self.evaluations.values())


def counted_once_by_name(costs: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The costs of several processes or runs together: what all of them made counts once."""
    together: dict[str, int] = {}
    for one in costs:
        for name, evaluations in one.items():
            together[name] = max(evaluations, together.get(name, 0))
    return together
