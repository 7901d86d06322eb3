"""Defects of the program around the physics: memory, batches, threads, inputs."""

from __future__ import annotations

import time
from typing import ClassVar, final

import numpy as np

from physcheck.model import Model
from physcheck.potentials.analytic import AnalyticPotential
from physcheck.potentials.defects.base import (
    CONSERVATION,
    DYNAMICS,
    RELAXATION,
    SAMPLING,
    STRESS,
    Defect,
)
from physcheck.potentials.neighbours import Pairs, find_pairs
from physcheck.system import Configurations, Evaluation, Floats, Ints

__all__ = [
    "BatchIndex",
    "BatchPadding",
    "Leaking",
    "MutatesInput",
    "NanAlone",
    "StaleNeighbours",
    "Stateful",
    "ThreadUnsafe",
]

_SYMMETRY = frozenset(
    {
        "translation_invariance",
        "rotation_equivariance",
        "inversion_equivariance",
        "permutation_equivariance",
        "periodic_wrap",
        "lattice_basis",
        "supercell_extensivity",
        "separated_additivity",
        "net_force",
        "net_torque",
    }
)
_SMOOTHNESS = frozenset({"cutoff_smoothness", "path_smoothness", "locality"})
_CALLS = frozenset({"determinism", "history_independence", "batch_invariance", "thread_safety"})
# All that compares forces found in different calls: a model whose answers depend on the call may
# fail any.
ANYTHING = (
    CONSERVATION | STRESS | DYNAMICS | SAMPLING | RELAXATION | _SYMMETRY | _SMOOTHNESS | _CALLS
)


@final
class StaleNeighbours(Defect):
    """The pair list of the first configuration is kept for all that have as many atoms.

    It shows in structures larger than the cutoff, or periodic.

    The strength is a skin added to the cutoff for that list, Å.

    Raises
    ------
    TypeError
        The wrapped model isn't a built-in potential, whose pairs can be had.
    """

    spec: ClassVar[str] = "stale-neighbours"
    unit: ClassVar[str] = "Å"
    default_strength: ClassVar[float] = 0.5
    must_fail: ClassVar[frozenset[str]] = frozenset({"history_independence"})
    may_fail: ClassVar[frozenset[str]] = (ANYTHING | {"short_range_repulsion"}) - must_fail

    def __init__(self, model: Model, strength: float | None = None) -> None:
        super().__init__(model, strength)
        if not isinstance(model, AnalyticPotential):
            raise TypeError(
                f"{self.spec} goes directly around a built-in potential, not "
                f"{model.capabilities.name}"
            )
        self._potential = model
        self._list: tuple[int, tuple[Ints, Ints, Ints]] | None = None

    def fresh(self) -> StaleNeighbours:
        """The same without a list."""
        return StaleNeighbours(self.model, self.strength)

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped potential's answer for the pairs on the list."""
        parts = [self._one(one, want) for one in configurations]
        return Evaluation.concatenate(parts)

    def _one(self, one: Configurations, want: frozenset[str]) -> Evaluation:
        n = one.n_atoms
        if self._list is None or self._list[0] != n:
            found = find_pairs(one, self._potential.cutoff + self.strength)
            self._list = n, (found.first, found.second, found.shifts)
        first, second, shifts = self._list[1]
        x = one.positions[0]
        vectors = x[second] + shifts @ one.cells[0] - x[first]
        distances = np.linalg.norm(vectors, axis=1)
        near = (distances > 0) & (distances < self._potential.cutoff)
        pairs = Pairs(
            1, n, np.zeros(len(first), np.int64), first, second, shifts, vectors, distances
        ).keep(near)
        energy, gradients = self._potential.gradients(one, pairs)
        stress = None
        if "stress" in want and one.system.is_fully_periodic:
            stress = pairs.virial(gradients) / one.volumes()[:, None, None]
        return Evaluation(energy, pairs.forces(gradients), stress)


@final
class Stateful(Defect):
    """A share (the strength) of the forces is left over from the configuration before, of as
    many atoms.
    """

    spec: ClassVar[str] = "stateful"
    default_strength: ClassVar[float] = 0.01
    must_fail: ClassVar[frozenset[str]] = frozenset({"history_independence"})
    may_fail: ClassVar[frozenset[str]] = ANYTHING - must_fail

    def __init__(self, model: Model, strength: float | None = None) -> None:
        super().__init__(model, strength)
        self._before: Floats | None = None

    def fresh(self) -> Stateful:
        """The same without a memory."""
        return Stateful(self.model, self.strength)

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer with the left-over of the call before."""
        answer = self.model.evaluate(configurations, want=want)
        if answer.forces is None:
            return answer
        forces = answer.forces.copy()
        for index in range(len(forces)):
            now = forces[index].copy()
            if self._before is not None and self._before.shape == now.shape:
                forces[index] += self.strength * (self._before - now)
            self._before = now
        return Evaluation(answer.energy, forces, answer.stress)


@final
class BatchIndex(Defect):
    """Forces of the configuration at place b of a batch are scaled by ``1 + strength b``."""

    spec: ClassVar[str] = "batch-index"
    default_strength: ClassVar[float] = 0.01
    must_fail: ClassVar[frozenset[str]] = frozenset({"batch_invariance"})
    may_fail: ClassVar[frozenset[str]] = ANYTHING - must_fail

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer, forces scaled by their place in the batch."""
        answer = self.model.evaluate(configurations, want=want)
        if answer.forces is None:
            return answer
        factors = 1 + self.strength * np.arange(len(configurations))
        return Evaluation(answer.energy, factors[:, None, None] * answer.forces, answer.stress)


@final
class BatchPadding(Defect):
    """A share (the strength) of the batch's mean forces leaks into each configuration's, as
    unmasked padding does.
    """

    spec: ClassVar[str] = "batch-padding"
    default_strength: ClassVar[float] = 0.01
    must_fail: ClassVar[frozenset[str]] = frozenset({"batch_invariance"})
    may_fail: ClassVar[frozenset[str]] = ANYTHING - must_fail

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer, forces drawn towards the batch's mean."""
        answer = self.model.evaluate(configurations, want=want)
        if answer.forces is None:
            return answer
        mean = answer.forces.mean(axis=0)
        forces = answer.forces + self.strength * (mean - answer.forces)
        return Evaluation(answer.energy, forces, answer.stress)


@final
class MutatesInput(Defect):
    """Moves the positions that it is given by the strength, Å, together: nothing else shows it."""

    spec: ClassVar[str] = "mutates-input"
    unit: ClassVar[str] = "Å"
    default_strength: ClassVar[float] = 0.1
    must_fail: ClassVar[frozenset[str]] = frozenset({"input_untouched"})

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer; the positions are moved afterwards."""
        answer = self.model.evaluate(configurations, want=want)
        positions = configurations.positions
        positions.flags.writeable = True
        positions += self.strength
        return answer


@final
class NanAlone(Defect):
    """Forces that are NaN for one atom alone, as an empty neighbour list makes them.

    The strength has no meaning.
    """

    spec: ClassVar[str] = "nan-alone"
    must_fail: ClassVar[frozenset[str]] = frozenset({"finite_outputs"})

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer, with NaN forces on a single atom."""
        answer = self.model.evaluate(configurations, want=want)
        forces = answer.forces
        if forces is not None and configurations.n_atoms == 1:
            forces = np.full_like(forces, np.nan)
        return Evaluation(answer.energy, forces, answer.stress)


@final
class ThreadUnsafe(Defect):
    """The input is kept on the model and read again a moment later, so that threads overwrite each
    other's.

    The strength is that moment, seconds.
    """

    spec: ClassVar[str] = "thread-unsafe"
    unit: ClassVar[str] = "s"
    default_strength: ClassVar[float] = 1e-3
    must_fail: ClassVar[frozenset[str]] = frozenset({"thread_safety"})

    def __init__(self, model: Model, strength: float | None = None) -> None:
        super().__init__(model, strength)
        self._buffer: Configurations | None = None

    def fresh(self) -> ThreadUnsafe:
        """The same with a buffer of its own."""
        return ThreadUnsafe(self.model, self.strength)

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer for what the buffer holds by then."""
        self._buffer = configurations
        time.sleep(self.strength)
        return self.model.evaluate(self._buffer, want=want)


@final
class Leaking(Defect):
    """Keeps an array of the strength, in kB, for every configuration that it is asked."""

    spec: ClassVar[str] = "leaking"
    unit: ClassVar[str] = "kB"
    default_strength: ClassVar[float] = 50.0
    must_fail: ClassVar[frozenset[str]] = frozenset({"memory_growth"})

    def __init__(self, model: Model, strength: float | None = None) -> None:
        super().__init__(model, strength)
        self._kept: list[Floats] = []

    def fresh(self) -> Leaking:
        """The same with nothing kept yet."""
        return Leaking(self.model, self.strength)

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer."""
        for _ in range(len(configurations)):
            self._kept.append(np.ones(max(1, int(125 * self.strength))))
        return self.model.evaluate(configurations, want=want)
