"""The screenshots of docs/reports.md: real runs, looked at by headless Chromium.

    make screenshots

Needs playwright and a chromium (``CHROMIUM=/usr/bin/chromium``).  The pages are tested by
``make test-html``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MODELS = {
    "failing": "builtin::gupta+pair-curl=0.1",
    "passing": "builtin::gupta",
    "rounded": "builtin::gupta+float32=1",
}
WIDTH = 1280
# What docs show of each page, px.
HEIGHTS = {"failing": 1230, "passing": 620, "comparison": 1000}


def main() -> None:
    """Make the runs, their pages, and the pictures of these."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as tool:
        folder = Path(name)
        make_pages(folder)
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = tool.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for page in HEIGHTS:
            look(browser, folder / f"{page}.html")
        browser.close()


def make_pages(folder: Path) -> None:
    """A JSON report of each model, and the pages."""
    for name, spec in MODELS.items():
        words = ["--pyargs", "physcheck.suite", f"--model={spec}", "--physcheck-budget=quick"]
        run("pytest", *words, f"--physcheck-json={folder / name}.json", check=False)
        run("physcheck", "report", f"{folder / name}.json", "-o", f"{folder / name}.html")
    reports = [f"{folder / name}.json" for name in MODELS]
    run("physcheck", "compare", *reports, "-o", f"{folder / 'comparison.html'}")


def run(module: str, *words: str, check: bool = True) -> None:
    """A module of this environment as a process."""
    subprocess.run([sys.executable, "-m", module, *words], check=check, capture_output=True)


def look(browser: Any, path: Path) -> None:
    """Keep the picture of a page's first lines, and of one check's pictures."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
    page.goto(path.as_uri())
    target = HERE / f"report_{path.stem}.png"
    page.screenshot(path=target, full_page=True, clip=top(HEIGHTS[path.stem]))
    if path.stem == "failing":
        name = page.locator("code", has_text=re.compile(r"^loop_work$"))
        loop = page.locator("section.check").filter(has=name).first
        loop.locator(".pictures").first.screenshot(path=HERE / "report_pictures.png")
    page.close()


def top(height: int) -> dict[str, int]:
    """The clip of the first lines of a page."""
    return {"x": 0, "y": 0, "width": WIDTH, "height": height}


if __name__ == "__main__":
    main()
