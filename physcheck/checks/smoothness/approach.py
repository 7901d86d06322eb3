"""A molecule meets its copy, and a single atom.

The distance at which forces, or the energy, begin, and whether they begin with a jump.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from physcheck.checks.consequences import crossing_heat, crossing_rate
from physcheck.checks.differences import ENERGY_LENGTH, place_rounding, working_dtype
from physcheck.checks.smoothness.jump_series import path_series
from physcheck.checks.symmetry.comparison import open_shell
from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.model import Meter
from physcheck.numerics.noise import rounding_floor
from physcheck.resolution import Resolution, visit
from physcheck.system import Configurations, Evaluation, Floats, Ints

__all__ = ["APPROACH_COST", "Jump", "approach", "energy_noise_of"]

_FAR = 14.0  # Å, beyond the cutoff of any local model that doesn't say so
_NEAR = 2.0  # Å, between atoms of two molecules
_COARSE = 8
_APPROACH_STEPS = 12
_WANT = frozenset({"forces", "energy"})
#: Evaluations of :func:`approach`, at most.
APPROACH_COST = 2 * (_COARSE + 1 + _APPROACH_STEPS + 4)


@dataclass(frozen=True, slots=True, eq=False)
class Jump:
    """A jump found and measured, where it is on its path, and the path for a picture.

    Attributes
    ----------
    force, energy, energy_noise : float, eV/Å
        The largest of an atom's force; the energy's over 1 Å.
    heat : float, eV
        What a crossing of the force heats by.
    rate : float or None, 1/ps
        How often thermal motion crosses it, an atom; None where no motion does (symmetric places).
    causes : str
        Where they aren't those of a cutoff.
    """

    label: str
    force: float
    energy: float | None
    energy_noise: float
    width: float
    atom: int
    frames: Configurations
    at: float
    heat: float = 0.0
    rate: float | None = None
    series: Mapping[str, Any] = field(default_factory=dict)
    causes: str = ""


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
    """The distances at which a copy begins to be felt by forces, and a single atom by the energy.

    Both are bisected; empty if nothing is felt.  The atom has no neighbour before: what a model
    adds for atoms that have one shows there.  Without an energy the forces tell in its place.
    """
    n = base.n_atoms
    meetings = [("a copy", _Pair(base, np.arange(n)))]
    if n > 1 and open_shell(base) is None:
        meetings.append(("an atom", _Pair(base, np.arange(n)[np.argmin(base.positions[0, :, 0])])))
    found = []
    for who, pair in meetings:
        asked: list[_Asked] = []
        by_energy = who == "an atom"
        try:
            onset = _onset(meter, pair, resolution, rng, negligible, asked, by_energy=by_energy)
        except (ModelError, NonFiniteOutput):
            if who == "a copy":
                raise
            # A model of whole molecules may refuse a radical.
            continue
        if onset is not None:
            found += _approach_jump(meter, who, pair, onset, resolution, asked)
    return found


# Distances, and what the model said there.
_Asked = tuple[Floats, Evaluation]


def _onset(
    meter: Meter,
    pair: _Pair,
    resolution: Resolution,
    rng: np.random.Generator,
    negligible: float,
    asked: list[_Asked],
    *,
    by_energy: bool,
) -> tuple[float, float] | None:
    """Distances, Å, between which the other one begins to be felt: outer and inner.

    All that is asked is added to ``asked``.
    """
    reach = meter.capabilities.interaction_range
    far = _FAR if reach is None else reach + 0.5
    places = np.linspace(far, min(_NEAR, 0.5 * far), _COARSE)

    def ask(gaps: Floats) -> tuple[Floats, Floats | None]:
        answer = visit(meter, pair.at(gaps), want=_WANT, rng=rng, fresh=resolution.needs_fresh)
        asked.append((gaps, answer))
        return answer.require_forces(), answer.energy

    forces, energies = ask(np.append(places, far + 1.0))
    noise = math.hypot(
        resolution.force_noise,
        resolution.stiffness * place_rounding(meter.capabilities, resolution, pair.at(places)),
    )
    threshold = max(8 * math.sqrt(2) * noise, negligible)
    energy_noise = energy_noise_of(meter, energies, resolution, 2.0)
    energy_threshold = max(8 * math.sqrt(2) * energy_noise, negligible) * ENERGY_LENGTH

    def felt(force: Floats, energy: float | None) -> bool:
        if by_energy and energy is not None and energies is not None:
            return abs(energy - float(energies[-1])) > energy_threshold
        return bool(np.abs(force - forces[-1]).max() > threshold)

    each = [None] * len(forces) if energies is None else energies.tolist()
    feeling = [felt(force, energy) for force, energy in zip(forces[:-1], each, strict=False)]
    if not any(feeling) or feeling[0]:
        return None
    first = feeling.index(True)
    outer, inner = float(places[first - 1]), float(places[first])
    for _ in range(_APPROACH_STEPS):
        middle = 0.5 * (outer + inner)
        force, energy = ask(np.array([middle]))
        if felt(force[0], None if energy is None else float(energy[0])):
            inner = middle
        else:
            outer = middle
    return outer, inner


def _approach_jump(
    meter: Meter,
    who: str,
    pair: _Pair,
    onset: tuple[float, float],
    resolution: Resolution,
    asked: Sequence[_Asked],
) -> list[Jump]:
    """What changes between the two distances, the slopes on both sides taken off."""
    outer, inner = onset
    width = outer - inner
    frames = pair.at(np.array([outer + width, outer, inner, inner - width]))
    answer = meter.evaluate(frames, want=_WANT)
    forces, energy = answer.require_forces(), answer.energy
    sizes = np.linalg.norm(_across(forces), axis=-1)
    atom = int(np.argmax(sizes))
    apart = f"{inner:.4f} Å"
    label = (
        f"{who} at {apart}: the force on atom {atom} ({frames.system.symbols[atom]}) begins with "
        f"{sizes[atom]:.3g} eV/Å within {outer - inner:.1g} Å"
    )
    step = 0.0 if energy is None else abs(float(_across(energy))) / ENERGY_LENGTH
    if step > sizes[atom]:
        label = f"{who} at {apart}: the energy steps by {step:.3g} eV within {outer - inner:.1g} Å"
    return [
        Jump(
            label,
            float(sizes[atom]),
            None if energy is None else step,
            energy_noise_of(meter, energy, resolution, 2.0),
            outer - inner,
            atom,
            frames[1:3],
            inner,
            crossing_heat(sizes, frames.system.masses),
            # One onset on the way on which a copy is looked for.
            crossing_rate(pair.base.system.masses[pair.atoms], _FAR - _NEAR),
            _approach_series(asked, atom, _across(forces)[atom]),
        )
    ]


def _across(values: Floats) -> Floats:
    """The step between the second and the third of four equally spaced values, less the slopes."""
    step: Floats = values[2] - values[1] - 0.5 * (values[1] - values[0] + values[3] - values[2])
    return step


def _approach_series(asked: Sequence[_Asked], atom: int, jump: Floats) -> dict[str, Any]:
    """The whole way from afar to where both are felt, bisected places included."""
    energies = [answer.energy for _, answer in asked if answer.energy is not None]
    return path_series(
        np.concatenate([gaps for gaps, _ in asked]),
        np.concatenate([answer.require_forces()[:, atom] for _, answer in asked]),
        np.concatenate(energies) if len(energies) == len(asked) else None,
        jump,
    )


class _Pair:
    """A molecule and some atoms of its copy, the nearest atoms of both on one line along x."""

    def __init__(self, base: Configurations, atoms: Ints) -> None:
        self.base = base
        self.atoms = np.atleast_1d(atoms)
        n = base.n_atoms
        self.system = base.system.take(np.concatenate([np.arange(n), self.atoms]))
        x = base.positions[0]
        right = int(np.argmax(x[:, 0]))
        left = int(self.atoms[np.argmin(x[self.atoms, 0])])
        self.offset = x[right] - x[left]

    def at(self, gaps: Floats) -> Configurations:
        x = self.base.positions[0]
        steps = np.zeros((len(gaps), 1, 3))
        steps[:, 0, 0] = gaps
        # Centred, so that float32 has digits left for small moves.
        first = x - 0.5 * (self.offset + steps)
        second = x[self.atoms] + 0.5 * (self.offset + steps)
        positions = np.concatenate([first, second], axis=1)
        return Configurations(self.system, positions, np.repeat(self.base.cells, len(gaps), axis=0))
