"""What a report says beside its records, from the plan and the models of its run."""

from __future__ import annotations

from collections.abc import Iterable

from physcheck.adapters.identity import model_identity
from physcheck.model import Model
from physcheck.report.environment import environment
from physcheck.run.entry import PlanEntry
from physcheck.run.facts import ModelIdentity, PlanSummary, RunFacts
from physcheck.run.jsonable import to_jsonable
from physcheck.run.preparation import PreparedRun
from physcheck.run.same_run import structure_digest

__all__ = ["facts_of_run"]


def facts_of_run(run: PreparedRun, *, earlier: Iterable[str] = ()) -> RunFacts:
    """The models, the machine, the plan's cost and remarks, and what was not scheduled.

    Parameters
    ----------
    earlier : iterable of str
        Remarks of the run that this one goes on from.
    """
    plan, models = run.plan, run.models
    shards = run.runner.settings.shard is not None
    entries = run.whole if shards else plan.entries
    found = (*plan.remarks, *_remarks_on_files(entries), *run.remarks, *earlier)
    structures = {entry.structure.name: entry.structure for entry in entries}
    partner = None
    if models.reference is not None:
        partner = _identity(models.reference, models.reference_spec)
    return RunFacts(
        model=_identity(models.tested, models.spec),
        reference=partner,
        environment=environment(),
        plan=PlanSummary(
            records=len(plan.entries),
            evaluations=plan.evaluations,
            estimated_seconds=plan.estimated_seconds,
            remarks=tuple(dict.fromkeys(found)),
            budget=plan.spending.evaluations,
            budget_reason=plan.spending.reason,
            names=tuple(entry.name for entry in plan.entries),
            whole=tuple(entry.name for entry in run.whole) if shards else (),
            structures={n: structure_digest(s.configurations) for n, s in structures.items()},
        ),
        not_scheduled=plan.not_scheduled,
    )


def _remarks_on_files(entries: Iterable[PlanEntry]) -> tuple[str, ...]:
    """Which frames stand for a file of many."""
    remarks = (entry.structure.remark for entry in entries)
    return tuple(dict.fromkeys(remark for remark in remarks if remark))


def _identity(model: Model, spec: str | None) -> ModelIdentity:
    return ModelIdentity.from_json(to_jsonable(model_identity(model, spec)))
