"""Filling a budget: which check looks at which structure, and how closely it may look.

A *look* is a measurement with the options of one budget.  A record's first look is the cheap one;
where the model passes, that settles it.  Where it doesn't, a second look with more loops, probes or
steps is made if the plan kept evaluations for it, and its verdict alone counts.  So a FAIL is
always that of the last look, which the data of the first don't choose among several: its chance of
being false is that of one look, 1e-4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from physcheck.names import Budget
from physcheck.registry import CheckSpec
from physcheck.run.budget import BUDGET_EVALUATIONS
from physcheck.run.entry import PlanEntry, record_seed
from physcheck.run.filling import Filling
from physcheck.run.sampling_schedule import (
    LEAST_TRAJECTORY,
    ask_gradient,
    share_trajectory,
    suited_structures,
    taken_by_trajectories,
)
from physcheck.run.twin import gradient_evaluations, is_of_the_weights, looks_as_closely

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = ["NEEDS_REFERENCE", "Schedule", "structures_within"]

# At quick the structures after the first get these only: they are cheap whatever the size.
_CHEAP_FAMILIES = frozenset({"conservation"})
# Faults of a program that show in crystals needn't show in molecules, nor the reverse: these checks
# are made on a structure of each kind, and so are all of symmetry.
_OF_EACH_KIND = frozenset(
    {"finite_outputs", "history_independence", "input_untouched", "responsiveness"}
)
# First looks of at most so many evaluations come before any second look.
_CHEAP = 130
# Where there is room for a trajectory that sampling checks share, this share of the budget is kept
# for it.
_KEPT_SHARE = 0.36
# The second look at what forces feed may take so much of the budget.
_HEAT_SHARE = 0.45
# Below this budget second looks come before cheap checks on further structures, and generated
# cases are asked in the model's own precision alone.
_AMPLE = 20_000
# So many structures of the catalogue say most of what all of them do, by budget.
_QUICK = 2_500
_STRUCTURES_WITHIN = ((_QUICK, 3), (12_000, 5), (249_999, 8))
# A model that isn't safe in threads can abort the process (PET's TorchScript does): nothing that
# could have been measured is lost with it.
_LAST = frozenset({"thread_safety"})
# Structures that are refused while a copy of them is taken: so many say it.
_MOST_UNLIKE = 2
# Why a check of two models isn't made of one.
NEEDS_REFERENCE = "compares two models: give --physcheck-reference"


def structures_within(evaluations: int | None) -> int | None:
    """How many structures of the catalogue a budget looks at; None is all."""
    if evaluations is None:
        return None
    return next((n for most, n in _STRUCTURES_WITHIN if evaluations <= most), None)


@dataclass(slots=True)
class Schedule(Filling):
    """A plan in the making, and in which order it is filled.

    Attributes
    ----------
    settles : callable (sequence of PlanEntry) -> bool
        Makes these records, and says whether all of them pass.
    has_no_gradient : callable (Structure) -> bool
        Whether the forces there are certainly not the gradient of the energy.
    """

    settles: Callable[[Sequence[PlanEntry]], bool] = lambda entries: False
    has_no_gradient: Callable[[Structure], bool] = lambda structure: False
    _served: set[str] = field(default_factory=set)
    _has_gradient: bool = False
    _lacks_gradient: bool = False

    def fill(self, checks: Sequence[CheckSpec]) -> None:
        """Coverage first, of checks and of kinds of structures; then cheap checks everywhere,
        second looks, the other pairs, and theirs.

        Checks that share a trajectory come last: what the others left, or the share that is kept
        for them, goes to one structure, the one that most of them apply to, the largest first.
        Whether one is needed there is asked at once, so that nothing is kept in vain.
        """
        alone = [spec for spec in checks if spec.shared is None]
        sharing = [spec for spec in checks if spec.shared is not None]
        suited = suited_structures(self, sharing)
        limit = self.spending.evaluations
        for structure in suited[:1]:
            self._look_for_heat(structure, alone)
            # Less than a trajectory takes would be kept in vain.
            kept = int(_KEPT_SHARE * (limit or 0))
            if kept >= self.weighed(LEAST_TRAJECTORY, structure):
                self.kept = taken_by_trajectories(self, suited, sharing, kept)
        # Statistics of motion need most and say least in few evaluations: they come last.
        for of_motion in (False, True):
            part = [spec for spec in alone if (spec.family == "sampling") is of_motion]
            self._look_once(part, everywhere=False, again=False)
            self._look_once(part, everywhere=False)
        self._look_at_each_kind(alone)
        asked = ask_gradient(self, suited[:1], sharing)
        if self.kept and asked and self.settles(asked):
            # No trajectory will be made: what was kept for one goes to the other checks.
            self.kept, self._has_gradient = 0, True
            for entry in list(self.entries.values()):
                if entry.check.shared is None and entry.allotment:
                    self.add(self._with_bound(entry))
        if limit is None or limit >= _AMPLE:
            self._look_once(alone, everywhere=True, at_most=_CHEAP)
        self._look_twice()
        if self.spending.level != "quick":
            self._look_once(alone, everywhere=True)
            self._look_twice()
            ask_gradient(self, suited, sharing)
        self.kept = 0
        for structure in [*suited, *(s for s in self.chosen.structures if s not in suited)]:
            share_trajectory(self, structure, sharing)
        self._schedule_unlike(checks)
        self._schedule_mistaken(checks)

    def add_search(self, spec: CheckSpec, structure: Structure, allotment: int, twin: int) -> None:
        """Add a record of generated cases; its evaluations are no other record's.

        Those that were asked for by number come on top of the budget, and so does what is kept for
        the float64 twin's answer to the cases that they leave open: where evaluations are few,
        further checks say more.
        """
        limit = self.spending.evaluations
        twin = twin if self._has_twin(spec) and (limit is None or limit >= _AMPLE) else 0
        seed = record_seed(self.settings.seed, spec.id, structure.name)
        budget, whole = self.spending.option, allotment + twin
        self.add(PlanEntry(spec, structure, whole, seed, twin=twin, budget=budget))
        if self.settings.search is None:
            self.spent += whole + self.resolution(structure)
            self.resolved.add(structure.name)

    def in_order(self, checks: Sequence[CheckSpec]) -> tuple[PlanEntry, ...]:
        """The entries, structure by structure; then those that share a trajectory, then those that
        can end the process.
        """
        places = {s.name: n for n, s in enumerate(self.chosen.structures)}
        last = len(places)
        ranks = {spec.id: n for n, spec in enumerate(checks)}
        return tuple(
            sorted(
                self.entries.values(),
                key=lambda e: (
                    e.check.id in _LAST,
                    e.check.shared is not None,
                    places.get(e.structure.name, last),
                    ranks[e.check.id],
                ),
            )
        )

    def _look_once(
        self,
        checks: Sequence[CheckSpec],
        *,
        everywhere: bool,
        again: bool = True,
        at_most: int | None = None,
    ) -> None:
        """First looks: every check on the first structure, few on the others.

        Without ``again`` none that was made on another structure, unless this one shows its fault
        best.  With ``at_most``, those that cost no more than that.
        """
        structures = self.chosen.structures
        asked = self.settings.checks is not None or self.chosen.named
        for index, structure in enumerate(structures):
            for spec in checks:
                if (spec.id, structure.name) in self.entries:
                    continue
                cost = self.evaluations(spec, structure, "quick")
                if at_most is None or cost <= at_most:
                    all_of_it = everywhere or asked or index == 0
                    if again or all_of_it or self._is_new(spec, structure):
                        self._schedule(spec, structure, everything=all_of_it)

    def _look_at_each_kind(self, checks: Sequence[CheckSpec]) -> None:
        """Symmetries and faults of programs on the first molecule, slab and crystal, the cheapest
        first.
        """
        firsts: dict[int, Structure] = {}
        for structure in self.chosen.structures:
            if structure.name not in self.chosen.further:
                firsts.setdefault(structure.periodicity, structure)
        for kind, structure in firsts.items():
            alike = [e for e in self.entries.values() if e.structure.periodicity == kind]
            made = {e.check.id for e in alike if e.allotment}
            wanted = [s for s in checks if s.family == "symmetry" or s.id in _OF_EACH_KIND]
            wanted.sort(key=partial(self._first_look, structure))
            for spec in wanted:
                if spec.id not in made and (spec.id, structure.name) not in self.entries:
                    self._schedule(spec, structure, everything=True)

    def _first_look(self, structure: Structure, spec: CheckSpec) -> int:
        return self.evaluations(spec, structure, "quick")

    def _schedule(self, spec: CheckSpec, structure: Structure, *, everything: bool) -> None:
        start = structure.configurations
        if spec.compares and self.settings.reference is None:
            self.leave_out(spec, structure, NEEDS_REFERENCE)
            return
        seed = record_seed(self.settings.seed, spec.id, structure.name)
        reason = self.capabilities.refuses(start) or self.missing(spec, structure)
        if reason is not None:
            self.add(PlanEntry(spec, structure, 0, seed, reason))
            return
        if not everything and not self._is_for(spec, structure):
            text = "quick runs it on one structure; needs a larger budget"
            self.leave_out(spec, structure, text)
            return
        # Where nothing is rationed there is no first look.
        look: Budget = "full" if self.spending.evaluations is None else "quick"
        allotment = self.evaluations(spec, structure, look)
        limit = self.spending.evaluations
        # What looks as closely in float64 often needs its second look there: further checks first.
        later = looks_as_closely(spec) and limit is not None and limit < _AMPLE
        twin = allotment if self._has_twin(spec) and not later else 0
        allotment += twin
        cost = self.weighed(allotment + self.resolution(structure), structure)
        if self.left is not None and cost > self.left:
            self.leave_out_for_room(spec, structure, allotment, needs=self._next_budget())
            return
        self.spent += cost
        self.resolved.add(structure.name)
        self._served.add(spec.id)
        again = self.spending.option
        self.add(
            PlanEntry(spec, structure, allotment, seed, looks=(look,), twin=twin, budget=again)
        )

    def _has_twin(self, spec: CheckSpec) -> bool:
        """Whether room is kept for what the float64 twin says of a check."""
        return self.has_twin and is_of_the_weights(spec.family, spec.id)

    def _next_budget(self) -> str:
        """The smallest named budget that is larger than this one."""
        limit = self.spending.evaluations
        assert limit is not None
        names = (b for b, most in BUDGET_EVALUATIONS.items() if most is None or most > limit)
        return next(names, "full")

    def _is_for(self, spec: CheckSpec, structure: Structure) -> bool:
        """Whether quick makes a check on a structure after the first."""
        if self._is_new(spec, structure):
            return True
        return structure.name not in self.chosen.further and spec.family in _CHEAP_FAMILIES

    def _is_new(self, spec: CheckSpec, structure: Structure) -> bool:
        """Whether a check is on no structure yet, or this one shows its fault best."""
        if self.chosen.best.get(spec.id) == structure.name:
            return True
        return structure.name not in self.chosen.further and spec.id not in self._served

    def _look_for_heat(self, structure: Structure, checks: Sequence[CheckSpec]) -> None:
        """Where forces are no gradient, first of all both looks at which atoms they heat.

        Asked where the second look takes less than half of the budget: the first can't
        pass then, while most other checks fail at their first look.
        """
        limit, level = self.spending.evaluations, self.spending.level
        if limit is None or level == "quick" or "energy" not in self.capabilities.outputs:
            return
        for spec in checks:
            if not _is_of_heat(spec) or self.missing(spec, structure) is not None:
                continue
            cost = self.weighed(self.evaluations(spec, structure, level), structure)
            if cost <= _HEAT_SHARE * limit and self.has_no_gradient(structure):
                self._lacks_gradient = True
                self._schedule(spec, structure, everything=True)
        if self._lacks_gradient:
            self._look_twice()

    def _look_twice(self) -> None:
        """Second looks for what may be left open, laws first, as far as the budget goes."""
        level = self.spending.level
        if level == "quick" or self.spending.evaluations is None:
            return
        places = {s.name: n for n, s in enumerate(self.chosen.structures)}
        waiting = [
            e
            for e in self.entries.values()
            if e.allotment
            and e.check.shared is None
            and e.looks == ("quick",)
            and self.gains(e, level)
        ]

        def rank(entry: PlanEntry) -> tuple[bool, bool, int]:
            # Dynamics says what violations of other laws do; where forces are a gradient its
            # answer is known.
            is_of_motion = entry.check.by_gradient is not None
            is_last = is_of_motion if self._has_gradient else not is_of_motion
            return entry.check.kind != "law", is_last, places[entry.structure.name]

        waiting.sort(key=rank)
        for entry in (self._with_bound(e) for e in waiting):
            second = self.evaluations(entry.check, entry.structure, level)
            again = self._has_twin(entry.check) and looks_as_closely(entry.check)
            twin = second if again else entry.twin
            more = second + twin - entry.twin
            larger = self.costs.enlarges(entry.check, entry.structure)
            cost = self.weighed(more * larger, entry.structure)
            if self.left is None or cost > self.left:
                # Asked for alone it would have room: the smaller budget makes the same record.
                self.add(entry if entry.bound else replace(entry, budget="quick"))
                continue
            self.spent += cost
            entry = replace(entry, allotment=entry.allotment + more, twin=twin)
            self.add(replace(entry, looks=("quick", level), budget=self.spending.option))

    def _with_bound(self, entry: PlanEntry) -> PlanEntry:
        """The entry of a law that follows from gradient forces, with room to ask for them."""
        bound, own = gradient_evaluations(entry.check, self.has_twin), entry.check.by_gradient or 0
        cost = self.weighed(bound + own, entry.structure)
        follows = entry.check.by_gradient is not None and "energy" in self.capabilities.outputs
        follows = follows and not self._lacks_gradient
        if entry.bound or not follows or self.left is None or cost > self.left:
            return entry
        self.spent += cost
        # Asked for alone with as little, it has no second look, either.
        allotment = entry.allotment + own
        return replace(entry, allotment=allotment, bound=bound, budget=str(_QUICK + 1))

    def _schedule_unlike(self, checks: Sequence[CheckSpec]) -> None:
        """The law that a structure's refusal breaks: a copy of it is taken.  Two such structures.

        They aren't among the structures of the run, and cost some ten evaluations each.
        """
        specs = {spec.id: spec for spec in checks}
        found = [t.unlike for t in self.chosen.trials.values() if t.unlike is not None]
        for structure, unlike in [(s, u) for s, u in found if u.check in specs][:_MOST_UNLIKE]:
            if (unlike.check, structure.name) in self.entries:
                continue
            spec = specs[unlike.check]
            allotment = self.evaluations(spec, structure, "quick")
            seed = record_seed(self.settings.seed, spec.id, structure.name)
            again = self.spending.option
            self.add(PlanEntry(spec, structure, allotment, seed, budget=again))

    def _schedule_mistaken(self, checks: Sequence[CheckSpec]) -> None:
        """One record where a module gives something else than was agreed: an ERROR that says so.

        Not all that it might have: one fault of a program is no reason to look at nothing else.
        """
        for structure in self.chosen.mistaken:
            able = [spec for spec in checks if not spec.compares and spec.shared is None]
            able = [spec for spec in able if self.missing(spec, structure) is None]
            if able:
                spec = min(able, key=partial(self._first_look, structure))
                allotment = self.evaluations(spec, structure, "quick")
                seed = record_seed(self.settings.seed, spec.id, structure.name)
                again = self.spending.option
                self.add(PlanEntry(spec, structure, allotment, seed, budget=again))


def _is_of_heat(spec: CheckSpec) -> bool:
    """Whether a check says which atoms forces feed, by a run of its own."""
    return spec.family == "sampling" and spec.kind == "law" and spec.shared is None
