"""Every report is a pure function of the run's ``Report``."""

import copy
import json
import math
import os
import re
from dataclasses import fields, replace

import pytest
from jsonschema import Draft202012Validator, ValidationError, validate

from physcheck.checks import all_checks
from physcheck.measurement import Measurement, Outcome, judge
from physcheck.registry import failed_assertion
from physcheck.report.answer import answer
from physcheck.report.html import html
from physcheck.report.json_report import RecordTexts, json_text, schema
from physcheck.report.markdown import markdown
from physcheck.report.order_of_failures import faults
from physcheck.report.terminal import terminal_lines
from physcheck.report.writing import write_text
from physcheck.run.facts import ModelIdentity, NotScheduled, PlanSummary, RunFacts
from physcheck.run.record import Record, ReferenceResult, Report
from physcheck.run.settings import Settings
from physcheck.text.failure import REMOVE, failure_text, short_sentence, summary_sentence
from physcheck.tolerances import Tolerance

RECORD = Record(
    check="loop_work",
    family="conservation",
    kind="law",
    structure="H2O",
    verdict=Outcome.FAIL,
    quantity="|W|",
    unit="meV",
    value=14.2,
    uncertainty=0.03,
    uncertainty_components={"rounding": 0.03},
    interval=(14.0, 14.4),
    tolerance=0.1,
    detection_limit=0.15,
    noise_floor=0.02,
    force_evaluations=120,
    jacobian_products=0,
    seconds=0.5,
    model_seconds=0.4,
    seed=(0, 12),
    message="142x over",
    title="forces do work around a closed loop",
    short_title="work in a closed loop",
    causes="forces predicted directly",
    advice="run dynamics with the conservative head",
    rerun="pytest --pyargs physcheck.suite",
    evidence={
        "quantities": {},
        "place": "atom 1 (H), circle of 0.03 Å",
        "scale": "in molecular dynamics this heats the system by about 8 K/ps",
        "configurations": "/elsewhere/loop_work-H2O.extxyz",
    },
)
PASS = replace(RECORD, verdict=Outcome.PASS, value=0.01, message="no violation was found")
ERROR = replace(
    RECORD,
    check="force_energy_gap",
    verdict=Outcome.ERROR,
    message="it <raised>",
    value=None,
    uncertainty=None,
    interval=None,
    tolerance=None,
    detection_limit=None,
    noise_floor=None,
    force_evaluations=None,
    jacobian_products=None,
    seconds=None,
    model_seconds=None,
)
OPEN = replace(RECORD, check="nve_drift", verdict=Outcome.INCONCLUSIVE, message="limited by noise")
KNOWN = replace(RECORD, verdict=Outcome.KNOWN_FAILURE, reason="being mended")
SETTINGS = Settings(model="x.py")


def report(*records, **changes):
    header = {"complete": True, "exit_code": 1, **changes}
    return Report(created="2030-01-31T12:00:00+00:00", settings=SETTINGS, records=records, **header)


def test_a_failure_says_law_number_place_scale_causes_advice_rerun_in_this_order():
    lines = failure_text(RECORD, profile="md").splitlines()
    assert lines == [
        "FAIL  loop_work [H2O]   forces do work around a closed loop",
        "  |W| = 14.20 ± 0.03 meV",
        "  tolerance 0.10 meV (md): 142x over;  detection limit 0.15 meV;  noise floor 0.020 meV",
        "  atom 1 (H), circle of 0.03 Å",
        "  in molecular dynamics this heats the system by about 8 K/ps",
        "  saved: /elsewhere/loop_work-H2O.extxyz",
        "  usual causes: forces predicted directly",
        "  what to do: run dynamics with the conservative head",
        "  rerun: pytest --pyargs physcheck.suite",
    ]


def test_a_measurement_reads_like_its_record():
    tolerance = Tolerance(0.1, "meV", "reason", "source", "md")
    measurement = Measurement(
        check="loop_work", quantity="|W|", unit="meV", value=14.2, uncertainty=0.03,
        interval=(14.0, 14.4), detection_limit=0.15, noise_floor=0.02, force_evaluations=120,
        evidence=RECORD.evidence,
    )  # fmt: skip
    spec = replace(
        all_checks()["loop_work"], title=RECORD.title, causes=RECORD.causes, advice=RECORD.advice
    )
    verdict = judge(measurement, tolerance)
    finding = failed_assertion(spec, "H2O", measurement, tolerance, verdict)
    expected = replace(RECORD, rerun=None)
    assert failure_text(finding, profile="md") == failure_text(expected, profile="md")


def test_an_error_claims_no_violation():
    text = failure_text(ERROR, profile="md")
    assert text.startswith("ERROR  force_energy_gap [H2O]   could not be measured\n  it <raised>")
    for word in ("usual causes", "what to do", "closed loop"):
        assert word not in text


def test_a_report_survives_json():
    reference = ReferenceResult.of(PASS)
    made = report(
        replace(RECORD, reference=reference),
        replace(RECORD, value=math.nan, uncertainty=math.nan, interval=(math.nan, math.inf)),
        ERROR,
        facts=RunFacts(
            model=ModelIdentity(spec="x.py", name="x", capabilities={"outputs": ["forces"]}),
            reference=ModelIdentity(spec="y.py"),
            environment={"python": "3"},
            plan=PlanSummary(records=3, evaluations=400, remarks=("it was slow",)),
            not_scheduled=(NotScheduled("loop_work", "Si8", "no room"),),
        ),
        setup={"plan": 7},
    )
    text = json_text(made)
    assert text == json.dumps(made.to_json(), indent=1) + "\n"
    texts = RecordTexts()
    assert json_text(replace(made, records=made.records[:1]), texts) != text
    assert json_text(made, texts) == text
    document = json.loads(text, parse_constant=pytest.fail)
    validate(document, schema())
    again = Report.from_json(document)
    assert json_text(again) == text
    assert (again.records[0], again.records[2]) == (made.records[0], made.records[2])
    assert again.facts == made.facts
    assert document["records"][1]["interval"] == ["nan", "inf"]
    assert document["summary"]["reference_evaluations"] == 120


def test_a_record_of_a_version_without_some_texts_is_read():
    document = RECORD.to_json()
    del document["advice"], document["short_title"]
    assert Record.from_json(document) == replace(RECORD, advice="", short_title="")


def test_the_schema_is_valid_and_holds():
    Draft202012Validator.check_schema(schema())
    document = report(RECORD, PASS, ERROR, OPEN).to_json()
    validate(document, schema())
    assert document["summary"]["fail"] == document["summary"]["error"] == 1
    assert document["summary"]["force_evaluations"] == 360
    for spoil in (
        lambda d: d["records"][0].update(value=None),
        lambda d: d["records"][2].update(value=1.0),
        lambda d: d["records"][0].update(verdict="maybe"),
        lambda d: d["records"][0].update(value="NaN"),
        lambda d: d.pop("error"),
        lambda d: d["settings"].update(profile="loose"),
    ):
        spoiled = copy.deepcopy(document)
        spoil(spoiled)
        with pytest.raises(ValidationError):
            validate(spoiled, schema())


@pytest.mark.parametrize(
    ("records", "changes", "start"),
    [
        ((PASS, RECORD), {}, "FAIL: 1 law violated (loop_work) in 1 of 2 records"),
        ((PASS, ERROR), {}, "ERROR: 1 record could not be made (force_energy_gap)"),
        (
            (PASS, OPEN),
            {},
            "INCONCLUSIVE: nothing failed, but 1 of 2 records can't tell (nve_drift[H2O])",
        ),
        ((PASS,), {}, "PASS: 1 check on 1 structure; 1 law is violated below the tolerance: loop"),
        ((replace(PASS, interval=(0.0, 1e-9)),), {}, "PASS: no violation found by 1 check on 1"),
        ((OPEN,), {}, "INCONCLUSIVE: can't tell whether the forces are conservative"),
        (
            (PASS,),
            {"complete": False},
            "NOT COMPLETE: 1 record made, none of them failed",
        ),
        ((), {}, "NOTHING JUDGED"),
        ((), {"error": "boom\nmore"}, "ERROR: boom"),
        (
            (KNOWN,),
            {},
            "KNOWN FAILURES: 1 known failure, nothing new",
        ),
    ],
)
def test_the_answer(records, changes, start):
    assert answer(report(*records, **changes)).startswith(start)


def test_the_answer_says_which_failure_to_mend_first():
    forgets = replace(RECORD, check="history_independence")
    assert "mend history_independence first" in answer(report(RECORD, forgets))
    assert "mend" not in answer(report(forgets))
    assert "mend" not in answer(report(RECORD))


def test_the_terminal_ends_with_the_answer_and_explains_what_is_open():
    lines = [text for text, _ in terminal_lines(report(PASS, OPEN, ERROR), verbose=True)]
    table = next(i for i, line in enumerate(lines) if line.startswith("check "))
    assert lines[table].split() == [
        "check",
        "structure",
        "verdict",
        "measured",
        "tolerance",
        "noise",
        "floor",
        "detection",
        "limit",
        "evaluations",
    ]
    assert any(line == "inconclusive: nve_drift[H2O]: limited by noise" for line in lines)
    assert lines.index("inconclusive: nve_drift[H2O]: limited by noise") < table
    assert lines[-1].startswith("physcheck: ERROR")


def test_the_terminal_begins_with_failures_by_cause_and_folds_passes():
    worse = replace(RECORD, structure="Si8", value=20.0)
    other = replace(RECORD, check="jacobian_asymmetry", title="not symmetric")
    lines = [text for text, _ in terminal_lines(report(PASS, RECORD, OPEN, worse, other))]
    assert lines[0].startswith("Don't run molecular dynamics with this model: forces do work")
    assert "the forces have no potential: they are the gradient of no energy" in lines
    assert "  usual causes: forces predicted directly" in lines
    told = "  loop_work: forces do work around a closed loop: Si8 20.00 ± 0.03 meV (200x over)"
    assert any(line.startswith(told) for line in lines)
    assert any("jacobian_asymmetry: not symmetric: H2O" in line for line in lines)
    assert lines.index("  what to do: run dynamics with the conservative head") < next(
        i for i, line in enumerate(lines) if line.startswith("inconclusive")
    )
    assert "pass: conservation: 1 record of 1 check on H2O" in lines
    assert not [line for line in lines if line.startswith("loop_work  H2O        pass")]
    # The causes are said once, however many records have them.
    assert sum("usual causes" in line for line in lines) == 1


def test_what_follows_from_a_fault_stands_below_it():
    failed = {
        "nve_drift": "dynamics",
        "force_energy_gap": "conservation",
        "relaxation_descent": "relaxation",
        "loop_work": "conservation",
        "strain_loop_work": "conservation",
        "stress_energy_gap": "conservation",
        "net_force": "symmetry",
    }
    records = [
        replace(RECORD, check=check, family=family, value=0.5 + number)
        for number, (check, family) in enumerate(failed.items())
    ]
    found = [(list(one.shown), list(one.follow)) for one in faults(records)]
    assert found == [
        (["net_force"], []),
        (["stress_energy_gap"], []),
        (
            ["loop_work"],
            ["strain_loop_work", "force_energy_gap", "nve_drift", "relaxation_descent"],
        ),
    ]
    # With a potential, it is the energy that doesn't belong to the forces, or the stress.
    without = [one for one in records if one.check != "loop_work"]
    found = [(list(one.shown), list(one.follow)) for one in faults(without)]
    assert found == [
        (["net_force"], []),
        (["stress_energy_gap"], ["strain_loop_work"]),
        (["force_energy_gap"], ["nve_drift", "relaxation_descent"]),
    ]
    (alone,) = faults(records[:1])
    assert (alone.title, list(alone.shown)) == ("", ["nve_drift"])


def test_all_reports_tell_failures_in_one_order_causes_first():
    shown = ("determinism", "rotation_equivariance", "loop_work", "nve_drift")
    families = ("implementation", "symmetry", "conservation", "dynamics")
    kinds = ("law", "practice", "law", "law")
    # Made in the opposite order, and none of them as far over as the last.
    records = [
        replace(
            RECORD, check=check, family=family, kind=kind, title=f"{check} is broken", causes=""
        )
        for check, family, kind in zip(shown, families, kinds, strict=True)
    ][::-1]
    records[0] = replace(records[0], value=1e6)
    document = report(*records)
    said = answer(document)
    assert [said.index(check) for check in shown] == sorted(said.index(c) for c in shown)
    lines = [text for text, _ in terminal_lines(document)]
    told = [line.split(":")[0].strip() for line in lines if "is broken:" in line]
    assert [name for name in told if name in shown] == list(shown)
    page, text = html(document), markdown(document)
    # Above the list of the page stands what the worst of them spoils.
    listed = page[page.index('class="violations"') :]
    for written in (listed, text[text.index("FAIL  ") :]):
        places = [written.index(f"{check} is broken") for check in shown]
        assert places == sorted(places)


def test_a_sentence_that_does_not_fit_is_said_in_fewer_words_not_cut_off():
    full = short_sentence(RECORD, 200)
    assert full == summary_sentence(RECORD)
    tried = [short_sentence(RECORD, room) for room in range(len(full) + 1)]
    assert all(len(text) <= room for room, text in enumerate(tried))
    assert list(dict.fromkeys(tried)) == [
        "", "violated", "does not hold", "work in a closed loop",
        "work in a closed loop, 142x over",
        "forces do work around a closed loop",
        "forces do work around a closed loop, 142x over",
        "forces do work around a closed loop: 14.20 ± 0.03 meV", full,
    ]  # fmt: skip
    assert short_sentence(ERROR, 22) == "could not be measured"
    assert short_sentence(replace(RECORD, value=float("nan")), 12) == "not finite"
    mended = replace(RECORD, reason="listed as a known failure (x), but it passes now: " + REMOVE)
    assert short_sentence(mended, 40) == "passes now: remove it from the list"


def test_html_and_markdown_escape_and_show_everything():
    document = report(RECORD, replace(ERROR, structure="<b>|"), OPEN)
    page, text = html(document), markdown(document)
    assert "<b>|" not in page
    assert "&lt;b&gt;|" in page
    assert "it &lt;raised&gt;" in page
    assert "://" not in page
    assert "\\|" in text
    for part in ("loop_work", "force_energy_gap", "limited by noise", "what to do"):
        assert part in page.lower()
        assert part in text
    assert "not complete" in html(report(complete=False))


def test_a_file_is_replaced_in_one_step(tmp_path):
    target = tmp_path / "new" / "out.json"
    write_text(target, "one")
    write_text(target, "two")
    assert target.read_text() == "two"
    assert [p.name for p in target.parent.iterdir()] == ["out.json"]
    assert target.stat().st_mode & 0o044


def test_the_schema_describes_every_field_of_a_record_and_no_other():
    described = schema()["$defs"]["record"]["properties"]
    assert set(described) == {field.name for field in fields(Record)}
    assert all(len(part["description"]) > 10 for part in described.values())
    needed = set(schema()["$defs"]["record"]["required"])
    assert needed <= set(described)
    kept = schema()["$defs"]["record"]["properties"]["reference"]["required"]
    assert set(kept) <= {field.name for field in fields(ReferenceResult)}
    verdicts = described["verdict"]["enum"]
    assert verdicts == [str(outcome) for outcome in Outcome]


def test_the_schema_describes_every_part_of_a_report():
    document = report(RECORD).to_json()
    assert set(document) == set(schema()["properties"])
    assert set(document["summary"]) == set(schema()["properties"]["summary"]["properties"])
    assert set(document["model"]) == set(schema()["properties"]["model"]["properties"])


HOSTILE = "\x1b[2J\x00\ud800 | `code` ``` <script>x</script> [a](b) *b* __c__\nsecond line"


def test_no_report_acts_on_what_models_say():
    document = report(
        replace(ERROR, message=HOSTILE, structure=HOSTILE),
        replace(OPEN, message=HOSTILE, evidence={"quantities": {}, "lines": [HOSTILE]}),
        complete=False,
    )
    page, text = html(document), markdown(document)
    lines = "\n".join(line for line, _ in terminal_lines(document))
    for written in (page, text, lines):
        written.encode("utf-8")
        assert "\x1b" not in written
        assert "\x00" not in written
        assert r"\x1b[2J\x00\ud800" in written.replace("\\\\", "\\").replace("\\[", "[")
    # The page's own, and no other.
    assert page.count("<script>") == 1
    # In Markdown within blocks alone, whose fences are longer than any run in them.
    outside = "\n".join(text.split("````")[::2])
    assert "<script>" not in outside
    assert "](b)" not in outside.replace("\\]", "")
    assert r" \__c_\_ " in outside
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {9}
    assert all("\n" not in line for line, _ in terminal_lines(document))


def test_a_spec_with_backticks_is_still_code():
    settings = replace(SETTINGS, model="x.py:a`b")
    assert "Model `` x.py:a`b `` (" in markdown(replace(report(PASS), settings=settings))


def test_only_regular_files_are_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no regular file"):
        write_text(tmp_path / "pipe", "x")
    write_text(tmp_path / "out", "a\ud800b")
    assert (tmp_path / "out").read_text() == r"a\ud800b"
