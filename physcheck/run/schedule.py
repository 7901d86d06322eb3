"""Filling a budget: which check looks at which structure, and how closely it may look.

A *look* is a measurement with the options of one budget.  A record's first look is the cheap one;
where the model passes, that settles it.  Where it doesn't, a second look with more loops, probes or
steps is made if the plan kept evaluations for it, and its verdict alone counts.  So a FAIL is
always that of the last look, which the data of the first don't choose among several: its chance of
being false is that of one look, 1e-4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from zlib import crc32

from physcheck.model import Capabilities
from physcheck.names import BUDGETS, Budget
from physcheck.registry import CheckSpec
from physcheck.run.budget import BUDGET_EVALUATIONS, Spending
from physcheck.run.choosing import Chosen
from physcheck.run.facts import NotScheduled
from physcheck.run.settings import Settings
from physcheck.run.twin import TWIN_FAMILIES

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = ["NEEDS_REFERENCE", "PlanEntry", "Schedule", "record_seed", "structures_within"]

# At quick the structures after the first get these only: they are cheap whatever the size.
_CHEAP_FAMILIES = frozenset({"conservation"})
# First looks of at most so many evaluations come before any second look.
_CHEAP = 60
# A structure's noise, memory and response are measured once, at about this cost.
_RESOLUTION_EVALUATIONS = 25
# The trajectory that sampling checks share isn't worth its price with fewer evaluations; where
# there is room for one, this share of the budget is kept for it.
_LEAST_TRAJECTORY = 8_000
_KEPT_SHARE = 0.5
# A trajectory of a structure that costs so many times as much as others leaves them little.
_TOO_LARGE = 4.0
# Below this budget the other checks need all of it, and second looks come before cheap checks on
# further structures.
_AMPLE = 20_000
# So many structures of the catalogue say most of what all of them do, by budget.
_STRUCTURES_WITHIN = ((2_500, 3), (12_000, 5), (249_999, 8))
# A model that isn't safe in threads can abort the process (PET's TorchScript does): nothing that
# could have been measured is lost with it.
_LAST = frozenset({"thread_safety"})
# Structures that are refused while a copy of them is taken: so many say it.
_MOST_UNLIKE = 2
# Why a check of two models isn't made of one.
NEEDS_REFERENCE = "compares two models: give --physcheck-reference"


def record_seed(seed: int, check: str, structure: str) -> tuple[int, int]:
    """The entropy of a record's random numbers: (seed, crc32 of check/structure)."""
    return seed, crc32(f"{check}/{structure}".encode())


def structures_within(evaluations: int | None) -> int | None:
    """How many structures of the catalogue a budget looks at; None is all."""
    if evaluations is None:
        return None
    return next((n for most, n in _STRUCTURES_WITHIN if evaluations <= most), None)


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One record to be made.

    Attributes
    ----------
    check : CheckSpec
    structure : Structure
    allotment : int
        The most evaluations that all its looks may make.
    seed : tuple of int
        Entropy of its random numbers: ``numpy.random.default_rng(seed)``, the same in each look.
    not_applicable : str or None
        Why the check doesn't apply: a record without evaluations.
    shared : int
        Evaluations of the trajectory that the checks of this structure share, the same in each.
    looks : tuple of str
        The budgets whose options its looks have, in their order.
    twin : int
        Of the allotment, what is kept for a look at the float64 twin; 0 for none.
    budget : str
        The ``--physcheck-budget`` that makes this record again where it is asked for alone.
    """

    check: CheckSpec
    structure: Structure
    allotment: int
    seed: tuple[int, int]
    not_applicable: str | None = None
    shared: int = 0
    looks: tuple[Budget, ...] = ("quick",)
    twin: int = 0
    budget: str = "quick"

    @property
    def name(self) -> str:
        """``check[structure]``."""
        return f"{self.check.id}[{self.structure.name}]"


@dataclass(slots=True)
class Schedule:
    """A plan in the making.

    Attributes
    ----------
    settings : Settings
    capabilities : Capabilities
    chosen : Chosen
    spending : Spending
    has_twin : bool
        Whether there may be a float64 twin to look at.
    entries : dict of (check, structure) to PlanEntry
    left_out : list of NotScheduled
    spent : int
        The sum of all allotments so far, weighed by the size of their structures.
    """

    settings: Settings
    capabilities: Capabilities
    chosen: Chosen
    spending: Spending
    has_twin: bool = False
    entries: dict[tuple[str, str], PlanEntry] = field(default_factory=dict)
    left_out: dict[tuple[str, str], NotScheduled] = field(default_factory=dict)
    spent: int = 0
    _kept: int = 0
    _served: set[str] = field(default_factory=set)
    _resolved: set[str] = field(default_factory=set)

    def fill(self, checks: Sequence[CheckSpec]) -> None:
        """Coverage first, then cheap checks everywhere, second looks, the other pairs, and theirs.

        Checks that share a trajectory come last: what the others left, or the share that is kept
        for them, goes to one structure, the one that most of them apply to, the largest first.
        """
        alone = [spec for spec in checks if spec.shared is None]
        sharing = [spec for spec in checks if spec.shared is not None]
        suited = self._suited(sharing)
        limit = self.spending.evaluations
        if limit is not None and suited and limit >= _AMPLE:
            self._kept = int(_KEPT_SHARE * limit)
        # Statistics of motion need most and say least in few evaluations: they come last.
        for of_motion in (False, True):
            part = [spec for spec in alone if (spec.family == "sampling") is of_motion]
            self._look_once(part, everywhere=False)
        if limit is None or limit >= _AMPLE:
            self._look_once(alone, everywhere=True, at_most=_CHEAP)
        self._look_twice()
        if self.spending.level != "quick":
            self._look_once(alone, everywhere=True)
            self._look_twice()
        self._kept = 0
        for structure in [*suited, *(s for s in self.chosen.structures if s not in suited)]:
            self._share(structure, sharing)
        self._schedule_unlike(checks)

    def add_search(self, spec: CheckSpec, structure: Structure, allotment: int) -> None:
        """Add a record of generated cases; its evaluations are no other record's.

        Those that were asked for by number come on top of the budget.
        """
        seed = record_seed(self.settings.seed, spec.id, structure.name)
        self._add(PlanEntry(spec, structure, allotment, seed, budget=self.spending.option))
        if self.settings.search is None:
            self.spent += allotment

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

    @property
    def _left(self) -> int | None:
        limit = self.spending.evaluations
        return None if limit is None else limit - self._kept - self.spent

    def _add(self, entry: PlanEntry) -> None:
        key = entry.check.id, entry.structure.name
        self.left_out.pop(key, None)
        self.entries[key] = entry

    def _leave_out(self, spec: CheckSpec, structure: Structure, reason: str) -> None:
        key = spec.id, structure.name
        self.left_out[key] = NotScheduled(spec.id, structure.name, reason)

    def _look_once(
        self, checks: Sequence[CheckSpec], *, everywhere: bool, at_most: int | None = None
    ) -> None:
        """First looks: every check on the first structure, few on the others.

        With ``at_most``, those that cost no more than that.
        """
        structures = self.chosen.structures
        asked = self.settings.checks is not None or self.chosen.named
        for index, structure in enumerate(structures):
            for spec in checks:
                if (spec.id, structure.name) in self.entries:
                    continue
                start = structure.configurations
                cost = spec.evaluations(start, self.capabilities, "quick")
                if at_most is None or cost <= at_most:
                    all_of_it = everywhere or asked or index == 0
                    self._schedule(spec, structure, everything=all_of_it)

    def _schedule(self, spec: CheckSpec, structure: Structure, *, everything: bool) -> None:
        start, capabilities = structure.configurations, self.capabilities
        if spec.compares and self.settings.reference is None:
            self._leave_out(spec, structure, NEEDS_REFERENCE)
            return
        seed = record_seed(self.settings.seed, spec.id, structure.name)
        reason = capabilities.refuses(start) or spec.missing(start, capabilities)
        if reason is not None:
            self._add(PlanEntry(spec, structure, 0, seed, reason))
            return
        if not everything and not self._is_for(spec, structure):
            text = "quick runs it on one structure; needs a larger budget"
            self._leave_out(spec, structure, text)
            return
        # Where nothing is rationed there is no first look.
        look: Budget = "full" if self.spending.evaluations is None else "quick"
        allotment = spec.evaluations(start, capabilities, look)
        twin = allotment if self.has_twin and spec.family in TWIN_FAMILIES else 0
        allotment += twin
        cost = self._weighed(allotment + self._resolution(structure), structure)
        if self._left is not None and cost > self._left:
            self._leave_out(spec, structure, self._no_room(allotment))
            return
        self.spent += cost
        self._resolved.add(structure.name)
        self._served.add(spec.id)
        again = self.spending.option
        self._add(
            PlanEntry(spec, structure, allotment, seed, looks=(look,), twin=twin, budget=again)
        )

    def _weight(self, structure: Structure) -> float:
        """How much an evaluation of a structure counts: more where it is larger than those that the
        model's pace was taken at.
        """
        if self.spending.level == "quick" or self.spending.evaluations is None:
            return 1.0
        return max(1.0, structure.configurations.n_atoms / self.chosen.paced_atoms)

    def _weighed(self, evaluations: float, structure: Structure) -> int:
        return math.ceil(evaluations * self._weight(structure))

    def _resolution(self, structure: Structure) -> int:
        return 0 if structure.name in self._resolved else _RESOLUTION_EVALUATIONS

    def _no_room(self, allotment: int) -> str:
        limit, left = self.spending.evaluations, self._left
        assert limit is not None
        assert left is not None
        names = (b for b, most in BUDGET_EVALUATIONS.items() if most is None or most > limit)
        return (
            f"{allotment} evaluations don't fit into what the budget has left ({left} of {limit}); "
            f"needs {next(names, 'full')}"
        )

    def _is_for(self, spec: CheckSpec, structure: Structure) -> bool:
        """Whether quick makes a check on a structure after the first."""
        if self.chosen.best.get(spec.id) == structure.name:
            return True
        if structure.name in self.chosen.further:
            return False
        return spec.family in _CHEAP_FAMILIES or spec.id not in self._served

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
            and e.looks == ("quick",)
            and _gains(e.check, e.structure, self.capabilities, "quick", level)
        ]
        waiting.sort(key=lambda e: (e.check.kind != "law", places[e.structure.name]))
        for entry in waiting:
            start = entry.structure.configurations
            more = entry.check.evaluations(start, self.capabilities, level)
            cost = self._weighed(more * entry.check.enlarges(start), entry.structure)
            if self._left is None or cost > self._left:
                # Asked for alone it would have room: the smaller budget makes the same record.
                self._add(replace(entry, budget="quick"))
                continue
            self.spent += cost
            allotment, again = entry.allotment + more, self.spending.option
            self._add(replace(entry, allotment=allotment, looks=("quick", level), budget=again))

    def _schedule_unlike(self, checks: Sequence[CheckSpec]) -> None:
        """The law that a structure's refusal breaks: a copy of it is taken.  Two such structures.

        They aren't among the structures of the run, and cost some ten evaluations each.
        """
        specs = {spec.id: spec for spec in checks}
        found = [t.unlike for t in self.chosen.trials.values() if t.unlike is not None]
        for structure, unlike in [(s, u) for s, u in found if u.check in specs][:_MOST_UNLIKE]:
            if (unlike.check, structure.name) in self.entries:
                continue
            spec, start = specs[unlike.check], structure.configurations
            allotment = spec.evaluations(start, self.capabilities, "quick")
            seed = record_seed(self.settings.seed, spec.id, structure.name)
            again = self.spending.option
            self._add(PlanEntry(spec, structure, allotment, seed, budget=again))

    def _suited(self, sharing: Sequence[CheckSpec]) -> list[Structure]:
        """Structures that a trajectory is of use to, the most useful first."""
        capabilities = self.capabilities

        def rank(structure: Structure) -> tuple[int, bool, bool, int]:
            start = structure.configurations
            applies = sum(spec.missing(start, capabilities) is None for spec in sharing)
            # Laws of sampling show best where modes mix and where there is much to average over.
            mixed = len(set(start.system.numbers.tolist())) > 1
            size = start.n_atoms if self._weight(structure) < _TOO_LARGE else -start.n_atoms
            return applies, mixed, start.system.is_fully_periodic, size

        takes = [
            s for s in self.chosen.structures if capabilities.refuses(s.configurations) is None
        ]
        return sorted((s for s in takes if rank(s)[0]), key=rank, reverse=True)

    def _share(self, structure: Structure, sharing: Sequence[CheckSpec]) -> None:
        """The checks that share a trajectory, if there is room for one."""
        level, capabilities = self.spending.level, self.capabilities
        start = structure.configurations
        refusal = capabilities.refuses(start)
        apply: list[tuple[CheckSpec, int, int]] = []
        for spec in sharing:
            seed = record_seed(self.settings.seed, spec.id, structure.name)
            reason = refusal or spec.missing(start, capabilities)
            if reason is not None:
                self._add(PlanEntry(spec, structure, 0, seed, reason))
            elif spec.shared is not None:
                own = spec.evaluations(start, capabilities, level)
                apply.append((spec, own, spec.shared(start, capabilities, level)))
        if not apply:
            return
        cost = sum(own for _, own, _ in apply) + self._resolution(structure)
        shared = max(wanted for _, _, wanted in apply)
        if self._left is not None:
            shared = min(shared, int(self._left / self._weight(structure)) - cost)
        for spec, own, _ in apply:
            if shared < _LEAST_TRAJECTORY:
                limit, left = self.spending.evaluations, self._left
                self._leave_out(
                    spec,
                    structure,
                    f"a trajectory of {_LEAST_TRAJECTORY} evaluations doesn't fit into what the "
                    f"budget has left ({left} of {limit}); "
                    f"needs {'standard' if level == 'quick' else 'full'}",
                )
                continue
            seed = record_seed(self.settings.seed, spec.id, structure.name)
            # Asked for alone, it has the whole budget but for its own needs.
            again = str(shared + own + _RESOLUTION_EVALUATIONS)
            if self.spending.evaluations is None:
                again = "full"
            self._add(
                PlanEntry(spec, structure, own, seed, None, shared, looks=(level,), budget=again)
            )
        if shared >= _LEAST_TRAJECTORY:
            self.spent += self._weighed(cost + shared, structure)
            self._resolved.add(structure.name)


def how_to_look_closer(
    spec: CheckSpec, structure: Structure, capabilities: Capabilities, level: Budget
) -> str:
    """What a user can do so that a check looks more closely than with the options of ``level``."""
    larger = BUDGETS[BUDGETS.index(level) + 1 :]
    for budget in larger:
        if _gains(spec, structure, capabilities, level, budget):
            return f"rerun it alone with --physcheck-budget={budget}"
    return "no option makes this check look more closely; another structure may show more"


def _gains(
    spec: CheckSpec, structure: Structure, capabilities: Capabilities, less: Budget, more: Budget
) -> bool:
    """Whether a check does more with the options of ``more`` than with those of ``less``."""
    start, options = structure.configurations, spec.options
    if options.get(less, {}) != options.get(more, {}):
        return True
    costs = [spec.evaluations(start, capabilities, budget) for budget in (less, more)]
    if spec.shared is not None:
        costs = [spec.shared(start, capabilities, budget) for budget in (less, more)]
    return costs[0] != costs[1]
