"""Links and marks that read well on their own and need a word for Sphinx."""

from __future__ import annotations

import re

#: Files beside docs/ that are pages of the site -> their page.
PAGES = {
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "readme.md",
}
_LINK = re.compile(r"\]\((?:\.\./)?([A-Z]+\.md)(#[\w-]+)?\)")
_INTO_DOCS = re.compile(r"(\]\(|src=\")docs/")
# What the site doesn't hold: a name is enough there.
_INTO_CODE = re.compile(r"\[([^\]]+)\]\((?:\.\./)?(?:examples|physcheck|tests|benchmarks)/[^)]*\)")
_OF_ROOT = frozenset({"architecture", "changes", "contributing", "readme"})
_BAR = re.compile(r"(?<![`\\])\|")
_AFTER_SECTIONS = ("Cost:", "Source:", "Can't see")
_SUBSCRIPT = re.compile(r"(\w)_(?=\W|$)")


def redirect(app, docname, source):
    """Point links at the pages of the site."""
    text = source[0]
    if docname in _OF_ROOT:
        text = _included(text)
    text = _LINK.sub(lambda m: f"]({PAGES[m[1]]}{m[2] or ''})" if m[1] in PAGES else m[0], text)
    source[0] = _INTO_CODE.sub(r"`\1`", text)


def _included(text: str) -> str:
    """A page that stands for a file at the root of the project: the file itself."""
    from pathlib import Path

    named = re.search(r"<!-- (\w+\.md) -->", text)
    assert named, "a page of a file at the root names it in a comment"
    whole = (Path(__file__).parents[1] / named[1]).read_text(encoding="utf8")
    return _INTO_DOCS.sub(r"\1", whole)


def plain_docstring(app, what, name, obj, options, lines):
    """Make the formulas of a docstring literal, and escape bars and ends with an underscore.

    What is indented before the first section is a formula; |F| is no substitution, J_ no reference.
    """
    made: list[str] = []
    head, before, noted = True, "", False
    for i, line in enumerate(lines):
        underlined = i + 1 < len(lines) and lines[i + 1].strip("-") == "" != lines[i + 1]
        head = head and not underlined
        formula = head and line.startswith("    ")
        if formula and not before.strip() and not before.startswith("    "):
            said = [text for text in made if text.strip()]
            made += [] if said and said[-1].endswith("::") else ["::", ""]
        if not head and not noted and line.startswith(_AFTER_SECTIONS):
            # A section has no end of its own.
            made += ["Notes", "-----"]
            noted = True
        made.append(line if formula or not line.strip() else _outside_literals(line))
        before = line if line.strip() else ("    " if formula_continues(lines, i) else "")
    lines[:] = made


def formula_continues(lines: list[str], i: int) -> bool:
    """Whether a blank line stands within an indented block."""
    around = lines[i - 1 : i] + lines[i + 1 : i + 2]
    return len(around) == 2 and all(line.startswith("    ") for line in around)


def _outside_literals(line: str) -> str:
    parts = re.split(r"(``.*?``|:\w+:`[^`]*`)", line)
    for i in range(0, len(parts), 2):
        parts[i] = _SUBSCRIPT.sub(r"\1\\_", _BAR.sub(r"\\|", parts[i]))
    return "".join(parts)
