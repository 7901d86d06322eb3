"""Small phrases that reports and messages share: counts, lists of names, verdicts as words."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["count", "some", "verdict_head", "verdict_word"]

# Verdicts in capitals, so that an eye that runs over a table stops at them.
_LOUD = ("fail", "error")


def some(names: Sequence[str], most: int = 4) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def count(number: int, noun: str) -> str:
    """``1 record``, ``2 records``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def verdict_word(verdict: str) -> str:
    """A verdict within a text or table: ``not applicable``, ``FAIL``."""
    word = verdict.replace("_", " ")
    return word.upper() if verdict in _LOUD else word


def verdict_head(verdict: str) -> str:
    """A verdict at the beginning of a text: ``NOT APPLICABLE``."""
    return verdict.replace("_", " ").upper()
