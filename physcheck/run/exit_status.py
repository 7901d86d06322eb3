"""What a run's records make it exit with."""

from __future__ import annotations

from collections.abc import Iterable

from physcheck.measurement import Outcome
from physcheck.run.record import Record

__all__ = ["exit_status", "is_judgement", "makes_the_run_fail"]

_JUDGED = (Outcome.PASS, Outcome.FAIL, Outcome.KNOWN_FAILURE)
# pytest's words for them: all passed, some failed, nothing was collected.
_PASSED, _FAILED, _NOTHING = 0, 1, 5


def makes_the_run_fail(record: Record, fail_on: str) -> bool:
    """Whether a record fails the run, at a level of ``--physcheck-fail-on``."""
    if record.verdict is Outcome.ERROR:
        return True
    if record.verdict is Outcome.FAIL:
        kinds = ("law",) if fail_on == "law" else ("law", "practice")
        return record.kind in kinds or record.reason is not None
    if record.verdict is Outcome.INCONCLUSIVE:
        return fail_on == "inconclusive" and record.kind != "info"
    return False


def is_judgement(record: Record) -> bool:
    """Whether a record says something of the model; ``info`` is held against nothing."""
    if record.verdict is Outcome.ERROR:
        return True
    if record.kind == "info":
        return False
    return record.verdict in _JUDGED or (
        record.verdict is Outcome.INCONCLUSIVE and not record.reason
    )


def exit_status(records: Iterable[Record], *, complete: bool, fail_on: str) -> int:
    """0, 1 where a record fails or is missing, 5 where none judges the model."""
    made = tuple(records)
    if not complete or any(makes_the_run_fail(record, fail_on) for record in made):
        return _FAILED
    return _PASSED if any(map(is_judgement, made)) else _NOTHING
