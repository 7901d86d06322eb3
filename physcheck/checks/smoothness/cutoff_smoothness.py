"""Atoms that come and go at a cutoff must not be felt to do so."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ase.units import kB

from physcheck.checks.consequences import (
    crossing_energy,
    crossing_heat,
    crossing_sentence,
)
from physcheck.checks.differences import ENERGY_LENGTH, force_scale, place_rounding
from physcheck.checks.smoothness.approach import APPROACH_COST, Jump, approach
from physcheck.checks.smoothness.at_symmetric_places import (
    jumps_at_symmetric_places,
    symmetric_places_cost,
)
from physcheck.checks.smoothness.body_path import BISECTIONS, SUSPECTS, BodyPath
from physcheck.checks.smoothness.jump_heat import (
    HEAT_OF_A_SHARE,
    RATE_KNOWN_TO,
    energy_is_resolved,
    energy_of_a_crossing,
    jump_heating,
    rate_doubt,
)
from physcheck.checks.smoothness.jumps import JUMP_NOISE
from physcheck.checks.symmetry.comparison import open_shell
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import limit_of_excess
from physcheck.numerics.near_pairs import near_pairs
from physcheck.numerics.quantiles import FALSE_FAIL, noise_rms_quantile
from physcheck.probes.loops import molecules
from physcheck.probes.transformations import rattled, supercell
from physcheck.registry import (
    Budget,
    Failure,
    KnownFault,
    Shows,
    check,
    default_tolerance,
    derive_assert,
)
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
# Apparent jumps whose heat is below this share of the tolerance aren't looked at.
_NEGLIGIBLE = 0.01
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
    found = near_pairs(start, _USUAL_CUTOFF)
    numbers = np.round(found.distances / _SHELL_WIDTH)
    shells = np.unique(np.column_stack([found.first, numbers]), axis=0)
    return len(shells) / start.n_atoms / (2 if molecules(start) else 1)


@check(
    family="smoothness",
    quantity="heating by jumps of forces or energy that thermal motion crosses",
    unit="eV/atom/ps",
    needs={"forces"},
    kind="law",
    title="forces jump when an atom crosses a cutoff",
    causes="a truncated or merely shifted potential; a cap on the number of neighbours; a stale "
    "neighbour list",
    advice="multiply every term by a smooth cutoff function, differentiate that too, and "
    "raise the neighbour cap; until then use short timesteps and expect energy jumps",
    failure=Failure(
        short_title="jumps at a cutoff",
        meaning="Forces or energies jump as atoms cross a cutoff, and at the rate of thermal "
        "crossings that heats more than simulations bear.",
        # A relaxation across a step of the energy releases it, and no force has done that work; a
        # line across a step has a gap.
        fault=KnownFault(
            "forces or energy jump",
            explains=("cell_relaxation", "relaxation_descent", "force_energy_gap"),
        ),
    ),
    tolerances=Tolerances(
        screening=2.6e-4,
        md=2.6e-6,
        tight=2.6e-8,
        reason="what nve_drift accepts, since it is the same heat: screening 1 K/ps, md 10 K/ns, "
        "tight 0.1 K/ns, K/ps = P/(3 kB), at a usual timestep and 300 K",
        source="as for nve_drift; the trapezoid rule's error at a jump and linear response (see "
        "path_smoothness), held against velocity Verlet in tests",
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
    structures are compared with the same 1e-6 Å aside. Judged is

        P = r (dt² sum of |D_i|²/(12 m_i) + dE²/(2 kT)),  eV/atom/ps,

    the heat of r crossings an atom and picosecond: D_i is what an atom's force jumps by (velocity
    Verlet takes the mean of both sides for the step), dE what the energy jumps by and no force
    feels. r is that of motion at 300 K where jumps are as dense as on the path, taken to be known
    to a factor of 2 (larger in a crystal with a shell at the cutoff); dt is 0.5 fs with hydrogen, 1
    fs from carbon on. At symmetric places, which no motion crosses, a jump counts as 260 eV/atom/ps
    times the square of its share of the rms thermal force. Where the energy's noise hides what the
    tolerance asks for, forces alone are judged. An energy jump heats where it differs from place to
    place (caps, angles); where it is the same (pairs cut off), E + K goes up and down by it, and P
    is an upper limit.

    Can't see: jumps that no pair met on the way; kinks (``path_smoothness`` sees what they do).

    Parameters
    ----------
    points, paths : int
        Points of a fine path (5/8 of them without periodic axes), and how many paths.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 52 evaluations a path, 26 for a compressed lattice; without periodic axes 40, and 46 for
    the copy and the atom; 6 to 9 for symmetric places.

    Source: Allen and Tildesley, section 5.2.3; Toxvaerd and Dyre, J. Chem. Phys. 134, 081102.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("cutoff_smoothness") if tolerance is None else tolerance
    base = _moved_against(one, rng)
    scale = force_scale(resolution)
    repeats = base.n_atoms / one.n_atoms
    seen = _measure(meter, base, resolution, rng, points, paths, repeats, _NEGLIGIBLE * target)
    share = scale * math.sqrt(_NEGLIGIBLE * target / HEAT_OF_A_SHARE)
    seen.jumps.extend(jumps_at_symmetric_places(meter, one, resolution, rng, share))
    found = _estimate(seen, meter, base, resolution, scale if scale > 0 else math.inf, target)
    return _report(meter, base, seen, found, target, resolution)


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
    rate : float, 1/ps
        How often an atom crosses what a path meets once.
    """

    jumps: list[Jump]
    usual: list[float]
    stiffness: float
    rate: float


@dataclass(frozen=True, slots=True)
class _Size:
    """The jump that heats most, and the interval of its heat, eV/atom/ps.

    Attributes
    ----------
    value, low, high, noise : float
    allowed, limit : float
        What noise alone may feign, and the detection limit.
    worst : Jump or None
    energy_judged : bool
        Whether every jump of the energy could be resolved at the tolerance.
    """

    value: float
    low: float
    high: float
    noise: float
    allowed: float
    limit: float
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
    least_heat: float,
) -> _Seen:
    isolated = not base.system.is_periodic
    jumps: list[Jump] = []
    usual: list[float] = []
    stiffness = resolution.stiffness
    for _ in range(paths):
        line = BodyPath(
            meter, base, resolution, rng, _share(points) if isolated else points, repeats
        )
        # Of the energy: that of a force heats less.
        negligible = crossing_energy(least_heat / line.rate()) / ENERGY_LENGTH
        jumps += line.jumps(negligible)
        usual.append(line.usual)
        stiffness = max(stiffness, line.stiffness)
    if _is_lattice(base):
        jumps += _jumps_compressed(meter, base, resolution, rng, repeats, negligible)
    if isolated:
        jumps += approach(meter, base, resolution, rng, negligible)
    return _Seen(jumps, usual, stiffness, line.rate())


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
    seen: _Seen,
    meter: Meter,
    base: Configurations,
    resolution: Resolution,
    scale: float,
    target: float,
) -> _Size:
    """The jump that heats most; ``scale`` is the rms thermal force component."""
    noise = JUMP_NOISE * math.hypot(
        resolution.force_noise,
        seen.stiffness * place_rounding(meter.capabilities, resolution, base),
    )
    # Each jump is a chance of a false alarm, of force and of energy.
    chance = 1 - FALSE_FAIL / (4 * max(1, len(seen.jumps)))
    limit = noise * math.sqrt(3) * noise_rms_quantile(3, resolution.dof, chance)
    energy_factor = JUMP_NOISE * noise_rms_quantile(1, resolution.dof, chance)

    def heat_of(force: float) -> float:
        """Of a force that jumps by so much on two of the lightest atoms, at the path's rate."""
        lightest = np.full(2, base.system.masses.min())
        return seen.rate * crossing_heat(np.full(2, force), lightest)

    low = value = 0.0
    high = heat_of(2 * noise)
    energy_judged = True
    worst: Jump | None = None
    for jump in seen.jumps:
        energy_limit = energy_factor * jump.energy_noise
        if not energy_is_resolved(jump, energy_limit, target):
            jump, energy_judged = replace(jump, energy=None), False
        lowest = jump_heating(jump, scale, -limit, -energy_limit) / rate_doubt(jump)
        seen_force = jump.force > limit or (jump.energy or 0.0) > energy_limit
        likely = jump_heating(jump, scale, 0.0, 0.0) if seen_force else 0.0
        most = jump_heating(jump, scale, 2 * noise, 2 * jump.energy_noise) * rate_doubt(jump)
        if worst is None or (lowest, likely) > (low, value):
            worst = jump
        low, value, high = max(low, lowest), max(value, likely), max(high, most)
    # What is called has to be above the tolerance at half the rate, and stand out of what every
    # path has.
    least = math.sqrt(RATE_KNOWN_TO**2 * target / heat_of(1.0))
    needed = limit_of_excess(least, limit, noise)
    unseen = heat_of(max(needed, limit, *seen.usual))
    return _Size(value, low, high, heat_of(noise), heat_of(limit), unseen, worst, energy_judged)


def _report(
    meter: Meter,
    base: Configurations,
    seen: _Seen,
    found: _Size,
    target: float,
    resolution: Resolution,
) -> Measurement:
    worst = found.worst
    causes = {"causes": worst.causes} if worst is not None and worst.causes else {}
    sampling = found.value * (1 - 1 / RATE_KNOWN_TO)
    return Measurement(
        value=found.value,
        uncertainty=math.hypot(sampling, found.noise),
        uncertainty_components={"sampling": sampling, "rounding": found.noise},
        interval=(found.low, found.high),
        detection_limit=max(target, found.limit),
        noise_floor=found.allowed,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence={
            **causes,
            "place": "no jump found" if worst is None else worst.label,
            "scale": _scale(found),
            "quantities": {
                "force_jump_eV_per_A": 0.0 if worst is None else worst.force,
                "energy_jump_eV": None if worst is None else worst.energy,
                "energy_of_a_crossing_eV": None if worst is None else energy_of_a_crossing(worst),
                "crossings_per_atom_per_ps": None if worst is None else worst.rate,
                "heating_K_per_ps": found.value / (3 * kB),
                "across_A": None if worst is None else worst.width,
                "jump_at_A": None if worst is None else worst.at,
                "brackets": len(seen.jumps),
                "energy_judged": found.energy_judged,
            },
            "series": {} if worst is None else worst.series,
            "configurations": base if worst is None else worst.frames,
        },
    )


def _scale(found: _Size) -> str:
    """What the worst jump does, in words."""
    worst = found.worst
    if worst is None or not found.value > 0:
        return ""
    if worst.rate is None:
        return (
            "no motion crosses this place, but structures that begin there have a wrong force or "
            f"energy: it counts as heat, {HEAT_OF_A_SHARE:g} eV/atom/ps times the square of its "
            "share of thermal forces"
        )
    return crossing_sentence(energy_of_a_crossing(worst), worst.rate, found.value)


def _moved_against(start: Configurations, rng: np.random.Generator) -> Configurations:
    """The structure thermally displaced; a lattice also strained, so that its shells spread."""
    if molecules(start) or not start.system.is_periodic:
        return rattled(start, _RATTLE, rng)
    start = _enlarged(start)
    deformation = np.eye(3) + _STRAIN_LATTICE * rng.uniform(-1, 1, (3, 3))
    strained = start.at(start.positions[0] @ deformation, start.cells[0] @ deformation)
    return rattled(strained, _RATTLE_LATTICE, rng)


assert_cutoff_smoothness = derive_assert(measure_cutoff_smoothness)
