"""Jumps at exactly symmetric places: there one value, and another one a hair beside."""

from __future__ import annotations

import math

import numpy as np

from physcheck.checks.differences import ENERGY_LENGTH, place_rounding, working_dtype
from physcheck.checks.smoothness.approach import Jump
from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.model import Capabilities, Meter
from physcheck.numerics.noise import rounding_floor
from physcheck.probes.symmetric_places import symmetric_places
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Evaluation, Floats

__all__ = ["SYMMETRY_CAUSES", "jumps_at_symmetric_places", "symmetric_places_cost"]

SYMMETRY_CAUSES = (
    "a tie of images or neighbours that is counted once or not at all; bins that lose an atom on "
    "their face, or of a structure without any extent along an axis; an angle of 180 degrees or a "
    "norm of zero that is treated apart"
)
# Å, rms of a coordinate: below what any potential feels, above what ties are told by.
_ASIDE = {"float64": 1e-6, "float32": 2e-5}
# Beside a cusp (a bond angle of 180 degrees) what is left falls with the step, and the rounding of
# an angle grows as the step falls; a jump stays as it is, within this factor.
_NEARER, _ALIKE = 0.1, 2.0
# A jump isn't noise if it is so many times what rounding leaves in three answers.
_CLEARLY = 30.0


def symmetric_places_cost(start: Configurations) -> int:
    """Evaluations of :func:`jumps_at_symmetric_places`."""
    return 5 * len(symmetric_places(start))


def jumps_at_symmetric_places(
    meter: Meter,
    start: Configurations,
    resolution: Resolution,
    rng: np.random.Generator,
    negligible: float,
) -> list[Jump]:
    """By how much forces and energy at a symmetric place differ from the mean of both sides.

    The sides are random displacements of 1e-6 Å (2e-5 Å for float32) and their opposites, so that
    slopes cancel, and then a tenth of that: a jump is what both agree on. Only what is above
    ``negligible`` (eV/Å) and 30 times the rounding there; places that the model refuses or answers
    with NaN are left out (``finite_outputs`` looks for that).

    Cost: 3 evaluations a place, three molecules or two crystals; 2 more for each that jumps.
    """
    dtype = working_dtype(meter.capabilities, resolution)
    found = []
    for label, place in symmetric_places(start):
        step = _ASIDE[dtype] * rng.standard_normal((1, place.n_atoms, 3))
        try:
            here = _answer(meter, place)
            answer = _with_sides(meter, place, here, step)
            stiffness = _stiffness(answer.require_forces(), step, resolution)
            known = (label, place, resolution, stiffness, negligible)
            jump = _beside(meter.capabilities, answer, step, *known)
            if jump is None:
                continue
            answer = _with_sides(meter, place, here, _NEARER * step)
            nearer = _beside(meter.capabilities, answer, _NEARER * step, *known)
        except (ModelError, NonFiniteOutput):
            continue
        if nearer is not None and 1 / _ALIKE <= _size(nearer) / _size(jump) <= _ALIKE:
            found.append(nearer)
    return found


def _answer(meter: Meter, places: Configurations) -> Evaluation:
    want = {"forces", "energy"}
    return Evaluation.concatenate([meter.evaluate(one, want=want) for one in places])


def _with_sides(meter: Meter, place: Configurations, here: Evaluation, step: Floats) -> Evaluation:
    """What the model gives at a place, and at both sides of it."""
    sides = place.displaced(np.concatenate([step, -step]))
    return Evaluation.concatenate([here, _answer(meter, sides)])


def _stiffness(forces: Floats, step: Floats, resolution: Resolution) -> float:
    """Through what rounding of positions acts on forces there, eV/Å².

    Measured between both sides, since at a symmetric place forces are zero however stiff it is:
    atoms of a compressed crystal hold each other. The wider step alone tells it, as a jump that is
    odd in the step makes it seem larger, by so little there that it is still called.
    """
    between = float(np.sqrt(np.square(forces[1] - forces[2]).mean()))
    return max(resolution.stiffness, between / (2 * float(np.sqrt(np.square(step).mean()))))


def _beside(
    capabilities: Capabilities,
    answer: Evaluation,
    step: Floats,
    label: str,
    place: Configurations,
    resolution: Resolution,
    stiffness: float,
    negligible: float,
) -> Jump | None:
    """The jump between a place and both sides of it; None where it is none."""
    frames = place.displaced(np.concatenate([0 * step, step, -step]))
    forces = answer.require_forces()
    jump = _jump(label, frames, forces, answer.energy, capabilities, resolution)
    noise = _rounding(frames, forces, capabilities, resolution, stiffness)
    above = _size(jump) > max(negligible, _CLEARLY * max(noise, jump.energy_noise))
    return jump if above else None


def _size(jump: Jump) -> float:
    return max(jump.force, jump.energy or 0.0)


def _rounding(
    frames: Configurations,
    forces: Floats,
    capabilities: Capabilities,
    resolution: Resolution,
    stiffness: float,
) -> float:
    """Standard deviation of a force component there, eV/Å."""
    largest = float(np.abs(forces).max())
    # Forces are stiffer where they are larger.
    larger = resolution.stiffness * max(1.0, largest / max(resolution.force_rms, 1e-3))
    floor = rounding_floor(largest, working_dtype(capabilities, resolution))
    places = max(stiffness, larger) * place_rounding(capabilities, resolution, frames)
    return math.hypot(max(floor, resolution.force_noise), places)


def _jump(
    label: str,
    frames: Configurations,
    forces: Floats,
    energy: Floats | None,
    capabilities: Capabilities,
    resolution: Resolution,
) -> Jump:
    beside = 0.5 * (forces[1] + forces[2])
    sizes = np.linalg.norm(forces[0] - beside, axis=-1)
    atom = int(np.argmax(sizes))
    step = float(np.abs(frames.positions[1] - frames.positions[0]).max())
    of_energy, noise = None, 0.0
    if energy is not None:
        of_energy = abs(float(energy[0] - 0.5 * (energy[1] + energy[2]))) / ENERGY_LENGTH
        largest = float(np.abs(energy).max())
        store = rounding_floor(largest, working_dtype(capabilities, resolution))
        noise = 2 * max(store, resolution.energy_rounding(largest)) / ENERGY_LENGTH
    text = (
        f"atoms {label}: the force on atom {atom} ({frames.system.symbols[atom]}) is another one "
        f"by {sizes[atom]:.3g} eV/Å with the atoms {step:.1g} Å aside"
    )
    if of_energy is not None and of_energy > sizes[atom]:
        text = (
            f"atoms {label}: the energy is another one by {of_energy:.3g} eV with the atoms "
            f"{step:.1g} Å aside"
        )
    force = float(sizes[atom])
    return Jump(text, force, of_energy, noise, step, atom, frames, at=step, causes=SYMMETRY_CAUSES)
