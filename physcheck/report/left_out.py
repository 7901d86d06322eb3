"""What a plan leaves out, by reason."""

from __future__ import annotations

from collections.abc import Iterable

from physcheck.run.facts import NotScheduled

__all__ = ["left_out_by_reason"]


def left_out_by_reason(left: Iterable[NotScheduled]) -> dict[str, list[str]]:
    """``check[structure]``, or the structure where no check is made on it, by reason."""
    where: dict[str, list[str]] = {}
    for one in left:
        name = one.structure if one.check == "*" else f"{one.check}[{one.structure}]"
        where.setdefault(one.common_reason, []).append(name)
    return where
