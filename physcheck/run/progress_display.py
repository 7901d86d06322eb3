"""What a run tells of how far it is: the terminal's display, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

__all__ = ["ProgressDisplay", "Stage", "no_stage"]

#: Says within what is being done, where it can't be told how much of it is left.
Stage = Callable[[str], AbstractContextManager[None]]


class ProgressDisplay(Protocol):
    """Shows how far a long record is, and what comes before the first."""

    def watch(self, what: str, planned: int) -> AbstractContextManager[Callable[[int], None]]:
        """Within, tell what it gives how many evaluations of ``planned`` were made."""
        ...

    def stage(self, what: str) -> AbstractContextManager[None]:
        """Within, ``what`` is being done."""
        ...


@contextmanager
def no_stage(what: str) -> Iterator[None]:
    """Nobody looks."""
    yield
