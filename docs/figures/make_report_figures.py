"""The screenshots of docs/reports.md: real runs, looked at by headless Chromium.

    python docs/figures/make_report_figures.py

Needs playwright and a chromium (``CHROMIUM=/usr/bin/chromium``).  Also fails where a page has an
error in the console or is wider than a phone.
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
DESKTOP, PHONE = 1280, 390
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
            for width in (DESKTOP, PHONE):
                for scheme in ("light", "dark"):
                    look(browser, folder / f"{page}.html", width, scheme)
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


def look(browser: Any, path: Path, width: int, scheme: str) -> None:
    """Open a page, use it, and keep its picture where docs show it."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, device_scale_factor=1
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(path.as_uri())
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    where = f"{path.name} at {width} px, {scheme}"
    assert not problems, f"{where}: {problems}"
    assert wide <= 0, f"{where}: {wide} px wider than the screen"
    use(page)
    if width == DESKTOP and scheme == "light":
        page.goto("about:blank")
        page.goto(path.as_uri())
        target = HERE / f"report_{path.stem}.png"
        page.screenshot(path=target, full_page=True, clip=top(HEIGHTS[path.stem]))
        if path.stem == "failing":
            name = page.locator("code", has_text=re.compile(r"^loop_work$"))
            loop = page.locator("section.check").filter(has=name).first
            loop.locator(".pictures").first.screenshot(path=HERE / "report_pictures.png")
    context.close()


def use(page: Any) -> None:
    """Filter the grid and turn the first structure: both must change what is shown."""
    button = page.locator("button[data-filter]").first
    if button.count():
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
    view = page.locator("svg.view3d").first
    if view.count() and view.is_visible():
        before = view.inner_html()
        view.focus()
        page.keyboard.press("ArrowRight")
        assert view.inner_html() != before, "the structure doesn't turn"


def top(height: int) -> dict[str, int]:
    """The clip of the first lines of a page."""
    return {"x": 0, "y": 0, "width": DESKTOP, "height": height}


if __name__ == "__main__":
    main()
