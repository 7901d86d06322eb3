"""What is known of a run beside its records: the model, the machine and the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

__all__ = ["ModelIdentity", "NotScheduled", "PlanSummary", "RunFacts"]

# Fields of a plan that JSON holds as lists.
_LISTS = ("remarks", "names", "whole")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelIdentity:
    """Which model was judged.

    Attributes
    ----------
    spec : str or None
        As given on the command line; None for a model of a test's fixture.
    name, adapter, dtype, device : str or None
        None until the model is loaded.
    fingerprint : str or None
        sha256 of the model's file, or of the spec.
    capabilities : mapping
        What the model can do, as JSON holds it.
    """

    spec: str | None = None
    name: str | None = None
    adapter: str | None = None
    dtype: str | None = None
    device: str | None = None
    fingerprint: str | None = None
    capabilities: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ModelIdentity:
        """The inverse of :meth:`to_json`; what later versions added is left out."""
        return cls(**_known(cls, document))


@dataclass(frozen=True, slots=True)
class NotScheduled:
    """A check at a structure that won't run, and why.

    Attributes
    ----------
    check : str
        ``*`` is every check.
    structure, reason : str
    group : str
        The reason without the numbers that are this record's own; empty where it has none.
    """

    check: str
    structure: str
    reason: str
    group: str = ""

    @property
    def common_reason(self) -> str:
        """What it shares with others that are left out for the same reason."""
        return self.group or self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """What the plan promised.

    Attributes
    ----------
    records : int
    evaluations : int
        The most that these records and what their structures share may spend.
    estimated_seconds : float or None
        Of model time; None where no timed call succeeded.
    remarks : tuple of str
        What trial calls showed that no record will.
    budget : int or None
        The evaluations that ``--physcheck-budget`` came to; None is no limit.
    budget_reason : str
        Where that number comes from; empty where the user gave it.
    names : tuple of str
        ``check[structure]`` of each record, in order.
    whole : tuple of str
        The same of all shards together; empty where the run is no shard.
    structures : mapping of str to str
        A hash of each structure of the whole run.
    """

    records: int
    evaluations: int
    estimated_seconds: float | None = None
    budget: int | None = None
    budget_reason: str = ""
    remarks: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    structures: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All fields by name."""
        return {**asdict(self), **{name: list(getattr(self, name)) for name in _LISTS}}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PlanSummary:
        """The inverse of :meth:`to_json`; what later versions added is left out."""
        lists = {name: tuple(document.get(name, ())) for name in _LISTS}
        return cls(**{**_known(cls, document), **lists})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What the report says beside the records; empty until a model is loaded.

    Attributes
    ----------
    model : ModelIdentity or None
    reference : ModelIdentity or None
        The second model, if there is one.
    environment : mapping
        Versions, threads and flags of the machine.
    plan : PlanSummary or None
        None where a test's fixture gave the model: its tests are the plan.
    not_scheduled : tuple of NotScheduled
    """

    model: ModelIdentity | None = None
    reference: ModelIdentity | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    plan: PlanSummary | None = None
    not_scheduled: tuple[NotScheduled, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """All fields by name, in the order in which the report has them."""
        return {
            "model": None if self.model is None else self.model.to_json(),
            "reference": None if self.reference is None else self.reference.to_json(),
            "environment": dict(self.environment),
            "plan": {} if self.plan is None else self.plan.to_json(),
            "not_scheduled": [asdict(left) for left in self.not_scheduled],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> RunFacts:
        """The inverse of :meth:`to_json`; reads whole reports, too."""
        model, reference = document.get("model"), document.get("reference")
        plan = document.get("plan")
        return cls(
            model=ModelIdentity.from_json(model) if model else None,
            reference=ModelIdentity.from_json(reference) if reference else None,
            environment=document.get("environment") or {},
            plan=PlanSummary.from_json(plan) if plan else None,
            not_scheduled=tuple(
                NotScheduled(**_known(NotScheduled, left))
                for left in document.get("not_scheduled", ())
            ),
        )


def _known(kind: type[Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Those entries that this version has a field for."""
    names = {f.name for f in fields(kind)}
    return {name: value for name, value in document.items() if name in names}
