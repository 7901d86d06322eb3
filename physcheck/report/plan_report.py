"""A plan before its run: what would be judged, where and why, at what cost, and what would not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from textwrap import wrap
from typing import Any

from physcheck.model import Model
from physcheck.names import FAMILIES
from physcheck.run.entry import PlanEntry
from physcheck.run.facts import ModelIdentity
from physcheck.run.plan import Plan
from physcheck.run.settings import Settings
from physcheck.text.numbers import rough_duration
from physcheck.text.phrases import count, printable, some

__all__ = ["PLAN_SCHEMA", "plan_json", "plan_lines"]

#: The name of the JSON document's format.
PLAN_SCHEMA = "physcheck-plan/1"
_WIDTH = 100
_PERIODIC = {0: "molecule or cluster", 1: "periodic in 1 direction", 2: "slab", 3: "periodic"}


def plan_json(plan: Plan, identity: ModelIdentity, settings: Settings) -> dict[str, Any]:
    """The plan as plain values: the document ``physcheck-plan/1``."""
    from importlib.metadata import version

    run = [entry for entry in plan.entries if entry.not_applicable is None]
    left = [entry for entry in plan.entries if entry.not_applicable is not None]
    return {
        "schema": PLAN_SCHEMA,
        "physcheck": version("physcheck"),
        "model": identity.to_json(),
        "settings": settings.to_json(),
        "budget": {
            "evaluations": plan.spending.evaluations,
            "option": plan.spending.option,
            "reason": plan.spending.reason,
        },
        "evaluations": plan.evaluations,
        "estimated_seconds": plan.estimated_seconds,
        "setup_evaluations": plan.setup_evaluations,
        "structures": _structures(plan),
        "records": [_record(entry) for entry in run],
        "not_applicable": [
            {"check": e.check.id, "structure": e.structure.name, "reason": e.not_applicable}
            for e in left
        ],
        "not_scheduled": [asdict(one) for one in plan.not_scheduled],
        "remarks": list(plan.remarks),
    }


def _structures(plan: Plan) -> list[dict[str, Any]]:
    found = {entry.structure.name: entry.structure for entry in plan.entries}
    return [
        {
            "name": structure.name,
            "formula": structure.configurations.system.formula,
            "atoms": structure.configurations.n_atoms,
            "pbc": structure.configurations.system.pbc.tolist(),
            "provenance": structure.provenance,
            "why": plan.why.get(structure.name, ""),
        }
        for structure in found.values()
    ]


def _record(entry: PlanEntry) -> dict[str, Any]:
    return {
        "check": entry.check.id,
        "family": entry.check.family,
        "kind": entry.check.kind,
        "structure": entry.structure.name,
        "evaluations": entry.allotment,
        "shared_evaluations": entry.shared,
        "gradient_evaluations": entry.bound,
        "looks": list(entry.looks),
        "seed": list(entry.seed),
    }


def plan_lines(plan: Plan, model: Model, settings: Settings) -> list[str]:
    """The plan for people: cost first, then structures, checks, and what can't be tested."""
    capabilities = model.capabilities
    run = [entry for entry in plan.entries if entry.not_applicable is None]
    outputs = ", ".join(sorted(capabilities.outputs))
    time = ""
    if plan.estimated_seconds is not None:
        time = f", about {rough_duration(plan.estimated_seconds)} of model time"
    facts = f"{capabilities.adapter}, {capabilities.dtype}, {capabilities.device}"
    head = [
        f"model:   {capabilities.name} ({facts}) gives {outputs}",
        f"budget:  {plan.spending.text}",
        f"cost:    {count(len(run), 'record')}, at most {plan.evaluations:,} evaluations{time}; "
        f"{plan.setup_evaluations} were spent on choosing structures and timing; asking failures "
        "again comes on top",
    ]
    lines = [
        *(line for text in head for line in _wrapped(text)),
        "",
        *_structure_lines(plan),
        "",
        *_check_lines(run),
        "",
        *_left_lines(plan),
    ]
    lines += [line for remark in plan.remarks for line in _wrapped(f"note: {remark}")]
    lines.append(f"run it:  {_command(plan, settings)}")
    return [printable(line) for line in lines]


def _structure_lines(plan: Plan) -> list[str]:
    lines = ["structures, and why"]
    for one in _structures(plan):
        kind = _PERIODIC[sum(one["pbc"])]
        what = f"{one['name']} ({count(one['atoms'], 'atom')}, {kind})"
        lines += _wrapped(f"  {what}: {one['why'] or one['provenance']}")
    return lines


def _check_lines(entries: Iterable[PlanEntry]) -> list[str]:
    """A line each check, family by family, with the most evaluations on each structure."""
    by_check: dict[tuple[str, str], list[PlanEntry]] = {}
    for entry in entries:
        by_check.setdefault((entry.check.family, entry.check.id), []).append(entry)
    most = max((len(found) for found in by_check.values()), default=0)
    lines = ["checks, and the most evaluations that each makes"]
    family = ""
    for (of, check), found in sorted(by_check.items(), key=lambda i: FAMILIES.index(i[0][0])):
        if of != family:
            family = of
            lines.append(f"  {family}")
        lines += _wrapped(f"    {check}: {_costs(found, most)}")
    return lines


def _costs(entries: Iterable[PlanEntry], most: int) -> str:
    """The evaluations of a check's records, those that cost the same together."""
    by_cost: dict[int, list[str]] = {}
    shared = bound = 0
    for entry in entries:
        by_cost.setdefault(entry.allotment, []).append(entry.structure.name)
        shared, bound = max(shared, entry.shared), max(bound, entry.bound)
    said = [
        f"{cost or 'none'} on {_where(names, most)}"
        for cost, names in sorted(by_cost.items(), reverse=True)
    ]
    also = f" beside a trajectory of {shared:,} that checks share" if shared else ""
    if bound:
        also += f" beside {bound} shared ones that say whether forces are the energy's gradient"
    return f"{', '.join(said)}{also}"


def _where(names: list[str], most: int) -> str:
    return f"each of the {most} structures" if len(names) == most > 2 else ", ".join(names)


def _left_lines(plan: Plan) -> list[str]:
    """What this run can't test, by what would be needed."""
    where: dict[str, dict[str, list[str]]] = {}
    for entry in plan.entries:
        if entry.not_applicable is not None:
            checks = where.setdefault(entry.not_applicable, {})
            checks.setdefault(entry.check.id, []).append(entry.structure.name)
    for left in plan.not_scheduled:
        where.setdefault(left.common_reason, {}).setdefault(left.check, []).append(left.structure)
    if not where:
        return []
    lines = ["not tested, and why"]
    for reason, checks in where.items():
        said = [_named(check, structures) for check, structures in checks.items()]
        lines += _wrapped(f"  {reason}: {', '.join(said)}")
    return [*lines, ""]


def _named(check: str, structures: list[str]) -> str:
    if check == "*":
        return f"every check of {', '.join(structures)}"
    return f"{check}[{some(structures, 2)}]"


def _command(plan: Plan, settings: Settings) -> str:
    """The run that this plan is of, with its number of evaluations."""
    from shlex import quote

    values: Mapping[str, str | None] = {
        "reference": settings.reference,
        "checks": settings.checks,
        "structures": settings.structures,
        "species": settings.species,
        "profile": None if settings.profile == "md" else settings.profile,
        "budget": plan.spending.option,
        "search": None if settings.search is None else str(settings.search),
        "shard": settings.shard,
        "seed": str(settings.seed) if settings.seed else None,
        "device": settings.device,
        "dtype": settings.dtype,
    }
    words = [f"--{name}={quote(value)}" for name, value in values.items() if value is not None]
    return " ".join(["physcheck run", quote(settings.model or ""), *words])


def _wrapped(text: str) -> list[str]:
    return wrap(text, _WIDTH, subsequent_indent="        ", break_on_hyphens=False)
