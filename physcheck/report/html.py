"""The report as one HTML page that needs nothing beside it, neither files nor a network."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from physcheck.report.page import page_values, tolerance_text
from physcheck.run.record import Report
from physcheck.text.phrases import printable

__all__ = ["html", "render"]


def html(report: Report, folders: Iterable[Path] = ()) -> str:
    """The answer, what is violated, the grid, each check with its pictures, and what was left out.

    Parameters
    ----------
    report : Report
        Of a run that ended early, too: the page says what is missing.
    folders : paths
        Where saved configurations are looked for if they aren't where the report says.
    """
    return render("report.html.j2", page_values(report, tuple(folders)))


def render(template: str, values: dict[str, Any]) -> str:
    """A template of ``physcheck/report/templates`` with its values, all of them escaped.

    SVG that physcheck made itself is passed as :class:`~physcheck.report.pictures.drawing.Picture`.
    """
    import jinja2

    loader = jinja2.FileSystemLoader(Path(__file__).with_name("templates"))
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["tolerance_text"] = tolerance_text
    return environment.get_template(template).render(values)


def _shown(value: Any) -> Any:
    """Text without characters that act on a page's text; markup that physcheck made as it is."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return printable(value)
    return value
