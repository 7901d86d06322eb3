"""The HTML page: what stands where, that names stay text, that nothing else is needed."""

import re
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from shutil import copytree

import pytest

from physcheck.measurement import Outcome
from physcheck.report.consequence import consequence
from physcheck.report.html import html
from physcheck.report.interval_bar import interval_bar
from physcheck.report.laws_in_words import law_text
from physcheck.report.pictures.numbers_of import slug_of
from physcheck.run.facts import NotScheduled, PlanSummary

HOSTILE = "<script>alert(1)</script>\"'&$\\alpha$"


class Page(HTMLParser):
    """Tags that were opened, ids, links and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.words, self.sources = [], [], [], [], []
        self.unnamed = 0
        self._open = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append(tag)
        self._open.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        if found.get("href", "").startswith("#"):
            self.links.append(found["href"][1:])
        elif "href" in found or "src" in found:
            self.sources.append(found)
        if tag == "svg" and not found.get("aria-label"):
            self.unnamed += 1

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def page(runs):
    return html(runs.report("curl"))


def test_the_page_begins_with_what_not_to_do_and_why(page):
    top = page[page.index("<main>") : page.index("<h2>")]
    assert re.search(r"Don(&#39;|')t run [^.]*molecular dynamics", top)
    assert "forces do work around a closed loop" in top
    assert "physcheck: FAIL" in top


def test_every_link_leads_somewhere_and_no_id_is_there_twice(page):
    parsed = Page(page)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.links
    assert set(parsed.links) <= set(parsed.ids)


def test_the_page_needs_nothing_beside_it(page):
    parsed = Page(page)
    assert parsed.sources == []
    assert not {"link", "img", "iframe", "object"} & set(parsed.tags)
    assert "://" not in page
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_it_is_light_and_dark_narrow_and_printed(page):
    for rule in ("prefers-color-scheme: dark", "max-width: 480px", "@media print"):
        assert rule in page
    assert "width=device-width" in page


def test_every_picture_has_a_text(page):
    parsed = Page(page)
    assert parsed.tags.count("svg") > 10
    assert parsed.unnamed == 0
    assert parsed.tags.count("figcaption") == parsed.tags.count("figure")


def test_each_violated_law_has_its_picture_formula_and_bar(page):
    report_section = page[page.index("Checks that fail or are open") :]
    section = report_section[report_section.index("<code>loop_work</code>") :]
    section = section[: section.index("</section>")]
    assert "Forces of a potential do no work around a closed loop." in section
    assert "lambda_loop = sqrt(n(n-1)) rms(W)" in section
    assert 'class="bar"' in section
    assert "With a potential it would leave zero." in section
    assert 'class="view3d"' in section
    assert "work so far (meV)" in section


def test_hostile_names_stay_text(runs):
    report = runs.report("curl")
    spoiled = []
    for record in report.records:
        evidence = {**record.evidence, "place": HOSTILE, "scale": HOSTILE, "lines": [HOSTILE]}
        quantities = dict(evidence["quantities"])
        quantities["rms_differences_eV_per_A"] = {HOSTILE: 0.1, "other": 0.2}
        spoiled.append(
            replace(
                record, structure=record.structure + HOSTILE, title=HOSTILE, message=HOSTILE,
                causes=HOSTILE, evidence={**evidence, "quantities": quantities}, rerun=HOSTILE,
            )
        )  # fmt: skip
    facts = replace(
        report.facts, not_scheduled=(NotScheduled(HOSTILE, HOSTILE, HOSTILE),),
        model=replace(report.model, spec=HOSTILE, name=HOSTILE),
    )  # fmt: skip
    made = html(replace(report, records=tuple(spoiled), facts=facts))
    assert "<script>alert" not in made
    assert "&lt;script&gt;alert(1)" in made
    parsed = Page(made)
    assert parsed.tags.count("script") == 1
    assert any("<script>alert(1)</script>" in words for words in parsed.words)
    assert len(parsed.ids) == len(set(parsed.ids))


def test_a_run_that_ended_early_says_what_is_missing(runs):
    report = runs.report("curl")
    kept = tuple(r for r in report.records if r.verdict is Outcome.PASS)[:3]
    facts = replace(report.facts, plan=PlanSummary(records=62, evaluations=100))
    made = html(replace(report, records=kept, facts=facts, complete=False))
    assert "59 records of 62 missing" in made
    assert "The run ended early: nothing that was tested failed, but this is no answer yet" in made
    assert "NOT COMPLETE" in made
    assert "No violation was found" not in made


def test_a_run_without_records_has_a_page(runs):
    report = replace(runs.report("good"), records=(), complete=False, error="weights <b>corrupt")
    made = html(report)
    assert "Nothing was judged: weights &lt;b&gt;corrupt" in made


def test_what_was_not_tested_is_told_with_its_reason_and_isnt_a_pass(page, runs):
    report = runs.report("curl")
    left = [r for r in report.records if r.verdict is Outcome.NOT_APPLICABLE]
    assert left
    for record in left:
        assert slug_of(record) not in page
    assert any(escape(str(record.message)) in page for record in left)


def test_a_page_is_made_where_the_evidence_moved_to_or_is_gone(runs, tmp_path):
    source = runs.path("curl")
    report = runs.report("curl")
    moved = tmp_path / "elsewhere"
    copytree(source.with_name(f"{source.stem}-evidence"), moved / f"{source.stem}-evidence")
    lost = [
        replace(
            r,
            evidence={
                **r.evidence,
                "configurations": f"/nowhere/{source.stem}-evidence/"
                + Path(str(r.evidence.get("configurations"))).name,
            },
        )
        for r in report.records
    ]
    gone = replace(report, records=tuple(lost))
    assert 'class="view3d"' not in html(gone)
    assert 'class="view3d"' in html(gone, [moved])


def test_a_large_report_gives_a_page_below_five_megabytes(runs):
    records = runs.report("curl").records + runs.report("good").records
    judged = [r for r in records if r.verdict is not Outcome.NOT_APPLICABLE]
    many = [
        replace(judged[k % len(judged)], check=f"check_{k // 10}", structure=f"structure {k % 10}")
        for k in range(400)
    ]
    made = html(replace(runs.report("curl"), records=tuple(many)))
    assert len(made.encode()) < 5_000_000


def test_what_a_failure_spoils_is_said_of_its_kind_alone(runs):
    report = runs.report("good")
    base = report.records[0]

    def said(*checks, **changes):
        records = [
            replace(base, check=check, family=family, verdict=Outcome.FAIL, title=check, value=1.0)
            for check, family in checks
        ]
        return consequence(replace(report, records=tuple(records), **changes))

    assert said(("stress_energy_gap", "conservation")).startswith(
        "Don't run constant-pressure dynamics or cell relaxations with this model"
    )
    assert said(("net_force", "symmetry")).startswith("Don't rely on this model")
    assert said(("relaxation_descent", "relaxation")).startswith("Don't run geometry optim")
    heated = said(("nve_drift", "dynamics"))
    assert "heats by" in heated
    assert "K/ps at constant energy" in heated


def test_known_failures_are_told_first_as_what_they_spoil(runs):
    report = runs.report("curl")
    known = [
        replace(r, verdict=Outcome.KNOWN_FAILURE, reason="accepted")
        for r in report.records
        if r.verdict is Outcome.FAIL
    ]
    passed = [r for r in report.records if r.verdict is Outcome.PASS]
    said = consequence(replace(report, records=(*passed, *known)))
    assert said.startswith(
        "Nothing new failed. What is known remains: don't run molecular dynamics"
    )
    open_too = replace(passed[0], verdict=Outcome.INCONCLUSIVE)
    said = consequence(replace(report, records=(*passed, open_too, *known)))
    assert said.startswith("Nothing new failed, but 1 record can't tell")


def test_the_page_says_what_to_do_beside_what_is_violated(runs):
    made = html(runs.report("curl"))
    beginning = made[: made.index('id="grid"')]
    assert "<strong>What to do:</strong> run dynamics with the conservative head" in beginning
    assert "x over its tolerance" in beginning


def test_the_bar_puts_every_number_where_it_belongs(runs):
    record = runs.report("curl").records[0]
    record = replace(
        record, value=10.0, interval=(8.0, 13.0), tolerance=1.0, detection_limit=0.1, unit="eV"
    )
    bar = interval_bar(record)
    places = {mark.kind: mark.place for mark in bar.marks}
    assert places["detection"] < places["tolerance"] < bar.low < places["value"]
    assert places["value"] < bar.low + bar.width <= 100
    # Equal ratios are equally far apart.
    step = places["tolerance"] - places["detection"]
    assert places["value"] - places["tolerance"] == pytest.approx(step, abs=0.05)
    assert "measured 10 eV" in bar.text
    none = interval_bar(replace(record, value=0.0, interval=(0.0, 0.2)))
    assert next(mark.place for mark in none.marks if mark.kind == "value") == 0.0
    assert interval_bar(replace(record, value=None)) is None


def test_laws_are_told_with_their_formula_and_what_they_cannot_see():
    text = law_text("loop_work")
    assert ("formula", "lambda_loop = sqrt(n(n-1)) rms(W) / (2 pi a^2 |J|_F)") in text.paragraphs
    assert text.blind.startswith("Can't see: work that needs")
    assert "arXiv 2412.11569" in text.source
    assert law_text("of_somebody_else") is None


@pytest.mark.parametrize(
    ("drift", "said"),
    [
        (0.002, "Si8 heats by 7.7 ± 0.4 K/ps at constant energy"),
        (-0.002, "Si8 cools by 7.7 ± 0.4 K/ps at constant energy"),
        (0.0, "single runs of Si8 gain or lose 7.7 ± 0.4 K/ps at constant energy"),
    ],
)
def test_the_heating_rate_is_in_kelvin_and_has_its_sign(drift, said, runs):
    report = runs.report("good")
    record = replace(
        report.records[0], check="nve_drift", family="dynamics", structure="Si8",
        verdict=Outcome.FAIL, value=0.002, uncertainty=1e-4, title="drifts",
        evidence={"quantities": {"drift_eV_per_atom_per_ps": drift}},
    )  # fmt: skip
    # 2 meV/atom/ps over 3 kB is 7.74 K/ps.
    assert said in consequence(replace(report, records=(record,)))


def test_one_reason_of_all_errors_is_told_first(runs):
    report = runs.report("good")
    errors = [
        replace(r, verdict=Outcome.ERROR, value=None, message=f"raised {k % 2}", reason=None)
        for k, r in enumerate(report.records[:4])
    ]
    two = consequence(replace(report, records=tuple(errors)))
    assert two == "No answer yet: 4 records could not be made."
    one = consequence(replace(report, records=tuple(errors[:1])))
    assert one == "No answer yet: 1 record could not be made: raised 0"
