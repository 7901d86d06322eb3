"""The fenced blocks of a Markdown page, with what comments before them say of running them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_FENCE = re.compile(r"^(`{3,})(\S*)")
_WORDS = ("file", "given", "not run", "exit", "slow", "section not run")


@dataclass
class Block:
    """A block of code.

    language : str
    text : str
    line : int, of its first line in the page
    notes : dict of what the comments before it say: ``file: NAME`` writes it, ``given: CODE`` is
        run before it, ``not run: WHY``, ``exit: CODE`` of its last command, ``slow: WHY``
    """

    language: str
    text: str
    line: int
    notes: dict[str, str] = field(default_factory=dict)


def blocks_of(path: Path) -> list[Block]:
    """The Python and bash blocks of a page, in their order."""
    found: list[Block] = []
    notes: dict[str, str] = {}
    section: dict[str, str] = {}
    lines = path.read_text(encoding="utf8").splitlines()
    i = 0
    while i < len(lines):
        line = lines[i]
        if line.startswith("<!--"):
            text = line
            while not text.endswith("-->"):
                i += 1
                text += "\n" + lines[i]
            _note(text[4:-3].strip(), notes)
            if "section not run" in notes:
                section = {"not run": notes.pop("section not run")}
        elif match := _FENCE.match(line):
            start = i + 1
            while not lines[i + 1].startswith(match[1]):
                i += 1
            i += 1
            if match[2] in ("python", "bash") or "file" in notes:
                text = "\n".join(lines[start:i])
                found.append(Block(match[2], text, start + 1, {**section, **notes}))
            notes = {}
        elif line.startswith("#"):
            notes, section = {}, {}
        elif line.strip():
            notes = {}
        i += 1
    return found


def _note(text: str, notes: dict[str, str]) -> None:
    word, _, rest = text.partition(":")
    if word in _WORDS:
        notes[word] = rest.strip()
