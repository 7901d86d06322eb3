"""Planning checks that share a trajectory: first what follows without one, then the trajectory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from physcheck.checks.dynamics.gradient_forces import GRADIENT_EVALUATIONS
from physcheck.registry import CheckSpec
from physcheck.resolution import RESOLUTION_EVALUATIONS
from physcheck.run.entry import PlanEntry, record_seed
from physcheck.run.filling import Filling

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = [
    "LEAST_TRAJECTORY",
    "ask_gradient",
    "share_trajectory",
    "suited_structures",
    "taken_by_trajectories",
]

#: A trajectory isn't worth its price with fewer evaluations.
LEAST_TRAJECTORY = 8_000
# One of a structure that costs so many times as much as others leaves them little.
_TOO_LARGE = 4.0


def suited_structures(plan: Filling, sharing: Sequence[CheckSpec]) -> list[Structure]:
    """Structures that a trajectory is of use to, the most useful first."""
    capabilities = plan.capabilities

    def rank(structure: Structure) -> tuple[int, bool, bool, int]:
        start = structure.configurations
        applies = sum(plan.missing(spec, structure) is None for spec in sharing)
        # Laws of sampling show best where modes mix and where there is much to average over.
        mixed = len(set(start.system.numbers.tolist())) > 1
        size = start.n_atoms if plan.weight(structure) < _TOO_LARGE else -start.n_atoms
        return applies, mixed, start.system.is_fully_periodic, size

    structures = plan.chosen.structures
    takes = [s for s in structures if capabilities.refuses(s.configurations) is None]
    return sorted((s for s in takes if rank(s)[0]), key=rank, reverse=True)


def ask_gradient(
    plan: Filling, structures: Sequence[Structure], sharing: Sequence[CheckSpec]
) -> list[PlanEntry]:
    """Laws of sampling hold where forces are the gradient of the energy: they are asked that.

    With room for the float64 twin's answer where there may be one.  What is given are the entries
    that cost nothing else.
    """
    capabilities, twins = plan.capabilities, 2 if plan.has_twin else 1
    free: list[PlanEntry] = []
    if "energy" not in capabilities.outputs:
        return free
    for structure in structures:
        asked = [
            spec
            for spec in sharing
            if spec.by_gradient is not None
            and (spec.id, structure.name) not in plan.entries
            and plan.missing(spec, structure) is None
        ]
        # One evaluation stands for a twin that is asked without any of the record's own.
        own = {spec.id: spec.by_gradient or 0 for spec in asked}
        twin = {check: max(1, least) if plan.has_twin else 0 for check, least in own.items()}
        bound = twins * GRADIENT_EVALUATIONS
        both = sum(own.values()) + sum(twin.values())
        cost = plan.weighed(bound + both + plan.resolution(structure), structure)
        if not asked or (plan.left is not None and cost > plan.left):
            continue
        plan.spent += cost
        plan.resolved.add(structure.name)
        for spec in asked:
            entry = PlanEntry(
                spec,
                structure,
                own[spec.id] + twin[spec.id],
                record_seed(plan.settings.seed, spec.id, structure.name),
                bound=bound,
                twin=twin[spec.id],
                # Asked for alone a larger budget would have room for a trajectory.
                budget="quick",
            )
            plan.add(entry)
            if not own[spec.id]:
                free.append(entry)
    return free


def taken_by_trajectories(
    plan: Filling, structures: Sequence[Structure], sharing: Sequence[CheckSpec], room: int
) -> int:
    """What :func:`share_trajectory` takes of ``room`` at these structures, one after the other.

    In evaluations as they count; never less than the first one needs.
    """
    taken = 0
    for structure in structures:
        applying = [spec for spec in sharing if plan.missing(spec, structure) is None]
        own, wanted = zip(*(_needs(plan, spec, structure) for spec in applying), strict=True)
        beside = sum(own) + plan.resolution(structure)
        # With little room the check that wants most of its own goes.
        dearest = max(own) if len(own) > 1 else 0
        least = plan.weighed(LEAST_TRAJECTORY + beside - dearest, structure)
        most = plan.weighed(max(wanted) + beside, structure)
        if not taken or room - taken >= least:
            taken += min(max(room - taken, least), most)
    return taken


def _needs(plan: Filling, spec: CheckSpec, structure: Structure) -> tuple[int, int]:
    """Evaluations of a check's own, and those that it wants of the trajectory."""
    level = plan.spending.level
    own = plan.evaluations(spec, structure, level)
    if spec.shared is None:
        return own, 0
    return own, spec.shared(structure.configurations, plan.capabilities, level)


def share_trajectory(plan: Filling, structure: Structure, sharing: Sequence[CheckSpec]) -> None:
    """The checks that share a trajectory, if there is room for one."""
    refusal = plan.capabilities.refuses(structure.configurations)
    apply: list[tuple[CheckSpec, int, int]] = []
    for spec in sharing:
        reason = refusal or plan.missing(spec, structure)
        if reason is not None:
            seed = record_seed(plan.settings.seed, spec.id, structure.name)
            plan.add(PlanEntry(spec, structure, 0, seed, reason))
        else:
            apply.append((spec, *_needs(plan, spec, structure)))
    if not apply:
        return
    cost = sum(own for _, own, _ in apply) + plan.resolution(structure)
    shared = max(wanted for _, _, wanted in apply)
    if plan.left is not None:
        room = int(plan.left / plan.weight(structure))
        if room - cost < LEAST_TRAJECTORY and len(apply) > 1:
            # The one that wants most beside the trajectory (a second one) goes.
            dearest = max(apply, key=lambda a: a[1])
            apply.remove(dearest)
            cost -= dearest[1]
            _leave_out(plan, structure, [dearest[0]])
        shared = min(shared, room - cost)
    if shared < LEAST_TRAJECTORY:
        _leave_out(plan, structure, [spec for spec, _, _ in apply])
        return
    for spec, own, _ in apply:
        plan.add(_with_trajectory(plan, spec, structure, own, shared))
    plan.spent += plan.weighed(cost + shared, structure)
    plan.resolved.add(structure.name)


def _with_trajectory(
    plan: Filling, spec: CheckSpec, structure: Structure, own: int, shared: int
) -> PlanEntry:
    """The entry of a check with a trajectory, and what is asked before one is made."""
    seed = record_seed(plan.settings.seed, spec.id, structure.name)
    bare = PlanEntry(spec, structure, 0, seed)
    known = plan.entries.get((spec.id, structure.name), bare)
    # Asked for alone, it has the whole budget but for its own needs.
    again = shared + own + known.allotment + known.bound + RESOLUTION_EVALUATIONS
    return replace(
        known,
        allotment=own + known.allotment,
        shared=shared,
        looks=(plan.spending.level,),
        budget="full" if plan.spending.evaluations is None else str(again),
    )


def _leave_out(plan: Filling, structure: Structure, specs: Sequence[CheckSpec]) -> None:
    """What isn't asked without a trajectory, either."""
    needs = "standard" if plan.spending.level == "quick" else "full"
    for spec in specs:
        if (spec.id, structure.name) not in plan.entries:
            plan.leave_out_for_room(
                spec, structure, LEAST_TRAJECTORY, needs=needs, what="a trajectory of "
            )
