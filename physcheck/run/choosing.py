"""Which structures a run looks at: those that were named, or a few that show most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from physcheck.errors import ForwardError, SpecError
from physcheck.model import Capabilities, Meter
from physcheck.registry import CheckSpec, Shows
from physcheck.run.facts import NotScheduled
from physcheck.run.progress_display import Stage, no_stage
from physcheck.run.settings import Settings
from physcheck.run.trial_calls import Trial, refused_kinds, trial_call

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = [
    "Chosen",
    "atomic_numbers_of",
    "choose_structures",
    "cut_to",
    "reasons_of",
    "refuse_other_species",
]

# At so many structures, the first ones, a call is made whatever is known of the model.
_TRIED = 3
# Structures of the catalogue at which a module gave something else than was agreed: so many say it.
_MOST_MISTAKEN = 2
# Structures of the catalogue with more atoms are taken where there is room for all others.
_LARGE = 40


@dataclass(slots=True)
class Chosen:
    """The structures of a run, and what trial calls showed.

    Attributes
    ----------
    structures : list of Structure
        In the order in which they are served.
    named : bool
        Whether the user or the model's author named them.
    trials : dict of structure to Trial
    best : dict of check to structure
        Where a check's fault shows best.
    further : set of str
        Structures that are there only because a check's fault shows best on them.
    mistaken : list of Structure
        Of the catalogue: a module gave something else than was agreed, while others were answered.
    left_out : list of NotScheduled
    remarks : list of str
        What trial calls showed that no record will: sentences for the report.
    usual_atoms : float
        The mean size of the first structures: an evaluation of a larger one counts for more.
    """

    structures: list[Structure]
    named: bool
    trials: dict[str, Trial] = field(default_factory=dict)
    best: dict[str, str] = field(default_factory=dict)
    further: set[str] = field(default_factory=set)
    mistaken: list[Structure] = field(default_factory=list)
    left_out: list[NotScheduled] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    usual_atoms: float = 1.0

    @property
    def called(self) -> dict[str, bool]:
        """The structures at which a call was made, and whether it was answered."""
        return {name: trial.seconds is not None for name, trial in self.trials.items()}


def choose_structures(
    meter: Meter,
    settings: Settings,
    checks: Sequence[CheckSpec],
    given: Sequence[Structure] | None = None,
    stage: Stage = no_stage,
) -> Chosen:
    """The structures of a run, and what trial calls of the model showed.

    Those that were ``given``, else those that the user named, else those that the model's author
    declared, else all that the model takes of the catalogue, those that add most to the ones before
    first.

    Where the model's species are unknown each is tried with one call; one that raises or whose
    largest force is above 30 eV/Å is left out.  A model that raises everywhere is judged on the
    first one anyway, so that the error is reported.

    Raises
    ------
    SpecError
        A structure, species or file doesn't exist.
    ForwardError
        A torch module gave something else than was agreed at each structure that was tried.
    """
    from physcheck.structures import load_structures

    trier = _Trier(meter, stage)
    if given is not None or settings.named_structures is not None:
        named = load_structures(settings.named_structures or "") if given is None else list(given)
        chosen = Chosen(named, named=True)
        if settings.species is not None:
            refuse_other_species(chosen.structures, settings.species)
    elif meter.capabilities.structures:
        chosen = _declared_of(meter.capabilities.structures, settings.species)
        _refuse_contradiction(chosen.structures, meter.capabilities.species)
    else:
        chosen = _of_catalogue(trier, settings)
    for index, structure in enumerate(chosen.structures):
        if index >= _TRIED and _first_mistake(chosen) is None:
            break
        if structure.name not in chosen.trials:
            chosen.trials[structure.name] = trier.try_on(structure)
    mistake = _first_mistake(chosen)
    if mistake is not None:
        raise mistake
    sizes = [s.configurations.n_atoms for s in chosen.structures[:_TRIED]]
    chosen.usual_atoms = sum(sizes) / max(1, len(sizes))
    chosen.remarks = [*trier.remarks, *chosen.remarks]
    chosen.best = _best(checks, chosen.structures)
    # A check that no structure makes applicable misses none.
    able = [spec for spec in checks if spec.needs <= meter.capabilities.outputs]
    chosen.remarks += _uncovered(able, chosen, meter.capabilities)
    return chosen


def _first_mistake(chosen: Chosen) -> ForwardError | None:
    """What was wrong at the first structure tried, if something was at all of them."""
    mistakes = [trial.mistake for trial in chosen.trials.values()]
    return None if None in mistakes else next(iter(mistakes), None)


def cut_to(chosen: Chosen, count: int | None, budget: str) -> Chosen:
    """With ``count`` structures of the catalogue alone, and those on which a check's fault shows
    best.
    """
    if chosen.named or count is None:
        return chosen
    kept, others = chosen.structures[:count], chosen.structures[count:]
    best = set(chosen.best.values())
    further = {s.name for s in others if s.name in best}
    added = [s for s in others if s.name in further]
    left_out = [
        NotScheduled("*", s.name, f"{budget} takes {count} structures of the catalogue")
        for s in others
        if s.name not in best
    ]
    return replace(
        chosen,
        # Coverage first: what shows a fault best comes before cheap checks on further structures.
        structures=[*kept[:1], *added, *kept[1:]],
        further=further,
        left_out=[*chosen.left_out, *left_out],
    )


def reasons_of(chosen: Chosen) -> dict[str, str]:
    """Why each structure is looked at: who named it, what it adds, which fault shows best on it."""
    showing: dict[str, list[str]] = {}
    for check, name in chosen.best.items():
        showing.setdefault(name, []).append(check)
    reasons: dict[str, str] = {}
    kinds: set[int] = set()
    species: set[int] = set()
    for structure in chosen.structures:
        system = structure.configurations.system
        kind, numbers = int(system.pbc.sum()), set(system.numbers.tolist())
        if chosen.named:
            said = "declared" if structure.provenance.startswith("declared") else "named"
            why = [f"{said} by the model's author" if said == "declared" else said]
        elif not reasons:
            why = ["the first of the catalogue that the model takes"]
        else:
            new = _symbols(numbers - species)
            why = [f"periodic in {kind} directions"] if kind not in kinds else []
            why += [f"adds {new}"] if new else []
        kinds.add(kind)
        species |= numbers
        if structure.name in showing:
            why.append(f"shows best: {', '.join(showing[structure.name])}")
        reasons[structure.name] = "; ".join(why) or "a further structure of the catalogue"
    return reasons


def _symbols(numbers: set[int]) -> str:
    from ase.data import chemical_symbols

    return ", ".join(str(chemical_symbols[number]) for number in sorted(numbers))


@dataclass(slots=True)
class _Trier:
    """Makes trial calls; the model's very first is made again where it raises."""

    meter: Meter
    stage: Stage = no_stage
    tried: bool = False
    remarks: list[str] = field(default_factory=list)

    def try_on(self, structure: Structure) -> Trial:
        """A trial; that only the model's first call raised is a remark for the report."""
        first, self.tried = not self.tried, True
        with self.stage(f"trial call at {structure.name}"):
            trial = trial_call(self.meter, structure)
        if not first or trial.refusal is None or trial.seconds is not None:
            return trial
        again = trial_call(self.meter, structure)
        if again.seconds is not None:
            self.remarks.append(
                f"the model raised at its first call, at {structure.name}, and answered the same "
                f"call when it was repeated: {trial.refusal}"
            )
        return again


def _of_catalogue(trier: _Trier, settings: Settings) -> Chosen:
    from physcheck.structures import catalogue

    capabilities = trier.meter.capabilities
    candidates = list(catalogue().values())
    species = capabilities.species
    if settings.species is not None:
        species = atomic_numbers_of(settings.species)
    chosen = Chosen([], named=False)
    takes: list[Structure] = []
    for structure in candidates:
        refusal = capabilities.refuses(structure.configurations)
        if refusal is None and species is not None:
            outside = set(structure.configurations.system.numbers.tolist()) - species
            refusal = "has species that were not asked for" if outside else None
        if refusal is None and species is None:
            chosen.trials[structure.name] = trier.try_on(structure)
            refusal = chosen.trials[structure.name].refusal
        if refusal is None:
            takes.append(structure)
            continue
        trial = chosen.trials.get(structure.name)
        is_mistaken = trial is not None and trial.mistake is not None
        if is_mistaken and len(chosen.mistaken) < _MOST_MISTAKEN:
            chosen.mistaken.append(structure)
        else:
            chosen.left_out.append(NotScheduled("*", structure.name, refusal))
    chosen.remarks += refused_kinds(candidates, chosen.trials)
    trials = chosen.trials
    raised = [t for t in trials.values() if t.refusal is not None and t.seconds is None]
    if not takes and trials and len(raised) == len(trials):
        first = next(s for s in candidates if s.name in trials)
        chosen.left_out = [left for left in chosen.left_out if left.structure != first.name]
        chosen.structures = [first]
    else:
        # The large ones come last: one evaluation of theirs is ten of the others'.
        small = [s for s in takes if s.configurations.n_atoms <= _LARGE]
        chosen.structures = [*_diverse(small), *(s for s in takes if s not in small)]
    return chosen


def _best(checks: Sequence[CheckSpec], structures: Sequence[Structure]) -> dict[str, str]:
    """For each check that says what shows its fault, the structure that shows it best."""
    best: dict[str, str] = {}
    for spec in checks:
        if spec.shows is None or not structures:
            continue
        scores = {s.name: spec.shows.score(s.configurations) for s in structures}
        name = max(scores, key=lambda name: scores[name])
        if scores[name] > 0:
            best[spec.id] = name
    return best


def _can_be_shown(shows: Shows, capabilities: Capabilities) -> bool:
    """Whether the model takes any structure, of whatever species, that can show the fault."""
    from physcheck.structures import catalogue

    if capabilities.periodicity == "partial":
        return True
    of_any_species = replace(capabilities, species=None)
    shown = (s.configurations for s in catalogue().values())
    return any(of_any_species.refuses(one) is None and shows.score(one) > 0 for one in shown)


def _uncovered(
    checks: Sequence[CheckSpec], chosen: Chosen, capabilities: Capabilities
) -> list[str]:
    """A remark for each kind of structure that is missing, with the checks that need it."""
    needing: dict[str, list[str]] = {}
    for spec in checks:
        if spec.shows is None or spec.id in chosen.best or not chosen.structures:
            continue
        if _can_be_shown(spec.shows, capabilities):
            needing.setdefault(spec.shows.needs, []).append(spec.id)
    return [
        f"no structure of this run is {needs}: {', '.join(ids)} can see little; "
        "name one with --physcheck-structures"
        for needs, ids in needing.items()
    ]


def _diverse(structures: Sequence[Structure]) -> list[Structure]:
    """Each adds most to those before it: its kind of lattice, then species."""
    left = list(structures)
    ordered: list[Structure] = []
    kinds: set[int] = set()
    species: set[int] = set()
    while left:
        best = left[0] if not ordered else max(left, key=partial(_gain, kinds, species))
        left.remove(best)
        ordered.append(best)
        kinds.add(int(best.configurations.system.pbc.sum()))
        species |= set(best.configurations.system.numbers.tolist())
    return ordered


def _gain(kinds: set[int], species: set[int], one: Structure) -> tuple[bool, int]:
    system = one.configurations.system
    return int(system.pbc.sum()) not in kinds, len(set(system.numbers.tolist()) - species)


def refuse_other_species(structures: Sequence[Structure], species: str) -> None:
    """Nothing where all structures are made of ``species``, chemical symbols with commas.

    Raises
    ------
    SpecError
        One has others: both can't be meant.
    """
    asked = atomic_numbers_of(species)
    for structure in structures:
        outside = structure.species - asked
        if outside:
            raise SpecError(
                f"the structure {structure.name} holds {_symbols(set(outside))}, which "
                f"--physcheck-species={species} leaves out; leave out one of the two"
            )


def _declared_of(names: Sequence[Any], species: str | None) -> Chosen:
    """Those of the author's structures that are made of the species asked for.

    Raises
    ------
    SpecError
        None is.
    """
    chosen = Chosen(_declared(names), named=True)
    if species is None:
        return chosen
    asked = atomic_numbers_of(species)
    found = [s for s in chosen.structures if s.species <= asked]
    if not found:
        held = sorted(set().union(*(s.species for s in chosen.structures)))
        raise SpecError(
            f"no structure that the model's author declared is made of {species} alone: they hold "
            f"{_symbols(set(held))}; name others with --physcheck-structures"
        )
    chosen.left_out = [
        NotScheduled("*", s.name, "has species that were not asked for")
        for s in chosen.structures
        if s not in found
    ]
    chosen.structures = found
    return chosen


def _refuse_contradiction(structures: Sequence[Structure], species: frozenset[int] | None) -> None:
    """SpecError where the model takes none of the structures that its author declared."""
    if species is None or not structures or any(s.species <= species for s in structures):
        return
    held = set().union(*(s.species for s in structures))
    raise SpecError(
        f"the model's author declared structures of {_symbols(held)} and species "
        f"{_symbols(set(species))}: it takes none of these structures; mend one of the two"
    )


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
