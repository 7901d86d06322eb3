"""Every link of the built site leads to a page, an anchor or a picture; others are listed.

    python docs/check_links.py build/site

Links to other sites aren't fetched.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """Targets and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note ids, and where links and pictures lead."""
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.ids.add(value)
            if name in ("href", "src") and value and tag in ("a", "img", "link", "script"):
                self.links.add(value)


def main(root: Path) -> int:
    """Print links that lead nowhere and those that lead out; 1 if there are some of the former."""
    pages = {path: Page(path.read_text(encoding="utf8")) for path in root.rglob("*.html")}
    dead, outside, inside = [], set(), 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                outside.add(link)
                continue
            inside += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
            if not target.is_file():
                dead.append(f"{path.relative_to(root)}: {link}")
            elif parts.fragment and target.suffix == ".html":
                known = next(p for q, p in pages.items() if q.resolve() == target)
                if unquote(parts.fragment) not in known.ids | {"top"}:
                    dead.append(f"{path.relative_to(root)}: {link} (no such anchor)")
    print(f"{len(pages)} pages, {inside} links within the site; not fetched:")
    print("\n".join(f"  {link}" for link in sorted(outside)))
    print("\n".join(f"DEAD {line}" for line in dead) or "no dead link")
    return int(bool(dead))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
