"""Small phrases that reports and messages share: counts, lists of names, verdicts as words."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

__all__ = [
    "count",
    "kind_of",
    "named_records",
    "printable",
    "some",
    "verdict_head",
    "verdict_word",
]

# Verdicts in capitals, so that an eye that runs over a table stops at them.
_LOUD = ("fail", "error")


def some(names: Sequence[str], most: int = 4) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def named_records(names: Sequence[str], most: int = 4) -> str:
    """Names like ``check[structure]``, those of one check together.

    ``loop_work[NH3]``, but ``loop_work on NH3, H2O and 3 more; net_force on NH3, H2O``.
    """
    by_check: dict[str, list[str]] = {}
    for name in names:
        by_check.setdefault(name.partition("[")[0], []).append(name)
    if len(by_check) > most:
        # Too many to tell where.
        return some(list(names), most)
    told = []
    for check, found in by_check.items():
        places = [name[len(check) + 1 : -1] for name in found]
        told.append(found[0] if len(found) == 1 else f"{check} on {some(places, most)}")
    return ("; " if any(len(found) > 1 for found in by_check.values()) else ", ").join(told)


def printable(text: str) -> str:
    """The text with line ends, and with other characters that a terminal acts on written out.

    Those are control characters, escapes, lone surrogates, and what turns the direction of text.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c == "\n" or c.isprintable() or unicodedata.category(c) == "Zs"
        else "    " if c == "\t"
        else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in text.replace("\r\n", "\n")
    )  # fmt: skip


def count(number: int, noun: str) -> str:
    """``1 record``, ``2 records``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def kind_of(value: object) -> str:
    """``a list``, ``an int``: the type of a value within a sentence."""
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in set('aeiou') else 'a'} {name}"


def verdict_word(verdict: str) -> str:
    """A verdict within a text or table: ``not applicable``, ``FAIL``."""
    word = verdict.replace("_", " ")
    return word.upper() if verdict in _LOUD else word


def verdict_head(verdict: str) -> str:
    """A verdict at the beginning of a text: ``NOT APPLICABLE``."""
    return verdict.replace("_", " ").upper()
