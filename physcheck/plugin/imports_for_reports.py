"""Modules that a run needs once its model was called, imported before that.

A model may open files until there is no descriptor left, delete the folder or empty ``sys.path``:
an import that comes later would then end the run, and its records would be lost.
"""

from __future__ import annotations

from importlib import import_module

from physcheck.checks import all_checks
from physcheck.report.environment import versions

__all__ = ["import_what_reports_need"]

_NEEDED = (
    "jinja2.ext",
    "physcheck.plugin.validation",
    "physcheck.report.badge",
    "physcheck.report.continuous_integration",
    "physcheck.report.environment",
    "physcheck.report.facts_of_run",
    "physcheck.report.html",
    "physcheck.report.json_report",
    "physcheck.report.markdown",
    "physcheck.report.terminal",
    "physcheck.report.writing",
    "physcheck.resolution",
    "physcheck.run.cause_aware",
    "physcheck.run.known_failures",
    "physcheck.run.outcomes",
    "physcheck.run.plan",
    "physcheck.run.preparation",
    "physcheck.run.runner",
    "physcheck.run.searching",
    "physcheck.search.laws",
    "physcheck.search.searching_check",
    "physcheck.structures",
    "physcheck.text.exceptions",
    "physcheck.text.failure",
    "physcheck.text.numbers",
    "physcheck.text.phrases",
)


def import_what_reports_need() -> None:
    """Import all that plans a run, makes records, and writes and prints reports."""
    for name in _NEEDED:
        import_module(name)
    all_checks()
    versions()
