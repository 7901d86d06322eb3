"""The laws that a search asks, in the order in which a small budget takes them."""

from __future__ import annotations

from physcheck.search.copies_laws import COPIES_LAWS
from physcheck.search.energy_gap_law import ForceEnergyGap
from physcheck.search.law import SearchLaw
from physcheck.search.loop_law import LoopWork
from physcheck.search.plain_laws import PLAIN_LAWS

__all__ = ["SEARCH_LAWS"]

_FINITE, *_OTHERS = PLAIN_LAWS
_WRAP, _BASIS, _ORDER, *_COPIES = COPIES_LAWS

#: By the id of the check.
SEARCH_LAWS: dict[str, SearchLaw] = {
    law.check: law
    for law in (
        _FINITE, ForceEnergyGap(), _WRAP, _BASIS, _ORDER, *_OTHERS, LoopWork(), *_COPIES
    )
}  # fmt: skip
