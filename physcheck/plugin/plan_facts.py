"""What the report says of the model, the machine and the plan, once there is a plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from physcheck.run.facts import ModelIdentity, PlanSummary, RunFacts
from physcheck.run.settings import Settings

if TYPE_CHECKING:
    from physcheck.model import Model
    from physcheck.run.plan import Plan
    from physcheck.run.schedule import PlanEntry

__all__ = ["facts_of_plan"]


def facts_of_plan(
    plan: Plan,
    settings: Settings,
    model: Model,
    reference: Model | None,
    *,
    whole: Sequence[PlanEntry],
    remarks: Iterable[str] = (),
) -> RunFacts:
    """The facts of a run.

    Parameters
    ----------
    plan : Plan
        With the entries that this run makes.
    whole : sequence of PlanEntry
        Those of all shards; the same where the run is no shard.
    remarks : iterable of str
        What became known since the plan was made.
    """
    from physcheck.adapters.heads import reference_spec
    from physcheck.report.environment import environment
    from physcheck.run.same_run import structure_digest

    assert settings.model is not None
    identity = None
    if reference is not None and settings.reference is not None:
        identity = _identity(reference, reference_spec(settings.reference, settings.model))
    structures = {e.structure.name: e.structure for e in whole}
    return RunFacts(
        model=_identity(model, settings.model),
        reference=identity,
        environment=environment(),
        plan=PlanSummary(
            records=len(plan.entries),
            evaluations=plan.evaluations,
            estimated_seconds=plan.estimated_seconds,
            remarks=tuple(dict.fromkeys((*plan.remarks, *_remarks_on_files(whole), *remarks))),
            budget=plan.spending.evaluations,
            budget_reason=plan.spending.reason,
            names=tuple(entry.name for entry in plan.entries),
            whole=tuple(entry.name for entry in whole) if settings.shard else (),
            structures={n: structure_digest(s.configurations) for n, s in structures.items()},
        ),
        not_scheduled=plan.not_scheduled,
    )


def _remarks_on_files(entries: Iterable[PlanEntry]) -> tuple[str, ...]:
    """Which frames stand for a file of many."""
    remarks = (entry.structure.remark for entry in entries)
    return tuple(dict.fromkeys(remark for remark in remarks if remark))


def _identity(model: Model, spec: str) -> ModelIdentity:
    from physcheck.adapters.identity import model_identity
    from physcheck.run.jsonable import to_jsonable

    return ModelIdentity.from_json(to_jsonable(model_identity(model, spec)))
