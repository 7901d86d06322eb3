"""What a report says beside its records, from the plan and the model of its run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from physcheck.adapters.identity import model_identity
from physcheck.model import Model
from physcheck.report.environment import environment
from physcheck.run.entry import PlanEntry
from physcheck.run.facts import ModelIdentity, PlanSummary, RunFacts
from physcheck.run.jsonable import to_jsonable
from physcheck.run.plan import Plan
from physcheck.run.same_run import structure_digest

__all__ = ["facts_of_plan"]


def facts_of_plan(
    plan: Plan,
    model: Model,
    spec: str | None,
    reference: Model | None = None,
    reference_spec: str | None = None,
    remarks: Iterable[str] = (),
    *,
    whole: Sequence[PlanEntry] | None = None,
) -> RunFacts:
    """The model, the machine, the plan's cost and remarks, and what was not scheduled.

    Parameters
    ----------
    spec, reference_spec : str or None
        None for a model that no spec names.
    remarks : iterable of str
        What was found after the plan was made.
    whole : sequence of PlanEntry, optional
        The entries of all shards, where ``plan`` is one of them.
    """
    entries = plan.entries if whole is None else whole
    found = (*plan.remarks, *_remarks_on_files(entries), *remarks)
    structures = {entry.structure.name: entry.structure for entry in entries}
    return RunFacts(
        model=_identity(model, spec),
        reference=None if reference is None else _identity(reference, reference_spec),
        environment=environment(),
        plan=PlanSummary(
            records=len(plan.entries),
            evaluations=plan.evaluations,
            estimated_seconds=plan.estimated_seconds,
            remarks=tuple(dict.fromkeys(found)),
            budget=plan.spending.evaluations,
            budget_reason=plan.spending.reason,
            names=tuple(entry.name for entry in plan.entries),
            whole=() if whole is None else tuple(entry.name for entry in whole),
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
