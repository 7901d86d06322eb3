"""A report that shows itself in a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from physcheck.measurement import Outcome
from physcheck.report.answer import answer
from physcheck.report.consequence import violated
from physcheck.run.record import Record, Report
from physcheck.text.phrases import count, printable

__all__ = ["JudgedReport"]


class JudgedReport(Report):
    """A :class:`~physcheck.run.record.Report` with tables, pictures and files of it.

    ``JudgedReport.load("out.json")`` is that of a run under pytest.
    """

    __slots__ = ()

    @classmethod
    def load(cls, path: str | Path) -> JudgedReport:
        """The report in a JSON file that physcheck wrote.

        Raises
        ------
        SpecError
            The file can't be read, or is no report.
        """
        from physcheck.report.loading import load_report

        found = load_report(path)
        return cls(**{name: getattr(found, name) for name in Report.__dataclass_fields__})

    @property
    def answer(self) -> str:
        """The sentence that a run ends with: ``PASS: ...``, ``FAIL: ...``."""
        return answer(self)

    @property
    def failures(self) -> tuple[Record, ...]:
        """The records that fail, what spoils most of what people do first."""
        return tuple(violated(self))

    @property
    def passed(self) -> bool:
        """Whether something was judged, and nothing failed, was left open, or raised."""
        return self.answer.startswith("PASS")

    def to_dataframe(self) -> Any:
        """A pandas DataFrame, a row each record.

        Columns: check, family, kind, structure, verdict, value, uncertainty, unit, low, high,
        tolerance, detection_limit, noise_floor, evaluations, seconds and message.

        Raises
        ------
        ImportError
            pandas isn't installed.
        """
        from physcheck.notebook.optional_packages import optional_package

        pandas = optional_package("pandas", "to_dataframe")
        return pandas.DataFrame([_row(record) for record in self.records], columns=_COLUMNS)

    def plot(self) -> Any:
        """A matplotlib Figure: each record's value over its tolerance, with its interval.

        Raises
        ------
        ImportError
            matplotlib isn't installed.
        """
        from physcheck.notebook.figures import figure_of_report

        return figure_of_report(self)

    def save(self, path: str | Path) -> Path:
        """Write the report as ``.json``, ``.html``, ``.md`` or ``.svg`` (a badge), by its suffix.

        Raises
        ------
        SpecError
            Another suffix, or the file can't be written.
        """
        from physcheck.report.commands import write_report

        write_report(self, str(path))
        return Path(path)

    def _repr_html_(self) -> str:
        from physcheck.notebook.tables import html_of_report

        return html_of_report(self)

    def __repr__(self) -> str:
        verdicts = self.summary.verdicts
        counts = [f"{n} {o.replace('_', ' ')}" for o, n in verdicts.items() if n]
        name = printable(str(self.model.name))
        records = count(len(self.records), "record")
        lines = [f"<report on {name}: {records}: {', '.join(counts) or 'none'}>", self.answer]
        return printable("\n".join(lines))


_COLUMNS = (
    "check", "family", "kind", "structure", "verdict", "value", "uncertainty", "unit", "low",
    "high", "tolerance", "detection_limit", "noise_floor", "evaluations", "seconds", "message",
)  # fmt: skip


def _row(record: Record) -> tuple[Any, ...]:
    low, high = record.interval or (None, None)
    head = (record.check, record.family, record.kind, record.structure, str(record.verdict))
    numbers = (record.value, record.uncertainty, record.unit, low, high, record.tolerance)
    message = record.title if record.verdict is Outcome.FAIL else record.explanation
    cost = (record.force_evaluations, record.seconds)
    return (*head, *numbers, record.detection_limit, record.noise_floor, *cost, message)
