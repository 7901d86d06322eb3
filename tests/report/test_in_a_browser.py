"""The pages in headless Chromium, as ``make test-html`` runs it; elsewhere these are skipped.

Each page is looked at on a desktop and on a phone, light and dark: no message in the console,
nothing wider than the screen, no serious finding of axe, filters that filter, structures that turn.
"""

import os
import shutil
from dataclasses import replace

import pytest

from physcheck.measurement import Outcome
from physcheck.report.comparison import compare_reports
from physcheck.report.comparison_tables import comparison_html
from physcheck.report.html import html
from physcheck.run.facts import PlanSummary

sync_api = pytest.importorskip("playwright.sync_api", reason="make test-html installs it")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="make test-html does")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium: apt-get install chromium")

HOSTILE = "<script>document.title = 'ran'</script>\"'&$\\alpha$"
PAGES = ("failing", "passing", "open", "comparison", "leaderboard", "killed", "hostile", "large")
SCREENS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
# A page has no more than this many milliseconds from a click on a file to its last line laid out.
OPENS_WITHIN_MS = 2000


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(runs, tmp_path_factory):
    """The path of each page."""
    folder = tmp_path_factory.mktemp("pages")
    curl, good = runs.report("curl"), runs.report("good")
    both, many = ["good", "curl"], [f"model {number}" for number in range(20)]
    made = {
        "failing": html(curl),
        "passing": html(good),
        "open": html(runs.report("float32")),
        "comparison": comparison_html(compare_reports(both, [good, curl])),
        "leaderboard": comparison_html(compare_reports(many, [good, curl] * 10)),
        "killed": html(killed(curl)),
        "hostile": html(hostile(curl)),
        "large": html(large(curl, good)),
    }
    for name, text in made.items():
        (folder / f"{name}.html").write_text(text, encoding="utf8")
    return {name: folder / f"{name}.html" for name in made}


def killed(report):
    """What is left of a run that was killed after its first records."""
    kept = report.records[:5]
    names = tuple(record.name for record in report.records)
    plan = PlanSummary(records=len(names), evaluations=100, names=names)
    return replace(
        report, records=kept, complete=False, facts=replace(report.facts, plan=plan), error=None
    )


def hostile(report):
    """A report whose every word is another's."""
    records = tuple(
        replace(
            record, structure=record.structure + HOSTILE, title=HOSTILE, message=HOSTILE,
            causes=HOSTILE, rerun=HOSTILE,
            evidence={**record.evidence, "place": HOSTILE, "scale": HOSTILE, "lines": [HOSTILE]},
        )
        for record in report.records
    )  # fmt: skip
    model = replace(report.model, spec=HOSTILE, name=HOSTILE)
    return replace(report, records=records, facts=replace(report.facts, model=model))


def large(*reports):
    """40 checks on 10 structures."""
    records = [record for report in reports for record in report.records]
    judged = [r for r in records if r.verdict is not Outcome.NOT_APPLICABLE]
    many = [
        replace(judged[k % len(judged)], check=f"check_{k // 10}", structure=f"structure {k % 10}")
        for k in range(400)
    ]
    return replace(reports[0], records=tuple(many))


@pytest.fixture
def opened(browser, pages):
    """Opens a page on a screen; at the end nothing may stand in the console."""
    contexts, problems = [], []

    def open_page(name, width=1280, scheme="light"):
        screen = {"width": width, "height": 900}
        contexts.append(browser.new_context(viewport=screen, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.on("console", lambda message: problems.append(f"{name}: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"{name}: {error}"))
        page.goto(pages[name].as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_a_page_fits_its_screen_and_says_nothing_in_the_console(name, width, scheme, opened):
    page = opened(name, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    empty = "svg => !svg.getBoundingClientRect().width && svg.checkVisibility()"
    assert page.eval_on_selector_all("svg", f"all => all.filter({empty}).length") == 0


@pytest.mark.parametrize("name", [name for name in PAGES if name != "large"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(name, scheme, opened):
    page = opened(name, 390, scheme)
    # What is folded is read, too.
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.evaluate(axe.Axe().axe_script)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    told = [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}: {one['nodes'][0]['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert told == []


def test_a_filter_leaves_only_rows_of_its_verdict(opened):
    page = opened("failing")
    page.locator("button[data-filter=fail]").click()
    rows = page.locator(".grid tbody tr:visible")
    assert rows.count() > 0
    assert rows.count() == rows.filter(has=page.locator("td[data-verdict=fail]")).count()
    page.locator("button[data-filter=fail]").click()
    page.locator("#find").fill("strain_loop_wo")
    assert page.locator(".grid tbody tr:visible th").all_inner_texts() == ["strain_loop_work"]
    page.locator("#find").fill("")
    page.locator("#more").click()
    shown = page.locator(".grid tbody tr:visible")
    assert shown.count() == page.locator(".grid tbody tr").count()
    page.locator("#sort").select_option("name")
    names = page.locator(".grid tbody tr:visible th").all_inner_texts()
    assert names == sorted(names)


def test_a_comparison_shows_what_differs_alone(opened):
    page = opened("comparison")
    rows = page.locator(".grid tbody tr")
    assert page.locator(".grid td[data-verdict=differs]").count() > 0
    page.locator("button[data-filter=differs]").click()
    visible = page.locator(".grid tbody tr:visible")
    assert 0 < visible.count() < rows.count()


def test_a_structure_turns_by_key_and_by_pointer(opened):
    page = opened("failing")
    view = page.locator("svg.view3d:visible").first
    before = view.inner_html()
    view.focus()
    page.keyboard.press("ArrowRight")
    turned = view.inner_html()
    assert turned != before
    view.scroll_into_view_if_needed()
    box = view.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 120)
    page.mouse.up()
    assert view.inner_html() != turned


def test_a_link_to_a_folded_record_opens_it(opened):
    page = opened("failing")
    page.locator("#more").click()
    link = page.locator(".grid td.v-pass a").first
    slug = link.get_attribute("href").removeprefix("#")
    assert not page.locator(f"[id='{slug}'] p.number").first.is_visible()
    link.click()
    assert page.locator(f"[id='{slug}'] p.number").first.is_visible()


def test_hostile_names_run_nothing(opened):
    page = opened("hostile")
    assert page.title() != "ran"
    assert page.locator("script").count() == 1
    assert "<script>" in page.inner_text("main")


def test_a_page_of_forty_checks_on_ten_structures_is_small_and_opens_at_once(opened, pages):
    assert pages["large"].stat().st_size < 5_000_000
    page = opened("large")
    took = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert 0 < took < OPENS_WITHIN_MS
