"""A model's own resolution at a structure: what every comparison is judged against."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from physcheck.model import Meter, Model
from physcheck.numerics.noise import (
    UNIFORM_SD,
    difference_table_noise,
    grid_spacing,
    rounding_floor,
)
from physcheck.system import Configurations, Evaluation, Floats, as_configurations

__all__ = [
    "RESOLUTION_EVALUATIONS",
    "Resolution",
    "ensure_resolution",
    "measure_resolution",
    "visit",
]

#: What :func:`measure_resolution` costs at most: 16 evaluations of any model, 3 of fresh copies
#: that don't help a model that remembers, 8 of its visits, 12 where noise is far above rounding.
RESOLUTION_EVALUATIONS = 16 + 3 + 8 + 12

# Spacing of the noise lines, Å (rms of a coordinate): far above the rounding of positions in
# float64, and about it in float32, where the coarser line speaks; kinks enter only beyond 1e-3 Å
# (physics.md).
_LINE_STEPS = (1e-5, 1e-4)
_LINE_POINTS = 6
# Displacement over which forces must respond for anything to be tested, Å.
_RESPONSE_STEP = 0.02
# Forces respond if they change by so many standard deviations of the noise.
_RESPONSE_SIGMAS = 10
# Degrees of freedom behind the noise: of a difference table of six points and hundreds of
# components that may be alike; fewer where memory was told from a handful of visits.
_TABLE_DOF, _HISTORY_DOF = 10.0, 6.0
_WANT = frozenset({"forces", "energy"})
# An energy stands still on a grid if it keeps its value where the forces predict that it changes by
# so many units in the last place of a float64.
_STANDS_STILL_ULPS = 64
# No grid is coarser than this share of the energy: float32's 2^-23, and a few times that where
# atoms' energies were summed or units converted.  Energies that stand still on a larger scale are
# a fault of the model, not its precision.
_COARSEST_GRID = 2.0**-21
# Noises that differ by more than this factor are no two readings of one noise.
_OF_KINKS = 100.0
# A noise of the forces that is so many times rounding is looked for at another place, too.
_SUSPECT = 1e4


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a model can resolve at one structure.

    Attributes
    ----------
    force_noise : float, eV/Å
        Standard deviation of a force component, history included.
    energy_noise : float or None, eV
    history_noise : float, eV/Å
        rms change of a force component when a configuration is evaluated again after others.
    energy_history : float, eV
    dof : float
        Degrees of freedom behind the noise figures, for Student's t.
    force_rms : float, eV/Å
        rms force component.
    stiffness : float, eV/Å²
        rms over components of J v along a random v with components of rms 1: |J|_F/sqrt(3N).
    responds : bool
        Whether forces change with positions beyond the noise.
    needs_fresh : bool
        True if the model remembers earlier calls and a fresh copy doesn't: probes then use copies.
    evaluations : int
        What it cost.
    energy_grain : float, eV
        Spacing of the grid on which the energies near the structure lie; 0 where it is float64's.
    energy_size : float, eV
        The largest of these energies, without sign.
    """

    force_noise: float
    energy_noise: float | None
    history_noise: float
    energy_history: float
    dof: float
    force_rms: float
    stiffness: float
    responds: bool
    needs_fresh: bool
    evaluations: int
    energy_grain: float = 0.0
    energy_size: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)

    def energy_rounding(self, total: float) -> float:
        """Standard deviation, eV, of storing an energy of this size once.

        The grid of the structure's energies, in proportion where more atoms make the energy larger.
        """
        larger = max(1.0, abs(total) / self.energy_size) if self.energy_size > 0 else 1.0
        own = rounding_floor(total, "float64")
        return max(own, self.energy_grain * larger * UNIFORM_SD)

    @property
    def rigid_reason(self) -> str:
        """Why nothing can be tested where forces don't respond; empty where they do."""
        if self.responds:
            return ""
        return (
            f"the forces don't respond to moving the atoms by {_RESPONSE_STEP} Å beyond their "
            "noise "
            f"({self.force_noise:.1e} eV/Å)"
        )


def visit(
    model: Meter,
    configurations: Configurations,
    *,
    want: frozenset[str],
    rng: np.random.Generator,
    fresh: bool = False,
) -> Evaluation:
    """Evaluate in a random order and return in the asked one, on fresh copies of the model where
    needed.

    The order keeps a model's memory (warm starts) from turning into a signed work around a loop.
    """
    order = rng.permutation(len(configurations))
    shuffled = configurations[order]
    if fresh:
        answer = Evaluation.concatenate(
            [model.fresh().evaluate(one, want=want) for one in shuffled]
        )
    else:
        answer = model.evaluate(shuffled, want=want)
    back = np.argsort(order)
    return Evaluation(
        *(None if v is None else v[back] for v in (answer.energy, answer.forces, answer.stress))
    )


def measure_resolution(model: Model | Meter, start: Any, *, rng: np.random.Generator) -> Resolution:
    """Measure noise, memory and response of a model at a structure.

    Noise: ECNoise difference tables on two short random lines (the lower of the two where they
    disagree by more than a factor of 4, since kinks read as noise).  Memory: the first
    configuration again, after the others.  Response: the forces 0.02 Å to both sides of a random
    direction.

    Cost: 16 evaluations; where the model remembers earlier calls 3 more of fresh copies, if it has
    any, and 8 more where these don't help; 12 more where the noise is far above rounding, which a
    kink at the structure may be: at most 39.

    Raises
    ------
    ModelError, NonFiniteOutput
        As :class:`physcheck.model.Meter`.
    """
    meter, one = Meter(model), as_configurations(start)
    direction = rng.standard_normal((one.n_atoms, 3))
    direction /= math.sqrt(float(np.mean(direction**2)))
    lines = [step * (np.arange(_LINE_POINTS) - _LINE_POINTS / 2 + 0.5) for step in _LINE_STEPS]
    offsets = np.concatenate([*lines, np.array([-_RESPONSE_STEP, _RESPONSE_STEP])])
    first = meter.evaluate(one, want=_WANT)
    moved = one.displaced(offsets[:, None, None] * direction)
    line = visit(meter, moved, want=_WANT, rng=rng)
    again = meter.evaluate(one, want=_WANT)
    forces, home = line.require_forces().reshape(len(offsets), -1), first.require_forces()[0]
    floor = rounding_floor(float(np.abs(home).max()), meter.capabilities.dtype)
    # Each output has a grain of its own, whatever the model computes in.
    floor = max(floor, grid_spacing(forces) * UNIFORM_SD)
    noise = max(_plateau(_line_noises(forces)), floor)
    energy_noise, grain, size = None, 0.0, 0.0
    if line.energy is not None:
        size = float(np.abs(line.energy).max())
        grain = _energy_grain(line.energy, forces, moved.positions.reshape(len(offsets), -1))
        rounding = max(rounding_floor(size, "float64"), grain * UNIFORM_SD)
        moves = bool(np.diff(line.energy[:_LINE_POINTS]).all())
        found = [max(n, rounding) for n in _line_noises(line.energy)]
        energy_noise = _without_kinks(found, moves=moves)
    history, energy_history, needs_fresh = _memory(meter, one, first, again, rng)
    noise = _not_of_a_kink(meter, one, noise, floor, rng)
    total = math.hypot(noise, history)
    if energy_noise is not None:
        energy_noise = math.hypot(energy_noise, energy_history)
    swing = forces[-1] - forces[-2]  # the moves of the response are the last of the line
    needed = _RESPONSE_SIGMAS * total * math.sqrt(2 * one.n_coordinates)
    return Resolution(
        force_noise=total,
        energy_noise=energy_noise,
        history_noise=history,
        energy_history=energy_history,
        dof=_HISTORY_DOF if history > 0 else _TABLE_DOF,
        force_rms=math.sqrt(float(np.mean(home**2))),
        stiffness=math.sqrt(float(np.mean(swing**2))) / (2 * _RESPONSE_STEP),
        responds=bool(float(np.linalg.norm(swing)) > needed),
        needs_fresh=needs_fresh,
        evaluations=meter.evaluations,
        energy_grain=grain,
        energy_size=size,
    )


def _line_noises(values: Floats) -> list[float]:
    """ECNoise of each short line of a (points, components) array."""
    return [
        difference_table_noise(values[i * _LINE_POINTS : (i + 1) * _LINE_POINTS])[0]
        for i in range(len(_LINE_STEPS))
    ]


def _energy_grain(energies: Floats, forces: Floats, places: Floats) -> float:
    """Spacing, eV, of the grid on which energies (B,) lie; 0 where it is that of float64 numbers.

    A grid that is neither float32's nor of decimals (atoms' float32 energies times their number,
    converted units) shows where the energy keeps its value though the forces (B, 3N) do work
    between neighbouring points of a line; its spacing is then the smallest difference.
    """
    grain = grid_spacing(energies)
    size = float(np.abs(energies).max())
    work = 0.5 * np.sum((forces[1:] + forces[:-1]) * np.diff(places, axis=0), axis=1)
    stands = (np.diff(energies) == 0) & (
        np.abs(work) > _STANDS_STILL_ULPS * float(np.spacing(size))
    )
    # The move from one line to the next, or to the response, is longer than a step.
    lines = len(_LINE_STEPS) * _LINE_POINTS
    within = (np.arange(len(work)) + 1) % _LINE_POINTS != 0
    if not (stands & within)[: lines - 1].any():
        return grain
    steps = np.diff(np.unique(energies))
    smallest = float(steps.min()) if len(steps) else math.inf
    return max(grain, smallest) if smallest <= _COARSEST_GRID * size else grain


def _plateau(noises: list[float]) -> float:
    positive = [x for x in noises if x > 0]
    if not positive:
        return 0.0
    return max(positive) if max(positive) <= 4 * min(positive) else min(positive)


def _not_of_a_kink(
    meter: Meter, one: Configurations, noise: float, floor: float, rng: np.random.Generator
) -> float:
    """The noise of the forces, eV/Å; that of two short lines near by, where that is a hundredth.

    A kink that happens to lie at the structure reads as noise there; real noise is everywhere.
    Cost: 12 evaluations where the noise is far above rounding, else none.
    """
    if noise <= _SUSPECT * floor:
        return noise
    way, direction = rng.standard_normal((2, one.n_atoms, 3))
    lines = [step * (np.arange(_LINE_POINTS) - _LINE_POINTS / 2 + 0.5) for step in _LINE_STEPS]
    offsets = np.concatenate(lines)[:, None, None] * direction + _RESPONSE_STEP * way
    forces = visit(meter, one.displaced(offsets), want=_WANT, rng=rng).require_forces()
    elsewhere = max(_plateau(_line_noises(forces.reshape(len(offsets), -1))), floor)
    return noise if noise <= _OF_KINKS * elsewhere else elsewhere


def _without_kinks(noises: list[float], *, moves: bool) -> float:
    """The larger of two noises of energy, unless only kinks of the longer line make it so large.

    A table of one component may come out several times too small by chance, so that the shorter
    line's is taken only where it is a hundredth, and where the energy ``moves`` at each of its
    steps: ANI-1x in float64 reads 3e-13 eV there and 5e-9 eV on the longer line.
    """
    shorter, longer = noises
    return shorter if moves and longer > _OF_KINKS * shorter else max(noises)


def _memory(
    meter: Meter,
    one: Configurations,
    first: Evaluation,
    again: Evaluation,
    rng: np.random.Generator,
) -> tuple[float, float, bool]:
    """History noise of forces and energy, and whether fresh copies of the model are free of it."""
    forces, energies = _repeats([first, again])
    if np.array_equal(forces[0], forces[1]):
        return 0.0, 0.0, False
    can_refresh = getattr(meter.model, "fresh", None) is not None
    if can_refresh:
        fresh = [meter.fresh().evaluate(one, want=_WANT) for _ in range(3)]
        again_forces, again_energies = _repeats(fresh)
        if float(np.std(again_forces, axis=0).max()) <= 0.1 * float(np.ptp(forces, axis=0).max()):
            return _spread(again_forces), _spread(again_energies), True
    # Each visit is preceded by another configuration, as it will be among the probes.
    visits = [first, again]
    for _ in range(4):
        step = _RESPONSE_STEP * rng.standard_normal((1, one.n_atoms, 3))
        meter.evaluate(one.displaced(step), want=_WANT)
        visits.append(meter.evaluate(one, want=_WANT))
    forces, energies = _repeats(visits)
    return _spread(forces), _spread(energies), False


def _repeats(visits: list[Evaluation]) -> tuple[np.ndarray, np.ndarray]:
    forces = np.concatenate([v.require_forces() for v in visits])
    # A model that finds out at its first call that it has energies gave none there.
    energies = np.array([v.energy[0] for v in visits if v.energy is not None])
    return forces, energies


def _spread(values: np.ndarray) -> float:
    if len(values) < 2:
        return 0.0
    return math.sqrt(float(np.mean(np.var(values, axis=0, ddof=1))))


def ensure_resolution(
    meter: Meter, start: Configurations, resolution: Resolution | None, rng: np.random.Generator
) -> Resolution:
    """The resolution given, or one measured now at the caller's expense."""
    if resolution is not None:
        return resolution
    return measure_resolution(meter, start, rng=rng)
