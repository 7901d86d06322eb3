"""Atoms that come and go at a cutoff must not be felt to do so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.checks.consequences import crossing_energy, crossing_sentence
from physcheck.checks.differences import force_scale, place_rounding
from physcheck.checks.smoothness.approach import APPROACH_COST, Jump, approach
from physcheck.checks.smoothness.at_symmetric_places import (
    jumps_at_symmetric_places,
    symmetric_places_cost,
)
from physcheck.checks.smoothness.body_path import BISECTIONS, SUSPECTS, BodyPath
from physcheck.checks.smoothness.jumps import JUMP_NOISE
from physcheck.checks.symmetry.comparison import open_shell
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import limit_of_excess
from physcheck.numerics.quantiles import FALSE_FAIL, noise_rms_quantile
from physcheck.probes.loops import molecules
from physcheck.probes.transformations import rattled, supercell
from physcheck.registry import Budget, Shows, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_cutoff_smoothness", "measure_cutoff_smoothness"]

# rms displacement, Å, of what is moved against, and strain: more for lattices, whose shells leave
# gaps.
_RATTLE, _RATTLE_LATTICE = 0.03, 0.08
_STRAIN_LATTICE = 0.07
# A small cell is repeated up to this height, Å, and number of atoms: an atom's own images never
# come nearer.
_HEIGHT, _MOST_ATOMS = 7.0, 64
# A lattice is compressed to this share of its lengths, so that atoms have twice as many neighbours,
# and a path of so many points is tried there: for caps that the density at rest doesn't reach.
_COMPRESSION, _COMPRESSED_POINTS = 0.8, 16
# A jump there isn't noise if it is so many times the rounding.
_CLEARLY = 30.0
# A jump of the energy counts in a crossing where it is so many standard deviations of the noise.
_CERTAIN_SDS = 5.0 * JUMP_NOISE
# Apparent jumps below this share of the tolerance aren't looked at.
_NEGLIGIBLE = 0.1
# The scale comes from one random direction, and may be larger by this factor.
_SCALE_KNOWN_TO = 1.15
# Cutoffs of common potentials end here, Å; distances nearer than the width are one shell.
_USUAL_CUTOFF, _SHELL_WIDTH = 6.0, 0.02

_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"points": 32, "paths": 1},
    "standard": {"points": 40, "paths": 4},
    "full": {"points": 60, "paths": 8},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    options = _OPTIONS[budget]
    isolated = not start.system.is_periodic
    points = _share(options["points"]) if isolated else options["points"]
    fine = options["paths"] * (points + SUSPECTS * (BISECTIONS + 2))
    if _is_lattice(start):
        fine += _COMPRESSED_POINTS + BISECTIONS + 2
    return int(fine + (APPROACH_COST if isolated else 0) + symmetric_places_cost(start))


def _is_lattice(start: Configurations) -> bool:
    return start.system.is_fully_periodic and not molecules(start)


def _share(points: int) -> int:
    """Points of a fine path where a copy is met too, which crosses more cutoffs."""
    return max(8, 5 * points // 8)


def _enlarged(start: Configurations) -> Configurations:
    while open_shell(start) is None and 2 * start.n_atoms <= _MOST_ATOMS:
        widths = np.linalg.norm(np.linalg.pinv(start.cells[0]), axis=0)
        heights = np.where(start.system.pbc, 1.0 / np.maximum(widths, 1e-9), math.inf)
        if heights.min() >= _HEIGHT:
            break
        start = supercell(start, int(np.argmin(heights)), 2).apply(start)
    return start


def _enlarges(start: Configurations) -> float:
    """How many times as many atoms the paths have as the structure."""
    if not start.system.is_periodic or molecules(start):
        return 1.0
    return _enlarged(start).n_atoms / start.n_atoms


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    if start.n_atoms < 2:
        return "one atom: there is nothing to move it against"
    return None


def pairs_within_reach(start: Configurations) -> float:
    """Different distances to neighbours within 6 Å, an atom: how many a cutoff or a cap can meet.

    A molecule or an open lattice has few; dense and disordered bulk has the most.  Molecular bulk
    counts half: whole molecules are moved there, so that many pairs cross within one step.
    """
    from ase.neighborlist import primitive_neighbor_list

    i, d = primitive_neighbor_list(
        "id", start.system.pbc, start.cells[0], start.positions[0], _USUAL_CUTOFF
    )
    shells = {(int(a), round(float(x) / _SHELL_WIDTH)) for a, x in zip(i, d)}
    return len(shells) / start.n_atoms / (2 if molecules(start) else 1)


@check(
    family="smoothness",
    quantity="jump of forces or energy, relative to the rms force",
    unit="",
    needs={"forces"},
    kind="law",
    title="forces jump when an atom crosses a cutoff",
    causes="a truncated or merely shifted potential; a cap on the number of neighbours; a stale "
    "neighbour list",
    advice="multiply every term by a smooth cutoff function, differentiate that too, and "
    "raise the neighbour cap; until then use short timesteps and expect energy jumps",
    tolerances=Tolerances(
        screening=1e-3,
        md=1e-4,
        tight=1e-5,
        reason="a jump relative to the rms thermal force: each crossing of it is a kick that "
        "an integrator doesn't see coming; Lennard-Jones truncated at 3 sigma jumps "
        "by 0.5 % of its largest pair force, 1e-3 of thermal ones; md is a tenth of "
        "that, and above what float32 resolves",
        source="Allen and Tildesley, Computer Simulation of Liquids, 2nd ed., section 5.2.3 "
        "(truncated and shifted)",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
    applies=_applies,
    enlarges=_enlarges,
    shows=Shows(pairs_within_reach, "a bulk with several shells of neighbours"),
)
def measure_cutoff_smoothness(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    points: int = 32,
    paths: int = 1,
) -> Measurement:
    """Forces and energy are continuous as atoms move through each other's cutoffs.

    A molecule (one atom where there is none) is moved on a line through its place in steps of 0.02
    Å, so that a few dozen pairs cross any cutoff that there is. Jumps show in the fifth differences
    of each atom's force and of the energy; the two likeliest are bisected to 1e-4 Å and measured
    across that step, the changes on both sides taken off. A lattice is tried compressed to 80 % of
    its lengths, too, where atoms have twice as many neighbours. A structure without periodic axes
    also meets a copy of itself, from beyond the interaction range (14 Å where undeclared), and one
    of its atoms: the distances at which forces and energy begin are bisected. Exactly symmetric
    structures are compared with the same 1e-6 Å aside
    (:mod:`physcheck.checks.smoothness.at_symmetric_places`). Judged is

        max(|jump of an atom's force|, |jump of the energy| / 1 Å) / rms thermal force component.

    Where the energy's noise is above the tolerance, forces alone are judged.

    Can't see: jumps that no pair met on the way (inner cutoffs of molecules smaller than those),
    jumps of second derivatives, which integrators bear (``path_smoothness`` sees them).

    Parameters
    ----------
    points, paths : int
        Points of a fine path (5/8 of them without periodic axes), and how many paths.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 52 evaluations a path, 26 for a compressed lattice; without periodic axes 40, and 46 for
    the copy and the atom; 6 to 9 for symmetric places.

    Source: Allen and Tildesley, Computer Simulation of Liquids, section 5.2.3.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("cutoff_smoothness") if tolerance is None else tolerance
    base = _moved_against(one, rng)
    scale = force_scale(resolution)
    repeats = base.n_atoms / one.n_atoms
    negligible = _NEGLIGIBLE * target * scale
    seen = _measure(meter, base, resolution, rng, points, paths, repeats, negligible)
    seen.jumps.extend(jumps_at_symmetric_places(meter, one, resolution, rng, negligible))
    scale = scale if scale > 0 else math.inf
    found = _estimate(seen, meter, base, resolution, target * scale)
    return _report(meter, base, seen, found, scale, target, resolution)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the paths showed.

    Attributes
    ----------
    jumps : list of Jump
        Those that were bracketed.
    usual : list of float, eV/Å
        The apparent jumps that every path has.
    stiffness : float, eV/Å²
        The steepest change of a force component between points of a path: atoms that are moved
        meet others nearer than at rest, and rounding of positions acts through it.
    """

    jumps: list[Jump]
    usual: list[float]
    stiffness: float


@dataclass(frozen=True, slots=True)
class _Size:
    """The largest jump and its interval, eV/Å.

    Attributes
    ----------
    value, low, high, noise : float
    allowed, unseen : float
        What noise alone may feign, and the largest jump that might have been missed on a path.
    worst : Jump or None
    energy_judged : bool
        Whether every jump of the energy could be resolved at the tolerance.
    """

    value: float
    low: float
    high: float
    noise: float
    allowed: float
    unseen: float
    worst: Jump | None
    energy_judged: bool


def _measure(
    meter: Meter,
    base: Configurations,
    resolution: Resolution,
    rng: np.random.Generator,
    points: int,
    paths: int,
    repeats: float,
    negligible: float,
) -> _Seen:
    isolated = not base.system.is_periodic
    jumps: list[Jump] = []
    usual: list[float] = []
    stiffness = resolution.stiffness
    for _ in range(paths):
        line = BodyPath(
            meter, base, resolution, rng, _share(points) if isolated else points, repeats
        )
        jumps += line.jumps(negligible)
        usual.append(line.usual)
        stiffness = max(stiffness, line.stiffness)
    if _is_lattice(base):
        jumps += _jumps_compressed(meter, base, resolution, rng, repeats, negligible)
    if isolated:
        jumps += approach(meter, base, resolution, rng, negligible)
    return _Seen(jumps, usual, stiffness)


def _jumps_compressed(
    meter: Meter,
    base: Configurations,
    resolution: Resolution,
    rng: np.random.Generator,
    repeats: float,
    negligible: float,
) -> list[Jump]:
    """The likeliest jump in the compressed lattice, where it is far above the rounding there.

    Forces are stiffer there, and rounding acts through that: it says nothing of the lattice at
    rest.
    """
    dense = base.at(_COMPRESSION * base.positions, _COMPRESSION * base.cells)
    line = BodyPath(meter, dense, resolution, rng, _COMPRESSED_POINTS, repeats)
    rounding = line.stiffness * place_rounding(meter.capabilities, resolution, dense)
    noise = _CLEARLY * math.hypot(resolution.force_noise, rounding)
    return [
        jump
        for jump in line.jumps(negligible, most=1)
        if jump.force > noise or (jump.energy or 0.0) > max(noise, _CLEARLY * jump.energy_noise)
    ]


def _estimate(
    seen: _Seen, meter: Meter, base: Configurations, resolution: Resolution, target: float
) -> _Size:
    """The largest jump; ``target`` in eV/Å."""
    noise = JUMP_NOISE * math.hypot(
        resolution.force_noise,
        seen.stiffness * place_rounding(meter.capabilities, resolution, base),
    )
    # Each jump is a chance of a false alarm, of force and of energy.
    chance = 1 - FALSE_FAIL / (4 * max(1, len(seen.jumps)))
    limit = noise * math.sqrt(3) * noise_rms_quantile(3, resolution.dof, chance)
    energy_factor = JUMP_NOISE * noise_rms_quantile(1, resolution.dof, chance)
    low = high = value = 0.0
    energy_judged = True
    worst: Jump | None = None
    for jump in seen.jumps:
        sizes = [(jump.force, limit)]
        if jump.energy is not None:
            energy_limit = energy_factor * jump.energy_noise
            # An energy that can't be resolved can't pass either: it counts only where it fails.
            if energy_limit <= target or jump.energy - energy_limit > target:
                sizes.append((jump.energy, energy_limit))
            else:
                energy_judged = False
        lowest = max(size - most for size, most in sizes)
        largest = max((size for size, most in sizes if size > most), default=0.0)
        if worst is None or (lowest, largest) > (low, value):
            worst = jump
        low, value = max(low, lowest), max(value, largest)
        high = max(high, *(size for size, _ in sizes))
    unseen = max(limit, max(seen.usual))
    return _Size(value, low, high + 2 * noise, noise, limit, unseen, worst, energy_judged)


def _report(
    meter: Meter,
    base: Configurations,
    seen: _Seen,
    found: _Size,
    scale: float,
    target: float,
    resolution: Resolution,
) -> Measurement:
    worst = found.worst
    sizes = f"thermal forces (0.05 Å) have an rms component of {scale:.3g} eV/Å"
    lost = None if worst is None else _energy_of_a_crossing(worst)
    if lost is not None and found.value > 0:
        sizes = f"{sizes}; {crossing_sentence(lost)}"
    causes = {"causes": worst.causes} if worst is not None and worst.causes else {}
    return Measurement(
        value=found.value / scale,
        uncertainty=found.noise / scale,
        uncertainty_components={"rounding": found.noise / scale},
        interval=(found.low / scale, found.high / scale),
        # It must be above the tolerance, and stand out of what every path has.
        detection_limit=max(
            _SCALE_KNOWN_TO * limit_of_excess(target, found.allowed / scale, found.noise / scale),
            found.unseen / scale,
        ),
        noise_floor=found.allowed / scale,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence={
            **causes,
            "place": "no jump found" if worst is None else worst.label,
            "scale": sizes,
            "quantities": {
                "force_jump_eV_per_A": 0.0 if worst is None else worst.force,
                "energy_jump_eV": None if worst is None else worst.energy,
                "energy_of_a_crossing_eV": lost,
                "across_A": None if worst is None else worst.width,
                "jump_at_A": None if worst is None else worst.at,
                "brackets": len(seen.jumps),
                "energy_judged": found.energy_judged,
            },
            "series": {} if worst is None else worst.series,
            "configurations": base if worst is None else worst.frames,
        },
    )


def _energy_of_a_crossing(jump: Jump) -> float:
    """What dynamics gains or loses at a jump, eV; that of the energy where it isn't noise."""
    certain = jump.energy is not None and jump.energy > _CERTAIN_SDS * jump.energy_noise
    mass = float(jump.frames.system.masses[jump.atom])
    return crossing_energy(jump.force, jump.energy if certain else None, mass)


def _moved_against(start: Configurations, rng: np.random.Generator) -> Configurations:
    """The structure thermally displaced; a lattice also strained, so that its shells spread."""
    if molecules(start) or not start.system.is_periodic:
        return rattled(start, _RATTLE, rng)
    start = _enlarged(start)
    deformation = np.eye(3) + _STRAIN_LATTICE * rng.uniform(-1, 1, (3, 3))
    strained = start.at(start.positions[0] @ deformation, start.cells[0] @ deformation)
    return rattled(strained, _RATTLE_LATTICE, rng)


assert_cutoff_smoothness = derive_assert(measure_cutoff_smoothness)
