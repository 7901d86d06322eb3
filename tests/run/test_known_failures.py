from datetime import date
from types import SimpleNamespace

import pytest

from physcheck.errors import SpecError
from physcheck.measurement import Outcome
from physcheck.run.known_failures import (
    KnownFailure,
    apply_known_failure,
    apply_xfail,
    load_known_failures,
)
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


ENTRY = "[[known_failure]]\ncheck = 'loop_work'\nstructure = 'H2O'\nreason = 'a curl'\n"


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("2030-01-31", TODAY),
        ("'2030-01-31'", TODAY),
        ("2030-01-31T12:00:00", TODAY),
        ("2030-01-31T12:00:00Z", TODAY),
    ],
)
def test_dates(until, expected, tmp_path):
    path = tmp_path / "known.toml"
    path.write_text(f"{ENTRY}until = {until}\n")
    (one,) = load_known_failures(path, checks=("loop_work",)).values()
    assert one.until == expected
    assert type(one.until) is date
    assert not one.expired(TODAY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{ENTRY}until = 12:00:00", "should be a date"),
        ("a = " + "[" * 5000 + "]" * 5000, "nested too deep"),
        ("a = " + "9" * 5000, "digits"),
        (b"\xff", "utf-8"),
        (None, "is a folder"),
    ],
)
def test_files_that_are_no_lists(text, message, tmp_path):
    path = tmp_path / "known.toml"
    if text is None:
        path.mkdir()
    else:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SpecError, match=message):
        load_known_failures(path, checks=("loop_work",))
