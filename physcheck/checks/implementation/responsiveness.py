"""Forces respond to where the atoms are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.near_pairs import near_pairs
from physcheck.probes.species_pairs import claimed_species, pair_of
from physcheck.registry import Budget, Failure, check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Bools, Configurations, Floats, Ints, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_responsiveness", "measure_responsiveness"]

# Atoms nearer than this interact in any potential that describes them: van der Waals contacts end
# at some 4 Å.
_CONTACT = 4.0
# Moves, in rms displacement of a coordinate, Å: thermal, large, and a compression of all distances.
_MOVES = (0.02, 0.1)
_COMPRESSION = 0.9
# Species that the model says it supports and the structure lacks: pairs of so many are tried, at
# these distances in sums of covalent radii.
_MOST_CLAIMED, _STRETCHES = 4, (0.8, 1.0)
# Components of a response must exceed the noise by so many standard deviations; the noise is known
# to a factor of 2.
_SIGMAS = 10.0
# Force noise above this fails determinism and history_independence at md, eV/Å.
_QUIET = 1e-4


@dataclass(frozen=True, slots=True)
class _Response:
    """How forces changed in one move: rms of a component, eV/Å."""

    label: str
    change: float


def _contacts(start: Configurations) -> tuple[Ints, Ints, Floats]:
    """Pairs of atoms, by index, and their distances, Å, where these are those of contacts."""
    found = near_pairs(start, _CONTACT)
    return found.first, found.second, found.distances


def _touching(start: Configurations) -> Bools:
    """(N,), atoms with a neighbour at twice the sum of covalent radii or less."""
    from ase.data import covalent_radii

    radii = covalent_radii[start.system.numbers]
    i, j, d = _contacts(start)
    touching = np.zeros(start.n_atoms, bool)
    touching[i[d <= 2 * (radii[i] + radii[j])]] = True
    return touching


def _in_contact(start: Configurations, capabilities: Capabilities) -> str | None:
    if len(_contacts(start)[0]):
        return None
    return f"no two atoms are closer than {_CONTACT:g} Å, so that forces need not change"


def _cost(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    claimed = claimed_species(start, capabilities, _MOST_CLAIMED)
    return 1 + len(_MOVES) + 1 + len(_STRETCHES) * len(claimed)


@check(
    family="implementation",
    quantity="moves of the atoms that leave all forces as they were, as a share of those tried",
    unit="",
    needs={"forces"},
    kind="law",
    title="forces don't respond to moving the atoms",
    causes="outputs that are constant or zero, a cache with too small a key, untrained or missing "
    "weights, "
    "positions that never reach the network",
    advice="evaluate two configurations by hand and compare; make sure that the weights are loaded "
    "and that "
    "results are computed again when positions change",
    failure=Failure(
        short_title="forces don't respond",
        meaning="Forces don't follow the atoms. Nothing that is simulated with the model has a "
        "meaning, and other checks say nothing.",
    ),
    tolerances=Tolerances(
        screening=0.0,
        md=0.0,
        tight=0.0,
        reason="forces that stay as they were through every move are no forces of a potential; "
        "nothing else "
        "can be tested on them",
        source="F = -dE/dx: a constant force field has no minimum and no bond",
    ),
    evaluations=_cost,
    applies=_in_contact,
)
def measure_responsiveness(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
) -> Measurement:
    """Forces respond to where the atoms are.

    The atoms are moved at random by 0.02 and 0.1 Å (rms of a coordinate), and all distances are
    compressed by 10 %. The value is 1 if no move changes the forces by more than ten times their
    noise, else 0; that is inconclusive where the noise is above 1e-4 eV/Å. It is 1, too, if the
    forces on all atoms of a species are exactly zero after each move although one of them has a
    neighbour within twice the sum of covalent radii; or if two
    atoms of a species that the model says it supports and the structure lacks (four are tried) have
    no forces at all at 0.8 and at 1 sum of covalent radii.

    Can't see: forces that respond to some atoms only (``jacobian_asymmetry`` and ``locality`` look
    there).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 4 evaluations; 2 for each of at most 4 species that the model supports besides.

    Source: the definition of a force field.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    responses, still = _measure(meter, one, rng)
    # Two answers, each with noise.
    threshold = _SIGMAS * math.sqrt(2) * resolution.force_noise
    largest = max(responses, key=lambda response: response.change)
    responds = resolution.responds or largest.change > threshold
    dead = _species_without_forces(meter, one)
    value = 0.0 if responds and not dead and not still else 1.0
    place = f"{largest.label}: forces change by {largest.change:.3g} eV/Å (rms)"
    if responds and (still or dead):
        place = _place_of_species(still, dead)
    # A response may hide in strong noise, which determinism judges.
    low = value if resolution.force_noise <= _QUIET else 0.0
    return Measurement(
        value=value,
        uncertainty=0.0,
        interval=(low, value),
        detection_limit=1.0,
        noise_floor=0.0,
        force_evaluations=meter.evaluations,
        evidence={
            "place": place,
            "scale": "a simulation with constant forces only accelerates the atoms",
            "quantities": {
                "changes_eV_per_A": {r.label: r.change for r in responses},
                "needed_eV_per_A": threshold,
                "species_without_forces": [*still, *dead],
            },
            "configurations": one,
        },
    )


def _place_of_species(still: list[str], dead: list[str]) -> str:
    if not still:
        return f"two atoms of {', '.join(dead)} have no forces at bond length: not parametrised"
    return (
        f"forces on all {', '.join(still)} atoms are exactly zero, wherever the atoms are: not "
        "parametrised"
    )


def _measure(
    meter: Meter, one: Configurations, rng: np.random.Generator
) -> tuple[list[_Response], list[str]]:
    """The responses, and symbols of species in contact whose forces are zero in all of them."""
    want = frozenset({"forces"})
    moved = {
        f"moved by {step:g} Å": one.displaced(step * rng.standard_normal((1, one.n_atoms, 3)))
        for step in _MOVES
    }
    centre = one.positions.mean(axis=1, keepdims=True)
    moved[f"compressed to {_COMPRESSION:.0%}"] = one.at(
        centre + _COMPRESSION * (one.positions - centre), _COMPRESSION * one.cells
    )
    first = meter.evaluate(one, want=want).require_forces()
    found = []
    forceless = np.ones(one.n_atoms, bool)
    for label, place in moved.items():
        forces = meter.evaluate(place, want=want).require_forces()
        forceless &= ~forces[0].any(axis=-1)
        found.append(_Response(label, math.sqrt(float(np.mean((forces - first) ** 2)))))
    numbers, touching = one.system.numbers, _touching(one)
    still = [
        one.system.symbols[int(np.flatnonzero(numbers == z)[0])]
        for z in np.unique(numbers)
        if forceless[numbers == z].all() and touching[numbers == z].any()
    ]
    return found, still


def _species_without_forces(meter: Meter, one: Configurations) -> list[str]:
    """Symbols of claimed species whose pairs have no forces; refused ones are left out."""
    dead = []
    for z in claimed_species(one, meter.capabilities, _MOST_CLAIMED):
        pairs = [pair_of(z, stretch) for stretch in _STRETCHES]
        try:
            answers = [meter.evaluate(pair).require_forces() for pair in pairs]
        except (ModelError, NonFiniteOutput):
            continue
        if not any(answer.any() for answer in answers):
            dead.append(pairs[0].system.symbols[0])
    return dead


assert_responsiveness = derive_assert(measure_responsiveness)
