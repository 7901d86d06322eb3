"""Every report is a pure function of the JSON document."""

import copy
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator, ValidationError, validate

from physcheck.measurement import Measurement, judge
from physcheck.report.html import html
from physcheck.report.json_report import answer, build_report, schema, write_text
from physcheck.report.markdown import markdown
from physcheck.report.terminal import terminal_lines
from physcheck.text.failure import failure_text, record_text
from physcheck.tolerances import Tolerance

RECORD = {
    "check": "loop_work",
    "family": "conservation",
    "kind": "law",
    "structure": "H2O",
    "verdict": "fail",
    "reason": None,
    "quantity": "|W|",
    "unit": "meV",
    "value": 14.2,
    "uncertainty": 0.03,
    "uncertainty_components": {"rounding": 0.03},
    "interval": [14.0, 14.4],
    "tolerance": 0.1,
    "detection_limit": 0.02,
    "force_evaluations": 120,
    "jacobian_products": 0,
    "seconds": 0.5,
    "model_seconds": 0.4,
    "seed": [0, 12],
    "message": "142x over",
    "title": "forces do work around a closed loop",
    "causes": "forces predicted directly",
    "rerun": "pytest --pyargs physcheck.suite",
    "evidence": {
        "quantities": {},
        "place": "atom 1 (H), circle of 0.03 Å",
        "scale": "in molecular dynamics this heats the system by about 8 K/ps",
        "configurations": "/elsewhere/loop_work-H2O.extxyz",
    },
}
EMPTY = dict.fromkeys(
    (
        "value", "uncertainty", "interval", "tolerance", "detection_limit", "force_evaluations",
        "jacobian_products", "seconds", "model_seconds",
    )
)  # fmt: skip
PASS = {**RECORD, "verdict": "pass", "value": 0.01, "message": "would have seen >= 0.02 meV"}
ERROR = {
    **RECORD,
    **EMPTY,
    "check": "force_energy_gap",
    "verdict": "error",
    "message": "it <raised>",
}
OPEN = {**RECORD, "check": "nve_drift", "verdict": "inconclusive", "message": "limited by noise"}
SETTINGS = {"model": "x.py", "profile": "md", "budget": "quick", "seed": 0}


def report(*records, **changes):
    return build_report(
        created="2030-01-31T12:00:00+00:00",
        settings=SETTINGS,
        records=records,
        **{"complete": True, "exit_code": 1, **changes},
    )


def test_a_failure_says_law_number_place_scale_causes_rerun_in_this_order():
    lines = record_text(RECORD, profile="md").splitlines()
    assert lines == [
        "FAIL  loop_work [H2O]   forces do work around a closed loop",
        "  |W| = 14.20 ± 0.03 meV      tolerance 0.10 meV (md)      142x over;  detection limit 0.020 meV",
        "  atom 1 (H), circle of 0.03 Å      saved: /elsewhere/loop_work-H2O.extxyz",
        "  in molecular dynamics this heats the system by about 8 K/ps",
        "  usual causes: forces predicted directly",
        "  rerun: pytest --pyargs physcheck.suite",
    ]


def test_a_measurement_reads_like_its_record():
    tolerance = Tolerance(0.1, "meV", "reason", "source", "md")
    measurement = Measurement(
        check="loop_work", quantity="|W|", unit="meV", value=14.2, uncertainty=0.03,
        interval=(14.0, 14.4), detection_limit=0.02, force_evaluations=120,
        evidence={k: v for k, v in RECORD["evidence"].items()},
    )  # fmt: skip
    spec = SimpleNamespace(id="loop_work", title=RECORD["title"], causes=RECORD["causes"])
    text = failure_text(
        spec, "H2O", measurement, tolerance, judge(measurement, tolerance), rerun=RECORD["rerun"]
    )
    assert text == record_text(RECORD, profile="md")


def test_an_error_claims_no_violation():
    text = record_text(ERROR, profile="md")
    assert text.startswith("ERROR  force_energy_gap [H2O]   could not be measured\n  it <raised>")
    assert "usual causes" not in text
    assert "closed loop" not in text


def test_the_schema_is_valid_and_holds():
    Draft202012Validator.check_schema(schema())
    document = report(RECORD, PASS, ERROR, OPEN)
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
        ((PASS,), {}, "PASS: no violation found by 1 check on 1 structure"),
        (
            (PASS,),
            {"complete": False},
            "NOT COMPLETE: 1 record made, none of them failed",
        ),
        ((), {}, "NOTHING JUDGED"),
        ((), {"error": "boom\nmore"}, "ERROR: boom"),
        (
            ({**RECORD, "verdict": "known_failure"},),
            {},
            "KNOWN FAILURES: 1 known failure, nothing new",
        ),
    ],
)
def test_the_answer(records, changes, start):
    assert answer(report(*records, **changes)).startswith(start)


def test_the_terminal_ends_with_the_answer_and_explains_what_is_open():
    lines = [text for text, _ in terminal_lines(report(PASS, OPEN, ERROR))]
    assert lines[0].split() == [
        "check",
        "structure",
        "verdict",
        "measured",
        "tolerance",
        "would",
        "see",
        "evaluations",
    ]
    assert any(line == "inconclusive: nve_drift[H2O]: limited by noise" for line in lines)
    assert lines[-1].startswith("physcheck: ERROR")


def test_html_and_markdown_escape_and_show_everything():
    document = report(RECORD, {**ERROR, "structure": "<b>|"}, OPEN)
    page, text = html(document), markdown(document)
    assert "<b>|" not in page
    assert "&lt;b&gt;|" in page
    assert "it &lt;raised&gt;" in page
    assert "http" not in page
    assert "\\|" in text
    for part in ("loop_work", "force_energy_gap", "limited by noise", "usual causes"):
        assert part in page
        assert part in text
    assert "not complete" in html(report(complete=False))


def test_a_file_is_replaced_in_one_step(tmp_path):
    target = tmp_path / "new" / "out.json"
    write_text(target, "one")
    write_text(target, "two")
    assert target.read_text() == "two"
    assert [p.name for p in target.parent.iterdir()] == ["out.json"]
    assert target.stat().st_mode & 0o044
