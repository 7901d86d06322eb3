"""The answer as a badge for a README, in the shape that such badges have."""

from __future__ import annotations

from html import escape

from physcheck.measurement import Outcome
from physcheck.report.answer import answer
from physcheck.run.record import Report
from physcheck.text.phrases import count

__all__ = ["badge"]

_COLOURS = {"PASS": "#116329", "FAIL": "#b42318", "ERROR": "#b42318", "NOT COMPLETE": "#57606a"}
_OTHER = "#7a5200"
# Widths of DejaVu Sans at 11 px, which this is drawn in where it is there, and the margin.
_LETTER, _MARGIN, _HEIGHT = 6.8, 8, 20
_NAME = "physcheck"


def badge(report: Report) -> str:
    """An SVG of the answer in two or three words.

    A run that is not complete, or where something remains open, is never shown as a pass.
    """
    head = answer(report).split(":")[0]
    said = _words(report, head)
    if report.settings.shard is not None and head == "PASS":
        # The other shards may fail.
        head, said = "", f"shard {report.settings.shard} passes"
    colour = _COLOURS.get(head, _OTHER)
    left, right = (round(_LETTER * len(text) + 2 * _MARGIN) for text in (_NAME, said))
    label = escape(f"{_NAME}: {said}", quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{_HEIGHT}" '
        f'role="img" aria-label="{label}"><title>{label}</title>'
        f'<rect width="{left}" height="{_HEIGHT}" fill="#444"/>'
        f'<rect x="{left}" width="{right}" height="{_HEIGHT}" fill="{colour}"/>'
        '<g fill="#fff" font-family="DejaVu Sans,Verdana,sans-serif" font-size="11" '
        'text-anchor="middle">'
        f'<text x="{left / 2:g}" y="14">{_NAME}</text>'
        f'<text x="{left + right / 2:g}" y="14">{escape(said)}</text></g></svg>\n'
    )


def _words(report: Report, head: str) -> str:
    failed = {r.check for r in report.records if r.verdict is Outcome.FAIL}
    if head == "FAIL" and failed:
        return f"{count(len(failed), 'check')} violated"
    if head == "PASS":
        held = [r for r in report.records if r.verdict is Outcome.PASS and r.kind != "info"]
        passed = len({r.check for r in held})
        return f"{count(passed, 'check')} pass ({report.settings.profile})"
    return head.lower()
