"""Laws that need nothing done to a structure (balance, finite numbers), and that of batches."""

from __future__ import annotations

import math
from typing import ClassVar, final

import numpy as np

from physcheck.checks.differences import Part, energy_part, force_part, working_dtype
from physcheck.checks.implementation.call_comparison import differences_measured
from physcheck.checks.symmetry.balance import measured, unbalanced_force, unbalanced_torque
from physcheck.checks.symmetry.comparison import outputs_of
from physcheck.errors import NonFiniteOutput
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter
from physcheck.resolution import RESOLUTION_EVALUATIONS, measure_resolution
from physcheck.search.asking import Asked, Noise, difference, energy_of, rms, sane_answer
from physcheck.search.case import Case
from physcheck.search.copies_laws import transformation_of
from physcheck.search.law import SearchLaw, copies_of
from physcheck.search.structures_drawn import Pool, Wanted
from physcheck.search.tape import Tape
from physcheck.system import Configurations, Evaluation, Floats

__all__ = ["PLAIN_LAWS"]

# The strain of a batch's other configurations, and how many of them there are at most.
_MATE_STRAIN, _MATES = 0.05, 3


class _Balance(SearchLaw):
    """Forces add up to nothing and turn nothing."""

    asking: ClassVar[int] = 1
    judging: ClassVar[int] = RESOLUTION_EVALUATIONS + 4

    def unbalanced(self, place: Configurations, forces: Floats) -> Floats:
        """(B, 3) eV/Å, as the check of this id has it."""
        raise NotImplementedError

    def ask(self, meter: Meter, case: Case, noise: Noise) -> Asked:
        """The rms component of the least change of forces that mends them; one evaluation."""
        answer = sane_answer(meter, case.start)
        forces = answer.require_forces()
        doubt = noise.forces / math.sqrt(case.start.n_atoms)
        value = rms(self.unbalanced(case.start, forces))
        return Asked(value, doubt, size=rms(forces), energy=energy_of(answer))

    def judge(
        self, meter: Meter, case: Case, rng: np.random.Generator, tolerance: float
    ) -> Measurement:
        """As the check of this id, at copies of the case that aren't displaced."""
        own = Meter(meter)
        resolution = measure_resolution(own, case.start, rng=rng)
        bases = [copies_of(case.start, rng)]
        return measured(
            self.check, own, case.start, self.unbalanced, rng, resolution, tolerance, bases
        )


@final
class NetForce(_Balance):
    """Forces add up to zero."""

    check: ClassVar[str] = "net_force"

    def unbalanced(self, place: Configurations, forces: Floats) -> Floats:
        """The mean force."""
        return unbalanced_force(place, forces)


@final
class NetTorque(_Balance):
    """Forces on an isolated body don't turn it."""

    check: ClassVar[str] = "net_torque"
    wanted: ClassVar[Wanted] = "none"

    def unbalanced(self, place: Configurations, forces: Floats) -> Floats:
        """The least change that removes the torque."""
        return unbalanced_torque(place, forces)


@final
class Finite(SearchLaw):
    """Outputs are finite numbers."""

    check: ClassVar[str] = "finite_outputs"
    moves_copies: ClassVar[bool] = False
    asking: ClassVar[int] = 1
    judging: ClassVar[int] = 2

    def ask(self, meter: Meter, case: Case, noise: Noise) -> Asked:
        """1 where an output is NaN or infinite, else 0; one evaluation."""
        return Asked(0.0 if self._trouble(meter, case) is None else 1.0)

    def judge(
        self, meter: Meter, case: Case, rng: np.random.Generator, tolerance: float
    ) -> Measurement:
        """Asked twice more: a number that comes and goes isn't judged here."""
        found = [self._trouble(meter, case) for _ in range(2)]
        errors = [error for error in found if error is not None]
        value = 1.0 if len(errors) == len(found) else 0.0
        outputs = sorted({error.output for error in errors if value})
        return Measurement(
            value=value,
            uncertainty=0.0,
            interval=(value, value),
            detection_limit=0.0,
            force_evaluations=0,
            evidence={
                "place": str(errors[0]) if value else "",
                "quantities": {"not_finite_outputs": outputs},
            },
        )

    def _trouble(self, meter: Meter, case: Case) -> NonFiniteOutput | None:
        try:
            meter.evaluate(case.start, want=outputs_of(case.start))
        except NonFiniteOutput as error:
            return error
        return None


@final
class Batch(SearchLaw):
    """Answers don't depend on the other configurations of a batch: strained copies, ``strains``."""

    check: ClassVar[str] = "batch_invariance"
    asking: ClassVar[int] = 2 + _MATES
    judging: ClassVar[int] = RESOLUTION_EVALUATIONS + 4 * (2 + _MATES)

    def can_be_asked(self, pool: Pool, capabilities: Capabilities) -> bool:
        """Where the model takes batches of one size."""
        return capabilities.batched and super().can_be_asked(pool, capabilities)

    def acted(self, tape: Tape, start: Configurations, made_from: str) -> Case:
        """One to three other configurations, each strained alike in all directions."""
        count = tape.whole(1, _MATES)
        strains = tape.rng.uniform(0, _MATE_STRAIN, count).tolist()
        return Case(self.check, start, {"strains": strains}, made_from)

    def ask(self, meter: Meter, case: Case, noise: Noise) -> Asked:
        """The difference of the answer alone and as the last of the batch."""
        home = sane_answer(meter, case.start)
        other = sane_answer(meter, _batch(case.start, case))
        last = _row(other, len(case.action["strains"]))
        unchanged = transformation_of(Case(self.check, case.start), "in a batch")
        return difference(home, last, unchanged, case.start, meter.capabilities.dtype, noise)

    def judge(
        self, meter: Meter, case: Case, rng: np.random.Generator, tolerance: float
    ) -> Measurement:
        """Copies of the case, each alone and in a batch of its own."""
        own, want = Meter(meter), outputs_of(case.start)
        resolution = measure_resolution(own, case.start, rng=rng)
        copies, last = copies_of(case.start, rng), len(case.action["strains"])
        alone = Evaluation.concatenate([own.evaluate(one, want=want) for one in copies])
        found = Evaluation.concatenate(
            [_row(own.evaluate(_batch(one, case), want=want), last) for one in copies]
        )
        apart = found.require_forces() - alone.require_forces()
        parts: list[Part] = [force_part(self.described(case), apart, resolution, rounding=0.0)]
        if found.energy is not None and alone.energy is not None:
            n = case.start.n_atoms
            total = float(np.abs(alone.energy).max())
            dtype = working_dtype(own.capabilities, resolution)
            gaps = (found.energy - alone.energy) / n
            label = self.described(case)
            parts.append(energy_part(label, gaps, total, n, resolution, dtype, rounding=0.0))
        return differences_measured(self.check, own, copies, parts, resolution, tolerance)

    def described(self, case: Case) -> str:
        """How large the batch is."""
        return f"alone and in a batch with {len(case.action['strains'])} strained copies"


def _batch(one: Configurations, case: Case) -> Configurations:
    """The strained copies, and the configuration itself behind them."""
    factors = np.append(1 + case.numbers_of("strains"), 1.0)[:, None, None]
    return one.at(factors * one.positions, factors * one.cells)


def _row(answer: Evaluation, k: int) -> Evaluation:
    values = (answer.energy, answer.forces, answer.stress)
    return Evaluation(*(None if v is None else v[k : k + 1] for v in values))


PLAIN_LAWS: tuple[SearchLaw, ...] = (Finite(), NetForce(), NetTorque(), Batch())
