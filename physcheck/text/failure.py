"""What a failure says: law, number, scale, place, causes, rerun, in this order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from physcheck.text.numbers import figure, plain, ratio, with_uncertainty

__all__ = ["REMOVE", "failure_text", "is_mended", "record_text", "saved_path"]

#: How the reason of a known failure that passes now ends.
REMOVE = "remove it from the list"

_HEADS = {
    "fail": "FAIL",
    "error": "ERROR",
    "inconclusive": "INCONCLUSIVE",
    "not_applicable": "NOT APPLICABLE",
    "known_failure": "KNOWN FAILURE",
    "pass": "PASS",
}


def failure_text(
    spec: Any,
    structure: str,
    measurement: Any,
    tolerance: Any,
    verdict: Any,
    *,
    rerun: str | None = None,
) -> str:
    """A failure of a :class:`~physcheck.measurement.Measurement`, as :func:`record_text` says it."""
    record = {
        "check": spec.id,
        "structure": structure,
        "title": spec.title,
        "causes": spec.causes,
        "verdict": str(verdict.outcome),
        "message": verdict.message,
        "reason": None,
        "quantity": measurement.quantity,
        "unit": measurement.unit,
        "value": plain(float(measurement.value)),
        "uncertainty": plain(float(measurement.uncertainty)),
        "tolerance": None if tolerance is None else plain(float(tolerance.value)),
        "detection_limit": plain(float(measurement.detection_limit)),
        "evidence": {
            k: v for k, v in measurement.evidence.items() if isinstance(v, str) or k == "lines"
        },
        "rerun": rerun,
    }
    return record_text(record, profile=getattr(tolerance, "profile", None))


def record_text(record: Mapping[str, Any], *, profile: str | None = None) -> str:
    """One record of the report, as its reader should meet it: what is wrong first, what to do last."""
    evidence = record.get("evidence") or {}
    head = _HEADS.get(str(record["verdict"]), str(record["verdict"]))
    title = record.get("title") or ""
    if record["verdict"] == "error" or is_mended(record):
        title = "could not be measured" if record["verdict"] == "error" else "no failure any more"
    lines = [f"{head}  {record['check']} [{record['structure']}]   {title}"]
    if record.get("value") is not None:
        lines.append(_number_line(record, profile))
    if record.get("verdict") != "fail" or record.get("reason") or _not_finite(record):
        lines += [str(t) for t in (record.get("reason"), record.get("message")) if t]
    if is_mended(record):
        return "\n".join(
            [lines[0], *(f"  {text}" for text in (*lines[1:2], str(record["reason"])))]
        )
    place, saved = evidence.get("place"), saved_path(record)
    if place or saved:
        found = [str(place)] if place else []
        lines.append("      ".join(found + ([f"saved: {saved}"] if saved else [])))
    if evidence.get("scale"):
        lines.append(str(evidence["scale"]))
    lines += list(evidence.get("lines", ()))
    if record.get("reference"):
        lines.append(_reference_line(record["reference"]))
    if (
        record["verdict"] in ("fail", "known_failure")
        and record.get("causes")
        and not is_mended(record)
    ):
        lines.append(f"usual causes: {record['causes']}")
    if record.get("rerun"):
        lines.append(f"rerun: {record['rerun']}")
    body = [text for line in lines[1:] for text in line.splitlines()]
    return "\n".join([lines[0].rstrip(), *(f"  {text}" for text in _distinct(body))])


def saved_path(record: Mapping[str, Any]) -> str | None:
    """Where the record's configurations are; relative to the current directory if they are below it."""
    from pathlib import Path

    path = (record.get("evidence") or {}).get("configurations")
    if not isinstance(path, str):
        return None
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return path


def _reference_line(twin: Mapping[str, Any]) -> str:
    head = f"reference: {_HEADS[str(twin['verdict'])]}"
    if twin["value"] is None:
        return f"{head}: {twin['reason'] or twin['message']}"
    number = with_uncertainty(twin["value"], twin["uncertainty"], twin["unit"])
    return f"{head}  {number}"


def _number_line(record: Mapping[str, Any], profile: str | None) -> str:
    unit, limit = record.get("unit") or "", record.get("tolerance")
    number = with_uncertainty(record["value"], record.get("uncertainty"), unit)
    parts = [f"{record.get('quantity')} = {number}"]
    if limit is not None:
        parts.append(f"tolerance {figure(limit, unit)}" + (f" ({profile})" if profile else ""))
    limits = []
    if (
        limit is not None
        and record["verdict"] in ("fail", "known_failure")
        and not record.get("reason")
    ):
        limits.append(ratio(record["value"], limit))
    if not _not_finite(record):
        limits.append(f"detection limit {figure(record.get('detection_limit'), unit)}")
    if limits:
        parts.append(";  ".join(limits))
    return "      ".join(parts)


def _not_finite(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("value"), str)


def _distinct(lines: list[str]) -> list[str]:
    return [line for i, line in enumerate(lines) if line not in lines[:i]]


def is_mended(record: Mapping[str, Any]) -> bool:
    """True for a failure that is none: a known one that passes now."""
    return record["verdict"] == "fail" and str(record["reason"] or "").endswith(REMOVE)
