"""Atoms that come and go at a cutoff must not be felt to do so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.checks.differences import LENGTH, force_scale, place_rounding
from physcheck.checks.smoothness.jumps import (
    JUMP_NOISE,
    Bracket,
    apparent_jumps,
    narrowed,
    suspects,
)
from physcheck.checks.symmetry.lattice import open_shell
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.quantiles import FALSE_FAIL, noise_rms_quantile
from physcheck.probes.loops import molecules
from physcheck.probes.transformations import rattled, supercell
from physcheck.registry import Budget, check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution, visit
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import default_tolerance

__all__ = ["assert_cutoff_smoothness", "measure_cutoff_smoothness"]

# Step of the fine path, Å, for a nearest distance of 2.5 Å or more, and in proportion below: 36 of them help to bridge
# the gaps between the shells of a lattice, and a fifth difference of pair forces is 1e-6 of them,
# and few pairs cross a cutoff within one step.
_STEP = 0.015
_NEAREST = 2.5
_BISECTIONS = 8
_SUSPECTS = 3
_FAR = 14.0  # Å, beyond the cutoff of any local model that doesn't say so
_NEAR = 2.0  # Å, between atoms of two molecules
_COARSE = 10
_APPROACH_STEPS = 14
# rms displacement, Å, of what is moved against, and strain: more for lattices, whose shells leave gaps.
_RATTLE, _RATTLE_LATTICE = 0.03, 0.08
_STRAIN_LATTICE = 0.04
# A small cell is repeated up to this height, Å, and number of atoms: an atom's own images never come nearer.
_HEIGHT, _MOST_ATOMS = 7.0, 64
# Apparent jumps below this share of the tolerance aren't looked at.
_NEGLIGIBLE = 0.1
_WANT = frozenset({"forces", "energy"})

_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"points": 36, "paths": 1},
    "standard": {"points": 40, "paths": 4},
    "full": {"points": 60, "paths": 8},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    options = _OPTIONS[budget]
    fine = options["paths"] * (options["points"] + _SUSPECTS * (_BISECTIONS + 2))
    approach = 0 if start.system.is_periodic else _COARSE + 1 + _APPROACH_STEPS + 2
    return int(fine + approach)


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    if start.n_atoms < 2:
        return "one atom: there is nothing to move it against"
    return None


@dataclass(frozen=True, slots=True, eq=False)
class _Jump:
    """A jump found and measured."""

    label: str
    force: float
    energy: float | None
    width: float
    atom: int
    frames: Configurations


@check(
    family="smoothness",
    quantity="jump of forces or energy, relative to the rms force",
    unit="",
    needs={"forces"},
    kind="law",
    title="forces jump when an atom crosses a cutoff",
    causes="a truncated or merely shifted potential; a cap on the number of neighbours; a stale neighbour list",
    evaluations=_evaluations,
    options=_OPTIONS,
    applies=_applies,
)
def measure_cutoff_smoothness(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    points: int = 36,
    paths: int = 1,
) -> Measurement:
    """Forces and energy are continuous as atoms move through each other's cutoffs.

    A molecule (one atom where there is none) is moved on a line through its place in steps of 0.015 Å, so
    that a few dozen pairs cross any cutoff that there is. Jumps show in the fifth differences of each atom's
    force and of the energy; the three likeliest are bisected to 1e-4 Å and measured across that step, the
    changes on both sides taken off. A structure without periodic axes also meets a copy of itself, from beyond the interaction range
    (14 Å where undeclared): the distance at which forces begin is bisected. Judged is

        max(|jump of an atom's force|, |jump of the energy| / 1 Å) / rms thermal force component.

    Where the energy's noise is above the tolerance, forces alone are judged.

    Can't see: jumps that no pair met on the way (inner cutoffs of molecules smaller than those), jumps of
    second derivatives, which integrators bear (``path_smoothness`` sees them).

    Parameters
    ----------
    points, paths : int
        Points of a fine path, and how many of these.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 66 evaluations a path, 27 more without periodic axes.

    Source: Allen and Tildesley, Computer Simulation of Liquids, section 5.2.3.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("cutoff_smoothness") if tolerance is None else tolerance
    base = _moved_against(one, rng)
    scale = force_scale(resolution)
    negligible = _NEGLIGIBLE * target * scale
    scale = scale if scale > 0 else math.inf
    found: list[_Jump] = []
    usual: list[float] = []
    for _ in range(paths):
        line = _Line(meter, base, resolution, rng, points)
        found += line.jumps(negligible)
        usual.append(line.usual)
    if not one.system.is_periodic:
        found += _approach(meter, base, resolution, rng, negligible)
    noise = (
        math.hypot(
            resolution.force_noise,
            resolution.stiffness * place_rounding(meter.capabilities, resolution, base),
        )
        * JUMP_NOISE
    )
    energy_noise = JUMP_NOISE * (resolution.energy_noise or 0.0) / LENGTH
    chance = 1 - FALSE_FAIL / (4 * max(1, len(found)))
    limit = noise * math.sqrt(3) * noise_rms_quantile(3, resolution.dof, chance)
    energy_limit = energy_noise * noise_rms_quantile(1, resolution.dof, chance)
    low = high = value = 0.0
    worst: _Jump | None = None
    for jump in found:
        lows = [jump.force - limit]
        if jump.energy is not None:
            lows.append(jump.energy - energy_limit)
        size = max(jump.force, max(lows) + limit)
        high = max(high, jump.force)
        if jump.energy is not None and energy_limit <= target * scale:
            high = max(high, jump.energy)
        if worst is None or max(lows) > low or size > value:
            worst = jump
        low, value = max(low, *lows), max(value, size)
    high += 2 * noise
    unseen = max(limit, max(usual))
    return Measurement(
        check="cutoff_smoothness",
        quantity="jump of forces or energy, relative to the rms force",
        unit="",
        value=value / scale if value > limit else 0.0,
        uncertainty=noise / scale,
        uncertainty_components={"rounding": noise / scale},
        interval=(low / scale, high / scale),
        detection_limit=unseen / scale,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence={
            "place": "no jump found" if worst is None else worst.label,
            "scale": f"thermal forces (0.05 Å) have an rms component of {scale:.3g} eV/Å",
            "quantities": {
                "force_jump_eV_per_A": 0.0 if worst is None else worst.force,
                "energy_jump_eV": None if worst is None else worst.energy,
                "across_A": None if worst is None else worst.width,
                "brackets": len(found),
                "energy_judged": energy_limit <= target * scale,
            },
            "configurations": base if worst is None else worst.frames,
        },
    )


def _moved_against(start: Configurations, rng: np.random.Generator) -> Configurations:
    """The structure thermally displaced; a lattice also strained, so that its shells spread."""
    if molecules(start) or not start.system.is_periodic:
        return rattled(start, _RATTLE, rng)
    while open_shell(start) is None and 2 * start.n_atoms <= _MOST_ATOMS:
        widths = np.linalg.norm(np.linalg.pinv(start.cells[0]), axis=0)
        heights = np.where(start.system.pbc, 1.0 / np.maximum(widths, 1e-9), math.inf)
        if heights.min() >= _HEIGHT:
            break
        start = supercell(start, int(np.argmin(heights)), 2).apply(start)
    deformation = np.eye(3) + _STRAIN_LATTICE * rng.uniform(-1, 1, (3, 3))
    strained = start.at(start.positions[0] @ deformation, start.cells[0] @ deformation)
    return rattled(strained, _RATTLE_LATTICE, rng)


class _Line:
    """A fine path of one body through its place."""

    def __init__(
        self,
        meter: Meter,
        base: Configurations,
        resolution: Resolution,
        rng: np.random.Generator,
        points: int,
    ) -> None:
        self.meter, self.base, self.resolution = meter, base, resolution
        groups = [atoms for atoms, _ in molecules(base) if len(atoms) < base.n_atoms]
        body = (
            groups[int(rng.integers(len(groups)))]
            if groups
            else np.array([int(rng.integers(base.n_atoms))])
        )
        direction = rng.standard_normal(3)
        self.direction = np.zeros((base.n_atoms, 3))
        self.direction[body] = direction / np.linalg.norm(direction)
        symbols = base.system.symbols
        names = ", ".join(f"{a} ({symbols[a]})" for a in body[:4])
        self.name = f"atom{'s' if len(body) > 1 else ''} {names}"
        step = _STEP * min(1.0, _distance(base, body) / _NEAREST)
        # A random phase, so that points don't sit where a lattice is symmetric.
        shifts = np.arange(points) - points / 2 + float(rng.uniform())
        self.places: Floats = np.asarray(step * shifts, dtype=np.float64)
        answer = visit(
            meter,
            self._at(self.places),
            want=_WANT,
            rng=rng,
            fresh=resolution.needs_fresh,
        )
        self.zero = 0.0 if answer.energy is None else float(answer.energy.mean())
        self.values = _channels(answer.require_forces(), answer.energy, self.zero)
        self.has_energy = answer.energy is not None
        self.usual = float(np.median(apparent_jumps(self.values)[:, : base.n_atoms].max(axis=1)))

    def _at(self, places: Floats) -> Configurations:
        return self.base.displaced(places[:, None, None] * self.direction)

    def _ask(self, place: float) -> Floats:
        meter = self.meter.fresh() if self.resolution.needs_fresh else self.meter
        answer = meter.evaluate(self._at(np.array([place])), want=_WANT)
        return np.asarray(_channels(answer.require_forces(), answer.energy, self.zero)[0])

    def jumps(self, negligible: float) -> list[_Jump]:
        n = self.base.n_atoms
        noise = np.full(n, self.resolution.force_noise)
        if self.has_energy:
            noise = np.append(noise, (self.resolution.energy_noise or 0.0) / LENGTH)
        found = []
        for suspect in suspects(self.values, noise, _SUSPECTS, negligible):
            bracket = narrowed(self.places, self.values, suspect, self._ask, _BISECTIONS)
            found.append(self._jump(bracket))
        return found

    def _jump(self, bracket: Bracket) -> _Jump:
        n = self.base.n_atoms
        sizes = bracket.jumps
        atom = int(np.argmax(sizes[:n]))
        symbol = self.base.system.symbols[atom]
        label = (
            f"{self.name} moved by {bracket.right:.4f} Å: the force on atom {atom} ({symbol}) jumps by "
            f"{sizes[atom]:.3g} eV/Å within {bracket.right - bracket.left:.1g} Å"
        )
        return _Jump(
            label,
            float(sizes[atom]),
            float(sizes[n]) if self.has_energy else None,
            bracket.right - bracket.left,
            atom,
            self._at(np.array([bracket.left, bracket.right])),
        )


def _distance(start: Configurations, body: Any) -> float:
    """From the body to the nearest other atom, Å; images included."""
    from ase.neighborlist import primitive_neighbor_list

    inside = np.isin(np.arange(start.n_atoms), body)
    i, j, d = primitive_neighbor_list(
        "ijd", start.system.pbc, start.cells[0], start.positions[0], _NEAREST
    )
    others = d[inside[i] & ~inside[j]]
    return float(others.min()) if len(others) else _NEAREST


def _channels(forces: Floats, energy: Floats | None, zero: float) -> Floats:
    """(n, N or N + 1, 3): atoms' forces, and the energy over 1 Å as a channel of one component."""
    if energy is None:
        return forces
    extra = np.zeros((len(forces), 1, 3))
    extra[:, 0, 0] = (energy - zero) / LENGTH
    return np.concatenate([forces, extra], axis=1)


def _approach(
    meter: Meter,
    base: Configurations,
    resolution: Resolution,
    rng: np.random.Generator,
    negligible: float,
) -> list[_Jump]:
    """The distance at which a copy begins to be felt, bisected; empty if it never is."""
    reach = meter.capabilities.interaction_range
    far = _FAR if reach is None else reach + 0.5
    places = np.linspace(far, min(_NEAR, 0.5 * far), _COARSE)
    pair = _Pair(base)

    def ask(gaps: Floats) -> tuple[Floats, Floats | None]:
        answer = visit(meter, pair.at(gaps), want=_WANT, rng=rng, fresh=resolution.needs_fresh)
        return answer.require_forces(), answer.energy

    forces, _ = ask(np.append(places, far + 1.0))
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
        if felt(ask(np.array([middle]))[0][0]):
            inner = middle
        else:
            outer = middle
    frames = pair.at(np.array([outer, inner]))
    return _approach_jump(meter, frames, outer, inner)


def _approach_jump(meter: Meter, frames: Configurations, outer: float, inner: float) -> list[_Jump]:
    answer = meter.evaluate(frames, want=_WANT)
    forces, energy = answer.require_forces(), answer.energy
    sizes = np.linalg.norm(forces[1] - forces[0], axis=-1)
    atom = int(np.argmax(sizes))
    label = (
        f"a copy at {inner:.4f} Å: the force on atom {atom} ({frames.system.symbols[atom]}) begins with "
        f"{sizes[atom]:.3g} eV/Å within {outer - inner:.1g} Å"
    )
    return [
        _Jump(
            label,
            float(sizes[atom]),
            None if energy is None else abs(float(energy[1] - energy[0])) / LENGTH,
            outer - inner,
            atom,
            frames,
        )
    ]


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


assert_cutoff_smoothness = derive_assert(measure_cutoff_smoothness)
