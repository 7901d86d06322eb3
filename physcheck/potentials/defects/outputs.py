"""Defects of the outputs: rounding, offsets, missing, random, non-finite, indifferent."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, final

import numpy as np

from physcheck.model import Capabilities, Model
from physcheck.potentials.defects.base import (
    CONSERVATION,
    DYNAMICS,
    RELAXATION,
    SAMPLING,
    STRESS,
    Defect,
)
from physcheck.potentials.neighbours import find_pairs
from physcheck.system import Configurations, Evaluation, Floats

__all__ = ["AtomicEnergies", "Constant", "Float32", "ForcesOnly", "Nan", "Noise", "Offset"]


@final
class Float32(Defect):
    """Positions, cells and all outputs rounded to float32, as a float32 model does; no
    fault.

    The strength has no meaning.  Put it last: ``offset=1e4+float32`` costs digits of the energy,
    ``float32+offset=1e4`` doesn't.
    """

    spec: ClassVar[str] = "float32"

    @property
    def capabilities(self) -> Capabilities:
        """The wrapped model's, with dtype float32."""
        inner = self.model.capabilities
        return replace(
            inner, name=f"{inner.name}+{self.spec}", dtype="float32", differentiable=False
        )

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer at rounded positions, rounded."""
        rounded = Configurations(
            configurations.system, _single(configurations.positions), _single(configurations.cells)
        )
        answer = self.model.evaluate(rounded, want=want)

        def single(values: Floats | None) -> Floats | None:
            return None if values is None else _single(values)

        return Evaluation(single(answer.energy), single(answer.forces), single(answer.stress))


def _single(values: Floats) -> Floats:
    return values.astype(np.float32).astype(np.float64)


@final
class Offset(Defect):
    """A constant energy for each atom, as total energies of DFT have.

    No fault.  Strength in eV/atom.
    """

    spec: ClassVar[str] = "offset"
    unit: ClassVar[str] = "eV/atom"
    default_strength: ClassVar[float] = 1e4

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer with ``strength * N`` added to the energies."""
        answer = self.model.evaluate(configurations, want=want)
        energy = answer.energy
        if energy is not None:
            energy = energy + self.strength * configurations.n_atoms
        return Evaluation(energy, answer.forces, answer.stress)


@final
class ForcesOnly(Defect):
    """Neither energy nor stress; no fault.  The strength has no meaning."""

    spec: ClassVar[str] = "forces-only"

    @property
    def capabilities(self) -> Capabilities:
        """The wrapped model's, with forces as the only output."""
        inner = self.model.capabilities
        return replace(
            inner,
            name=f"{inner.name}+{self.spec}",
            outputs=frozenset({"forces"}),
            differentiable=False,
        )

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's forces."""
        answer = self.model.evaluate(configurations, want=frozenset({"forces"}))
        return Evaluation(forces=answer.forces)


@final
class AtomicEnergies(Defect):
    """Gives energies of atoms, too: equal shares of the energy, and a constant that it lacks.

    At a strength of zero they sum to the energy.  Strength in eV/atom.
    """

    spec: ClassVar[str] = "atomic-energies"
    unit: ClassVar[str] = "eV/atom"
    default_strength: ClassVar[float] = 1.0
    must_fail: ClassVar[frozenset[str]] = frozenset({"outputs_agree"})

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer."""
        return self.model.evaluate(configurations, want=want)

    def further_outputs(self, configuration: Configurations) -> dict[str, Floats]:
        """``energy`` () and ``energies`` (N,) at one configuration, eV."""
        answer = self.model.evaluate(configuration, want=frozenset({"energy", "forces"}))
        energy = answer.require_energy()[0]
        share = energy / configuration.n_atoms + self.strength
        energies = np.full(configuration.n_atoms, share)
        return {"energy": np.array(energy), "energies": energies}


@final
class Noise(Defect):
    """Gaussian noise on the forces, new in each call: not deterministic, though seeded as a whole.

    The strength is its standard deviation in eV/Å.

    Parameters
    ----------
    seed : int
    """

    spec: ClassVar[str] = "noise"
    unit: ClassVar[str] = "eV/Å"
    default_strength: ClassVar[float] = 1e-3
    must_fail: ClassVar[frozenset[str]] = frozenset({"determinism"})
    may_fail: ClassVar[frozenset[str]] = (
        DYNAMICS
        | RELAXATION
        | SAMPLING
        | {
            "history_independence",
            "batch_invariance",
            "thread_safety",
            "path_smoothness",
            "cutoff_smoothness",
            "net_force",
            "net_torque",
        }
    )

    def __init__(self, model: Model, strength: float | None = None, seed: int = 0) -> None:
        super().__init__(model, strength)
        self.seed = seed
        self._rng = np.random.default_rng(seed)

    def fresh(self) -> Noise:
        """The same, its noise started again from the seed."""
        return Noise(self.model, self.strength, self.seed)

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer with noise on the forces."""
        answer = self.model.evaluate(configurations, want=want)
        forces = answer.forces
        if forces is not None:
            forces = forces + self.strength * self._rng.standard_normal(forces.shape)
        return Evaluation(answer.energy, forces, answer.stress)


@final
class Nan(Defect):
    """Forces that are NaN on two atoms nearer to each other than the strength, in Å."""

    spec: ClassVar[str] = "nan"
    unit: ClassVar[str] = "Å"
    default_strength: ClassVar[float] = 0.5
    must_fail: ClassVar[frozenset[str]] = frozenset({"finite_outputs"})
    may_fail: ClassVar[frozenset[str]] = (
        CONSERVATION
        | STRESS
        | DYNAMICS
        | SAMPLING
        | RELAXATION
        | {"short_range_repulsion", "path_smoothness", "cutoff_smoothness", "locality"}
    )

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer, with NaN forces on atoms in close contact."""
        answer = self.model.evaluate(configurations, want=want)
        forces = answer.forces
        if forces is not None:
            pairs = find_pairs(configurations, self.strength)
            forces = forces.copy()
            forces[pairs.config, pairs.first] = np.nan
            forces[pairs.config, pairs.second] = np.nan
        return Evaluation(answer.energy, forces, answer.stress)


@final
class Constant(Defect):
    """Forces that ignore positions; the energy is zero, and so is the stress.

    ``F_i = strength * (cos i, sin i, 0)`` less the mean.  Strength in eV/Å.
    """

    spec: ClassVar[str] = "constant"
    unit: ClassVar[str] = "eV/Å"
    default_strength: ClassVar[float] = 0.0
    must_fail: ClassVar[frozenset[str]] = frozenset({"responsiveness"})
    may_fail: ClassVar[frozenset[str]] = (
        CONSERVATION
        | STRESS
        | DYNAMICS
        | SAMPLING
        | RELAXATION
        | {
            "rotation_equivariance",
            "inversion_equivariance",
            "permutation_equivariance",
            "supercell_extensivity",
            "separated_additivity",
            "net_torque",
            "short_range_repulsion",
        }
    )

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The same forces for any positions."""
        n_batch, n_atoms = len(configurations), configurations.n_atoms
        angle = np.arange(n_atoms, dtype=np.float64)
        pattern = np.stack([np.cos(angle), np.sin(angle), 0.0 * angle], axis=-1)
        forces = self.strength * (pattern - pattern.mean(axis=0))
        stress = np.zeros((n_batch, 3, 3)) if configurations.system.is_fully_periodic else None
        return Evaluation(np.zeros(n_batch), np.broadcast_to(forces, (n_batch, n_atoms, 3)), stress)
