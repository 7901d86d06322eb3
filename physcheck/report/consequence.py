"""What a report means for who wants to run physics: what not to do with the model, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ase.units import kB

from physcheck.measurement import Outcome
from physcheck.names import USES, Use
from physcheck.report.answer import violated_below_tolerance
from physcheck.report.facts_of_checks import known_checks
from physcheck.report.order_of_failures import excess, failures_by_check, faults, title_of
from physcheck.run.record import Record, Report
from physcheck.text.numbers import as_float, with_uncertainty
from physcheck.text.phrases import count

__all__ = ["consequence", "violated"]

_DYNAMICS: Use = "molecular dynamics"
# What a failure spoils where its check says nothing else.
_SPOILS_BY_FAMILY: Mapping[str, tuple[Use, ...]] = {
    "conservation": (_DYNAMICS,),
    "dynamics": (_DYNAMICS,),
    "sampling": ("ensemble averages",),
    "relaxation": ("geometry optimisations",),
}
# What is easiest to grasp: how far laws of different units are over doesn't compare.
_TOLD_FIRST = ("loop_work", "nve_drift", "force_energy_gap", "jacobian_asymmetry")
# What isn't molecular dynamics, and is named beside it.
_OWN_KINDS = ("geometry optimisations", "cell relaxations", "phonon calculations")
_MOST_REASONS = 3
_BELOW = "Laws are violated, but less than the tolerances of profile"
_NONE_FOUND = "No violation was found; one below a record's detection limit would not be seen."
_NOT_TESTED = "How close the model comes to a reference was not tested."


def violated(report: Report) -> list[Record]:
    """The records that fail, in the order in which every report tells them."""
    return [record for found in failures_by_check(report.records).values() for record in found]


def _most_spoiling_first(failed: Sequence[Record]) -> list[Record]:
    """What spoils most of what people do with a model comes first: the sentence names a few.

    What follows from another failure comes after those that don't.
    """
    found = faults(failed)
    follow = {check for fault in found for check in fault.follow}
    spoiled_by_fault = {
        check: min(_first_use(one[0]) for one in fault.by_check.values())
        for fault in found
        for check in fault.by_check
    }

    def key(record: Record) -> tuple[int, bool, int, bool, int, float]:
        return (
            spoiled_by_fault[record.check],
            record.check in follow,
            _first_use(record),
            record.kind != "law",
            _place_told(record),
            -excess(record),
        )

    return sorted(failed, key=key)


def _place_told(record: Record) -> int:
    return _TOLD_FIRST.index(record.check) if record.check in _TOLD_FIRST else len(_TOLD_FIRST)


def _first_use(record: Record) -> int:
    """The place in ``USES`` of what a failure spoils: what most people do has the lowest."""
    return min((USES.index(use) for use in _spoils(record)), default=len(USES))


def consequence(report: Report) -> str:
    """One or two sentences for the top of a page: what to do, and what was found.

    Says nothing that no record supports: where nothing failed it names what remains unknown, and
    what is known to fail spoils as much as what fails.
    """
    if report.error:
        lines = report.error.strip().splitlines()
        return f"Nothing was judged: {lines[0] if lines else 'no reason is known'}"
    failed = _most_spoiling_first(violated(report))
    return _warning(failed) if failed else _nothing_failed(report)


def _nothing_failed(report: Report) -> str:
    """What remains unknown, or is known to fail, where nothing else does."""
    errors = [r for r in report.records if r.verdict is Outcome.ERROR and not r.reason]
    undecided = [r for r in report.records if r.verdict is Outcome.INCONCLUSIVE]
    passed = [r for r in report.records if r.verdict is Outcome.PASS and r.kind != "info"]
    known = _known(report.records)
    new = " new" if known else ""
    if not report.complete:
        return "The run ended early: nothing that was tested failed, but this is no answer yet."
    if errors:
        reasons = {record.explanation for record in errors}
        # One reason of all is what to know first.
        why = f": {reasons.pop()}" if len(reasons) == 1 else "."
        return f"No answer yet: {count(len(errors), 'record')} could not be made{why}"
    if undecided:
        what = "it" if len(undecided) == 1 else "them"
        return (
            f"Nothing{new} failed, but {count(len(undecided), 'record')} can't tell: see below "
            f"what would resolve {what} before you rely on the model."
        )
    if known:
        warning = _warning(_most_spoiling_first(known))
        return f"Nothing new failed. What is known remains: {warning[0].lower()}{warning[1:]}"
    if passed:
        below = violated_below_tolerance(report.records)
        found = f"{_BELOW} {report.settings.profile}." if below else _NONE_FOUND
        return f"{found} {_NOT_TESTED}"
    return "Nothing was judged: no check applied to this model and these structures."


def _known(records: Sequence[Record]) -> list[Record]:
    """The violations that the host knows of, as the failures that they are."""
    known = [
        replace(record, verdict=Outcome.FAIL, reason=None)
        for record in records
        if record.verdict is Outcome.KNOWN_FAILURE
    ]
    return [record for found in failures_by_check(known).values() for record in found]


def _warning(failed: Sequence[Record]) -> str:
    """What not to do with the model, and up to three reasons, of ``failed`` in its order."""
    spoiled = dict.fromkeys(use for record in failed for use in _spoils(record))
    if _DYNAMICS in spoiled:
        spoiled = {use: None for use in spoiled if use in _OWN_KINDS or use == _DYNAMICS}
    heating = _heating(failed)
    by_check = failures_by_check(failed)
    checks = dict.fromkeys(r.check for r in failed if not (heating and r.check == "nve_drift"))
    titles = dict.fromkeys(title_of(by_check[check]) for check in checks)
    shown = _with_cause([*heating, *titles], by_check)
    more = len(shown) - _MOST_REASONS
    shown = shown[:_MOST_REASONS]
    if more > 0:
        shown.append(f"and {count(more, 'other finding')}")
    # Titles have commas and colons of their own.
    why = "; ".join(shown)
    if spoiled:
        return f"Don't run {_listed(list(spoiled), 'or')} with this model: {why}."
    return f"Don't rely on this model before this is mended: {why}."


def _with_cause(reasons: list[str], by_check: dict[str, list[Record]]) -> list[str]:
    """The reasons with what to mend first among those that are told.

    What the model does wrong before any physics is asked of it comes first, since it may be the
    cause of all others.
    """
    cause = next(iter(by_check.values()))
    title, first = title_of(cause), cause[0]
    if title not in reasons or first.kind != "law":
        return reasons
    others = [reason for reason in reasons if reason != title]
    if first.family == "implementation":
        return [title, *others]
    place = min(reasons.index(title), _MOST_REASONS - 1)
    return [*others[:place], title, *others[place:]]


def _heating(failed: Sequence[Record]) -> list[str]:
    """The heating rate that was measured, in a list of one; empty where none was."""
    for record in failed:
        if record.check == "nve_drift" and math.isfinite(as_float(record.value)):
            return [_heating_rate(record, as_float(record.value))]
    return []


def _heating_rate(record: Record, value: float) -> str:
    """What a drift of the energy, ``value`` in eV/atom/ps, does to the temperature."""
    # Heat goes into kinetic and potential energy alike, 3 kB an atom.
    error = (record.uncertainty or math.nan) / (3 * kB)
    rate = with_uncertainty(value / (3 * kB), error, "K/ps")
    drift = record.evidence.get("quantities", {}).get("drift_eV_per_atom_per_ps", value)
    mean = float(drift) if isinstance(drift, int | float) else value
    if abs(abs(mean) - value) > 0.1 * value:
        # What was judged is not the mean: some runs gain what others lose.
        return f"single runs of {record.structure} gain or lose {rate} at constant energy"
    return f"{record.structure} {'cools' if mean < 0 else 'heats'} by {rate} at constant energy"


def _spoils(record: Record) -> tuple[Use, ...]:
    spec = known_checks().get(record.check)
    if spec is not None and spec.failure.spoils is not None:
        return spec.failure.spoils
    return _SPOILS_BY_FAMILY.get(record.family, ())


def _listed(words: Sequence[str], last: str) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
