"""The summary that a person reads at a glance, as lines of text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from physcheck.measurement import Outcome
from physcheck.report.answer import answer
from physcheck.report.baseline import baseline_lines
from physcheck.report.consequence import consequence
from physcheck.report.left_out import left_out_by_reason
from physcheck.report.order_of_failures import Fault, faults, title_of
from physcheck.report.table import columns_of, table_rows
from physcheck.run.facts import NotScheduled
from physcheck.run.record import Record, Report
from physcheck.text.columns import columns
from physcheck.text.numbers import duration, ratio, with_uncertainty
from physcheck.text.phrases import count, named_records, printable, some, verdict_word

__all__ = ["Line", "terminal_lines"]

# A line and its mood: "", "title" or one of the names below, which the terminal may turn into
# colours.
Line = tuple[str, str]
_MOODS = {
    Outcome.PASS: "good",
    Outcome.FAIL: "bad",
    Outcome.ERROR: "bad",
    Outcome.INCONCLUSIVE: "doubt",
    Outcome.KNOWN_FAILURE: "doubt",
    Outcome.NOT_APPLICABLE: "",
}
_MOODS_OF_ANSWERS = {"PASS": "good", "FAIL": "bad", "ERROR": "bad"}
_BLANK: Line = ("", "")


def terminal_lines(report: Report, *, width: int = 100, verbose: bool = False) -> list[Line]:
    """What it means, what fails by cause, what is open, the table, what was left out, the answer.

    Parameters
    ----------
    report : Report
    width : int
        Columns of the terminal.
    verbose : bool
        Passes in the table, too, one by one; otherwise a line each family.
    """
    records = _by_structure(report.records)
    lines = _violated(report, width)
    lines += _remarks([r for r in records if r.verdict is not Outcome.NOT_APPLICABLE], width)
    lines += _table(records, verbose)
    lines += _not_judged(records, report.facts.not_scheduled, width, verbose)
    lines += _to_copy(records)
    for remark in report.remarks:
        lines += [*_wrapped(f"note: {remark}", width), _BLANK]
    told = baseline_lines(report)
    lines += [line for text in told for line in _wrapped(text, width)]
    lines += [_BLANK] if told else []
    lines.append((_cost(report), ""))
    said = answer(report)
    mood = _MOODS_OF_ANSWERS.get(said.split(":")[0], "doubt")
    lines.append((f"physcheck: {said}", mood))
    # What models and files say must not act on the terminal.
    return [(printable(text).replace("\n", " "), mood) for text, mood in lines]


def _violated(report: Report, width: int) -> list[Line]:
    """What the run means for who simulates, then each fault with what follows from it."""
    if report.error and not report.records:
        # The answer, the last line, says why.
        return []
    lines: list[Line] = [(text, "title") for text, _ in _wrapped(consequence(report), width)]
    for fault in faults(_by_structure(report.records)):
        lines += [_BLANK, *_fault(fault, width)]
    return [*lines, _BLANK]


def _fault(fault: Fault, width: int) -> list[Line]:
    """A fault: what shows it, its usual causes and what to do, what follows from it."""
    lines: list[Line] = []
    if fault.title:
        lines += [(text, "title") for text, _ in _wrapped(fault.title, width)]
    told = [record for found in fault.shown.values() for record in found]
    inset = "  " if fault.title else ""
    for check, found in fault.shown.items():
        lines += _failed(check, found, inset, width)
    for text in dict.fromkeys(record.causes for record in told if record.causes):
        lines += _wrapped(f"  usual causes: {text}", width)
    for text in dict.fromkeys(record.advice for record in told if record.advice):
        lines += _wrapped(f"  what to do: {text}", width)
    if fault.follow:
        lines.append(("  what follows from it, or may:", ""))
    for check, found in fault.follow.items():
        lines += _failed(check, found, "    ", width)
    return lines


def _failed(check: str, found: Sequence[Record], inset: str, width: int) -> list[Line]:
    where = [f"{r.structure} {_number(r)}".rstrip() for r in found]
    text = f"{inset}{check}: {title_of(found)}: {some(where)}"
    return [(line, "bad") for line, _ in _wrapped(text, width, inset)]


def _number(record: Record) -> str:
    if record.value is None:
        return ""
    number = with_uncertainty(record.value, record.uncertainty, record.unit)
    if record.tolerance is None or record.reason:
        return number
    return f"{number} ({ratio(record.value, record.tolerance)})"


def _by_structure(records: Iterable[Record]) -> list[Record]:
    records = list(records)
    order = {name: i for i, name in enumerate(dict.fromkeys(r.structure for r in records))}
    return sorted(records, key=lambda r: (order[r.structure], r.check))


def _table(records: Sequence[Record], verbose: bool) -> list[Line]:
    # What doesn't apply is named below the table with its reason; a row of it says nothing.
    shown = [record for record in records if record.verdict is not Outcome.NOT_APPLICABLE]
    folded: list[Line] = []
    if not verbose:
        folded = _passes(shown)
        shown = [record for record in shown if record.verdict is not Outcome.PASS]
    if not shown:
        return [*folded, _BLANK] if folded else []
    head, *texts = columns([columns_of(shown), *table_rows(shown)], numbers_last=True)
    lines: list[Line] = [(head, "title")]
    lines += [(text, _MOODS[r.verdict]) for text, r in zip(texts, shown, strict=True)]
    return [*lines, *folded, _BLANK]


def _passes(records: Iterable[Record]) -> list[Line]:
    """A line each family: what passes where."""
    families: dict[str, list[Record]] = {}
    for record in records:
        if record.verdict is Outcome.PASS:
            families.setdefault(record.family, []).append(record)
    lines: list[Line] = []
    for family, found in families.items():
        checks = list(dict.fromkeys(record.check for record in found))
        structures = list(dict.fromkeys(record.structure for record in found))
        made = f"{count(len(found), 'record')} of {count(len(checks), 'check')}"
        lines.append((f"pass: {family}: {made} on {some(structures)}", "good"))
    if lines:
        lines.append(("(-v shows the passes one by one, with what each would have seen)", ""))
    return lines


def _remarks(records: Sequence[Record], width: int) -> list[Line]:
    """Each different message of what is neither pass nor fail, once, with where it holds."""
    where: dict[tuple[str, str], list[str]] = {}
    for record in records:
        if record.verdict not in (Outcome.PASS, Outcome.FAIL) or record.reason:
            key = (verdict_word(record.verdict), record.explanation)
            where.setdefault(key, []).append(record.name)
    for record in records:
        if _reference_needs_a_word(record) and record.reference is not None:
            result = record.reference
            word = f"reference {verdict_word(result.verdict)}"
            key = (word, str(result.reason or result.message))
            where.setdefault(key, []).append(record.name)
    lines: list[Line] = []
    for (word, text), names in where.items():
        lines += _wrapped(f"{word}: {named_records(names)}: {text}", width)
    return [*lines, _BLANK] if lines else []


def _reference_needs_a_word(record: Record) -> bool:
    result = record.reference
    if result is None or record.verdict is Outcome.NOT_APPLICABLE:
        return False
    if result.value is None:
        return result.verdict in (Outcome.ERROR, Outcome.NOT_APPLICABLE)
    return not math.isfinite(result.value)


def _to_copy(records: Sequence[Record]) -> list[Line]:
    """Tables and recommendations of records; a failure has shown its own already."""
    lines: list[Line] = []
    for record in records:
        text = record.evidence.get("lines")
        if text and record.verdict is not Outcome.FAIL:
            lines.append((f"{record.name}: {record.evidence.get('place')}", "title"))
            lines += [(str(line), "") for line in text] + [_BLANK]
    return lines


def _not_judged(
    records: Sequence[Record], left: Sequence[NotScheduled], width: int, verbose: bool
) -> list[Line]:
    """What doesn't apply and what wasn't scheduled, with reasons.

    Unless ``verbose``, a number stands for what other structures were asked.
    """
    not_applicable = [r for r in records if r.verdict is Outcome.NOT_APPLICABLE]
    if verbose:
        return [*_remarks(not_applicable, width), *_left_out(left, width)]
    judged = {r.check for r in records if r.verdict is not Outcome.NOT_APPLICABLE}
    left_told = [one for one in left if one.check not in judged]
    told_of = judged | {one.check for one in left_told}
    records_told = [record for record in not_applicable if record.check not in told_of]
    lines = _remarks(records_told, width) + _left_out(left_told, width)
    folded = []
    if number := len(not_applicable) - len(records_told):
        verb = "doesn't" if number == 1 else "don't"
        folded.append(f"{count(number, 'record')} that {verb} apply")
    if number := len(left) - len(left_told):
        folded.append(f"{number} that weren't scheduled")
    if folded:
        what = " and ".join(folded)
        lines += _wrapped(f"not shown: {what}, of checks told of above (-v shows them)", width)
        lines.append(_BLANK)
    return lines


def _left_out(left: Iterable[NotScheduled], width: int) -> list[Line]:
    lines: list[Line] = []
    for reason, names in left_out_by_reason(left).items():
        lines += _wrapped(f"not scheduled: {named_records(names)}: {reason}", width)
    return [*lines, _BLANK] if lines else []


def _wrapped(text: str, width: int, inset: str = "") -> list[Line]:
    from textwrap import wrap

    return [(line, "") for line in wrap(text, max(width, 40), subsequent_indent=f"{inset}    ")]


def _cost(report: Report) -> str:
    summary, plan = report.summary, report.facts.plan
    spent = f"{summary.force_evaluations} evaluations and {summary.setup_evaluations} to set up"
    if summary.reference_evaluations:
        spent += f", {summary.reference_evaluations} of the reference"
    text = f"cost: {spent}, {duration(summary.seconds)}"
    if plan is None:
        return text
    planned = f"planned: at most {plan.evaluations}"
    if plan.estimated_seconds is not None:
        planned += f", {duration(plan.estimated_seconds)} of model time"
    if plan.budget is not None:
        planned += f"; budget {plan.budget}"
    return f"{text} ({planned})"
