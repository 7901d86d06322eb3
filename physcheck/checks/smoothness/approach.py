"""A molecule meets its copy.

The distance at which forces begin, and whether they begin with a jump.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from physcheck.checks.differences import ENERGY_LENGTH, place_rounding, working_dtype
from physcheck.checks.smoothness.jump_series import path_series
from physcheck.model import Meter
from physcheck.numerics.noise import rounding_floor
from physcheck.resolution import Resolution, visit
from physcheck.system import Configurations, Evaluation, Floats

__all__ = ["APPROACH_COST", "Jump", "approach", "energy_noise_of"]

_FAR = 14.0  # Å, beyond the cutoff of any local model that doesn't say so
_NEAR = 2.0  # Å, between atoms of two molecules
_COARSE = 8
_APPROACH_STEPS = 12
_WANT = frozenset({"forces", "energy"})
#: Evaluations of :func:`approach`, at most.
APPROACH_COST = _COARSE + 1 + _APPROACH_STEPS + 2


@dataclass(frozen=True, slots=True, eq=False)
class Jump:
    """A jump found and measured, where it is on its path, and the path for a picture."""

    label: str
    force: float
    energy: float | None
    energy_noise: float
    width: float
    atom: int
    frames: Configurations
    at: float
    series: Mapping[str, Any] = field(default_factory=dict)


def energy_noise_of(
    meter: Meter,
    energy: Floats | None,
    resolution: Resolution,
    repeats: float,
) -> float:
    """Standard deviation of an energy over 1 Å.

    The structure's own in proportion to atoms, and storing it.
    """
    if energy is None:
        return 0.0
    own = (resolution.energy_noise or 0.0) * repeats
    largest = float(np.abs(energy).max())
    store = rounding_floor(largest, working_dtype(meter.capabilities, resolution))
    return max(own, 2 * store, 2 * resolution.energy_rounding(largest)) / ENERGY_LENGTH


def approach(
    meter: Meter,
    base: Configurations,
    resolution: Resolution,
    rng: np.random.Generator,
    negligible: float,
) -> list[Jump]:
    """The distance at which a copy begins to be felt, bisected; empty if it never is."""
    reach = meter.capabilities.interaction_range
    far = _FAR if reach is None else reach + 0.5
    places = np.linspace(far, min(_NEAR, 0.5 * far), _COARSE)
    pair = _Pair(base)

    asked: list[tuple[Floats, Evaluation]] = []

    def ask(gaps: Floats) -> Floats:
        answer = visit(meter, pair.at(gaps), want=_WANT, rng=rng, fresh=resolution.needs_fresh)
        asked.append((gaps, answer))
        return answer.require_forces()

    forces = ask(np.append(places, far + 1.0))
    alone = forces[-1]
    noise = math.hypot(
        resolution.force_noise,
        resolution.stiffness * place_rounding(meter.capabilities, resolution, pair.at(places)),
    )
    threshold = max(8 * math.sqrt(2) * noise, negligible)

    def felt(one: Floats) -> bool:
        return bool(np.abs(one - alone).max() > threshold)

    feeling = [felt(f) for f in forces[:-1]]
    if not any(feeling) or feeling[0]:
        return []
    first = feeling.index(True)
    outer, inner = float(places[first - 1]), float(places[first])
    for _ in range(_APPROACH_STEPS):
        middle = 0.5 * (outer + inner)
        if felt(ask(np.array([middle]))[0]):
            inner = middle
        else:
            outer = middle
    frames = pair.at(np.array([outer, inner]))
    return _approach_jump(meter, frames, outer, inner, resolution, asked)


def _approach_jump(
    meter: Meter,
    frames: Configurations,
    outer: float,
    inner: float,
    resolution: Resolution,
    asked: Sequence[tuple[Floats, Evaluation]],
) -> list[Jump]:
    answer = meter.evaluate(frames, want=_WANT)
    forces, energy = answer.require_forces(), answer.energy
    sizes = np.linalg.norm(forces[1] - forces[0], axis=-1)
    atom = int(np.argmax(sizes))
    label = (
        f"a copy at {inner:.4f} Å: the force on atom {atom} ({frames.system.symbols[atom]}) begins "
        "with "
        f"{sizes[atom]:.3g} eV/Å within {outer - inner:.1g} Å"
    )
    return [
        Jump(
            label,
            float(sizes[atom]),
            None if energy is None else abs(float(energy[1] - energy[0])) / ENERGY_LENGTH,
            energy_noise_of(meter, energy, resolution, 2.0),
            outer - inner,
            atom,
            frames,
            inner,
            _approach_series(asked, atom, forces[1, atom] - forces[0, atom]),
        )
    ]


def _approach_series(
    asked: Sequence[tuple[Floats, Evaluation]], atom: int, jump: Floats
) -> dict[str, Any]:
    """The whole way from afar to where both are felt, bisected places included."""
    energies = [answer.energy for _, answer in asked if answer.energy is not None]
    return path_series(
        np.concatenate([gaps for gaps, _ in asked]),
        np.concatenate([answer.require_forces()[:, atom] for _, answer in asked]),
        np.concatenate(energies) if len(energies) == len(asked) else None,
        jump,
    )


class _Pair:
    """A molecule and its copy, the nearest atoms of both on one line along x."""

    def __init__(self, base: Configurations) -> None:
        self.base = base
        n = base.n_atoms
        self.system = base.system.take(np.tile(np.arange(n), 2))
        x = base.positions[0]
        right, left = int(np.argmax(x[:, 0])), int(np.argmin(x[:, 0]))
        self.offset = x[right] - x[left]

    def at(self, gaps: Floats) -> Configurations:
        x = self.base.positions[0]
        steps = np.zeros((len(gaps), 1, 3))
        steps[:, 0, 0] = gaps
        # Centred, so that float32 has digits left for small moves.
        first = x - 0.5 * (self.offset + steps)
        second = x + 0.5 * (self.offset + steps)
        positions = np.concatenate([first, second], axis=1)
        return Configurations(self.system, positions, np.repeat(self.base.cells, len(gaps), axis=0))
