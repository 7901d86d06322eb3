"""Atoms that come too near must be pushed apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from physcheck.errors import CapabilityMissing, ModelError
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.quantiles import FALSE_FAIL, noise_rms_quantile
from physcheck.registry import Budget, check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, Floats, System, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_short_range_repulsion", "measure_short_range_repulsion"]

# Distances over the sum of covalent radii: triple bonds are at 0.77, so that everything here is
# repulsive.
_INNERMOST, _OUTERMOST = 0.4, 0.7
# The same of the nearest pair in the compressed structure, which must not merely be off its
# equilibrium.
_SHRUNK = (0.8, 0.75, 0.7, 0.65, 0.6)
_LEAST = (
    0.9  # a structure is shrunk at least to this, a pair begins at this share of its distance there
)
_REACH = 3.0
_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"pairs": 3, "points": 6},
    "standard": {"pairs": 10, "points": 16},
    "full": {"pairs": 100, "points": 31},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    kinds = len(np.unique(start.system.numbers))
    pairs = min(_OPTIONS[budget]["pairs"], kinds * (kinds + 1) // 2)
    return int(pairs * _OPTIONS[budget]["points"] + len(_SHRUNK))


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """A way inwards: places and the force that opposes it at each (positive is repulsive)."""

    label: str
    frames: Configurations
    at: Floats
    repulsion: Floats
    noise: float


@check(
    family="smoothness",
    quantity="attraction between atoms that overlap",
    unit="eV/Å",
    needs={"forces"},
    kind="practice",
    title="overlapping atoms attract each other: there is a hole at short range",
    causes="no data at short distances and no repulsive baseline; a repulsion that is switched off",
    advice="add a repulsive baseline such as ZBL, or train on compressed structures; watch "
    "the shortest distances in simulations",
    tolerances=Tolerances(
        screening=1.0,
        md=0.1,
        tight=0.01,
        reason="attraction between atoms that overlap: at 0.1 eV/Å over some 0.3 Å a hole is "
        "30 meV deep, about kT at room temperature, and holds no atom; repulsion "
        "there is tens of eV/Å",
        source="OpenKIM's DimerContinuityC1 and the like show dimers; kT at 300 K is 26 meV",
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
    pairs: int = 3,
    points: int = 6,
) -> Measurement:
    """Atoms nearer than any bond repel each other.

    Dimers of the structure's species at 0.7 ... 0.4 of the sum of covalent radii: judged is the
    largest attraction F_1.e (e from atom 1 to 2), eV/Å. Reported, not judged: whether the energy
    rises as the structure itself is shrunk until its nearest pair is at 0.8 ... 0.6 (a soft core
    may give way there by design).

    Can't see: holes between the points, or of three bodies; a dimer that the model refuses (it
    raises) is left out and named.

    Parameters
    ----------
    pairs, points : int
        Pairs of species at most, and distances of each.

    Raises
    ------
    CapabilityMissing
        The model takes no dimer of the structure's species, nor the structure compressed.
    ModelError, NonFiniteOutput

    Cost: 6 evaluations a pair and 5.

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
        paths.append(_Path(label, frames, distances, repulsion, noise))
    compression = None
    if "energy" in meter.capabilities.outputs:
        compression = _compression(meter, one)
    return _measurement(meter, one, resolution, paths, refused, compression)


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
    distances = length * np.linspace(_OUTERMOST, _INNERMOST, points)
    positions = np.zeros((points, 2, 3))
    positions[:, 1, 0] = distances
    label = f"dimer {chemical_symbols[first]}-{chemical_symbols[second]}"
    return Configurations(system, positions, np.zeros((points, 3, 3))), distances, label


def _nearest(start: Configurations, kinds: tuple[int, int] | None = None) -> float:
    """The shortest distance over the sum of covalent radii, images included; infinity if beyond 3.

    ``kinds`` are the atomic numbers of the pairs that count; all if None.
    """
    from ase.data import covalent_radii
    from ase.neighborlist import primitive_neighbor_list

    system = start.system
    radii = covalent_radii[system.numbers]
    i, j, d = primitive_neighbor_list(
        "ijd", system.pbc, start.cells[0], start.positions[0], _REACH * radii
    )
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


def _measurement(
    meter: Meter,
    one: Configurations,
    resolution: Resolution,
    paths: list[_Path],
    refused: list[str],
    compression: dict[str, Any] | None,
) -> Measurement:
    values = [float(max(0.0, -p.repulsion.min())) for p in paths]
    count = sum(len(p.repulsion) for p in paths)
    chance = 1 - FALSE_FAIL / (2 * max(1, count))
    factor = noise_rms_quantile(1, resolution.dof, chance)
    lows = [max(0.0, v - factor * p.noise) for v, p in zip(values, paths)]
    if not paths:
        raise CapabilityMissing(f"the model refused every dimer: {refused[0]}")
    worst = max(range(len(paths)), key=lambda i: (lows[i], values[i]))
    path = paths[worst]
    k = int(np.argmin(path.repulsion))
    unit = "of the lengths" if path.label.startswith("structure") else "Å"
    place = f"{path.label}, at {path.at[k]:.3g} {unit}: {path.repulsion[k]:.3g} eV/Å of repulsion"
    frames, noise = path.frames[k], path.noise
    value, low = values[worst], lows[worst]
    if not low > 0:
        place = f"least repulsion: {place}"
    noises = [p.noise for p in paths]
    return Measurement(
        value=value,
        uncertainty=noise,
        uncertainty_components={"rounding": noise},
        interval=(low, max(v + 2 * n for v, n in zip(values, noises))),
        detection_limit=factor * max(noises),
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence={
            "place": place,
            "scale": "attraction of 0.1 eV/Å over 0.3 Å is a hole of about kT at room temperature",
            "quantities": {
                **{
                    p.label: {"at_A": p.at.tolist(), "repulsion_eV_per_A": p.repulsion.tolist()}
                    for p in paths
                },
                "compression": compression,
            },
            "refused": refused,
            "configurations": frames,
        },
    )


assert_short_range_repulsion = derive_assert(measure_short_range_repulsion)
