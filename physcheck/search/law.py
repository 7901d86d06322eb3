"""The face of a law in a search: a case is drawn, asked cheaply, and judged with statistics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter
from physcheck.probes.transformations import jittered
from physcheck.registry import registered_checks
from physcheck.search.asking import Asked, Noise
from physcheck.search.case import Case
from physcheck.search.structures_drawn import Pool, Wanted, drawn_structure, has_seeds
from physcheck.search.tape import Tape
from physcheck.system import Configurations

__all__ = ["SearchLaw", "copies_of"]

# Copies that a judgement averages over.
_COPIES = 4


def copies_of(start: Configurations, rng: np.random.Generator) -> Configurations:
    """Copies of a case that differ in what rounding touches only (1e-4 Å): a verdict is theirs, and
    so is independent of the answer that made the case suspicious.
    """
    return jittered(start, _COPIES, rng)


class SearchLaw(ABC):
    """One law, as a search asks it.

    Attributes
    ----------
    check : str
        The id of the check whose law it is.
    wanted : Wanted
        What structures it can be asked at.
    least_atoms : int
        A structure of fewer atoms says nothing.
    moves_copies : bool
        Whether a violation must stay where atoms are moved by 1e-4 Å.
    asking, judging : int
        The most evaluations of one asking, and of one judgement.
    """

    check: ClassVar[str]
    wanted: ClassVar[Wanted] = "any"
    least_atoms: ClassVar[int] = 1
    moves_copies: ClassVar[bool] = True
    asking: ClassVar[int]
    judging: ClassVar[int]

    @property
    def is_practice(self) -> bool:
        """Whether it need not hold far from what a model knows, as learned symmetries."""
        return registered_checks()[self.check].kind == "practice"

    def can_be_asked(self, pool: Pool, capabilities: Capabilities) -> bool:
        """Whether there are structures and outputs that it can be asked of."""
        if registered_checks()[self.check].needs - capabilities.outputs:
            return False
        if has_seeds(pool, self.wanted):
            return True
        return not self.is_practice and (bool(pool.pbcs) or self.wanted in ("any", "none"))

    def drawn(
        self, tape: Tape, pool: Pool, capabilities: Capabilities, *, known_only: bool = False
    ) -> Case | None:
        """A case; None where what the tape says is none that the law applies to.

        ``known_only`` keeps to the run's own structures, as practices always do.
        """
        start, made_from = drawn_structure(
            tape, pool, self.wanted, known_only=known_only or self.is_practice
        )
        return None if self.refuses(start, capabilities) else self.acted(tape, start, made_from)

    def refuses(self, start: Configurations, capabilities: Capabilities) -> str | None:
        """Why the law can't be asked at a structure; None where it can."""
        if start.n_atoms < self.least_atoms:
            return "too few atoms"
        spec = registered_checks()[self.check]
        return capabilities.refuses(start) or spec.missing(start, capabilities)

    def acted(self, tape: Tape, start: Configurations, made_from: str) -> Case:
        """The case of a structure, with something drawn to do with it."""
        return Case(self.check, start, {}, made_from)

    @abstractmethod
    def ask(self, meter: Meter, case: Case, noise: Noise) -> Asked:
        """The violation at exactly this case, in the check's unit.

        Raises
        ------
        OutsideDomain, ModelError, NonFiniteOutput
        """

    @abstractmethod
    def judge(
        self, meter: Meter, case: Case, rng: np.random.Generator, tolerance: float
    ) -> Measurement:
        """The violation with its interval, from evaluations made anew.

        Raises
        ------
        ModelError, NonFiniteOutput
        """

    def described(self, case: Case) -> str:
        """What is done to the structure, for people; empty where nothing is."""
        return ""
