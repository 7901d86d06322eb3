"""How a Measurement shows itself: a few lines, a table with pictures, a figure."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physcheck.measurement import Measurement, Verdict
from physcheck.measurement import judge as verdict_on
from physcheck.report.pictures.drawing import BAD, BLUE, DOUBT, GOOD
from physcheck.text.numbers import figure, with_uncertainty
from physcheck.text.phrases import count, printable, verdict_word
from physcheck.tolerances import PROFILES, Tolerance

if TYPE_CHECKING:
    from physcheck.registry import CheckSpec
    from physcheck.run.record import Record

__all__ = ["html_of_measurement", "lines_of_measurement", "plot_of_measurement"]

_LONGEST = 160
_COLOURS = {"pass": GOOD, "fail": BAD, "inconclusive": DOUBT}


def lines_of_measurement(measured: Measurement) -> str:
    """At most six lines: value, interval, verdict, place, cost."""
    low, high = measured.interval
    unit = measured.unit
    value = with_uncertainty(measured.value, measured.uncertainty, unit)
    lines = [
        f"<Measurement {measured.check or 'of no check'}: {value}>",
        f"  {measured.quantity or 'no quantity is named'}",
        f"  interval {figure(low)} to {figure(high, unit)}"
        + "".join(f"; {name} {text}" for name, text in _limits(measured)),
    ]
    verdict, tolerance = _verdict(measured)
    if verdict is not None and tolerance is not None:
        limit = f"tolerance {figure(tolerance.value, unit)} ({tolerance.profile})"
        lines.append(f"  {verdict_word(verdict.outcome)}, {limit}: {verdict.message}")
    place = measured.evidence.get("place")
    lines += [f"  {place}"] if place else []
    lines.append(f"  {count(measured.force_evaluations, 'evaluation')}")
    return "\n".join(_shortened(printable(line).replace("\n", " ")) for line in lines)


def _limits(measured: Measurement) -> list[tuple[str, str]]:
    """The detection limit and the noise floor, by name, where they are known."""
    named = {"detection limit": measured.known_limit, "noise floor": measured.noise_floor}
    return [(name, figure(n, measured.unit)) for name, n in named.items() if n is not None]


def html_of_measurement(measured: Measurement) -> str:
    """The same as a table, with the verdict of each profile and the pictures of the check."""
    from physcheck.notebook.tables import box, html_of_pictures, html_table
    from physcheck.report.pictures.of_records import pictures_of

    unit = measured.unit
    low, high = measured.interval
    rows = [
        ("quantity", measured.quantity),
        ("measured", with_uncertainty(measured.value, measured.uncertainty, unit)),
        ("interval", f"{figure(low)} to {figure(high, unit)}"),
        *_limits(measured),
    ]
    for profile in PROFILES:
        verdict, tolerance = _verdict(measured, profile)
        if verdict is not None and tolerance is not None:
            said = f"{verdict_word(verdict.outcome)}: {verdict.message}"
            rows.append((f"{profile}, {figure(tolerance.value, unit)}", said))
    place = measured.evidence.get("place")
    rows += [("where", str(place))] if place else []
    rows.append(("cost", count(measured.force_evaluations, "evaluation")))
    parts = [html_table((measured.check, ""), rows)]
    with tempfile.TemporaryDirectory(prefix="physcheck-") as folder:
        record = _record(measured, Path(folder))
        if record is not None:
            parts.append(html_of_pictures(pictures_of(record)))
    return box(parts)


def plot_of_measurement(measured: Measurement) -> Any:
    """A matplotlib Figure of the value, its interval and the tolerances."""
    from physcheck.notebook.figures import figure_of_measurement

    found = [(profile, _verdict(measured, profile)[1]) for profile in PROFILES]
    tolerances = [(profile, one.value) for profile, one in found if one is not None]
    verdict, _ = _verdict(measured)
    colour = BLUE if verdict is None else _COLOURS.get(verdict.outcome, BLUE)
    return figure_of_measurement(measured, tolerances, colour)


def _spec(measured: Measurement) -> CheckSpec | None:
    from physcheck.registry import registered_checks

    return registered_checks().get(measured.check)


def _verdict(measured: Measurement, profile: str = "md") -> tuple[Verdict | None, Tolerance | None]:
    """The verdict of a profile, and its tolerance; None where the check is unknown or has none."""
    spec = _spec(measured)
    tolerance = None if spec is None else spec.tolerance(profile)
    if tolerance is None or tolerance.unit != measured.unit:
        return None, None
    return verdict_on(measured, tolerance), tolerance


def _record(measured: Measurement, folder: Path) -> Record | None:
    """The measurement as a record, which pictures are made of; its files are in ``folder``."""
    from physcheck.run.evidence import save_evidence
    from physcheck.run.outcomes import measured_record, unmeasured_record
    from physcheck.run.settings import Settings

    spec = _spec(measured)
    verdict, tolerance = _verdict(measured)
    if spec is None or verdict is None:
        return None
    blank = unmeasured_record(
        spec, "measured", (0,), Settings(), verdict=verdict.outcome, message=verdict.message
    )
    evidence = save_evidence(measured.evidence, measured.check, lambda: folder)
    return measured_record(blank, measured, tolerance, verdict, evidence)


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
