"""Atoms that come too near must be pushed apart.

A hole, where overlapping atoms attract each other, harms a simulation only if it is reached: judged
is the barrier before it, the energy that pushes a pair from its minimum to where it is highest
before the hole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from physcheck.errors import CapabilityMissing, ModelError
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import limit_of_excess
from physcheck.numerics.near_pairs import near_pairs
from physcheck.numerics.quantiles import FALSE_FAIL, noise_rms_quantile
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, Floats, System, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_short_range_repulsion", "measure_short_range_repulsion"]

# Distances over the sum of covalent radii: triple bonds are at 0.77, so that everything here is
# repulsive.
_INNERMOST, _OUTERMOST = 0.4, 0.7
# Where the way inwards begins, in the same measure: beyond the minimum of most pairs.
_APPROACH = (1.4, 1.15, 0.95, 0.8)
# A barrier that no simulation climbs, eV: the quantity is what is missing of it.
_ENOUGH = 20.0
# Points at which the force between those that were asked for is integrated.
_FINE = 400
# The same of the nearest pair in the compressed structure, which must not merely be off its
# equilibrium.
_SHRUNK = (0.8, 0.75, 0.7, 0.65, 0.6)
_LEAST = (
    0.9  # a structure is shrunk at least to this, a pair begins at this share of its distance there
)
_REACH = 3.0
_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"pairs": 6, "points": 6},
    "standard": {"pairs": 10, "points": 16},
    "full": {"pairs": 100, "points": 31},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    kinds = len(np.unique(start.system.numbers))
    pairs = min(_OPTIONS[budget]["pairs"], kinds * (kinds + 1) // 2)
    return int(pairs * (len(_APPROACH) + _OPTIONS[budget]["points"]) + len(_SHRUNK))


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """A way inwards: places and the force that opposes it at each (positive is repulsive).

    Those from ``overlap`` on are of atoms that overlap.
    """

    label: str
    frames: Configurations
    at: Floats
    repulsion: Floats
    noise: float
    overlap: int


@dataclass(frozen=True, slots=True)
class _Hole:
    """Where overlapping atoms attract, Å and eV/Å, and the barrier before it with its error, eV.

    ``is_certain`` where the attraction is beyond the noise.
    """

    index: int
    attraction: float
    barrier: float
    error: float
    is_certain: bool

    def missing(self, errors: float = 0.0) -> float:
        """What is missing of a barrier that no simulation climbs, eV, with so many errors added."""
        return max(0.0, _ENOUGH - self.barrier + errors * self.error)


@check(
    family="smoothness",
    quantity="what the barrier before a hole at short range lacks of 20 eV",
    unit="eV",
    needs={"forces"},
    kind="practice",
    title="overlapping atoms attract each other: there is a hole at short range",
    causes="no data at short distances and no repulsive baseline; a repulsion that is switched off",
    advice="add a repulsive baseline such as ZBL, or train on compressed structures; watch "
    "the shortest distances in simulations",
    failure=Failure(
        short_title="overlaps attract",
        meaning="Atoms that come too close are pulled together. Hot or compressed simulations fall "
        "into the hole and blow up.",
        spoils=("molecular dynamics at high temperature or pressure",),
    ),
    tolerances=Tolerances(
        screening=18.0,
        md=15.0,
        tight=1e-6,
        reason="a barrier of 2 eV (77 kT at 300 K) holds in optimisations and at room "
        "temperature; 5 eV holds at 3000 K (19 kT), in hot liquids and from bad starts; 20 eV "
        "holds in collisions and random search",
        source="kT at 300 K is 26 meV; Ziegler, Biersack, Littmark 1985, for repulsion in "
        "collisions",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
)
def measure_short_range_repulsion(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    pairs: int = 6,
    points: int = 6,
) -> Measurement:
    """Atoms nearer than any bond repel each other.

    Dimers of the structure's species are brought from 1.4 to 0.4 of the sum of covalent radii.
    Where they attract within 0.7 there is a hole; its barrier is the work of the repulsion -F_1.e
    (e from atom 1 to 2) from the minimum to the highest place before it, by a monotone spline.
    Judged is 20 eV less the lowest barrier, 0 where there is no hole. Reported, not judged: whether
    the energy rises as the structure itself is shrunk until its nearest pair is at 0.8 ... 0.6 (a
    soft core may give way there by design).

    Can't see: holes between the points, or of three bodies; pairs beyond ``pairs``; a dimer that
    the model refuses (it raises) is left out and named.

    Parameters
    ----------
    pairs, points : int
        Pairs of species at most, and distances of each where they overlap.

    Raises
    ------
    CapabilityMissing
        The model takes no dimer of the structure's species, nor the structure compressed.
    ModelError, NonFiniteOutput

    Cost: 10 evaluations a pair and 5.

    Source: Pauli repulsion; holes of learned potentials are why ZBL baselines are added (Ziegler,
    Biersack, Littmark 1985).
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    paths, refused = [], []
    for first, second in _species_pairs(one, pairs):
        frames, distances, label = _dimer(one, first, second, points)
        try:
            answer = meter.evaluate(frames, want=frozenset({"forces", "energy"}))
        except ModelError as error:
            refused.append(f"{label}: {error}")
            continue
        forces = answer.require_forces()
        repulsion = 0.5 * (forces[:, 1, 0] - forces[:, 0, 0])
        noise = resolution.force_noise / math.sqrt(2)
        paths.append(_Path(label, frames, distances, repulsion, noise, len(_APPROACH)))
    compression = None
    if "energy" in meter.capabilities.outputs:
        compression = _compression(meter, one)
    target = default_tolerance("short_range_repulsion") if tolerance is None else tolerance
    return _measurement(meter, one, resolution, paths, refused, compression, target)


def _species_pairs(start: Configurations, most: int) -> list[tuple[int, int]]:
    """Pairs of atomic numbers, the lightest first.

    These come nearest to each other in simulations.
    """
    kinds = [int(z) for z in np.unique(start.system.numbers)]
    return list(combinations_with_replacement(kinds, 2))[:most]


def _dimer(
    start: Configurations, first: int, second: int, points: int
) -> tuple[Configurations, Floats, str]:
    from ase.data import chemical_symbols, covalent_radii

    numbers = start.system.numbers
    chosen = [int(np.flatnonzero(numbers == z)[0]) for z in (first, second)]
    masses = start.system.masses[chosen]
    system = System(np.array([first, second]), masses, np.zeros(3, bool))
    length = float(covalent_radii[first] + covalent_radii[second])
    here = _nearest(start, (first, second))
    # Where the structure has such a pair nearer than radii say, the way inwards begins from there.
    length *= min(1.0, _LEAST * here / _OUTERMOST)
    shares = [*_APPROACH, *np.linspace(_OUTERMOST, _INNERMOST, points)]
    distances = length * np.array(shares)
    positions = np.zeros((len(shares), 2, 3))
    positions[:, 1, 0] = distances
    label = f"dimer {chemical_symbols[first]}-{chemical_symbols[second]}"
    return Configurations(system, positions, np.zeros((len(shares), 3, 3))), distances, label


def _nearest(start: Configurations, kinds: tuple[int, int] | None = None) -> float:
    """The shortest distance over the sum of covalent radii, images included; infinity if beyond 3.

    ``kinds`` are the atomic numbers of the pairs that count; all if None.
    """
    from ase.data import covalent_radii

    system = start.system
    radii = covalent_radii[system.numbers]
    found = near_pairs(start, _REACH * radii)
    i, j, d = found.first, found.second, found.distances
    if kinds is not None:
        chosen = (system.numbers[i] == kinds[0]) & (system.numbers[j] == kinds[1])
        i, j, d = i[chosen], j[chosen], d[chosen]
    return float(np.min(d / (radii[i] + radii[j]))) if len(d) else math.inf


def _compression(meter: Meter, one: Configurations) -> dict[str, Any] | None:
    """Energy gained by shrinking, over the path's length in 3N space; None if no atoms are near."""
    nearest = _nearest(one)
    if math.isinf(nearest):
        return None
    factors = np.array(_SHRUNK) * min(1.0 / nearest, _LEAST / _SHRUNK[0])
    centre = one.positions[0].mean(axis=0)
    arms = one.positions[0] - centre
    frames = one.at(centre + factors[:, None, None] * arms, factors[:, None, None] * one.cells[0])
    energy = meter.evaluate(frames, want=frozenset({"forces", "energy"})).require_energy()
    steps = -np.diff(factors) * float(np.linalg.norm(arms))
    resistance = np.diff(energy) / np.where(steps > 0, steps, math.inf)
    return {
        "lengths": factors.tolist(),
        "resistance_eV_per_A": resistance.tolist(),
        "resists": bool((resistance > 0).all()),
    }


def _hole(path: _Path, factor: float) -> _Hole | None:
    """The first place of overlapping atoms that attract, from outside; None if there is none."""
    inner = path.repulsion[path.overlap :]
    least = factor * path.noise
    below = np.flatnonzero(inner < -least)
    certain = len(below) > 0
    if not certain:
        below = np.flatnonzero(inner < least)
    if not len(below):
        return None
    index = path.overlap + int(below[0])
    barrier, error = _barrier(path, index)
    return _Hole(index, max(0.0, -float(path.repulsion[index])), barrier, error, certain)


def _barrier(path: _Path, index: int) -> tuple[float, float]:
    """The work from the minimum to the highest place before ``index``, and its error, eV.

    The error is the difference from straight lines between the points.
    """
    from scipy.integrate import cumulative_trapezoid
    from scipy.interpolate import PchipInterpolator

    inwards = path.at[0] - path.at[: index + 1]
    force = path.repulsion[: index + 1]
    fine = np.linspace(0.0, inwards[-1], _FINE)
    climbs = []
    for values in (PchipInterpolator(inwards, force)(fine), np.interp(fine, inwards, force)):
        work = cumulative_trapezoid(values, fine, initial=0.0)
        climbs.append(float(np.max(work - np.minimum.accumulate(work))))
    return climbs[0], abs(climbs[0] - climbs[1])


def _measurement(
    meter: Meter,
    one: Configurations,
    resolution: Resolution,
    paths: list[_Path],
    refused: list[str],
    compression: dict[str, Any] | None,
    target: float,
) -> Measurement:
    if not paths:
        raise CapabilityMissing(f"the model refused every dimer: {refused[0]}")
    count = sum(len(p.repulsion) - p.overlap for p in paths)
    chance = 1 - FALSE_FAIL / (2 * max(1, count))
    factor = noise_rms_quantile(1, resolution.dof, chance)
    holes = [(p, hole) for p in paths if (hole := _hole(p, factor)) is not None]
    certain = [(p, hole) for p, hole in holes if hole.is_certain]
    path, hole = max(certain, key=lambda found: found[1].missing(), default=(None, None))
    high = max((hole.missing(2) for _, hole in holes), default=0.0)
    value, low = (0.0, 0.0) if hole is None else (hole.missing(), hole.missing(-2))
    error = 0.0 if hole is None else hole.error
    return Measurement(
        value=value,
        uncertainty=error,
        uncertainty_components={"truncation": error},
        interval=(low, max(high, value)),
        # The lower end is two errors of the barrier below its value.
        detection_limit=limit_of_excess(target, 2 * error),
        # A hole as deep as noise may hide over the way on which atoms overlap.
        noise_floor=max(factor * p.noise * abs(p.at[p.overlap] - p.at[-1]) for p in paths),
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence={
            "place": _place(paths, path, hole),
            "scale": "5 eV hold at 3000 K and in bad starting structures; 20 eV in collisions",
            "quantities": {
                **{
                    p.label: {"at_A": p.at.tolist(), "repulsion_eV_per_A": p.repulsion.tolist()}
                    for p in paths
                },
                "barriers_eV": {p.label: hole.barrier for p, hole in certain},
                "holes_at_A": {p.label: float(p.at[hole.index]) for p, hole in certain},
                "compression": compression,
            },
            "refused": refused,
            "configurations": one if path is None or hole is None else path.frames[hole.index],
        },
    )


def _place(paths: list[_Path], path: _Path | None, hole: _Hole | None) -> str:
    if path is None or hole is None:
        nearest = min(paths, key=lambda p: float(p.repulsion[p.overlap :].min()))
        least = float(nearest.repulsion[nearest.overlap :].min())
        return f"no hole; least repulsion where atoms overlap: {nearest.label}, {least:.3g} eV/Å"
    return (
        f"{path.label}: attraction of {hole.attraction:.3g} eV/Å at {path.at[hole.index]:.3g} Å, "
        f"behind a barrier of {hole.barrier:.2g} eV"
    )


assert_short_range_repulsion = derive_assert(measure_short_range_repulsion)
