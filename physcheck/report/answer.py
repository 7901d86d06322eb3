"""The one sentence that answers whether physics can be run with the model."""

from __future__ import annotations

from collections.abc import Sequence

from physcheck.measurement import Outcome
from physcheck.report.baseline import is_worse
from physcheck.run.record import Record, Report
from physcheck.run.trial_calls import REFUSED
from physcheck.text.failure import is_mended
from physcheck.text.phrases import count, some

__all__ = ["answer"]


def answer(report: Report) -> str:
    """The verdict on the model in a sentence that begins with PASS, FAIL, ERROR or the like."""
    if report.error:
        first = (report.error.strip() or "no reason is known").splitlines()[0]
        return f"ERROR: {'' if report.complete else 'NOT COMPLETE, no plan was made: '}{first}"
    said = _answer(report)
    not_counted = [r.check for r in report.records if _does_not_count(r, report)]
    if not_counted:
        names = some(list(dict.fromkeys(not_counted)))
        said = f"{said}; {names} failed, which --physcheck-fail-on=law doesn't count"
    refused = [r.removeprefix(REFUSED) for r in report.remarks if r.startswith(REFUSED)]
    if refused:
        said = f"{said}; the model refuses {' and '.join(refused)}"
    if report.complete:
        return said
    made, plan = len(report.records), report.facts.plan
    records = (
        count(made, "record") if plan is None else f"{made} of {count(plan.records, 'record')}"
    )
    if said.startswith(("FAIL", "ERROR")):
        return f"{said}; NOT COMPLETE: {records} made"
    if plan is None and not made:
        return "NOT COMPLETE: no plan was made"
    return f"NOT COMPLETE: {records} made, none of them failed"


def _does_not_count(record: Record, report: Report) -> bool:
    """A practice that failed where only laws count."""
    return (
        report.settings.fail_on == "law"
        and record.verdict is Outcome.FAIL
        and record.kind == "practice"
        and not record.reason
    )


def _answer(report: Report) -> str:
    records = [r for r in report.records if not _does_not_count(r, report)]
    failed = [r for r in records if r.verdict is Outcome.FAIL and not is_mended(r)]
    mended = [r.name for r in records if is_mended(r)]
    # An error with a reason is one that the host expects.
    errors = [r for r in records if r.verdict is Outcome.ERROR and not r.reason]
    worse = [r for r in failed if is_worse(r)]
    if failed and len(worse) == len(failed):
        names = some([r.name for r in worse])
        also = f"; {count(len(errors), 'error')}" if errors else ""
        return f"FAIL: {count(len(worse), 'record')} worse than in the baseline ({names}){also}"
    if failed:
        return _violated(failed, len(errors), len(records))
    if mended:
        known = count(len(mended), "known failure")
        return f"FAIL: {known} passes now: remove it from the list ({', '.join(mended)})"
    if errors:
        names = ", ".join(dict.fromkeys(r.check for r in errors))
        return f"ERROR: {count(len(errors), 'record')} could not be made ({names})"
    return _nothing_failed(records)


def _violated(failed: Sequence[Record], n_errors: int, n_records: int) -> str:
    names = list(dict.fromkeys(r.check for r in failed))
    noun = "check" if any(r.kind != "law" for r in failed) else "law"
    also = f"; {count(n_errors, 'error')}" if n_errors else ""
    if "history_independence" in names and len(names) > 1:
        also += "; mend history_independence first: it can cause the others"
    where = f"in {len(failed)} of {n_records} records"
    return f"FAIL: {count(len(names), noun)} violated ({', '.join(names)}) {where}{also}"


def _nothing_failed(records: Sequence[Record]) -> str:
    """The sentence where no record failed and none is an unexpected error."""
    undecided = [r.name for r in records if r.verdict is Outcome.INCONCLUSIVE]
    if undecided:
        return (
            f"INCONCLUSIVE: nothing failed, but {len(undecided)} of {len(records)} records can't "
            f"tell ({some(undecided)})"
        )
    known = [r for r in records if r.verdict in (Outcome.KNOWN_FAILURE, Outcome.ERROR)]
    if known:
        return f"KNOWN FAILURES: {count(len(known), 'known failure')}, nothing new"
    measured = [r for r in records if r.verdict is Outcome.PASS]
    passed = [r for r in measured if r.kind != "info"]
    if passed:
        checks = count(len({r.check for r in passed}), "check")
        structures = count(len({r.structure for r in passed}), "structure")
        return f"PASS: no violation found by {checks} on {structures}"
    if measured:
        names = some(list(dict.fromkeys(r.check for r in measured)))
        return f"NOTHING JUDGED: {names} measured, which is held against nothing"
    return "NOTHING JUDGED: no check could be made of this model"
