"""The JSON document ``physcheck-report/1``: what every other report is made from."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from physcheck.text.failure import is_mended
from physcheck.text.numbers import as_float

__all__ = ["SCHEMA", "answer", "build_report", "count", "schema", "some", "summarise", "write_text"]

SCHEMA = "physcheck-report/1"
VERDICTS = ("pass", "fail", "inconclusive", "not_applicable", "error", "known_failure")
_NO_MODEL: dict[str, Any] = {
    "spec": None, "name": None, "adapter": None, "dtype": None, "device": None, "fingerprint": None,
    "capabilities": {},
}  # fmt: skip


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    text = Path(__file__).with_name("schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def summarise(records: Iterable[Mapping[str, Any]], *, setup_evaluations: int) -> dict[str, Any]:
    """Counts of verdicts, and what the run spent."""
    records = list(records)
    counts: dict[str, Any] = {v: sum(r["verdict"] == v for r in records) for v in VERDICTS}
    counts["force_evaluations"] = int(sum(_spent(r, "force_evaluations") for r in records))
    beside = [r["reference"] for r in records if r.get("reference")]
    counts["reference_evaluations"] = int(sum(_spent(r, "force_evaluations") for r in beside))
    counts["setup_evaluations"] = setup_evaluations
    counts["seconds"] = round(sum(_spent(r, "seconds") for r in [*records, *beside]), 6)
    return counts


def _spent(record: Mapping[str, Any], name: str) -> float:
    value = record.get(name)
    if value is None:
        value = (record.get("evidence") or {}).get("spent", {}).get(name, 0)
    return as_float(value)


def build_report(
    *,
    created: str,
    settings: Mapping[str, Any],
    records: Sequence[Mapping[str, Any]],
    run: Mapping[str, Any] | None = None,
    setup_evaluations: int = 0,
    complete: bool = False,
    exit_code: int | None = None,
    error: str | None = None,
) -> dict[str, Any]:
    """The document, as far as the run has come.

    Parameters
    ----------
    created : str
        ISO time of the start.
    settings, records
    run : mapping, optional
        ``model``, ``reference``, ``environment``, ``not_scheduled`` and ``plan``, known once the model is loaded.
    setup_evaluations : int
    complete : bool
        Whether every record that was to be made is there.
    exit_code : int or None
    error : str or None
        Why there are no records.
    """
    run = run or {}
    model = dict(run.get("model") or {**_NO_MODEL, "spec": settings.get("model")})
    return {
        "schema": SCHEMA,
        "physcheck": version("physcheck"),
        "created": created,
        "complete": complete,
        "exit_code": exit_code,
        "error": error,
        "model": model,
        "reference": run.get("reference"),
        "environment": dict(run.get("environment") or {}),
        "settings": dict(settings),
        "plan": dict(run.get("plan") or {}),
        "records": [dict(record) for record in records],
        "not_scheduled": [dict(left) for left in run.get("not_scheduled") or ()],
        "summary": summarise(records, setup_evaluations=setup_evaluations),
    }


def write_text(path: str | Path, text: str) -> None:
    """Replace a file in one step, so that a reader or a killed run never leaves half of it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        # mkstemp makes private files; a report is as readable as any other file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def answer(report: Mapping[str, Any]) -> str:
    """One sentence that answers whether physics can be run with the model."""
    said = _answer(report)
    spared = list(dict.fromkeys(r["check"] for r in report["records"] if _is_spared(r, report)))
    if spared and not report["error"]:
        said = f"{said}; {some(spared)} failed, which --physcheck-fail-on=law doesn't count"
    if report["complete"] or report["error"]:
        return said
    planned = report["plan"].get("records")
    made = (
        count(len(report["records"]), "record")
        if planned is None
        else (f"{len(report['records'])} of {count(planned, 'record')}")
    )
    if said.startswith(("FAIL", "ERROR")):
        return f"{said}; the run is not complete: {made}"
    return f"NOT COMPLETE: {made} made, none of them failed"


def _is_spared(record: Mapping[str, Any], report: Mapping[str, Any]) -> bool:
    """A practice that failed where only laws count."""
    only_laws = report["settings"].get("fail_on") == "law"
    return bool(
        only_laws
        and record["verdict"] == "fail"
        and record["kind"] == "practice"
        and not record["reason"]
    )


def _answer(report: Mapping[str, Any]) -> str:
    records = [r for r in report["records"] if not _is_spared(r, report)]
    if report["error"]:
        return f"ERROR: {report['error'].strip().splitlines()[0]}"
    failed = [r for r in records if r["verdict"] == "fail" and not is_mended(r)]
    mended = [r for r in records if is_mended(r)]
    # An error with a reason is one that the host expects.
    errors = [r for r in records if r["verdict"] == "error" and not r["reason"]]
    known = [r for r in records if r["verdict"] == "known_failure"]
    known += [r for r in records if r["verdict"] == "error" and r["reason"]]
    if failed:
        names = ", ".join(dict.fromkeys(r["check"] for r in failed))
        n_laws = len({r["check"] for r in failed})
        noun = "check" if any(r["kind"] != "law" for r in failed) else "law"
        also = f"; {count(len(errors), 'error')}" if errors else ""
        return f"FAIL: {count(n_laws, noun)} violated ({names}) in {len(failed)} of {len(records)} records{also}"
    if mended:
        names = ", ".join(f"{r['check']}[{r['structure']}]" for r in mended)
        return f"FAIL: {count(len(mended), 'known failure')} passes now: remove it from the list ({names})"
    if errors:
        names = ", ".join(dict.fromkeys(r["check"] for r in errors))
        return f"ERROR: {count(len(errors), 'record')} could not be made ({names})"
    open_ = [r for r in records if r["verdict"] == "inconclusive"]
    if open_:
        names = some([f"{r['check']}[{r['structure']}]" for r in open_])
        return f"INCONCLUSIVE: nothing failed, but {len(open_)} of {len(records)} records can't tell ({names})"
    if known:
        return f"KNOWN FAILURES: {count(len(known), 'known failure')}, nothing new"
    passed = [r for r in records if r["verdict"] == "pass"]
    if passed:
        n_checks = len({r["check"] for r in passed})
        n_structures = len({r["structure"] for r in passed})
        return f"PASS: no violation found by {count(n_checks, 'check')} on {count(n_structures, 'structure')}"
    return "NOTHING JUDGED: no check could be made of this model"


def some(names: Sequence[str], most: int = 4) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def count(number: int, noun: str) -> str:
    """``1 record``, ``2 records``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
