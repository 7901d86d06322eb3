"""What a failure says: law, number, place, scale, causes, what to do, rerun, in this order."""

from __future__ import annotations

import math

from physcheck.text.finding import Finding, ReferenceFinding
from physcheck.text.numbers import figure, ratio, with_uncertainty
from physcheck.text.phrases import verdict_head

__all__ = [
    "REMOVE",
    "failure_text",
    "is_mended",
    "saved_path",
    "short_sentence",
    "summary_sentence",
]

#: How the reason of a known failure that passes now ends.
REMOVE = "remove it from the list"

_FAILURES = ("fail", "known_failure")
# As wide as the table of a run, less the indent.
_WIDTH = 98


def failure_text(finding: Finding, *, profile: str | None = None) -> str:
    """A finding as its reader should meet it: what is wrong first, what to do last."""
    head = f"{verdict_head(finding.verdict)}  {finding.check} [{finding.structure}]"
    lines = [f"{head}   {_title(finding)}".rstrip()]
    if is_mended(finding):
        return _indented([*lines, *_number_lines(finding, profile), str(finding.reason)])
    lines += _number_lines(finding, profile)
    if finding.verdict != "fail" or finding.reason or _is_not_finite(finding):
        told = [text for text in (finding.reason, finding.message) if text]
        # What a model said of its error stays as it said it.
        lines += told if finding.verdict == "error" else [w for t in told for w in _wrapped(t)]
    lines += _evidence_lines(finding)
    if finding.reference is not None:
        lines.append(_reference_line(finding.reference))
    if finding.verdict in _FAILURES:
        lines += _wrapped(f"usual causes: {finding.causes}") if finding.causes else []
        lines += _wrapped(f"what to do: {finding.advice}") if finding.advice else []
    if finding.rerun:
        lines.append(f"rerun: {finding.rerun}")
    return _indented(lines)


def summary_sentence(finding: Finding) -> str:
    """A finding in a line: what is wrong, and the number beside its tolerance."""
    if is_mended(finding):
        return str(finding.reason)
    if finding.verdict == "error":
        lines = (finding.reason or finding.message or "").strip().splitlines()
        return f"could not be measured: {lines[0] if lines else 'no reason given'}"
    title = finding.title or finding.quantity
    if finding.value is None:
        return f"{title}: {finding.reason or finding.message}"
    if _is_not_finite(finding):
        return f"{title}: the {finding.quantity} is {finding.value}"
    number = with_uncertainty(finding.value, finding.uncertainty, finding.unit)
    text = f"{title}: {number}"
    if finding.tolerance is not None:
        text += f", tolerance {figure(finding.tolerance, finding.unit)}"
    return f"{text}; {finding.reason}" if finding.reason else text


def short_sentence(finding: Finding, room: int) -> str:
    """The longest of several ways to say a finding that fits into ``room`` characters.

    A sentence that is cut off may say nothing, or something else; empty where none fits.
    """
    title = finding.title or finding.quantity
    ways = [summary_sentence(finding)]
    if finding.verdict == "error":
        ways += ["could not be measured", "error"]
    elif is_mended(finding):
        ways += ["passes now: " + REMOVE, "passes now"]
    elif finding.value is None or _is_not_finite(finding):
        ways += [title, "not finite"]
    else:
        number = with_uncertainty(finding.value, finding.uncertainty, finding.unit)
        far = "" if finding.tolerance is None else ratio(finding.value, finding.tolerance)
        ways += [f"{title}: {number}", f"{title}, {far}" if far else title, title]
        few = finding.short_title
        ways += [f"{few}, {far}" if far else few, few] if few else []
        # The name of the law stands before it.
        ways += ["does not hold", "violated"] if finding.verdict in _FAILURES else [number]
    return next((text for text in ways if len(text) <= room), "")


def is_mended(finding: Finding) -> bool:
    """True for a failure that is none: a known one that passes now."""
    return finding.verdict == "fail" and (finding.reason or "").endswith(REMOVE)


def saved_path(finding: Finding) -> str | None:
    """Where the configurations are; relative to the current directory if they are below it."""
    from pathlib import Path

    path = finding.evidence.get("configurations")
    if not isinstance(path, str):
        return None
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return path


def _title(finding: Finding) -> str:
    if finding.verdict == "error":
        return "could not be measured"
    return "no failure any more" if is_mended(finding) else finding.title


def _number_lines(finding: Finding, profile: str | None) -> list[str]:
    """Value; tolerance, how far over, and what could have been seen.  None without a value."""
    if finding.value is None:
        return []
    unit, limit = finding.unit, finding.tolerance
    number = with_uncertainty(finding.value, finding.uncertainty, unit)
    parts = []
    if limit is not None:
        words = f"tolerance {figure(limit, unit)}" + (f" ({profile})" if profile else "")
        if finding.verdict in _FAILURES and not finding.reason:
            words += f": {ratio(finding.value, limit)}"
        parts.append(words)
    if not _is_not_finite(finding):
        parts += _limits(finding)
    return [f"{finding.quantity} = {number}", *([";  ".join(parts)] if parts else [])]


def _limits(finding: Finding) -> list[str]:
    """The two numbers that say what could have been seen, where they are known."""
    named = {"detection limit": finding.detection_limit, "noise floor": finding.noise_floor}
    return [f"{word} {figure(n, finding.unit)}" for word, n in named.items() if n is not None]


def _evidence_lines(finding: Finding) -> list[str]:
    """Where it was found, what it does to a simulation, and the check's own lines."""
    evidence, lines = finding.evidence, []
    place, saved = evidence.get("place"), saved_path(finding)
    lines += _wrapped(str(place)) if place else []
    lines += _wrapped(str(evidence["scale"])) if evidence.get("scale") else []
    lines += [f"saved: {saved}"] if saved else []
    return [*lines, *(str(line) for line in evidence.get("lines", ()))]


def _wrapped(text: str) -> list[str]:
    """A sentence in lines that fit a terminal; commands and tables to copy aren't wrapped."""
    from textwrap import wrap

    return [
        part
        for line in text.splitlines()
        for part in wrap(
            line, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    ]


def _reference_line(result: ReferenceFinding) -> str:
    head = f"reference: {verdict_head(result.verdict)}"
    if result.value is None:
        return f"{head}: {result.reason or result.message}"
    return f"{head}  {with_uncertainty(result.value, result.uncertainty, result.unit)}"


def _is_not_finite(finding: Finding) -> bool:
    return finding.value is not None and not math.isfinite(finding.value)


def _indented(lines: list[str]) -> str:
    """The lines below the first one indented, each said once."""
    body = dict.fromkeys(text for line in lines[1:] for text in line.splitlines())
    return "\n".join([lines[0], *(f"  {text}" for text in body)])
