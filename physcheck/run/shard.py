"""One of n runs that share the structures of a run between them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from physcheck.errors import SpecError

__all__ = ["Shard", "parse_shard"]

_SHARD = re.compile(r"(\d{1,6})/(\d{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shard:
    """The ``index``-th of ``count`` shards.

    Attributes
    ----------
    index : int
        From 1 on.
    count : int
    """

    index: int
    count: int

    def structures(self, costs: Mapping[str, int]) -> frozenset[str]:
        """The structures of this shard: each belongs to exactly one of them.

        The dearest goes first, each to the shard that has least to do so far, so that all take
        about as long.  The same in every shard, since it follows from the plan alone.

        Parameters
        ----------
        costs : mapping of structure to int
            What the whole run's records of each may cost, in the order of the plan.
        """
        loads = [0] * self.count
        own = set()
        for name in sorted(costs, key=lambda name: -costs[name]):
            least = loads.index(min(loads))
            # A structure where nothing applies is a record or more, too.
            loads[least] += max(1, costs[name])
            if least == self.index - 1:
                own.add(name)
        return frozenset(own)

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def parse_shard(text: str) -> Shard:
    """The shard that ``i/n`` names.

    Raises
    ------
    SpecError
        It isn't of that form, or i isn't one of 1 to n.
    """
    found = _SHARD.fullmatch(text)
    shard = None if found is None else Shard(int(found[1]), int(found[2]))
    if shard is None or not 1 <= shard.index <= shard.count:
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise SpecError(
            f"--physcheck-shard is {shown!r}, should be i/n with i from 1 to n, as 1/4, 2/4, 3/4 "
            "and 4/4 for the four shards of a run"
        )
    return shard
