"""``physcheck explain`` says all of it of every check."""

from dataclasses import replace

import pytest

from physcheck.checks import all_checks
from physcheck.cli import main
from physcheck.registry import Failure
from physcheck.report.explanation import explanation
from physcheck.report.meaning_of_failure import meaning_of_failure

SECTIONS = ("what is measured", "tolerance", "a failure says", "what that does", "usual causes",
            "what to do", "needs", "cost")  # fmt: skip
SHIPPED = {i: s for i, s in all_checks().items() if s.measure.__module__.startswith("physcheck.")}


@pytest.mark.parametrize("check", sorted(SHIPPED))
def test_every_check_is_explained(check):
    spec = SHIPPED[check]
    lines = explanation(spec)
    assert [s for s in SECTIONS if s not in lines] == []
    assert max(map(len, lines)) <= 100
    assert "``" not in "\n".join(lines)


def test_a_family_and_several(capsys):
    assert main(["explain", "conservation", "net_force"]) == 0
    told = capsys.readouterr().out
    assert told.count("\nusual causes\n") == 6
    assert "arXiv 2412.11569" in told


def test_a_check_of_another_package_has_its_own_meaning_or_its_familys():
    theirs = replace(SHIPPED["loop_work"], id="theirs", failure=Failure())
    assert "heats or cools" in meaning_of_failure(theirs)
    assert "their words" in meaning_of_failure(
        replace(theirs, failure=Failure(meaning="their words"))
    )
    assert "for information" in meaning_of_failure(replace(theirs, kind="info"))
