"""Which worker of pytest-xdist makes which record: a shared trajectory is made by one of them."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from physcheck.plugin.items import ANCHOR_ID

__all__ = ["make_scheduler", "work_unit"]

_ITEM = re.compile(rf"{re.escape(ANCHOR_ID)}::(?P<check>\w+)\[(?P<structure>.*)\]")


def work_unit(nodeid: str) -> str:
    """What an item belongs to, which one worker does as a whole.

    The records that share a trajectory are a unit a structure; any other item is one of its own,
    so that the workers have as much to do as before.
    """
    found = _ITEM.fullmatch(nodeid)
    if found is None or found["check"] not in _checks_that_share():
        return nodeid
    return f"trajectory[{found['structure']}]"


def make_scheduler(config: Any, log: Any) -> Any:
    """A scheduler of pytest-xdist that hands out :func:`work_unit`, the largest units first.

    Costs nothing: a trajectory of 8,000 evaluations and more would else be made once a worker.
    """
    from xdist.scheduler.loadscope import LoadScopeScheduling

    class ByTrajectory(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return work_unit(nodeid)

        def remove_node(self, node: Any) -> Any:
            """What a lost worker hadn't made goes to the others, but for the item that it died of.

            The scheduler of the package gives that one out again, and finished units, too.
            """
            units = self.assigned_work.pop(node)
            lost = next(
                (i for unit in units.values() for i, done in unit.items() if not done), None
            )
            for scope, unit in units.items():
                left = {item: done for item, done in unit.items() if not done and item != lost}
                if left:
                    self.workqueue[scope] = left
            for other in self.assigned_work:
                self._reschedule(other)
            return lost

    return ByTrajectory(config, log)


@cache
def _checks_that_share() -> frozenset[str]:
    from physcheck.checks import all_checks

    return frozenset(spec.id for spec in all_checks().values() if spec.shared is not None)
