"""What a run was asked to do, as one frozen value; light, so that pytest can hold it at no cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from physcheck.errors import SpecError
from physcheck.names import BUDGETS, GENERATED, nearest
from physcheck.run.budget import AUTO, checked_budget, names_time
from physcheck.run.shard import parse_shard
from physcheck.tolerances import PROFILES

__all__ = ["BUDGETS", "FAIL_ON", "PROFILES", "Settings", "choose", "option_words"]

FAIL_ON = ("law", "practice", "inconclusive")
_ONE_BUDGET = (
    "--physcheck-shard needs a budget that is one number in every shard: {} depends on how fast "
    "the model runs; give --physcheck-budget=8000 (or another number), quick, standard or full"
)


def choose(kind: str, value: str, known: Iterable[str]) -> str:
    """``value`` if it is one of ``known``; SpecError with the nearest names if it is not."""
    names = tuple(known)
    if value not in names:
        raise SpecError(f"no {kind} is called {value!r}; {nearest(value, names)}")
    return value


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of a run, all plain values.

    Attributes
    ----------
    model : str or None
        SPEC of the model under test.
    reference : str or None
        SPEC of a second model of the same chemistry, or ``auto``: the model's other head.
    checks, structures, species : str or None
        Comma separated choices; None means all, the catalogue, and whatever the model takes.
    profile, fail_on : str
        One of ``PROFILES`` and ``FAIL_ON``.
    budget : str
        ``auto``, one of ``BUDGETS``, a number of evaluations or a time of the model.
    seed : int
    device, dtype : str or None
    timeout : float or None, s
        Longest time a record may take.
    shard : str or None
        ``i/n``: only the structures of the i-th of n shards.
    json, html, markdown, evidence, known_failures, baseline, badge, resume : str or None
        Absolute paths.
    annotate : bool
        Print failures as annotations of GitHub Actions.
    only : bool
        Collect the suite alone.
    search : int or None
        Evaluations for generated cases; None is a share of the budget, 0 none.
    cases : str or None
        Absolute path of a folder of generated cases that are kept and asked again.

    Raises
    ------
    SpecError
        A value is not one of those that exist; the nearest ones are named.
    """

    model: str | None = None
    reference: str | None = None
    checks: str | None = None
    structures: str | None = None
    species: str | None = None
    profile: str = "md"
    budget: str = AUTO
    fail_on: str = "practice"
    seed: int = 0
    device: str | None = None
    dtype: str | None = None
    timeout: float | None = None
    json: str | None = None
    html: str | None = None
    markdown: str | None = None
    evidence: str | None = None
    known_failures: str | None = None
    baseline: str | None = None
    badge: str | None = None
    resume: str | None = None
    shard: str | None = None
    annotate: bool = False
    only: bool = False
    search: int | None = None
    cases: str | None = None

    def __post_init__(self) -> None:
        choose("profile", self.profile, PROFILES)
        checked_budget(self.budget)
        choose("level of --physcheck-fail-on", self.fail_on, FAIL_ON)
        if not isinstance(self.seed, int):
            raise SpecError(f"the seed is {self.seed!r}, should be a whole number")
        if self.seed < 0:
            raise SpecError(f"the seed is {self.seed}, should be 0 or more")
        if self.timeout is not None and not (self.timeout > 0):
            raise SpecError(f"the timeout is {self.timeout} s, should be more than 0")
        if self.search is not None and self.search < 0:
            raise SpecError(f"the search is of {self.search} evaluations, should be 0 or more")
        if self.shard is not None:
            parse_shard(self.shard)
            if names_time(self.budget):
                raise SpecError(_ONE_BUDGET.format(self.budget))

    @property
    def names_generated(self) -> bool:
        """Whether generated cases are among the structures that were named."""
        return GENERATED in _names(self.structures)

    @property
    def named_structures(self) -> str | None:
        """The structures that were named, without generated cases; None where none is left."""
        if not self.names_generated:
            return self.structures
        return ",".join(name for name in _names(self.structures) if name != GENERATED) or None

    def to_json(self) -> dict[str, Any]:
        """All values by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Settings:
        """The inverse of :meth:`to_json`."""
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})

    def rerun_command(
        self,
        check: str,
        structure: str,
        *,
        budget: str,
        in_catalogue: bool = True,
        search: int | None = None,
    ) -> str:
        """The command line that makes one record again, with ``budget``.

        ``search`` are the evaluations of a record of generated cases.
        """
        # Structures that the model's author declared have no name that the option knows.
        chosen = structure if in_catalogue else self.structures
        if structure == GENERATED:
            # Cases are drawn from the structures of the run, too.
            named = self.named_structures
            chosen = GENERATED if named is None else f"{named},{GENERATED}"
        given = {
            "model": self.model,
            "reference": self.reference,
            "checks": check,
            "structures": chosen,
            "seed": str(self.seed),
            "profile": self.profile,
            "budget": budget,
            "search": None if search is None else str(search),
            "species": self.species if search else None,
            "device": self.device,
            "dtype": self.dtype,
        }
        words = option_words(given, always=("seed",))
        return " ".join(["pytest --pyargs physcheck.suite", *words])


def option_words(values: Mapping[str, str | None], *, always: Iterable[str] = ()) -> list[str]:
    """The words of a command line for these options, but for those that are the default.

    Parameters
    ----------
    values : mapping of option to value
        Without ``--physcheck-``; None for an option that isn't given.
    always : iterable of str
        Said although they are the default: a seed belongs to a record that is made again.
    """
    from shlex import quote

    defaults = {f.name: str(f.default) for f in fields(Settings)}
    shown = set(always)
    return [
        f"{'--model' if name == 'model' else f'--physcheck-{name}'}={quote(value)}"
        for name, value in values.items()
        if value is not None and (name in shown or value != defaults[name])
    ]


def _names(structures: str | None) -> list[str]:
    return [name.strip() for name in (structures or "").split(",")]
