"""Runs with generated cases: options, files, and what a host's folder is left with."""

import pytest
from jsonschema import validate

from physcheck.report.json_report import schema

ONLY_GENERATED = ("--physcheck-structures=generated", "--physcheck-checks=net_torque")


def test_a_run_of_generated_cases_keeps_what_fails_and_asks_it_first(subject):
    options = (*ONLY_GENERATED, "--physcheck-search=200", "--physcheck-cases=kept")
    result = subject.run(*options, "--physcheck-html=out.html", factory="broken")
    assert result.ret == 1
    report = subject.report()
    validate(report, schema())
    (record,) = report["records"]
    assert (record["check"], record["structure"]) == ("net_torque", "generated")
    assert record["verdict"] == "fail"
    result.stdout.fnmatch_lines(["*smallest case that fails:*", "*the number without physcheck*"])
    folder = subject.pytester.path
    assert len(list((folder / "kept").glob("net_torque-*.json"))) == 1
    assert {p.name for p in (folder / "out-evidence").iterdir()} == {
        "generated-net_torque.extxyz",
        "repro_net_torque.py",
    }
    again = subject.run(*options, factory="broken", process=True)
    assert again.ret == 1
    assert len(list((folder / "kept").glob("*.json"))) == 1
    # Not even hypothesis's own files are left in the folder of a host.
    assert not (folder / ".hypothesis").exists()


@pytest.mark.parametrize(
    ("argument", "text"),
    [("--physcheck-search=-1", "should be 0 or more"),
     ("--physcheck-search=many", "should be a whole number"),
     ("--physcheck-cases=subject.py", "should be a folder")],
)  # fmt: skip
def test_options_that_cannot_be(subject, argument, text):
    result = subject.run(*ONLY_GENERATED, argument)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*{text}*"])


def test_a_case_that_cannot_be_read_is_named(subject):
    folder = subject.pytester.mkdir("kept")
    (folder / "old.json").write_text("{}")
    result = subject.run(*ONLY_GENERATED, "--physcheck-search=200", "--physcheck-cases=kept")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*old.json is no case of physcheck*"])
