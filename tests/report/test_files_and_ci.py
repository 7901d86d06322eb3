"""Reports read from files, and what CI reads of them."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from physcheck.cli import main
from physcheck.errors import SpecError
from physcheck.report.badge import badge
from physcheck.report.continuous_integration import (
    annotation_lines,
    append_step_summary,
    junit_properties,
)
from physcheck.report.json_report import json_text
from physcheck.report.loading import load_report, unique_labels
from physcheck.report.methods import methods_paragraph
from physcheck.run.facts import ModelIdentity, RunFacts
from tests.report.test_documents import ERROR, OPEN, PASS, RECORD, report

TEXT = json_text(report(RECORD, PASS))
OLD = {"schema": "physcheck-report/0", "physcheck": "0.0.1"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TEXT[: len(TEXT) // 2], "is cut off in line"),
        ("", "is empty"),
        ("{,}", "is no JSON"),
        ("[]", "no report of physcheck"),
        ('{"schema": "other"}', "its schema is 'other'"),
        (json.dumps(OLD), r"format physcheck-report/0 \(physcheck 0.0.1\), this version reads"),
        ('{"schema": "physcheck-report/1"}', "has no 'created'"),
        (TEXT.replace('"md"', '"loose"'), "no profile is called 'loose'"),
        (TEXT.replace('"fail"', '"maybe"'), "doesn't hold what physcheck-report/1 says"),
    ],
)
def test_a_file_that_is_no_report_says_why(tmp_path, text, said):
    path = tmp_path / "in.json"
    path.write_text(text)
    with pytest.raises(SpecError, match=said):
        load_report(path)


def test_a_command_on_such_a_file_exits_with_4(tmp_path, capsys):
    path = tmp_path / "in.json"
    path.write_text(TEXT[:300])
    assert main(["report", str(path)]) == 4
    assert "cut off" in capsys.readouterr().err
    assert main(["compare", str(path), str(tmp_path / "none.json")]) == 4
    assert main(["methods", str(tmp_path / "none.json")]) == 4


def test_the_suffix_says_what_is_written(tmp_path, capsys):
    source = tmp_path / "in.json"
    source.write_text(TEXT)
    for name, start in (("a.html", "<!doctype"), ("a.md", "## phys"), ("a.svg", "<svg")):
        assert main(["report", str(source), "-o", str(tmp_path / name)]) == 0
        assert (tmp_path / name).read_text().startswith(start)
    assert main(["report", str(source), "-o", str(tmp_path / "a.pdf")]) == 4
    capsys.readouterr()
    assert main(["report", str(source)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("physcheck: FAIL")
    assert main(["compare", str(source), str(source)]) == 0
    assert "laws that hold" in capsys.readouterr().out


def test_labels_are_models_where_they_differ_else_files():
    def of(spec):
        return report(PASS, facts=RunFacts(model=ModelIdentity(spec=spec)))

    paths = ["a/x.json", "b/y.json"]
    assert unique_labels(paths, [of("m"), of("n")]) == ["m", "n"]
    assert unique_labels(paths, [of("m"), of("m")]) == ["x", "y"]
    assert unique_labels(["a/x.json", "b/x.json"], [of("m"), of("m")]) == ["a/x.json", "b/x.json"]


def test_the_step_summary_is_appended_where_there_is_one(tmp_path):
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    made = report(RECORD)
    assert append_step_summary(made, {"GITHUB_STEP_SUMMARY": str(path)}) == str(path)
    assert path.read_text().startswith("before\n## physcheck: FAIL")
    assert append_step_summary(made, {}) is None
    assert append_step_summary(made, {"GITHUB_STEP_SUMMARY": str(tmp_path / "no" / "x")}) is None


def test_annotations_hold_one_line_each_and_escape():
    lines = annotation_lines(report(replace(RECORD, title="50 %\nmore"), PASS, ERROR))
    assert lines[0] == (
        "::error title=physcheck%3A loop_work[H2O]::50 %25%0Amore: 14.20 ± 0.03 meV, "
        "tolerance 0.10 meV"
    )
    assert len(lines) == 2


def test_properties_are_strings():
    found = dict(junit_properties(RECORD))
    assert found["physcheck_verdict"] == "fail"
    assert found["physcheck_value"] == "14.2"
    assert found["physcheck_tolerance"] == "0.1"
    assert found["physcheck_limit"] == "0.15"
    assert found["physcheck_noise_floor"] == "0.02"
    assert all(isinstance(value, str) for value in found.values())
    assert "physcheck_value" not in dict(junit_properties(ERROR))


@pytest.mark.parametrize(
    ("records", "changes", "said"),
    [
        ((RECORD, PASS), {}, "1 check violated"),
        ((PASS,), {}, "1 check pass (md)"),
        ((PASS, OPEN), {}, "inconclusive"),
        ((PASS,), {"complete": False}, "not complete"),
        ((ERROR,), {}, "error"),
    ],
)
def test_a_badge_says_the_answer(records, changes, said):
    root = ElementTree.fromstring(badge(report(*records, **changes)))
    assert root.get("aria-label") == f"physcheck: {said}"


def test_the_methods_paragraph_has_what_a_reader_needs_to_do_it_again():
    facts = RunFacts(
        model=ModelIdentity(spec="x.py", adapter="ase", dtype="float64", fingerprint="ab12"),
        environment={"python": "3.11", "numpy": "2.0", "torch": None},
    )
    text = methods_paragraph(report(RECORD, PASS, facts=facts))
    for part in ("x.py", "ab12", "numpy 2.0", "profile md", "seed 0", "loop_work", "2412.11569"):
        assert part in text
    assert "torch" not in text
    assert "\n" not in text
