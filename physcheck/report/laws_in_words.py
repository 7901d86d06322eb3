"""The law of a check as its docstring tells it: sentence, formula, what it can't see, source."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

__all__ = ["LawText", "law_text", "plain"]

_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")
_SECTION = re.compile(r"^(Parameters|Raises|Returns|Attributes)\n-+", re.MULTILINE)
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class LawText:
    """What a page says of a check.

    Attributes
    ----------
    law : str
    paragraphs : tuple of (kind, text)
        ``text``, or ``formula`` for what stands indented in the docstring.
    blind : str
        What it can't see.
    source : str
    """

    law: str
    paragraphs: tuple[tuple[str, str], ...]
    blind: str
    source: str


def law_text(check: str) -> LawText | None:
    """The text of a check of this installation; None for one that it doesn't have."""
    from physcheck.checks import all_checks

    spec = all_checks().get(check)
    if spec is None:
        return None
    text = inspect.getdoc(spec.measure) or ""
    body = _SECTION.split(text)[0]
    law, *blocks = [block for block in body.split("\n\n") if block.strip()]
    blind = next((b for b in blocks if b.startswith("Can't see")), "")
    source = re.search(r"^Source: (.*?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    told = [b for b in blocks if not b.startswith(("Can't see", "Source:", "Cost:"))]
    return LawText(
        law=plain(law),
        paragraphs=tuple(_paragraph(block) for block in told),
        blind=plain(blind),
        source="" if source is None else plain(source[1]),
    )


def _paragraph(block: str) -> tuple[str, str]:
    if block.startswith(_INDENT):
        return "formula", inspect.cleandoc(block).rstrip(",.;")
    return "text", plain(block)


def plain(text: str) -> str:
    """A docstring's text without the marks of reStructuredText, on one line."""
    return " ".join(_ROLE.sub(r"\1", text).replace("``", "").split())
