"""Frameworks that take many structures in one call, of one size or of several."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from physcheck.adapters.batch_memory import fitting_atoms, is_out_of_memory, peak_bytes
from physcheck.adapters.further_outputs import further_outputs_of
from physcheck.errors import ModelError
from physcheck.model import OUTPUTS, Capabilities
from physcheck.numerics.answers import real_array
from physcheck.system import Configurations, Evaluation, Floats
from physcheck.text.phrases import kind_of

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Answer", "BatchedModel", "Call"]

Answer = Mapping[str, Any]
"""``energy`` (S,) eV, ``forces`` (sum of N, 3) eV/Å, ``stress`` (S, 3, 3) eV/Å³ of S structures."""

Call = Callable[[list["Atoms"], frozenset[str]], Answer]
"""Of structures, in order, the outputs that are wanted; stress only of fully periodic ones."""

# Atoms of a call: up to here no model runs out of memory.
_ALWAYS_FIT = 2000
# Atoms of the two calls whose difference is the memory of 256 atoms.
_SMALL, _DOUBLE = 256, 512


class BatchedModel:
    """A Model of one function that answers for many structures at once.

    A batch is split by the memory that a call takes, measured with two calls of 256 and 512 atoms
    the first time that more than 2,000 atoms of a system are asked for; their answers are dropped,
    so that what is answered doesn't depend on earlier calls.  A call that still runs out
    of memory is halved.

    Parameters
    ----------
    call : callable (list of ase.Atoms, wanted outputs) -> mapping, see ``Answer``
    capabilities : Capabilities
        ``batched`` and ``mixed_sizes`` are set to true here.
    remake : callable () -> call, or None
        Makes an equal new function for ``fresh``.
    one_size : bool
        The function takes only configurations of one system at a time.

    Attributes
    ----------
    call : callable
        The function, which some adapters give a ``calculator`` or a ``net`` of their package, and
        ``further(atoms)``: what the package gives beside forces, by ASE's names.
    """

    def __init__(
        self,
        call: Call,
        capabilities: Capabilities,
        *,
        remake: Callable[[], Call] | None = None,
        one_size: bool = False,
    ) -> None:
        self.call = call
        self._remake = remake
        self._one_size = one_size
        self._fitting: dict[bytes, int] = {}
        self.capabilities: Capabilities = replace(
            capabilities, batched=True, mixed_sizes=not one_size
        )

    @property
    def fresh(self) -> Callable[[], BatchedModel] | None:
        """Makes an equal model that was never called; None where that isn't known."""
        return None if self._remake is None else self._remade

    def _remade(self) -> BatchedModel:
        assert self._remake is not None
        clone = BatchedModel(
            self._remake(), self.capabilities, remake=self._remake, one_size=self._one_size
        )
        clone._fitting = self._fitting
        return clone

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """As :meth:`physcheck.model.Model.evaluate`."""
        return self.evaluate_many([configurations], want=want)[0]

    @property
    def further_outputs(self) -> Callable[[Configurations], dict[str, Floats]] | None:
        """What the function's ``further(atoms)`` gives of one configuration; None without it.

        Names and shapes are those of :mod:`physcheck.adapters.further_outputs`.
        """
        further = getattr(self.call, "further", None)
        if further is None:
            return None
        return lambda one: further_outputs_of(further(one.to_atoms(0)), one.n_atoms)

    def evaluate_many(
        self, batches: Sequence[Configurations], *, want: frozenset[str] = frozenset({"forces"})
    ) -> list[Evaluation]:
        """Several systems in one call: an Evaluation for each of ``batches``."""
        if self._one_size and len(batches) > 1:
            return [self.evaluate(batch, want=want) for batch in batches]
        answers: list[Evaluation | None] = [None] * len(batches)
        # Stress can be asked for only where there is a volume.
        for periodic in (True, False):
            chosen = [i for i, b in enumerate(batches) if b.system.is_fully_periodic == periodic]
            if chosen:
                asked = want if periodic else want - {"stress"}
                for i, answer in zip(chosen, self._together([batches[i] for i in chosen], asked)):
                    answers[i] = answer
        return [answer for answer in answers if answer is not None]

    def _together(
        self, batches: Sequence[Configurations], want: frozenset[str]
    ) -> list[Evaluation]:
        want = want & self.capabilities.outputs
        structures = [batch.to_atoms(k) for batch in batches for k in range(len(batch))]
        largest = max(batches, key=lambda batch: batch.n_atoms)
        parts = self._split(structures, want, self._most_atoms(structures, largest, want))
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        answers = []
        row = atom = 0
        for batch in batches:
            rows, atoms = len(batch), len(batch) * batch.n_atoms
            values: dict[str, Any] = {}
            for name, value in joined.items():
                if name == "forces":
                    values[name] = value[atom : atom + atoms].reshape(rows, batch.n_atoms, 3)
                else:
                    values[name] = value[row : row + rows]
            answers.append(Evaluation(**values))
            row, atom = row + rows, atom + atoms
        return answers

    def _split(
        self, structures: list[Atoms], want: frozenset[str], most: int
    ) -> list[dict[str, np.ndarray[Any, Any]]]:
        parts = []
        begin = 0
        while begin < len(structures):
            end, atoms = begin + 1, len(structures[begin])
            while end < len(structures) and atoms + len(structures[end]) <= most:
                atoms += len(structures[end])
                end += 1
            chosen = structures[begin:end]
            try:
                answer = self.call(chosen, want)
            except Exception as error:
                if len(chosen) == 1 or not is_out_of_memory(error):
                    raise
                # Outside of this handler, whose traceback holds on to what the call had allocated.
                answer = None
            if answer is None:
                most = atoms // 2
                continue
            parts.append(_arrays(answer, want, structures=len(chosen), atoms=atoms))
            begin = end
        return parts

    def _most_atoms(
        self, structures: list[Atoms], largest: Configurations, want: frozenset[str]
    ) -> int:
        total = sum(map(len, structures))
        if total <= _ALWAYS_FIT:
            return sys.maxsize
        system = largest.system
        key = system.numbers.tobytes() + system.pbc.tobytes() + _density_class(largest)
        if key not in self._fitting:
            device, n_atoms = self.capabilities.device, largest.n_atoms
            counts = [max(1, n // n_atoms) for n in (_SMALL, _DOUBLE)]
            counts[1] = max(counts[1], 2 * counts[0])
            batches = [[largest.to_atoms() for _ in range(n)] for n in counts]
            # Twice, since the first call also pays for what stays allocated.
            peaks = [
                [peak_bytes(partial(self.call, batch, want), device) for batch in batches]
                for _ in range(2)
            ][-1]
            more = (counts[1] - counts[0]) * n_atoms
            self._fitting[key] = fitting_atoms(more, peaks[1] - peaks[0], device)
        return self._fitting[key]


def _density_class(one: Configurations) -> bytes:
    """Which octave a crystal's atoms per volume are in: neighbours, and memory, follow it."""
    if not one.system.is_fully_periodic:
        return b""
    return str(round(math.log2(one.n_atoms / float(one.volumes()[0])))).encode()


def _arrays(
    answer: Answer, want: frozenset[str], *, structures: int, atoms: int
) -> dict[str, np.ndarray[Any, Any]]:
    """The outputs that are wanted, of the shapes that ``Answer`` says."""
    if not isinstance(answer, Mapping):
        raise ModelError(f"the function gave {kind_of(answer)}, should give a dict with forces")
    shapes = {"energy": (structures,), "forces": (atoms, 3), "stress": (structures, 3, 3)}
    return {
        name: real_array(name, answer[name], shapes[name])
        for name in OUTPUTS
        if name in want and answer.get(name) is not None
    }
