"""Which laws are asked of generated cases, and with how many evaluations each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from physcheck.model import Capabilities
from physcheck.names import GENERATED
from physcheck.registry import CheckSpec
from physcheck.run.budget import Spending
from physcheck.run.choosing import Chosen, atomic_numbers_of
from physcheck.run.facts import NotScheduled
from physcheck.run.settings import Settings

if TYPE_CHECKING:
    from physcheck.search.structures_drawn import Pool
    from physcheck.structures import Structure

__all__ = [
    "generated_structure",
    "pool_of_run",
    "search_allotments",
    "searched_checks",
    "twin_allotment",
]

# The share of a budget that goes to generated cases, and their number where there is no limit.
_SHARE, _WITHOUT_LIMIT = 0.2, 20_000
# Of one law, more evaluations find little more.
_MOST = 2_000
# Seeds with more atoms cost too much for many cases.
_LARGEST_SEED = 40
# Elements of a model that knows many, beside those of the run's structures.
_RARE = 8


def search_evaluations(settings: Settings, spending: Spending) -> int:
    """How many evaluations generated cases get.

    As asked for, on top of the budget; else a fifth of it, and none at quick (which can just try
    each law once) or where structures were named without generated ones.
    """
    if settings.search is not None:
        return settings.search
    if settings.structures is not None and not settings.names_generated:
        return 0
    if spending.evaluations is None:
        return _WITHOUT_LIMIT
    if spending.level == "quick" and not settings.names_generated:
        return 0
    return int(_SHARE * spending.evaluations)


def generated_structure(pool: Pool) -> Structure:
    """What stands for the generated cases in a plan: the smallest of the run's structures."""
    from physcheck.structures import Structure

    return Structure(GENERATED, pool.seeds[0], "cases drawn by hypothesis")


def search_allotments(
    settings: Settings,
    capabilities: Capabilities,
    checks: Sequence[CheckSpec],
    spending: Spending,
    pool: Pool,
) -> tuple[dict[str, int], list[NotScheduled]]:
    """Evaluations by the id of each check whose law is searched, and the laws that are left out.

    In the order of ``physcheck.search.laws``, each law that the rest of the evaluations suffices
    for; what is then left goes to all of them in proportion.
    """
    from physcheck.search.laws import SEARCH_LAWS
    from physcheck.search.search_one_law import least_allotment

    total = search_evaluations(settings, spending)
    wanted = {spec.id for spec in checks}
    found: dict[str, int] = {}
    left_out = []
    for law in SEARCH_LAWS.values():
        if not total or law.check not in wanted or not law.can_be_asked(pool, capabilities):
            continue
        least = least_allotment(law)
        if sum(found.values()) + least <= total:
            found[law.check] = least
        else:
            reason = f"{least} evaluations don't fit into the {total} of generated cases"
            left_out.append(NotScheduled(law.check, GENERATED, f"{reason}: --physcheck-search=N"))
    taken = sum(found.values())
    shares = {check: max(n, min(_MOST, n * total // taken)) for check, n in found.items()}
    return shares, left_out


def twin_allotment(check: str) -> int:
    """The most evaluations of a float64 twin that is asked the cases that a search left open."""
    from physcheck.search.laws import SEARCH_LAWS
    from physcheck.search.search_one_law import again_allotment

    return again_allotment(SEARCH_LAWS[check])


def pool_of_run(settings: Settings, capabilities: Capabilities, chosen: Chosen) -> Pool:
    """What cases are drawn from: the run's structures, their elements, and a few more that the
    model knows.

    Without the structures that single checks brought in: a record that is made again alone has the
    same cases.
    """
    from physcheck.search.structures_drawn import pool_of

    seeds = [s.configurations for s in chosen.structures if s.name not in chosen.further]
    seeds = [seed for seed in seeds if capabilities.refuses(seed) is None] or seeds
    seeds.sort(key=lambda seed: seed.n_atoms)
    # The smallest of each number of periodic axes, and all others that aren't large.
    first = {int(seed.system.pbc.sum()): seed for seed in reversed(seeds)}
    taken = [s for s in seeds if s.n_atoms <= _LARGEST_SEED or s in first.values()]
    species = {int(z) for seed in taken for z in seed.system.numbers}
    rare = _with_rare(species, settings, capabilities)
    return pool_of(taken, rare, capabilities.periodicity)


def searched_checks(
    settings: Settings, checks: Sequence[CheckSpec], allotments: Mapping[str, int], pool: Pool
) -> dict[str, CheckSpec]:
    """The checks of ``allotments`` as searches.

    Raises
    ------
    SpecError
        A kept case can't be read.
    """
    from physcheck.search.case_files import kept_cases
    from physcheck.search.laws import SEARCH_LAWS
    from physcheck.search.searching_check import SearchedModel, searching_spec

    kept = kept_cases(settings.cases)
    model = SearchedModel(settings.model, settings.cases)
    specs = {spec.id: spec for spec in checks}
    return {
        check: searching_spec(
            specs[check],
            SEARCH_LAWS[check],
            pool,
            allotment=allotment,
            kept=[case for case in kept if case.check == check],
            model=model,
        )
        for check, allotment in allotments.items()
    }


def _with_rare(species: set[int], settings: Settings, capabilities: Capabilities) -> frozenset[int]:
    """The elements of cases: those of the structures, and a few that only the model knows."""
    if settings.species is not None:
        return frozenset(species | atomic_numbers_of(settings.species))
    others = sorted((capabilities.species or frozenset()) - species)
    step = max(1, len(others) // _RARE)
    return frozenset(species | set(others[::step][:_RARE]))
