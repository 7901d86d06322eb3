"""The one face of every model, and the meter that counts what it is asked."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np

from physcheck.errors import AllotmentExceeded, ModelError, NonFiniteOutput
from physcheck.numerics.answers import evaluation_from, real_array
from physcheck.process_settings import settings_watched
from physcheck.system import Configurations, Evaluation
from physcheck.text.exceptions import foreign_code
from physcheck.text.phrases import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from physcheck.system import Floats

Output = Literal["energy", "forces", "stress"]
Periodicity = Literal["none", "partial", "full"]
OUTPUTS: tuple[Output, ...] = ("energy", "forces", "stress")

__all__ = [
    "MOST_ATOMS_PER_CALL",
    "OUTPUTS",
    "Capabilities",
    "Differentiable",
    "Meter",
    "Model",
    "Output",
    "Periodicity",
]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can do; asked, never probed.

    Attributes
    ----------
    name : str
        For people: the class or file the model came from.
    adapter : str
        Which adapter made it, such as ``ase`` or ``builtin``.
    outputs : frozenset of {"energy", "forces", "stress"}
    species : frozenset of atomic numbers, or None if unknown
    dtype : str
        ``float32`` or ``float64``: what the model computes in, ``unknown`` where it can't be told.
    device : str
    periodicity : "none", "partial" or "full"
        The most periodic system it takes: no pbc at all, any subset of the axes, or ``"full"`` for
        none or all three axes only.
    interaction_range : float or None, Å
        Farthest distance over which an atom can matter to another's force; None if undeclared.
    differentiable : bool
        True if the model also is :class:`Differentiable`.
    direct_heads : tuple of str
        Outputs that it can predict directly too (``forces``, ``stress``).
    mixed_sizes : bool
        True if ``evaluate_many`` is one batched call.
    batched : bool
        True if ``evaluate`` treats B > 1 in one call rather than in a loop.
    one_thread : bool
        True if nobody calls it from several threads at once: an ASE calculator keeps its last
        atoms.
    structures : tuple
        Structures its author named as in its domain (catalogue names or file paths).
    details : mapping
        Further facts for the report: TF32, compilation, sha256 of weights.
    """

    name: str
    adapter: str
    outputs: frozenset[str]
    species: frozenset[int] | None = None
    dtype: str = "float64"
    device: str = "cpu"
    periodicity: Periodicity = "partial"
    interaction_range: float | None = None
    differentiable: bool = False
    direct_heads: tuple[str, ...] = ()
    mixed_sizes: bool = False
    batched: bool = False
    one_thread: bool = False
    structures: tuple[Any, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def refuses(self, configurations: Configurations) -> str | None:
        """Why this model can't take a structure, in a sentence.

        None if nothing speaks against it.
        """
        system = configurations.system
        if self.species is not None:
            unknown = sorted(set(system.numbers.tolist()) - self.species)
            if unknown:
                from ase.data import chemical_symbols

                names = ", ".join(chemical_symbols[z] for z in unknown)
                return f"species {names} not supported by the model"
        n_periodic = int(system.pbc.sum())
        if self.periodicity == "none" and n_periodic:
            return "the model takes no periodic systems"
        if self.periodicity == "full" and n_periodic in (1, 2):
            return "the model takes no partly periodic systems"
        return None


@runtime_checkable
class Model(Protocol):
    """A model under test: many configurations of one system in, energies, forces and stresses out.

    ``evaluate`` gets ``want``, the outputs that will be looked at; more may be returned, fewer may
    not (unless ``capabilities.outputs`` lacks them).  One configuration is one evaluation, whatever
    outputs. A model may also have ``fresh() -> Model``, an equal model without memory of earlier
    calls, ``ask(configuration)``, which finds out at a structure what ``capabilities`` should say,
    and ``further_outputs(configuration)``, whatever else it gives at one configuration (B = 1), by
    ASE's names (``energies``, ``free_energy``, ``virial``, ``charges``, ``dipole``...).
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this model can do."""
        ...

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """Energies (B,) eV, forces (B, N, 3) eV/Å, stresses (B, 3, 3) eV/Å³ of B configurations."""
        ...


@runtime_checkable
class Differentiable(Protocol):
    """A model with exact products of its force Jacobian J = dF/dx (n = 3N columns)."""

    def jacobian_products(
        self, configuration: Configurations, vectors: Floats, *, transpose: bool
    ) -> Floats:
        """J v, or J^T v, for each of ``vectors`` (k, N, 3) at one configuration.

        (k, N, 3), eV/Å².
        """
        ...


#: Batches are split so that a call has at most so many atoms, and one configuration at least.
MOST_ATOMS_PER_CALL = 20_000


class Meter:
    """A model wrapped so that evaluations and seconds are counted and answers are checked.

    Parameters
    ----------
    model : Model
    allotment : int or None
        The most evaluations this meter grants; asking for more raises AllotmentExceeded before any
        is made.
    max_atoms_per_call : int
        Batches are split so that a call has at most this many atoms (at least one configuration).
    observer : callable (int) -> None
        Told after each call how many evaluations were made so far, by meters inside this one too.
    clock : callable () -> float, s
        What ``seconds`` are read from.

    Raises
    ------
    ModelError
        The model raised, whatever it was, or an output that was wanted is missing, has the wrong
        shape or is no array of real numbers.
    NonFiniteOutput
        An output is NaN or infinite; the message names output, configuration and atom.
    """

    def __init__(
        self,
        model: Model,
        *,
        allotment: int | None = None,
        max_atoms_per_call: int = MOST_ATOMS_PER_CALL,
        observer: Callable[[int], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.model: Model = model.model if isinstance(model, Meter) else model
        self._parent = model if isinstance(model, Meter) else None
        self.allotment = allotment
        self.observer = observer
        self.max_atoms_per_call = max_atoms_per_call
        self._clock = clock
        self._asked: set[bool] = set()
        self.evaluations = 0
        self.jacobian_products_made = 0
        self.seconds = 0.0
        self.name = ""

    @property
    def capabilities(self) -> Capabilities:
        """The wrapped model's."""
        return self.model.capabilities

    @property
    def remaining(self) -> int | None:
        """Evaluations left of the allotment, and of those of the meters around it.

        None if there is none.
        """
        own = None if self.allotment is None else self.allotment - self.evaluations
        around = None if self._parent is None else self._parent.remaining
        left = [n for n in (own, around) if n is not None]
        return min(left) if left else None

    def _count(self, evaluations: int, products: int = 0, seconds: float = 0.0) -> None:
        self.evaluations += evaluations
        self.jacobian_products_made += products
        self.seconds += seconds
        if evaluations and self.observer is not None:
            self.observer(self.evaluations)
        if self._parent is not None:
            self._parent._count(evaluations, products, seconds)

    def _grant(self, n: int) -> None:
        if self.allotment is not None and self.evaluations + n > self.allotment:
            raise AllotmentExceeded(
                f"{self.evaluations} evaluations made, {n} more asked for, {self.allotment} "
                "allotted"
            )
        if self._parent is not None:
            self._parent._grant(n)

    @contextmanager
    def _guarded(self, what: str) -> Iterator[None]:
        started = self._clock()
        who = self.name or "the model"
        try:
            with (
                foreign_code(lambda said: f"{what}: {who} raised {said}"),
                warnings.catch_warnings(),
                settings_watched(self.model),
            ):
                warnings.simplefilter("ignore")
                yield
        finally:
            self._count(0, 0, self._clock() - started)

    def fresh(self) -> Meter:
        """A meter on a fresh copy of the model where one can be had, counting into this one."""
        maker = getattr(self.model, "fresh", None)
        clone = Meter(self, max_atoms_per_call=self.max_atoms_per_call)
        if maker is not None:
            with self._guarded("making a fresh model"):
                clone.model = maker()
        return clone

    def beside(self, other: Model, *, name: str = "") -> Meter:
        """A meter on another model that counts into this one and draws on the same allotment.

        Its errors say ``name``.
        """
        meter = Meter(other, max_atoms_per_call=self.max_atoms_per_call)
        meter._parent, meter.name = self, name
        return meter

    def ask(self, configuration: Configurations) -> None:
        """Let a model with ``ask(configuration)`` find out its capabilities, once with and once
        without a volume.

        Which outputs there are, and whether Jacobian products are exact, some models can't tell
        before they were called.  Counted as one evaluation; what ``ask`` raises is ModelError.
        """
        ask = getattr(self.model, "ask", None)
        kind = configuration.system.is_fully_periodic
        if ask is None or kind in self._asked:
            return
        with self._guarded(f"asking for the outputs at {configuration.system.formula}"):
            ask(configuration)
        self._count(1)
        self._asked.add(kind)

    def evaluate(
        self, configurations: Configurations, *, want: Iterable[str] = frozenset({"forces"})
    ) -> Evaluation:
        """As :meth:`Model.evaluate`, counted, split where the batch is big, and checked."""
        wanted = frozenset(want) & self.capabilities.outputs
        n_batch = len(configurations)
        self._grant(n_batch)
        size = max(1, self.max_atoms_per_call // configurations.n_atoms)
        parts = []
        for begin in range(0, n_batch, size):
            chunk = configurations[begin : begin + size]
            several = count(len(chunk), "configuration")
            with self._guarded(f"evaluating {several} of {chunk.system.formula}"):
                answer = self.model.evaluate(chunk, want=wanted)
                self._count(len(chunk))
                parts.append(evaluation_from(answer, chunk, wanted, of=self.name))
        return parts[0] if len(parts) == 1 else Evaluation.concatenate(parts)

    def further_outputs(self, configuration: Configurations) -> dict[str, Floats]:
        """What a model with ``further_outputs`` gives beside; counted as one evaluation.

        Empty where it has none.
        """
        give = getattr(self.model, "further_outputs", None)
        if give is None:
            return {}
        self._grant(1)
        with self._guarded(f"asking for further outputs at {configuration.system.formula}"):
            found = dict(give(configuration))
        self._count(1)
        return found

    def evaluate_many(
        self, batches: Sequence[Configurations], *, want: Iterable[str] = frozenset({"forces"})
    ) -> list[Evaluation]:
        """Several systems at once: one call where the model takes mixed sizes, else a loop."""
        many = getattr(self.model, "evaluate_many", None)
        if many is None or not self.capabilities.mixed_sizes:
            return [self.evaluate(batch, want=want) for batch in batches]
        wanted = frozenset(want) & self.capabilities.outputs
        total = sum(len(batch) for batch in batches)
        self._grant(total)
        with self._guarded(f"evaluating {total} configurations of {len(batches)} systems"):
            answers = many(list(batches), want=wanted)
            self._count(total)
            if not isinstance(answers, list | tuple) or len(answers) != len(batches):
                got = len(answers) if isinstance(answers, list | tuple) else type(answers).__name__
                raise ModelError(
                    f"evaluate_many gave {got} answers, should be a list of {len(batches)}"
                )
            return [
                evaluation_from(answer, batch, wanted, of=self.name)
                for answer, batch in zip(answers, batches, strict=True)
            ]

    def jacobian_products(
        self, configuration: Configurations, vectors: Floats, *, transpose: bool
    ) -> Floats:
        """As :meth:`Differentiable.jacobian_products`, counted."""
        model = self.model
        if not isinstance(model, Differentiable):
            raise ModelError(f"{self.capabilities.name} has no exact Jacobian products")
        with self._guarded("Jacobian products"):
            answer = model.jacobian_products(configuration, vectors, transpose=transpose)
            self._count(0, len(vectors))
            products = real_array("jacobian_products", answer, vectors.shape, of=self.name)
        if not np.isfinite(products).all():
            raise NonFiniteOutput("jacobian_products is not finite")
        return products
