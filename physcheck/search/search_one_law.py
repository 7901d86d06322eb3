"""A search for cases that violate one law: exploring, judging, shrinking, in this order.

hypothesis draws the cases and climbs towards large violations; nothing is judged while it does, so
that no exception of ours ends it.  The most suspicious cases are then judged from evaluations made
anew.  Since those are independent of what made a case suspicious, the number of cases looked at
doesn't raise the chance of a false FAIL; only the number of cases judged does, and each judgement
has its share of the chance of a record (1e-4).  A case that fails is made simpler, and the simplest
one is judged again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from physcheck.errors import AllotmentExceeded, ForwardError, ModelError, NonFiniteOutput
from physcheck.measurement import Measurement
from physcheck.model import Meter
from physcheck.probes.transformations import jittered
from physcheck.resolution import Resolution
from physcheck.search.asking import Asked, Noise, OutsideDomain
from physcheck.search.case import Case
from physcheck.search.copies_laws import Wrap
from physcheck.search.hypothesis_runs import explore, smallest_failing
from physcheck.search.law import SearchLaw
from physcheck.search.simpler_cases import choices_of, simpler
from physcheck.search.structures_drawn import Pool, has_seeds
from physcheck.search.tape import Tape

_Found = tuple[Case, Asked]

__all__ = ["Search", "SearchResult", "again_allotment", "least_allotment", "search"]

# Cases judged at most: each has half of a record's chance of a false FAIL.
_JUDGED = 2
# The share of what is left after the judgements that exploring may spend; the rest is for making a
# failing case simpler.
_EXPLORING = 0.6
# A simpler case keeps at least this share of the violation: what is made small is the description.
_KEPT = 0.5
# Where its share of the forces counts, a violation is at least so many times the tolerance, and at
# least this part of the worst.
_FAR_ABOVE, _NOT_BELOW = 3.0, 0.02
# So many free atoms are few, and so many periodic ones; where there are more, or several are moved
# by lattice vectors, the share of the forces is enough.
_FEW_FREE, _FEW_PERIODIC = 3, 2
# Cases that are made simpler, the smallest first, while evaluations last.
_STARTS = 3
# Cases that hypothesis may draw for each that can be paid: refused ones cost nothing.
_TRIES_OF_AN_ASKING = 3
# So many structures that a model doesn't know say that random ones are none for it.
_MANY_REFUSED = 10
# Fewer askings than this are no search.
_FEWEST_ASKED = 20
# Cases above the tolerance of a search that nothing settled: what finer arithmetic is asked of.
_MOST_OPEN = 5
# Of those, the worst is judged there: finer arithmetic tells which one it is.
_JUDGED_AGAIN = 1


@dataclass(frozen=True, slots=True, eq=False)
class SearchResult:
    """What a search came to.

    Attributes
    ----------
    asked, refused, outside : int
        Cases that were answered, that the model raised at, and whose forces are out of bounds.
    refusal : str
        What the model said at the first of those that it raised at; empty where there is none.
    only_exactly : int
        Cases above the tolerance only where atoms are exactly where they are: not judged.
    worst : (Case, Asked) or None
        The most suspicious case of the others.
    judged : Measurement or None
        Of the worst case that was judged, the one that fails if one does.
    failing, smallest : (Case, Asked) or None
        A case that fails, and the simplest form of it that does.
    judged_smallest : Measurement or None
    cases : tuple of (Case, Asked)
        All that exploring asked and the model answered, ties left out.
    mistake : ForwardError or None
        Where a module first gave something else than was agreed.
    still_open : tuple of (Case, Asked)
        Where no case fails, those above the tolerance, the worst first: five at most.
    """

    asked: int
    refused: int
    outside: int
    refusal: str = ""
    only_exactly: int = 0
    worst: _Found | None = None
    judged: Measurement | None = None
    failing: _Found | None = None
    smallest: _Found | None = None
    judged_smallest: Measurement | None = None
    cases: tuple[_Found, ...] = ()
    mistake: ForwardError | None = None
    still_open: tuple[_Found, ...] = ()


def again_allotment(law: SearchLaw) -> int:
    """The most evaluations of a few cases that are asked again, and judged, without a search."""
    # Each asking is repeated where atoms are moved by 1e-4 Å.
    return _JUDGED_AGAIN * law.judging + 2 * _MOST_OPEN * law.asking


def least_allotment(law: SearchLaw) -> int:
    """The fewest evaluations with which a search of a law makes sense."""
    return (_JUDGED + 1) * law.judging + 2 * _FEWEST_ASKED * law.asking


@dataclass(slots=True)
class Search:
    """A law asked of a model, each case once.

    Attributes
    ----------
    law : SearchLaw
    meter : Meter
    tolerance : float
    noise : Noise
        Of the model.
    judges_any : bool
        Whether cases below the tolerance are judged, too.
    """

    law: SearchLaw
    meter: Meter
    tolerance: float
    noise: Noise = field(default_factory=Noise)
    judges_any: bool = False
    refused: int = 0
    outside: int = 0
    refusal: str = ""
    mistake: ForwardError | None = None
    asked: dict[bytes, tuple[Case, Asked | None]] = field(default_factory=dict)
    only_exactly: set[bytes] = field(default_factory=set)
    _limit: int = 0

    def allow(self, evaluations: int) -> None:
        """Let askings spend so many evaluations more."""
        self._limit = self.meter.evaluations + evaluations

    @property
    def is_spent(self) -> bool:
        """Whether no other asking fits into what is allowed."""
        return self.meter.evaluations + self.law.asking > self._limit

    @property
    def is_picky(self) -> bool:
        """Whether the model doesn't know most of what it was asked."""
        unknown = self.refused + self.outside
        return unknown >= _MANY_REFUSED and 2 * unknown > len(self.asked)

    def ask(self, case: Case) -> Asked | None:
        """The violation at a case, remembered; None where the model doesn't know it, or where no
        evaluation is left.
        """
        key = case.key
        if key not in self.asked:
            if self.is_spent:
                return None
            self.asked[key] = case, self._answer(case)
        return self.asked[key][1]

    def _answer(self, case: Case) -> Asked | None:
        try:
            return self.law.ask(self.meter, case, self.noise)
        except OutsideDomain:
            self.outside += 1
        except ModelError as error:
            self.refused += 1
            self.refusal = self.refusal or str(error)
            if isinstance(error, ForwardError):
                self.mistake = self.mistake or error
        except ValueError:
            self.refused += 1
        except NonFiniteOutput:
            # One cause is one failure: that of finite_outputs, which is searched, too.
            self.outside += 1
        return None

    def suspects(self) -> list[_Found]:
        """The cases above the tolerance, or all where any is judged, the worst first."""
        found = [(case, a) for case, a in self.asked.values() if a is not None]
        if not self.judges_any:
            found = [one for one in found if not (one[1].suspicion <= self.tolerance)]
        # Of equal ones, as finite or not, the simplest first.
        return sorted(
            found,
            key=lambda one: (
                -one[1].suspicion,
                one[0].start.system.is_periodic,
                one[0].start.n_atoms,
            ),
        )

    def lasting_suspects(self, rng: np.random.Generator) -> Iterator[_Found]:
        """Those that stay above the tolerance where atoms are moved by 1e-4 Å.

        A tie (two images of an atom equally near, say) is broken by anything: no simulation meets
        it, and it isn't judged.  A number that isn't finite is, wherever it comes up.
        """
        for case, asked in self.suspects():
            if self.law.moves_copies and not (asked.suspicion <= self.tolerance):
                other = replace(case, start=jittered(case.start, 1, rng))
                found = None if self.is_spent else self._answer(other)
                if found is not None and found.suspicion <= self.tolerance:
                    self.only_exactly.add(case.key)
                    continue
            yield case, asked

    def answered(self) -> tuple[_Found, ...]:
        """The cases that were answered, ties left out."""
        return tuple(
            (case, a)
            for key, (case, a) in self.asked.items()
            if a is not None and key not in self.only_exactly
        )

    def worst(self) -> _Found | None:
        """The most suspicious of them."""
        return max(self.answered(), key=lambda one: one[1].suspicion, default=None)


def search(
    law: SearchLaw,
    meter: Meter,
    pool: Pool,
    *,
    allotment: int,
    tolerance: float,
    rng: np.random.Generator,
    kept: Sequence[Case] = (),
    resolution: Resolution | None = None,
    only_kept: bool = False,
) -> SearchResult:
    """Look for cases that violate a law, judge the worst, and make one that fails smaller.

    Parameters
    ----------
    law : SearchLaw
    meter : Meter
        The model.
    pool : Pool
        What cases are drawn from.
    allotment : int
        The most evaluations.
    tolerance : float
        In the unit of the law's check.
    rng : numpy generator
    kept : sequence of Case
        Asked before any other.
    resolution : Resolution or None
        The model's own noise, as measured at one of the run's structures.
    only_kept : bool
        Nothing else is asked, the worst is judged whatever it is, and what fails isn't made
        smaller: :func:`again_allotment` is enough for five cases.
    """
    one = Search(law, meter, tolerance, Noise.of(resolution), judges_any=only_kept)
    seed = int(rng.integers(2**63))
    room = allotment - (_JUDGED_AGAIN if only_kept else _JUDGED + 1) * law.judging
    one.allow(room)
    for case in kept:
        if _applies(one, case):
            one.ask(case)
    if not only_kept:
        _explore(one, pool, max(0, int(_EXPLORING * room) - meter.evaluations), seed)
    one.allow(0)
    result = SearchResult(
        asked=sum(a is not None for _, a in one.asked.values()),
        refused=one.refused,
        outside=one.outside,
        refusal=one.refusal,
        mistake=one.mistake,
        worst=one.worst(),
    )
    result, left = _judged(one, result, room - meter.evaluations, rng)
    if result.failing is None:
        return result
    if only_kept:
        return replace(result, smallest=result.failing, judged_smallest=result.judged)
    return _shrunk(one, result, left, rng, seed)


def _explore(one: Search, pool: Pool, evaluations: int, seed: int) -> None:
    """Ask cases that hypothesis draws, with so many evaluations."""
    one.allow(evaluations)

    def visited(tape: bytes) -> float | None:
        case = _drawn(one, Tape(tape), pool)
        found = None if case is None else one.ask(case)
        return None if found is None else found.suspicion / (one.tolerance or 1.0)

    most = _TRIES_OF_AN_ASKING * (evaluations // one.law.asking + 1)
    explore(visited, lambda: one.is_spent, seed=seed, most=most)


def _drawn(one: Search, tape: Tape, pool: Pool) -> Case | None:
    """A case; of the run's own structures only, once the model has refused most others."""
    known = has_seeds(pool, one.law.wanted) and one.is_picky
    try:
        return one.law.drawn(tape, pool, one.meter.capabilities, known_only=known)
    except ValueError:
        # The pool has no such structure, or the cell came out too flat to be one.
        return None


def _judged(
    one: Search, result: SearchResult, left: int, rng: np.random.Generator
) -> tuple[SearchResult, int]:
    """The result with the judgement of up to two suspects, and what is left of the askings."""
    before = one.meter.evaluations
    one.allow(left)
    most = _JUDGED_AGAIN if one.judges_any else _JUDGED
    suspects = list(islice(one.lasting_suspects(rng), most))
    left -= one.meter.evaluations - before
    result = replace(
        result, worst=one.worst(), only_exactly=len(one.only_exactly), cases=one.answered()
    )
    for case, asked in suspects:
        measured = _judgement(one, case, rng)
        if measured is None:
            continue
        if result.judged is None:
            result = replace(result, judged=measured)
        if not (measured.interval[0] <= one.tolerance):
            return replace(result, judged=measured, failing=(case, asked)), left
    open_cases = [found for found in one.suspects() if found[0].key not in one.only_exactly]
    return replace(result, still_open=tuple(open_cases[:_MOST_OPEN])), left


def _judgement(one: Search, case: Case, rng: np.random.Generator) -> Measurement | None:
    try:
        meter = Meter(one.meter, allotment=one.law.judging)
        return one.law.judge(meter, case, rng, one.tolerance)
    except (ModelError, NonFiniteOutput, AllotmentExceeded, ValueError):
        return None


def _shrunk(
    one: Search, result: SearchResult, left: int, rng: np.random.Generator, seed: int
) -> SearchResult:
    """The result with the simplest form of the failing case that fails, too.

    Begun from the smallest of the cases that are about as bad.
    """
    assert result.failing is not None
    worst = result.failing
    one.allow(left)
    found: list[_Found] = []
    for by_share in (False, True):
        if any(_is_small(case) for case, _ in found):
            break
        enough = _AsBad(worst[1], one.tolerance, by_share)
        starts = sorted((f for f in one.suspects() if enough(f[1])), key=lambda f: _size(f[0]))
        found += [_simplest(one, start, enough, seed) for start in (starts or [worst])[:_STARTS]]
    for small in sorted(found, key=lambda f: _size(f[0])):
        measured = _judgement(one, small[0], rng)
        if measured is not None and not (measured.interval[0] <= one.tolerance):
            return replace(result, smallest=small, judged_smallest=measured)
        break
    return replace(result, smallest=worst, judged_smallest=result.judged)


def _simplest(one: Search, start: _Found, enough: Callable[[Asked], bool], seed: int) -> _Found:
    """The simplest form of one case that is bad enough."""
    case, asked = start
    choices = choices_of(case)

    def fails(taken: Sequence[int]) -> bool:
        other = _simplified(case, choices, taken)
        if other is None or not _applies(one, other):
            return False
        found = asked if other.key == case.key else one.ask(other)
        return found is not None and enough(found)

    small = _simplified(case, choices, smallest_failing(choices.counts, fails, seed=seed))
    found = None if small is None else one.asked.get(small.key, (small, None))[1]
    return start if small is None or found is None else (small, found)


@dataclass(frozen=True, slots=True)
class _AsBad:
    """Whether a case keeps half of the worst violation; by share, half of its share of the forces.

    The share counts where the violation itself stands far above the tolerance: one percent of the
    forces is the same fault in two atoms, where forces are small, as in thirty.
    """

    worst: Asked
    tolerance: float
    by_share: bool

    def __call__(self, other: Asked) -> bool:
        seen, most = other.suspicion, self.worst.suspicion
        if not (seen > self.tolerance):
            return False
        if seen >= _KEPT * most:
            return True
        if not self.by_share:
            return False
        share = seen * self.worst.size >= _KEPT * most * other.size
        return share and seen >= max(_FAR_ABOVE * self.tolerance, _NOT_BELOW * most)


def _is_small(case: Case) -> bool:
    most = _FEW_PERIODIC if case.start.system.is_periodic else _FEW_FREE
    wrapped = case.check == Wrap.check and case.moved_atoms > 1
    return case.start.n_atoms <= most and not wrapped


def _size(case: Case) -> tuple[bool, int, int]:
    """What makes a case simple at first sight: free atoms, few of them, few that move."""
    return case.start.system.is_periodic, case.start.n_atoms, case.moved_atoms


def _applies(one: Search, case: Case) -> bool:
    return one.law.refuses(case.start, one.meter.capabilities) is None


def _simplified(case: Case, choices: Any, taken: Sequence[int]) -> Case | None:
    try:
        return simpler(case, choices, taken)
    except ValueError:
        return None
