"""Whatever it is asked, a model answers with numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.probes.species_pairs import claimed_species, pair_of
from physcheck.probes.symmetric_places import symmetric_places
from physcheck.registry import Budget, Failure, check, derive_assert
from physcheck.system import Configurations, Floats, System, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_finite_outputs", "measure_finite_outputs", "situations"]

_CONTACTS = (0.5, 0.3)  # Å between two atoms that collide
_EXPANSION = 10.0
_ROOM = 30.0  # Å
_MOST_SPECIES = 3
# Electrons smeared by kT = 0.3 eV at two states per eV and atom have TS = (pi^2/3) 2 (kT)^2 = 0.6
# eV.
_MOST_ENTROPY = 0.6  # eV/atom
_MOST_ATOMS = 8  # in situations that need a few atoms only
# A cell's angles and lengths that no shortcut for orthorhombic ones survives.
_TRICLINIC = np.array([[1.0, 0.0, 0.0], [0.4, 0.9, 0.0], [-0.3, 0.5, 0.8]])
# Species that the model says it supports and the structure lacks: so many are tried.
_MOST_CLAIMED = 4


def _cost(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return sum(1 for _ in situations(start, capabilities))


@check(
    family="implementation",
    quantity="situations with an output that isn't finite",
    unit="situations",
    needs={"forces"},
    kind="law",
    title="NaN, infinity or an impossible size where a number should be",
    causes="a division by a distance or a norm of zero; a root of a negative number; empty "
    "neighbour lists; memory that nothing was written to, integers read as floating-point numbers",
    advice="guard divisions and square roots at zero distance, angles of 180 degrees and "
    "empty neighbour lists",
    failure=Failure(
        short_title="outputs aren't numbers",
        meaning="Some structures give NaN or infinity. A simulation that meets one ends, or goes "
        "on with nonsense.",
    ),
    tolerances=Tolerances(
        screening=0.0,
        md=0.0,
        tight=0.0,
        reason="one NaN ends a simulation and poisons every average",
        source="IEEE 754: NaN compares false with everything",
    ),
    evaluations=_cost,
)
def measure_finite_outputs(
    model: Model | Meter, start: Any, *, rng: np.random.Generator
) -> Measurement:
    """Energies, forces and stresses are finite numbers, whatever the atoms do.

    Asked are the structure itself, its nearest pair at 0.5 and 0.3 Å, each species as an atom alone
    (three at most), the atoms ten times as far apart, a few of them in a large and in a triclinic
    cell, one atom among its own images, and partly periodic ones, as far as the model's
    ``periodicity`` allows; exactly symmetric molecules or crystals of its species
    (:mod:`physcheck.probes.symmetric_places`); and pairs of species that the model says it supports
    and the structure lacks (four at most). Counted are situations with NaN or infinity in any
    output, ASE's ``energy`` among them where ``free_energy`` is what forces belong to, and such
    pairs that it refuses. A model that refuses (raises) any other situation is not at fault; its
    words are in ``quantities``, and so are differences of ``energy`` from ``free_energy``, eV/atom,
    which are no more than an entropy term should be.

    Can't see: atoms on top of each other (where energies may be infinite), situations not in the
    list.

    Raises
    ------
    ModelError
        The model raises at the structure itself.

    Cost: 8 to 15 evaluations; up to 5 for species that the model supports besides.
    """
    meter, one = Meter(model), as_configurations(start)
    return _report(meter, one, _measure(meter, one))


_OWN_PAIR, _CLAIMED = "a pair of a species of the structure", "a pair of "


@dataclass(slots=True)
class _Found:
    """What the situations showed.

    Attributes
    ----------
    asked : int
    bad : list of str
        Situations with NaN or infinity, in words.
    outputs : set of str
        The outputs that were not finite.
    frames : list of Configurations
        Those of ``bad``.
    refused : dict of label to the model's words
    entropies : dict of label to float, eV/atom
        ``energy`` less ``free_energy``.
    """

    asked: int = 0
    bad: list[str] = field(default_factory=list)
    outputs: set[str] = field(default_factory=set)
    frames: list[Configurations] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    entropies: dict[str, float] = field(default_factory=dict)


def _measure(meter: Meter, one: Configurations) -> _Found:
    found = _Found()
    for label, configuration in situations(one, meter.capabilities):
        want = {"forces", "energy"}
        if configuration.system.is_fully_periodic:
            want.add("stress")
        found.asked += 1
        try:
            answer = meter.evaluate(configuration, want=want)
        except NonFiniteOutput as error:
            found.bad.append(f"{label}: {error}")
            found.outputs.add(error.output)
            found.frames.append(configuration)
        except ModelError as error:
            if found.asked == 1:
                raise
            found.refused[label] = str(error)
            if label.startswith(_CLAIMED) and _OWN_PAIR not in found.refused:
                found.bad.append(f"{label}, which the model says it supports: {error}")
                found.frames.append(configuration)
        else:
            reported = getattr(meter.model, "reported_energy", None)
            if reported is None or answer.energy is None:
                continue
            if not math.isfinite(reported):
                found.bad.append(f"{label}: energy is {reported}, though free_energy is a number")
                found.outputs.add("energy")
                found.frames.append(configuration)
            else:
                apart = reported - float(answer.energy[0])
                found.entropies[label] = apart / configuration.n_atoms
    return found


def _report(meter: Meter, one: Configurations, found: _Found) -> Measurement:
    bad, answered = found.bad, found.asked - len(found.refused)
    place = bad[0] if bad else f"all {answered} situations answered with numbers"
    apart = max(found.entropies.values(), key=abs, default=0.0)
    if not (abs(apart) <= _MOST_ENTROPY):
        place += (
            f"; energy and free_energy differ by {apart:.3g} eV/atom, more than an entropy of "
            "electrons can be"
        )
    return Measurement(
        value=float(len(bad)),
        uncertainty=0.0,
        interval=(float(len(bad)), float(len(bad))),
        detection_limit=1.0,
        noise_floor=0.0,
        force_evaluations=meter.evaluations,
        evidence={
            "place": place,
            "scale": "one NaN ends a simulation",
            "quantities": {
                "asked": found.asked,
                "not_finite": bad,
                "not_finite_outputs": sorted(found.outputs),
                "refused": found.refused,
                "energy_minus_free_energy_eV_per_atom": found.entropies,
            },
            "configurations": found.frames[0] if found.frames else one,
        },
    )


def situations(
    start: Configurations, capabilities: Capabilities
) -> Iterator[tuple[str, Configurations]]:
    """Label and configuration (B = 1) of each situation; the structure itself comes first."""
    yield "the structure", start
    for gap in _CONTACTS:
        collided = _collision(start, gap)
        if collided is not None:
            yield collided
    system = start.system
    for z in np.unique(system.numbers)[:_MOST_SPECIES]:
        alone = _few(start, np.flatnonzero(system.numbers == z)[:1], np.zeros(3, bool))
        yield f"one {alone.system.symbols[0]} atom alone", alone
    some = np.arange(min(system.numbers.size, _MOST_ATOMS))
    cluster = _few(start, some, np.zeros(3, bool))
    if len(some) > 1:
        centre = cluster.positions[0].mean(axis=0)
        apart = centre + _EXPANSION * (cluster.positions[0] - centre)
        yield f"atoms {_EXPANSION:g} times as far apart", cluster.at(apart)
    for label, place in symmetric_places(start):
        yield f"atoms {label}", place
    yield from _pairs(start, capabilities)
    size = float(np.ptp(cluster.positions[0], axis=0).max()) + _ROOM
    if capabilities.periodicity != "none":
        full = np.ones(3, bool)
        yield "in a large cell", _few(start, some, full, size * np.eye(3))
        yield "in a large triclinic cell", _few(start, some, full, size * _TRICLINIC)
        tight = 1.2 * _bond(int(system.numbers[0]))
        yield "one atom among its images", _few(start, some[:1], full, tight * _TRICLINIC)
    if capabilities.periodicity == "partial":
        for pbc in ((True, True, False), (False, False, True)):
            cell = size * np.diag(np.array(pbc, dtype=float))
            names = "".join(axis for axis, p in zip("abc", pbc) if p)
            yield f"periodic along {names} only", _few(start, some, np.array(pbc), cell)


def _pairs(
    start: Configurations, capabilities: Capabilities
) -> Iterator[tuple[str, Configurations]]:
    """A pair of an own species, then of those that the model claims besides."""
    claimed = claimed_species(start, capabilities, _MOST_CLAIMED)
    if claimed:
        yield _OWN_PAIR, pair_of(int(start.system.numbers[0]), 1.0)
    for z in claimed:
        pair = pair_of(z, 1.0)
        yield f"{_CLAIMED}{pair.system.symbols[0]}", pair


def _few(start: Configurations, atoms: Any, pbc: Any, cell: Floats | None = None) -> Configurations:
    """Some of the atoms where they are, with other boundaries.

    Whole-system facts (charge) don't apply.
    """
    taken = start.system.take(atoms)
    system = System(taken.numbers, taken.masses, pbc, {}, taken.arrays)
    cells = np.zeros((1, 3, 3)) if cell is None else cell[None]
    return Configurations(system, start.positions[:, atoms], cells)


def _bond(number: int) -> float:
    from ase.data import covalent_radii

    return float(2 * covalent_radii[number])


def _collision(start: Configurations, gap: float) -> tuple[str, Configurations] | None:
    """The nearest pair brought to ``gap`` Å, the rest where it is; None for one atom."""
    x = start.positions[0]
    if len(x) < 2:
        return None
    distances = np.linalg.norm(x[:, None] - x[None], axis=-1)
    distances[np.diag_indices(len(x))] = np.inf
    a, b = np.unravel_index(int(np.argmin(distances)), distances.shape)
    along = (x[b] - x[a]) / max(float(distances[a, b]), 1e-12)
    moved = x.copy()
    moved[b] = x[a] + gap * along
    names = start.system.symbols
    return f"atoms {a} ({names[a]}) and {b} ({names[b]}) at {gap} Å", start.at(moved)


assert_finite_outputs = derive_assert(measure_finite_outputs)
