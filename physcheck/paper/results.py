"""What an experiment gives: figures with errors beside the paper's, curves, and a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from physcheck.run.jsonable import number_from_json, to_jsonable

__all__ = [
    "FORMAT",
    "Agreement",
    "Curve",
    "Findings",
    "NotRun",
    "PaperReport",
    "Plot",
    "Result",
    "Row",
    "Status",
]

FORMAT = "physcheck-paper/1"

Status = Literal["done", "not run", "failed", "interrupted"]
#: How an effect's direction is beside the paper's.
Agreement = Literal["as in the paper", "otherwise", "not told apart", ""]


class NotRun(Exception):
    """An experiment can't be made on these models or this structure; its text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure.

    Attributes
    ----------
    quantity : str
    of : str
        ``model``, ``reference`` or the pair of both.
    value : float
    error : float or None
        One standard error; None only where ``note`` says why.
    unit : str
    paper : str
        The paper's figure for the same quantity, with the model it belongs to; mostly of another
        system.
    note : str
        Why there is no error, or what a reader must know of this figure.
    """

    quantity: str
    of: str
    value: float
    error: float | None
    unit: str = ""
    paper: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.error is None and not self.note:
            raise ValueError(f"{self.quantity} of the {self.of} needs an error, or a note why not")


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One curve of a plot; ``spread``, where given, is one standard error of each point."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    spread: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Curves on one pair of axes.

    Attributes
    ----------
    caption, x, y : str
        What it shows, and the labels of the axes with their units.
    curves : sequence of Curve
    level, level_label : float or None, str
        A horizontal line to compare with.
    logarithmic : str
        The axes that are: ``""``, ``"x"``, ``"y"`` or ``"xy"``.
    markers : bool
        Points joined by lines rather than lines alone.
    """

    caption: str
    x: str
    y: str
    curves: Sequence[Curve]
    level: float | None = None
    level_label: str = ""
    logarithmic: str = ""
    markers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What an experiment measured.

    Attributes
    ----------
    rows : sequence of Row
    plots : sequence of Plot
    agreement : Agreement
        Whether the effect has the paper's direction, beyond three standard errors.
    said : str
        What was seen, in a sentence or two.
    uncounted : (int, int)
        Evaluations of the model and the reference that their meters didn't see.
    """

    rows: Sequence[Row]
    agreement: Agreement
    said: str
    plots: Sequence[Plot] = ()
    uncounted: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An experiment at one structure.

    Attributes
    ----------
    experiment, title, structure : str
    status : Status
    reason : str
        Why it was not run, failed, or ended early; empty where it is done.
    findings : Findings
        Without rows where there are none.
    model_evaluations, reference_evaluations : int
    seconds : float
    """

    experiment: str
    title: str
    structure: str
    status: Status
    reason: str = ""
    findings: Findings = field(default_factory=lambda: Findings(rows=(), agreement="", said=""))
    model_evaluations: int = 0
    reference_evaluations: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperReport:
    """All results so far; ``complete`` once nothing is left to be run."""

    physcheck: str
    model: str
    reference: str
    scale: str
    seed: int
    results: Sequence[Result] = ()
    complete: bool = False

    def is_of_same_run(self, other: PaperReport) -> bool:
        """Whether both are of the same models, lengths, random numbers and version."""
        names = ("physcheck", "model", "reference", "scale", "seed")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def followed_by(self, result: Result) -> PaperReport:
        """This report with one more result."""
        return replace(self, results=(*self.results, result))

    @property
    def failed(self) -> list[Result]:
        """The results of experiments that raised."""
        return [result for result in self.results if result.status == "failed"]

    def as_json(self) -> dict[str, Any]:
        """For a file; numbers that aren't finite are strings."""
        values: dict[str, Any] = to_jsonable({"format": FORMAT, **asdict(self)})
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PaperReport:
        """From what :meth:`as_json` gave.

        Raises
        ------
        ValueError
            Another format.
        """
        if values.get("format") != FORMAT:
            raise ValueError(f"format is {values.get('format')!r}, should be {FORMAT!r}")
        kept = {key: value for key, value in values.items() if key != "format"}
        results = tuple(_result(one) for one in kept.pop("results"))
        return cls(**kept, results=results)


def _result(values: Mapping[str, Any]) -> Result:
    found = dict(values)
    findings = dict(found.pop("findings"))
    rows = tuple(
        Row(
            **{
                **row,
                "value": number_from_json(row["value"]),
                "error": number_from_json(row["error"]),
            }
        )
        for row in findings.pop("rows")
    )
    plots = tuple(
        Plot(**{**plot, "curves": tuple(_curve(one) for one in plot["curves"])})
        for plot in findings.pop("plots")
    )
    first, second = findings.pop("uncounted")
    made = Findings(**findings, rows=rows, plots=plots, uncounted=(first, second))
    return Result(**found, findings=made)


def _curve(values: Mapping[str, Any]) -> Curve:
    numbers = {name: [float(one) for one in values[name]] for name in ("x", "y", "spread")}
    return Curve(label=values["label"], **numbers)
