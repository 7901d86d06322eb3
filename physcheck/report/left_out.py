"""What a plan leaves out, by reason."""

from __future__ import annotations

import re
from collections.abc import Iterable

from physcheck.run.facts import NotScheduled

__all__ = ["common_reason", "left_out_by_reason"]

_NUMBERS = re.compile(
    r"^(a trajectory of )?\d+ evaluations (don't|doesn't) fit into what the budget has left \(.*?\)"
)


def common_reason(reason: str) -> str:
    """The reason without numbers of evaluations, so that what differs in these alone is one."""
    return _NUMBERS.sub(
        lambda found: f"{found[1] or ''}more evaluations than the budget has left", reason
    )


def left_out_by_reason(left: Iterable[NotScheduled]) -> dict[str, list[str]]:
    """``check[structure]``, or the structure where no check is made on it, by reason."""
    where: dict[str, list[str]] = {}
    for one in left:
        name = one.structure if one.check == "*" else f"{one.check}[{one.structure}]"
        where.setdefault(common_reason(one.reason), []).append(name)
    return where
