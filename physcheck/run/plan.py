"""Which checks x structures fit a model and a budget; allotments are fixed before the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from zlib import crc32

from physcheck.checks import find_checks
from physcheck.errors import SpecError
from physcheck.model import Meter, Model
from physcheck.registry import CheckSpec
from physcheck.run.facts import NotScheduled
from physcheck.run.settings import Settings
from physcheck.run.trial_calls import Trial, refused_kinds, trial_call

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = ["BUDGET_EVALUATIONS", "Plan", "PlanEntry", "make_plan", "record_seed"]

BUDGET_EVALUATIONS: dict[str, int | None] = {"quick": 2_500, "standard": 25_000, "full": None}
# At quick the structures after the first get these only: they are cheap whatever the size.
CHEAP_FAMILIES = frozenset({"conservation"})
# So many structures of the catalogue say most of what all of them do; None is all.
CATALOGUE_SHARE: dict[str, int | None] = {"quick": 3, "standard": 8, "full": None}
# A structure's noise, memory and response are measured once, at about this cost.
RESOLUTION_EVALUATIONS = 25
# The trajectory that sampling checks share isn't worth its price with fewer evaluations; where
# there is room for one, this share of the budget is kept for it.
LEAST_TRAJECTORY = 8_000
KEPT_SHARE = 0.6
# Structures that are refused while a copy of them is taken: so many say it.
_MOST_UNLIKE = 2
# Why a check of two models isn't made of one.
NEEDS_REFERENCE = "compares two models: give --physcheck-reference"


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One record to be made.

    Attributes
    ----------
    check : CheckSpec
    structure : Structure
    allotment : int
        The most evaluations it may make.
    seed : tuple of int
        Entropy of its random numbers: ``numpy.random.default_rng(seed)``.
    not_applicable : str or None
        Why the check doesn't apply: a record without evaluations.
    shared : int
        Evaluations of the trajectory that the checks of this structure share, the same in each.
    """

    check: CheckSpec
    structure: Structure
    allotment: int
    seed: tuple[int, int]
    not_applicable: str | None = None
    shared: int = 0

    @property
    def name(self) -> str:
        """``check[structure]``."""
        return f"{self.check.id}[{self.structure.name}]"


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run, what won't and why, and what it should cost.

    Attributes
    ----------
    entries, not_scheduled : tuple
    setup_evaluations : int
        Spent on planning: trial calls and timing.
    pace : mapping of structure to float, s
        Of one evaluation, where a timed call succeeded.
    remarks : tuple of str
        What trial calls showed that no record will: sentences for the report.
    """

    entries: tuple[PlanEntry, ...]
    not_scheduled: tuple[NotScheduled, ...]
    setup_evaluations: int = 0
    pace: Mapping[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def estimated_seconds(self) -> float | None:
        """Model time of the whole run at the pace of the timed calls; None if no call succeeded."""
        known = [(n, s) for n, name in self._costs() if (s := self.pace.get(name)) is not None]
        return sum(n * s for n, s in known) if known else None

    @property
    def evaluations(self) -> int:
        """The sum of all allotments, and of each structure's trajectory once."""
        return sum(n for n, _ in self._costs())

    def _costs(self) -> list[tuple[int, str]]:
        """Evaluations and the structure they are of."""
        shared = {e.structure.name: e.shared for e in self.entries if e.shared}
        own = [(e.allotment, e.structure.name) for e in self.entries if e.allotment]
        return own + [(n, name) for name, n in shared.items()]


@dataclass(slots=True)
class _Draft:
    """A plan in the making."""

    settings: Settings
    model: Model
    checks: Sequence[CheckSpec]
    entries: list[PlanEntry] = field(default_factory=list)
    left_out: list[NotScheduled] = field(default_factory=list)
    spent: int = 0
    served: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)
    tried: bool = False
    best: dict[str, str] = field(default_factory=dict)
    further: set[str] = field(default_factory=set)

    def leave_out(self, check: str, structure: str, reason: str) -> None:
        self.left_out.append(NotScheduled(check, structure, reason))


def record_seed(seed: int, check: str, structure: str) -> tuple[int, int]:
    """The entropy of a record's random numbers: (seed, crc32 of check/structure)."""
    return seed, crc32(f"{check}/{structure}".encode())


def make_plan(model: Model, settings: Settings) -> Plan:
    """Choose structures, then fill the budget: all checks on the first, cheap ones on the others.

    Checks that share a trajectory come last: what the others left, or at standard the share that is
    kept for them, goes to one structure, the one that most of them apply to, the largest first.

    Quick runs the other families' checks on the first structure that they apply to, and those that
    say which structure shows their fault best on that one, too.

    Structures are those the user named, else those the model's author declared, else a few of the
    catalogue that the model takes.  Where its species are unknown each is tried with one call; one
    that raises or whose largest force is above 30 eV/Å is left out.  A model that raises everywhere
    is judged on the first one anyway, so that the error is reported.  The same on every process:
    timings only make the estimate.

    Raises
    ------
    SpecError
        A check, structure, species or file doesn't exist.
    """
    checks = find_checks(settings.checks)
    meter = Meter(model)
    draft = _Draft(settings, model, checks)
    structures, trials = _chosen_structures(meter, draft)
    for index, structure in enumerate(structures):
        if structure.name not in trials:
            trials[structure.name] = _tried(draft, meter, structure)
        if index == 0 and trials[structure.name].seconds is not None:
            # A model's first call compiles and allocates; the second tells its pace.
            trials[structure.name].seconds = trial_call(meter, structure).seconds
    named = settings.structures is not None or bool(model.capabilities.structures)
    alone = [spec for spec in checks if spec.shared is None]
    sharing = [spec for spec in checks if spec.shared is not None]
    suited = _suited(draft, structures, sharing)
    limit = BUDGET_EVALUATIONS[settings.budget]
    kept = 0 if limit is None or limit <= LEAST_TRAJECTORY or not suited else KEPT_SHARE * limit
    # Coverage first: what shows a fault best comes before the cheap checks on further structures.
    others = sorted(structures[1:], key=lambda s: s.name not in draft.further)
    structures = [*structures[:1], *others]
    for index, structure in enumerate(structures):
        everything = index == 0 or named or settings.checks is not None
        _schedule(draft, structure, alone, everything=everything, kept=int(kept))
    for structure in [*suited, *(s for s in structures if s not in suited)]:
        _schedule_sharing(draft, structure, sharing)
    _schedule_unlike(draft, trials)
    return Plan(
        entries=tuple(draft.entries),
        not_scheduled=tuple(draft.left_out),
        setup_evaluations=meter.evaluations,
        pace={name: t.seconds for name, t in trials.items() if t.seconds is not None},
        remarks=tuple(draft.remarks),
    )


def _schedule(
    draft: _Draft,
    structure: Structure,
    checks: Sequence[CheckSpec],
    *,
    everything: bool,
    kept: int,
) -> None:
    settings, capabilities = draft.settings, draft.model.capabilities
    budget = settings.budget
    limit = BUDGET_EVALUATIONS[budget]
    start = structure.configurations
    refusal = capabilities.refuses(start)
    has_room_for_resolution = False
    for spec in checks:
        if spec.compares and settings.reference is None:
            draft.leave_out(spec.id, structure.name, NEEDS_REFERENCE)
            continue
        reason = refusal or spec.missing(start, capabilities)
        seed = record_seed(settings.seed, spec.id, structure.name)
        if reason is not None:
            draft.entries.append(PlanEntry(spec, structure, 0, seed, reason))
            continue
        if budget == "quick" and not everything and not _is_for(draft, spec, structure):
            draft.leave_out(
                spec.id, structure.name, "quick runs it on one structure; needs standard"
            )
            continue
        allotment = spec.evaluations(start, capabilities, budget)
        cost = allotment + (0 if has_room_for_resolution else RESOLUTION_EVALUATIONS)
        if limit is not None and draft.spent + cost > limit - kept:
            needed = next(
                (b for b, most in BUDGET_EVALUATIONS.items() if most is None or most > limit),
                "full",
            )
            draft.leave_out(
                spec.id,
                structure.name,
                f"{allotment} evaluations don't fit into what {budget} has left "
                f"({limit - kept - draft.spent} of {limit}); needs {needed}",
            )
            continue
        has_room_for_resolution = True
        draft.spent += cost
        draft.served.add(spec.id)
        draft.entries.append(PlanEntry(spec, structure, allotment, seed))


def _is_for(draft: _Draft, spec: CheckSpec, structure: Structure) -> bool:
    """Whether quick makes a check on a structure after the first."""
    if draft.best.get(spec.id) == structure.name:
        return True
    if structure.name in draft.further:
        return False
    return spec.family in CHEAP_FAMILIES or spec.id not in draft.served


def _add_best(draft: _Draft, chosen: list[Structure], takes: Sequence[Structure]) -> None:
    """Note for each check that asks for it the structure that can show its fault best.

    One that isn't among the chosen ones is added for that check alone.
    """
    for spec in draft.checks:
        if spec.shows is None:
            continue
        shows = spec.shows
        best = max(takes, key=lambda structure: shows(structure.configurations))
        draft.best[spec.id] = best.name
        if best not in chosen:
            chosen.append(best)
            draft.further.add(best.name)


def _suited(
    draft: _Draft, structures: Sequence[Structure], sharing: Sequence[CheckSpec]
) -> list[Structure]:
    """Structures that a trajectory is of use to, the most useful first."""
    capabilities = draft.model.capabilities

    def rank(structure: Structure) -> tuple[int, bool, int]:
        start = structure.configurations
        applies = sum(spec.missing(start, capabilities) is None for spec in sharing)
        # Laws of sampling show best where modes mix and where there is much to average over.
        return applies, start.system.is_fully_periodic, start.n_atoms

    takes = [s for s in structures if capabilities.refuses(s.configurations) is None]
    return sorted((s for s in takes if rank(s)[0]), key=rank, reverse=True)


def _schedule_sharing(draft: _Draft, structure: Structure, sharing: Sequence[CheckSpec]) -> None:
    """The checks that share a trajectory, if there is room for one."""
    settings, capabilities = draft.settings, draft.model.capabilities
    budget = settings.budget
    limit = BUDGET_EVALUATIONS[budget]
    start = structure.configurations
    refusal = capabilities.refuses(start)
    apply: list[tuple[CheckSpec, int, int]] = []
    for spec in sharing:
        reason = refusal or spec.missing(start, capabilities)
        if reason is not None:
            seed = record_seed(settings.seed, spec.id, structure.name)
            draft.entries.append(PlanEntry(spec, structure, 0, seed, reason))
        elif spec.shared is not None:
            own = spec.evaluations(start, capabilities, budget)
            apply.append((spec, own, spec.shared(start, capabilities, budget)))
    if not apply:
        return
    used = any(e.structure is structure and e.allotment for e in draft.entries)
    cost = sum(own for _, own, _ in apply) + (0 if used else RESOLUTION_EVALUATIONS)
    shared = max(wanted for _, _, wanted in apply)
    if limit is not None:
        shared = min(shared, limit - draft.spent - cost)
    for spec, own, _ in apply:
        if shared < LEAST_TRAJECTORY:
            needed = "standard" if budget == "quick" else "full"
            left = 0 if limit is None else limit - draft.spent
            draft.leave_out(
                spec.id,
                structure.name,
                f"a trajectory of {LEAST_TRAJECTORY} evaluations doesn't fit into what {budget} "
                f"has left ({left} of {limit}); needs {needed}",
            )
            continue
        seed = record_seed(settings.seed, spec.id, structure.name)
        draft.entries.append(PlanEntry(spec, structure, own, seed, shared=shared))
    if shared >= LEAST_TRAJECTORY:
        draft.spent += cost + shared


def _schedule_unlike(draft: _Draft, trials: Mapping[str, Trial]) -> None:
    """The law that a structure's refusal breaks: a copy of it is taken.  Two such structures."""
    capabilities, settings = draft.model.capabilities, draft.settings
    specs = {spec.id: spec for spec in draft.checks}
    planned = {(e.check.id, e.structure.name) for e in draft.entries}
    found = [t.unlike for t in trials.values() if t.unlike is not None]
    for structure, unlike in [(s, u) for s, u in found if u.check in specs][:_MOST_UNLIKE]:
        if (unlike.check, structure.name) in planned:
            continue
        spec = specs[unlike.check]
        allotment = spec.evaluations(structure.configurations, capabilities, settings.budget)
        seed = record_seed(settings.seed, spec.id, structure.name)
        draft.entries.append(PlanEntry(spec, structure, allotment, seed))


def _chosen_structures(meter: Meter, draft: _Draft) -> tuple[list[Structure], dict[str, Trial]]:
    """The structures in the order they are served, and what trial calls showed."""
    from physcheck.structures import catalogue, load_structures

    settings, capabilities = draft.settings, meter.capabilities
    if settings.structures is not None:
        return load_structures(settings.structures), {}
    if capabilities.structures:
        return _declared(capabilities.structures), {}
    candidates = list(catalogue().values())
    species = capabilities.species
    if settings.species is not None:
        species = atomic_numbers_of(settings.species)
    trials: dict[str, Trial] = {}
    takes: list[Structure] = []
    for structure in candidates:
        refusal = capabilities.refuses(structure.configurations)
        if refusal is None and species is not None:
            outside = set(structure.configurations.system.numbers.tolist()) - species
            refusal = "has species that were not asked for" if outside else None
        if refusal is None and species is None:
            trials[structure.name] = _tried(draft, meter, structure)
            refusal = trials[structure.name].refusal
        if refusal is None:
            takes.append(structure)
        else:
            draft.leave_out("*", structure.name, refusal)
    draft.remarks += refused_kinds(candidates, trials)
    raised = [t for t in trials.values() if t.refusal is not None and t.seconds is None]
    if not takes and trials and len(raised) == len(trials):
        first = next(s for s in candidates if s.name in trials)
        draft.left_out[:] = [left for left in draft.left_out if left.structure != first.name]
        return [first], trials
    share = CATALOGUE_SHARE[settings.budget]
    chosen = _diverse(takes, len(takes) if share is None else share)
    if takes:
        _add_best(draft, chosen, takes)
    for structure in takes:
        if structure not in chosen:
            draft.leave_out(
                "*", structure.name, f"{settings.budget} takes {share} structures of the catalogue"
            )
    return chosen, trials


def _diverse(structures: Sequence[Structure], count: int) -> list[Structure]:
    """``count`` structures, each adding most to those before: its kind of lattice, then species."""
    left = list(structures)
    chosen: list[Structure] = []
    kinds: set[int] = set()
    species: set[int] = set()
    while left and len(chosen) < count:
        best = left[0] if not chosen else max(left, key=partial(_gain, kinds, species))
        left.remove(best)
        chosen.append(best)
        kinds.add(int(best.configurations.system.pbc.sum()))
        species |= set(best.configurations.system.numbers.tolist())
    return chosen


def _gain(kinds: set[int], species: set[int], one: Structure) -> tuple[bool, int]:
    system = one.configurations.system
    return int(system.pbc.sum()) not in kinds, len(set(system.numbers.tolist()) - species)


def _tried(draft: _Draft, meter: Meter, structure: Structure) -> Trial:
    """A trial; the model's very first call is made again where it raises.

    That the second one works is a remark for the report.
    """
    first, draft.tried = not draft.tried, True
    trial = trial_call(meter, structure)
    if not first or trial.refusal is None or trial.seconds is not None:
        return trial
    again = trial_call(meter, structure)
    if again.seconds is not None:
        draft.remarks.append(
            f"the model raised at its first call, at {structure.name}, and answered the same call "
            f"when it was repeated: {trial.refusal}"
        )
    return again


def _declared(names: Sequence[Any]) -> list[Structure]:
    from physcheck.structures import Structure, load_structures
    from physcheck.system import as_configurations

    chosen: list[Structure] = []
    for name in names:
        if hasattr(name, "positions"):
            start = as_configurations(name)
            taken = {s.name for s in chosen}
            label = start.system.formula
            if label in taken:
                label = f"{label}-{len(chosen)}"
            chosen.append(Structure(label, start, "declared by the model's author"))
        else:
            chosen.extend(load_structures(str(name)))
    return chosen


def atomic_numbers_of(symbols: str) -> frozenset[int]:
    """Atomic numbers of comma separated chemical symbols; SpecError where one doesn't exist."""
    from ase.data import atomic_numbers

    chosen = [s.strip() for s in symbols.split(",") if s.strip()]
    for symbol in chosen:
        if symbol not in atomic_numbers:
            raise SpecError(f"no species is called {symbol!r}; write chemical symbols such as H,O")
    if not chosen:
        raise SpecError("no species is chosen: --physcheck-species is empty")
    return frozenset(atomic_numbers[s] for s in chosen)
