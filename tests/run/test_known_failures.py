from datetime import date
from types import SimpleNamespace

import pytest

from physcheck.measurement import Outcome
from physcheck.run.known_failures import KnownFailure, apply_known_failure, apply_xfail
from physcheck.run.record import Record

TODAY = date(2030, 1, 31)


def record(verdict):
    return Record(
        check="loop_work", family="conservation", kind="law", structure="H2O",
        verdict=Outcome(verdict), quantity="W", unit="eV", seed=(0, 1),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "until", "becomes", "reason"),
    [
        ("fail", None, "known_failure", "a curl"),
        ("fail", TODAY, "known_failure", "a curl"),
        ("fail", date(2030, 1, 30), "fail", "known failure (a curl), accepted until 2030-01-30"),
        ("pass", None, "fail", "listed as a known failure (a curl), but it passes now"),
        ("pass", date(2030, 1, 30), "pass", None),
        ("inconclusive", None, "inconclusive", None),
    ],
)
def test_a_list_changes_verdicts(verdict, until, becomes, reason):
    before = record(verdict)
    after = apply_known_failure(before, KnownFailure("loop_work", "H2O", "a curl", until), TODAY)
    assert after.verdict == becomes
    assert (after.reason or "").startswith(reason or "")
    assert (after.reason is None) == (reason is None)
    assert before == record(verdict)
    assert apply_known_failure(before, None, TODAY) is before


@pytest.mark.parametrize(
    ("verdict", "report", "becomes", "reason"),
    [
        ("fail", {"wasxfail": "reason: a curl", "skipped": True}, "known_failure", "(a curl)"),
        ("error", {"wasxfail": "", "skipped": True}, "error", "(no reason given)"),
        (
            "pass",
            {"failed": True, "longrepr": "[XPASS(strict)]"},
            "fail",
            "remove it from the list",
        ),
        ("pass", {"wasxfail": "reason: a curl"}, "pass", None),
        ("fail", {"failed": True}, "fail", None),
    ],
)
def test_a_mark_changes_verdicts(verdict, report, becomes, reason):
    said = SimpleNamespace(**{"skipped": False, "failed": False, **report})
    after = apply_xfail(record(verdict), said, raised=verdict != "pass")
    assert after.verdict == becomes
    assert (reason or "") in (after.reason or "")
    assert (after.reason is None) == (reason is None)
