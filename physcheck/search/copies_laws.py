"""Laws that say how a model's answer follows a change of description or place."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, final

import numpy as np

from physcheck.checks.symmetry.comparison import compared
from physcheck.measurement import Measurement
from physcheck.model import Meter
from physcheck.probes.random_structures import rotation_matrix
from physcheck.probes.transformations import (
    Transformation,
    exchanged_vectors,
    inversion,
    new_basis,
    relabelling,
)
from physcheck.resolution import RESOLUTION_EVALUATIONS, measure_resolution
from physcheck.search.asking import Asked, Noise, difference, sane_answer
from physcheck.search.case import Case
from physcheck.search.law import SearchLaw, copies_of
from physcheck.search.structures_drawn import Wanted
from physcheck.search.tape import Tape
from physcheck.system import Configurations

__all__ = ["COPIES_LAWS", "CopiesLaw"]

# Forces below this don't scale a relative difference up, eV/Å: those of thermal displacements.
_THERMAL_FORCE = 0.3
# Å that everything is moved by at most: out of every cell and back.
_FARTHEST = 30.0


class CopiesLaw(SearchLaw):
    """F(T x) = T F(x) for one transformation T, of energy and stress alike."""

    asking: ClassVar[int] = 2
    judging: ClassVar[int] = RESOLUTION_EVALUATIONS + 8
    relative: ClassVar[bool] = False

    @abstractmethod
    def transformation(self, case: Case) -> Transformation:
        """What is done to a case's structure."""

    def ask(self, meter: Meter, case: Case, noise: Noise) -> Asked:
        """The largest difference of the two answers; two evaluations."""
        change, start = self.transformation(case), case.start
        home = sane_answer(meter, start)
        other = sane_answer(meter, change.apply(start))
        scale = 1.0
        if self.relative:
            rms = float(np.sqrt(np.mean(home.require_forces() ** 2)))
            scale = max(rms, _THERMAL_FORCE)
        return difference(home, other, change, start, meter.capabilities.dtype, noise, scale)

    def judge(
        self, meter: Meter, case: Case, rng: np.random.Generator, tolerance: float
    ) -> Measurement:
        """As the check of this id compares, at copies of the case that aren't displaced."""
        own = Meter(meter)
        return compared(
            self.check,
            own,
            case.start,
            [self.transformation(case)],
            rng=rng,
            resolution=measure_resolution(own, case.start, rng=rng),
            tolerance=tolerance,
            relative=self.relative,
            copies=copies_of(case.start, rng),
        )

    def described(self, case: Case) -> str:
        """The transformation's label."""
        return self.transformation(case).label


def transformation_of(case: Case, label: str) -> Transformation:
    """The affine map of a case's action; what it doesn't name is left as it is."""
    n, action = case.start.n_atoms, case.action

    def taken(name: str, default: Any, kind: type) -> Any:
        return np.asarray(action.get(name, default), dtype=kind)

    return Transformation(
        label=label,
        order=taken("order", np.arange(n), np.int64),
        offsets=taken("offsets", np.zeros((n, 3)), np.int64),
        basis=taken("basis", np.eye(3), np.int64),
        orthogonal=taken("rotation", np.eye(3), np.float64),
        shift=taken("shift", np.zeros(3), np.float64),
    )


@final
class Translation(CopiesLaw):
    """Everything moved by ``shift`` (Å)."""

    check: ClassVar[str] = "translation_invariance"

    def acted(self, tape: Tape, start: Configurations, made_from: str) -> Case:
        """Up to 30 Å in any direction."""
        way = tape.rng.standard_normal(3)
        shift = tape.between(0.5, _FARTHEST) * way / np.linalg.norm(way)
        return Case(self.check, start, {"shift": shift.tolist()}, made_from)

    def transformation(self, case: Case) -> Transformation:
        """The shift."""
        text = ", ".join(f"{x:g}" for x in np.round(case.numbers_of("shift"), 2))
        return transformation_of(case, f"all atoms moved by ({text}) Å")


@final
class Rotation(CopiesLaw):
    """Atoms and cell turned by the matrix ``rotation``."""

    check: ClassVar[str] = "rotation_equivariance"
    relative: ClassVar[bool] = True

    def acted(self, tape: Tape, start: Configurations, made_from: str) -> Case:
        """Uniform over SO(3)."""
        turn = rotation_matrix(*tape.rng.uniform(0, 1, 3))
        return Case(self.check, start, {"rotation": turn.tolist()}, made_from)

    def transformation(self, case: Case) -> Transformation:
        """The rotation."""
        turn = case.numbers_of("rotation")
        angle = np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
        return transformation_of(case, f"turned by {angle:.0f}°")


@final
class Inversion(CopiesLaw):
    """Everything inverted through the centroid."""

    check: ClassVar[str] = "inversion_equivariance"
    relative: ClassVar[bool] = True

    def transformation(self, case: Case) -> Transformation:
        """The inversion."""
        return inversion(case.start)


@final
class Permutation(CopiesLaw):
    """The same atoms listed in another ``order``."""

    check: ClassVar[str] = "permutation_equivariance"

    def acted(self, tape: Tape, start: Configurations, made_from: str) -> Case:
        """Any order but the one that they have."""
        order = relabelling(start, tape.rng).order
        return Case(self.check, start, {"order": order.tolist()}, made_from)

    def transformation(self, case: Case) -> Transformation:
        """The new order."""
        order = [int(k) for k in case.action["order"]]
        moved = [k for k, old in enumerate(order) if k != old]
        label = "atoms listed in another order"
        if len(moved) == 2:
            label = f"atoms {moved[0]} and {moved[1]} exchanged in the list"
        return transformation_of(case, label)


@final
class Wrap(CopiesLaw):
    """Atoms moved by lattice vectors, ``offsets`` of each."""

    check: ClassVar[str] = "periodic_wrap"
    wanted: ClassVar[Wanted] = "periodic"

    def acted(self, tape: Tape, start: Configurations, made_from: str) -> Case:
        """Up to three cells along periodic axes, some atoms or all."""
        reach, n = tape.whole(1, 3), start.n_atoms
        offsets = tape.rng.integers(-reach, reach + 1, (n, 3)) * start.system.pbc
        if tape.one_of((False, True)):
            offsets *= (np.arange(n) == tape.rng.integers(n))[:, None]
        if not offsets.any():
            offsets[0] = start.system.pbc
        return Case(self.check, start, {"offsets": offsets.tolist()}, made_from)

    def transformation(self, case: Case) -> Transformation:
        """The lattice vectors of each atom."""
        offsets = case.numbers_of("offsets")
        moved = int(offsets.any(axis=1).sum())
        far = int(np.abs(offsets).max())
        what = "1 atom" if moved == 1 else f"{moved} atoms"
        return transformation_of(case, f"{what} moved by lattice vectors of up to {far} cells")


@final
class Basis(CopiesLaw):
    """The same lattice with other cell vectors, ``basis`` of the old ones; ``offsets`` put atoms
    inside.
    """

    check: ClassVar[str] = "lattice_basis"
    wanted: ClassVar[Wanted] = "two axes"

    def acted(self, tape: Tape, start: Configurations, made_from: str) -> Case:
        """Sheared vectors, or two that are exchanged."""
        make = tape.one_of((exchanged_vectors, new_basis))
        change = make(start, tape.rng)
        action = {"basis": change.basis.tolist(), "offsets": change.offsets.tolist()}
        return Case(self.check, start, action, made_from)

    def transformation(self, case: Case) -> Transformation:
        """The new vectors."""
        rows = [
            " ".join(f"{'+' if c > 0 else '-'} {'abc'[j]}" for j, c in enumerate(row) if c)
            for row in case.numbers_of("basis")
        ]
        text = ", ".join(f"{name}' = {row}" for name, row in zip("abc", rows))
        return transformation_of(case, f"cell vectors {text}")


COPIES_LAWS: tuple[SearchLaw, ...] = (
    Wrap(),
    Basis(),
    Permutation(),
    Translation(),
    Rotation(),
    Inversion(),
)
