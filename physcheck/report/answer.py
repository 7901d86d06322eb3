"""The one sentence that answers whether physics can be run with the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from physcheck.measurement import Outcome
from physcheck.names import GENERATED
from physcheck.report.baseline import is_worse
from physcheck.report.order_of_failures import failures_by_check
from physcheck.run.record import Record, Report
from physcheck.run.trial_calls import REFUSED
from physcheck.text.failure import is_mended
from physcheck.text.phrases import count, some

__all__ = ["answer", "violated_below_tolerance"]

_DECIDED_OR_OPEN = (Outcome.PASS, Outcome.FAIL, Outcome.KNOWN_FAILURE, Outcome.INCONCLUSIVE)
# Below this share of the tolerance a measured violation is what steps and kinks leave of the law in
# an analytic potential (up to 0.04 of md's tolerance for loop_work on Lennard-Jones clusters with a
# cutoff), and isn't worth a word.
_OF_NUMERICS = 0.05


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
    if report.settings.shard is not None:
        if not report.records:
            said = (
                "NOTHING JUDGED: there are more shards than structures, and none is left for this"
            )
        said = f"{said}; shard {report.settings.shard} only, physcheck merge puts them together"
    return said if report.complete else _not_complete(said, report)


def _not_complete(said: str, report: Report) -> str:
    """What can be said of a run that ended early: a failure counts, a pass doesn't."""
    made, plan = len(report.records), report.facts.plan
    records = (
        count(made, "record") if plan is None else f"{made} of {count(plan.records, 'record')}"
    )
    if said.startswith(("FAIL", "ERROR")):
        return f"{said}; NOT COMPLETE: {records} made"
    if plan is None and not made:
        return "NOT COMPLETE: no plan was made"
    if plan is not None and made == plan.records:
        # Records of shards that weren't given are in no plan at hand.
        ended = "but a part of the run is missing or didn't end"
        return f"NOT COMPLETE: {count(made, 'record')} made, none of them failed, {ended}"
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
    """The sentence that the records give, as if all had been made."""
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
    """The sentence where records fail: which checks, what to mend first first."""
    names = list(failures_by_check(failed))
    noun = "check" if any(r.kind != "law" for r in failed) else "law"
    also = f"; {count(n_errors, 'error')}" if n_errors else ""
    if "history_independence" in names and len(names) > 1:
        also += "; mend history_independence first: it can cause the others"
    where = f"in {len(failed)} of {n_records} records"
    return f"FAIL: {count(len(names), noun)} violated ({', '.join(names)}) {where}{also}"


def _nothing_failed(records: Sequence[Record]) -> str:
    """The sentence where no record failed and none is an unexpected error."""
    undecided = [r.name for r in records if r.verdict is Outcome.INCONCLUSIVE]
    unknown = _conservation_unknown(records)
    if unknown:
        return f"INCONCLUSIVE: {unknown}; {len(undecided)} of {len(records)} records can't tell"
    known = [r for r in records if r.verdict in (Outcome.KNOWN_FAILURE, Outcome.ERROR)]
    if undecided:
        new = " new" if known else ""
        return (
            f"INCONCLUSIVE: nothing{new} failed, but {len(undecided)} of {len(records)} records "
            f"can't tell ({some(undecided)})"
        )
    if known:
        return f"KNOWN FAILURES: {count(len(known), 'known failure')}, nothing new"
    measured = [r for r in records if r.verdict is Outcome.PASS]
    passed = [r for r in measured if r.kind != "info"]
    if passed:
        checks = count(len({r.check for r in passed}), "check")
        structures = _where(passed)
        laws = violated_below_tolerance(records)
        if not laws:
            return f"PASS: no violation found by {checks} on {structures}"
        are = "law is" if len(laws) == 1 else "laws are"
        return (
            f"PASS: {checks} on {structures}; {len(laws)} {are} violated below the tolerance: "
            f"{some(laws)}"
        )
    if measured:
        names = some(list(dict.fromkeys(r.check for r in measured)))
        return f"NOTHING JUDGED: {names} measured, which is held against nothing"
    return "NOTHING JUDGED: no check could be made of this model"


def _where(records: Sequence[Record]) -> str:
    """``3 structures and generated cases``."""
    named = {record.structure for record in records}
    drawn = GENERATED in named
    told = count(len(named - {GENERATED}), "structure")
    if not drawn:
        return told
    return f"{told} and generated cases" if len(named) > 1 else "generated cases"


def violated_below_tolerance(records: Iterable[Record]) -> list[str]:
    """The laws that were seen violated by records that pass."""
    passed = (r for r in records if r.verdict is Outcome.PASS and r.kind == "law")
    return list(dict.fromkeys(r.check for r in passed if _is_real(r)))


def _is_real(record: Record) -> bool:
    """Whether a violation of energy's conservation was measured, if within the tolerance: its
    interval excludes zero.  (Rounding breaks other laws a little in every model.)
    """
    if record.family not in ("conservation", "dynamics", "sampling") or record.interval is None:
        return False
    return record.interval[0] > _OF_NUMERICS * (record.tolerance or 0.0)


def _conservation_unknown(records: Sequence[Record]) -> str:
    """That no law of conservation could be decided, and the tightest profile that they all pass."""
    laws = [
        r
        for r in records
        if r.family == "conservation" and r.kind == "law" and r.verdict in _DECIDED_OR_OPEN
    ]
    open_ones = [r for r in laws if r.verdict is Outcome.INCONCLUSIVE]
    if not laws or len(open_ones) < len(laws):
        return ""
    reasons = [r.reason for r in open_ones if r.reason]
    why = reasons[0] if len(reasons) == len(open_ones) else "noise hides what is asked for"
    passed = _tightest_profile(open_ones)
    also = f"; the profile {passed} passes" if passed else ""
    return f"can't tell whether the forces are conservative: {why}{also}"


def _tightest_profile(records: Sequence[Record]) -> str:
    """The tightest profile whose tolerances all these measurements keep; empty if none."""
    from physcheck.checks import all_checks
    from physcheck.tolerances import PROFILES

    specs = all_checks()
    kept = []
    for profile in PROFILES:
        tolerances = [
            specs[r.check].tolerance(profile) if r.check in specs else None for r in records
        ]
        if all(
            t is not None and r.interval is not None and not r.reason and r.interval[1] <= t.value
            for t, r in zip(tolerances, records, strict=True)
        ):
            kept.append((sum(t.value for t in tolerances if t is not None), profile))
    return min(kept)[1] if kept else ""
