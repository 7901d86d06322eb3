"""What a run comes to, as typed values: one Record a check and structure, and the Report of all.

Light to import, so that the process that only collects records loads nothing heavy.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from physcheck.measurement import Outcome
from physcheck.names import Kind
from physcheck.run.facts import ModelIdentity, RunFacts
from physcheck.run.jsonable import number_from_json, to_jsonable
from physcheck.run.settings import Settings
from physcheck.text.numbers import figure, with_uncertainty
from physcheck.text.phrases import verdict_word

__all__ = ["SCHEMA", "Record", "ReferenceResult", "Report", "Summary"]

#: The name of the JSON document's format; ``physcheck/report/schema.json`` describes it.
SCHEMA = "physcheck-report/1"

# Fields that JSON holds as a number, as a string where the number is not finite, or as null.
_NUMBERS = ("value", "uncertainty", "tolerance", "detection_limit", "noise_floor")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceResult:
    """The same check with the same structure and seed on the reference: a reader compares it.

    Attributes
    ----------
    verdict, reason, message, unit, value, uncertainty, interval, detection_limit, noise_floor
    force_evaluations, seconds, evidence
        As in :class:`Record`.
    """

    verdict: Outcome
    reason: str | None
    message: str
    unit: str
    value: float | None
    uncertainty: float | None
    interval: tuple[float, float] | None
    detection_limit: float | None
    force_evaluations: int | None
    seconds: float | None
    evidence: Mapping[str, Any]
    noise_floor: float | None = None

    @classmethod
    def of(cls, record: Record) -> ReferenceResult:
        """What a record keeps of the one that was made of the reference."""
        return cls(**{f.name: getattr(record, f.name) for f in fields(cls)})

    def to_json(self) -> dict[str, Any]:
        """All fields by name; numbers that are not finite are strings."""
        return _fields_to_json(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ReferenceResult:
        """The inverse of :meth:`to_json`."""
        return cls(**_fields_from_json(cls, document))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What one check found at one structure.  Never changed: ``dataclasses.replace`` makes another.

    Attributes
    ----------
    check, family : str
    kind : str
        ``law``, ``practice`` or ``info``.
    structure : str
    verdict : Outcome
    reason : str or None
        Why the verdict is not the measured number's alone: nothing tested, a known failure, an
        expected one.
    quantity, unit : str
    value, uncertainty : float or None, in ``unit``
        The violation and one standard deviation; None where nothing was measured.
    uncertainty_components : mapping of str to float
    interval : (low, high) or None
    tolerance : float or None
    detection_limit : float or None
        The smallest true violation that this record would have called FAIL with 95 % chance; never
        below the tolerance.
    limit_unknown : str or None
        Why there is no detection limit.
    noise_floor : float or None
        What rounding, roughness and memory hide.
    force_evaluations, jacobian_products : int or None
    seconds, model_seconds : float or None
        Of the record, and of them those within the model.
    level : str or None
        How closely it looked: the budget whose options the last look had.
    seed : tuple of int
        Entropy of the random numbers: ``numpy.random.default_rng(seed)``.
    message : str
    title, short_title, causes, advice : str
        The check's: the violation in a few words, and in fewer; what usually causes it, what to do
        about it.
    rerun : str or None
        The command that makes this record again.
    evidence : mapping
        As JSON holds it: ``quantities``, and where they exist ``place``, ``scale``, ``lines``,
        ``configurations`` (a path), ``traceback``, ``spent``, and the check's own entries.
    reference : ReferenceResult or None
    """

    check: str
    family: str
    kind: Kind
    structure: str
    verdict: Outcome
    reason: str | None = None
    quantity: str
    unit: str
    value: float | None = None
    uncertainty: float | None = None
    uncertainty_components: Mapping[str, float] = field(default_factory=dict)
    interval: tuple[float, float] | None = None
    tolerance: float | None = None
    detection_limit: float | None = None
    limit_unknown: str | None = None
    noise_floor: float | None = None
    force_evaluations: int | None = None
    jacobian_products: int | None = None
    seconds: float | None = None
    model_seconds: float | None = None
    level: str | None = None
    seed: tuple[int, ...]
    message: str = ""
    title: str = ""
    short_title: str = ""
    causes: str = ""
    advice: str = ""
    rerun: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=lambda: {"quantities": {}})
    reference: ReferenceResult | None = None

    def __repr__(self) -> str:
        said = f"<Record {self.name}: {verdict_word(self.verdict)}"
        if self.value is not None:
            said += f", {with_uncertainty(self.value, self.uncertainty, self.unit)}"
        if self.tolerance is not None:
            said += f", tolerance {figure(self.tolerance, self.unit)}"
        return f"{said}>"

    @property
    def name(self) -> str:
        """``check[structure]``."""
        return f"{self.check}[{self.structure}]"

    @property
    def explanation(self) -> str:
        """Why the verdict is what it is: the reason where there is one, else the message."""
        return self.reason or self.message

    def to_json(self) -> dict[str, Any]:
        """All fields by name; numbers that are not finite are strings."""
        return _fields_to_json(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Record:
        """The inverse of :meth:`to_json`; reports of versions that lack texts are read, too."""
        values = _fields_from_json(cls, document)
        parts = values.get("uncertainty_components") or {}
        values["uncertainty_components"] = {name: float(part) for name, part in parts.items()}
        values["seed"] = tuple(values["seed"])
        reference = values.get("reference")
        values["reference"] = ReferenceResult.from_json(reference) if reference else None
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of verdicts, and what the run spent, of records that gave no number included.

    Attributes
    ----------
    verdicts : mapping of Outcome to int
    force_evaluations, reference_evaluations, setup_evaluations : int
    seconds : float
    """

    verdicts: Mapping[Outcome, int]
    force_evaluations: int
    reference_evaluations: int
    setup_evaluations: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The counts by their verdicts' names, then the rest."""
        return {
            **{str(outcome): number for outcome, number in self.verdicts.items()},
            "force_evaluations": self.force_evaluations,
            "reference_evaluations": self.reference_evaluations,
            "setup_evaluations": self.setup_evaluations,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run as far as it has come: every report is a function of it.

    Attributes
    ----------
    created : str
        ISO time of the start.
    settings : Settings
    records : tuple of Record
    facts : RunFacts
        The model, reference, environment, plan, and what was not scheduled.
    setup : mapping of str to int
        Evaluations of planning, resolutions and shared trajectories, by what they were for.
    complete : bool
        Whether every record that was to be made is there.
    exit_code : int or None
    error : str or None
        Why there are no records.
    physcheck : str
        The version that made the report.
    """

    created: str
    settings: Settings
    records: tuple[Record, ...] = ()
    facts: RunFacts = field(default_factory=RunFacts)
    setup: Mapping[str, int] = field(default_factory=dict)
    complete: bool = False
    exit_code: int | None = None
    error: str | None = None
    # Not read from metadata: a model may have emptied the paths where these are looked for.
    physcheck: str = field(default_factory=lambda: sys.modules["physcheck"].__version__)

    @property
    def model(self) -> ModelIdentity:
        """The model under test; only its spec is known where it could not be loaded."""
        return self.facts.model or ModelIdentity(spec=self.settings.model)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What trial calls showed that no record says."""
        return () if self.facts.plan is None else self.facts.plan.remarks

    @property
    def summary(self) -> Summary:
        """Counts of verdicts, and what the run spent."""
        references = [record.reference for record in self.records if record.reference is not None]
        results: list[Record | ReferenceResult] = [*self.records, *references]
        return Summary(
            verdicts={o: sum(record.verdict is o for record in self.records) for o in Outcome},
            force_evaluations=int(_spent(self.records, "force_evaluations")),
            reference_evaluations=int(_spent(references, "force_evaluations")),
            setup_evaluations=sum(self.setup.values()),
            seconds=round(_spent(results, "seconds"), 6),
        )

    def to_json(self, *, records: bool = True) -> dict[str, Any]:
        """The document ``physcheck-report/1``; without ``records`` their list is empty."""
        facts = self.facts.to_json()
        return {
            "schema": SCHEMA,
            "physcheck": self.physcheck,
            "created": self.created,
            "complete": self.complete,
            "exit_code": self.exit_code,
            "error": self.error,
            "model": self.model.to_json(),
            "reference": facts["reference"],
            "environment": facts["environment"],
            "settings": self.settings.to_json(),
            "plan": facts["plan"],
            "records": [record.to_json() for record in self.records if records],
            "not_scheduled": facts["not_scheduled"],
            "setup": dict(self.setup),
            "summary": self.summary.to_json(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Report:
        """The inverse of :meth:`to_json`.

        Raises
        ------
        SpecError
            A setting is none that this version knows.
        """
        return cls(
            created=document["created"],
            settings=Settings.from_json(document["settings"]),
            records=tuple(Record.from_json(record) for record in document["records"]),
            facts=RunFacts.from_json(document),
            # Reports of versions that don't tell what it was for have the sum alone.
            setup=document.get("setup", {"all": document["summary"]["setup_evaluations"]}),
            complete=document["complete"],
            exit_code=document["exit_code"],
            error=document["error"],
            physcheck=document["physcheck"],
        )


def _spent(results: Iterable[Record | ReferenceResult], name: str) -> float:
    """The sum of a cost; what gave no number keeps its cost in its evidence."""
    total = 0.0
    for result in results:
        value = getattr(result, name)
        total += result.evidence.get("spent", {}).get(name, 0) if value is None else value
    return total


def _fields_to_json(result: Record | ReferenceResult) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for f in fields(result):
        value = getattr(result, f.name)
        if f.name == "reference":
            document[f.name] = None if value is None else value.to_json()
        else:
            # Evidence is JSON already and may hold long arrays: not walked again at each writing.
            document[f.name] = value if f.name == "evidence" else to_jsonable(value)
    return document


def _fields_from_json(
    kind: type[Record] | type[ReferenceResult], document: Mapping[str, Any]
) -> dict[str, Any]:
    values = {f.name: document[f.name] for f in fields(kind) if f.name in document}
    values |= {n: number_from_json(values[n]) for n in _NUMBERS if n in values}
    values["verdict"] = Outcome(values["verdict"])
    if values.get("interval") is not None:
        values["interval"] = tuple(float(bound) for bound in values["interval"])
    return values
