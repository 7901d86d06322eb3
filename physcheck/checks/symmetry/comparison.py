"""A configuration, its transformed copies, and what the model says of both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.checks.differences import (
    THERMAL_STEP,
    LargestDifference,
    Part,
    energy_part,
    force_part,
    force_scale,
    largest_difference,
    place_rounding,
    scale_sentence,
    stress_part,
    working_dtype,
)
from physcheck.checks.plotted import short
from physcheck.checks.symmetry.titles_by_output import title_by_output
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter
from physcheck.probes.transformations import Transformation, jittered, rattled
from physcheck.registry import default_tolerance
from physcheck.resolution import Resolution, visit
from physcheck.system import Configurations, Evaluation, Floats
from physcheck.tolerances import Tolerances

__all__ = [
    "COPIES",
    "EXACT_SYMMETRY",
    "LEARNED_SYMMETRY",
    "QUANTITY",
    "compared",
    "not_periodic",
    "one_atom",
    "open_shell",
    "outputs_of",
    "thermal",
]

EXACT_SYMMETRY = Tolerances(
    screening=1e-3,
    md=1e-4,
    tight=1e-6,
    reason="a symmetry that an architecture has is kept to rounding (float32: 1e-6 to 1e-5 eV/Å), "
    "one "
    "that it lacks is broken by meV/Å: md lies between, at a hundredth of a good model's force "
    "error; tight needs float64",
    source="float32 force noise of SO3LR, ANI and CHGNet: 1.2e-6 to 4e-6 eV/Å, by ECNoise",
)
LEARNED_SYMMETRY = Tolerances(
    screening=3e-2,
    md=3e-3,
    tight=1e-5,
    reason="relative to the rms force: an unconstrained architecture learns rotations to a part of "
    "its "
    "force error and simulates well; md is 3 meV/Å where forces are thermal, below that error; an "
    "equivariant one is at rounding",
    source="Bigi, Langer, Ceriotti, arXiv 2412.11569: broken rotations are learnable and harmless",
)

# Jittered copies of a configuration: their spread is the noise of the comparison, at the place
# itself.
COPIES = 3
# Atoms whose forces are kept for a picture, those that differ most.
_SHOWN_ATOMS = 24
# rms displacement, Å, that takes a structure off its own symmetries, where violations could hide.
_RATTLE = 0.03

QUANTITY = "rms difference of forces, transformed and not"


def one_atom(start: Configurations, capabilities: Capabilities) -> str | None:
    """Why a single atom can't be judged by its forces; None for two or more."""
    if start.n_atoms < 2:
        return "one atom: its forces vanish by symmetry (give a larger cell or molecule)"
    return None


def not_periodic(start: Configurations, capabilities: Capabilities) -> str | None:
    """Why images of atoms can't be exchanged; None where the structure is periodic."""
    if not start.system.is_periodic:
        return "the structure isn't periodic"
    return one_atom(start, capabilities)


def open_shell(start: Configurations) -> str | None:
    """Why a copy of a system isn't twice the system (charge, spin); None for closed shells."""
    info, arrays = start.system.info, start.system.arrays
    if float(info.get("charge", 0) or 0) != 0:
        return "the system is charged: its copies repel each other at any distance"
    if float(info.get("spin", 1) or 1) not in (0.0, 1.0):
        return "the system has an open shell: the spin of two copies isn't defined by that of one"
    if np.any(np.asarray(arrays.get("initial_magmoms", 0.0)) != 0):
        return "the system has magnetic moments: those of copies may order in another way"
    return None


def outputs_of(start: Configurations) -> frozenset[str]:
    """What a comparison asks for: stress where it exists."""
    return frozenset(
        {"forces", "energy"} | ({"stress"} if start.system.is_fully_periodic else set())
    )


def thermal(start: Configurations, rng: np.random.Generator) -> Configurations:
    """COPIES of one thermally displaced configuration that differ in what rounding touches only."""
    return jittered(rattled(start, _RATTLE, rng), COPIES, rng)


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """What the model says of the copies, and of each transformation of them.

    Attributes
    ----------
    copies : Configurations
    home : Evaluation
        Of ``copies``.
    places, answers : sequences
        The transformed copies, and what the model says of them.
    origin : (B,) eV, or None
        The energy of no atoms, where it was needed and measured.
    """

    copies: Configurations
    home: Evaluation
    places: Sequence[Configurations]
    answers: Sequence[Evaluation]
    origin: Floats | None


def compared(
    check: str,
    meter: Meter,
    start: Configurations,
    transformations: Sequence[Transformation],
    *,
    rng: np.random.Generator,
    resolution: Resolution,
    tolerance: float | None,
    relative: bool = False,
    thrice: Transformation | None = None,
    copies: Configurations | None = None,
    further: Sequence[Part] = (),
) -> Measurement:
    """The Measurement of a law of the form F(T x) = T F(x), at ``copies`` of one configuration; of
    a thermally displaced one (:func:`thermal`) if they are left out.

    It is judged in eV/Å, or relative to the thermal forces. Where the transformations repeat the
    system and the energies disagree, ``thrice``, the system three times, gives the energy of no
    atoms: energies are defined up to a constant, and a constant is no violation. ``further`` are
    differences of other structures that the same law says are zero.
    """
    target = default_tolerance(check) if tolerance is None else tolerance
    scale = force_scale(resolution) if relative else 1.0
    scale = scale if scale > 0 else math.inf
    if copies is None:
        copies = thermal(start, rng)
    found = _measure(meter, copies, transformations, thrice, target, rng, resolution)
    parts: list[Part] = [*further]
    for change, place, answer in zip(transformations, found.places, found.answers, strict=True):
        parts += _differences(change, place, answer, found, resolution, meter.capabilities, scale)
    named = title_by_output(check, largest_difference(parts, resolution.dof, target), parts, target)
    return _report(meter, start, transformations, found, parts, target, scale, resolution, named)


def _measure(
    meter: Meter,
    copies: Configurations,
    transformations: Sequence[Transformation],
    thrice: Transformation | None,
    target: float,
    rng: np.random.Generator,
    resolution: Resolution,
) -> _Answers:
    want, fresh = outputs_of(copies), resolution.needs_fresh
    home = visit(meter, copies, want=want, rng=rng, fresh=fresh)
    places = [change.apply(copies) for change in transformations]
    answers = [visit(meter, place, want=want, rng=rng, fresh=fresh) for place in places]
    origin: Floats | None = None
    twice = answers[0].energy
    if thrice is not None and home.energy is not None and twice is not None:
        mismatch = abs(float(np.mean(twice / 2 - home.energy))) / copies.n_atoms
        # An energy that doesn't grow with the system (one per atom, say) isn't one with a constant.
        grows = abs(float(np.mean(twice - home.energy))) / copies.n_atoms > target
        if not mismatch <= target and grows:
            # E(n) = e n + c of n systems: c = 3 E(2) - 2 E(3).
            more = visit(meter, thrice.apply(copies), want=want, rng=rng, fresh=fresh)
            origin = 3 * twice - 2 * more.require_energy()
    return _Answers(copies, home, places, answers, origin)


def _report(
    meter: Meter,
    start: Configurations,
    transformations: Sequence[Transformation],
    answers: _Answers,
    parts: Sequence[Part],
    target: float,
    scale: float,
    resolution: Resolution,
    named: dict[str, str],
) -> Measurement:
    found = largest_difference(parts, resolution.dof, target)
    labels = [change.label for change in transformations]
    output = found.worst.output
    most = "forces change most" if output == "forces" else f"the {output} changes most"
    place, frame = f"{found.worst.label}: {most}", start
    sides: dict[str, Any] = {}
    if found.worst.label in labels:
        # Labels may repeat: the last of them is the one that is shown.
        worst = len(labels) - 1 - labels[::-1].index(found.worst.label)
        place = _place(found.worst, start, transformations[worst].order, scale)
        frame = answers.places[worst][0]
        sides = _both_sides(transformations[worst], worst, answers, found, target)
    quantities = _quantities(parts, scale, found.unresolved)
    if answers.origin is not None:
        quantities["energy_of_no_atoms_eV"] = float(np.mean(answers.origin))
    evidence = {
        **named,
        "place": place,
        "scale": scale_sentence(resolution),
        "quantities": quantities,
        "configurations": frame,
        **sides,
    }
    return found.to_measurement(meter, resolution, evidence)


def _both_sides(
    change: Transformation,
    index: int,
    answers: _Answers,
    found: LargestDifference,
    target: float,
) -> dict[str, Any]:
    """What the law says and what the model gave, where they differ by more than the tolerance.

    Forces of the atoms that differ most, or the stress: means over the jittered copies.
    """
    if not found.value > target:
        return {}
    home, answer = answers.home, answers.answers[index]
    if found.worst.output == "stress":
        sides = (home.require_stress().mean(axis=0), change.stress_back(answer.require_stress()))
        return {"stress_sides_eV_per_A3": [short(sides[0]), short(sides[1].mean(axis=0))]}
    expected = change.expected_forces(home.require_forces()).mean(axis=0)
    given = change.forces_back(answer.require_forces()).mean(axis=0)
    worst = np.argsort(-np.linalg.norm(given - expected, axis=1), kind="stable")[:_SHOWN_ATOMS]
    symbols = answers.copies.system.symbols
    return {
        "force_sides": {
            "atoms": [f"{symbols[int(change.order[i])]} {i}" for i in worst],
            "indices": worst,
            "expected_eV_per_A": short(expected[worst]),
            "given_eV_per_A": short(given[worst]),
        }
    }


def _differences(
    change: Transformation,
    place: Configurations,
    answer: Evaluation,
    found: _Answers,
    resolution: Resolution,
    capabilities: Capabilities,
    scale: float,
) -> list[Part]:
    """Those of one transformation, in every output that both sides have."""
    copies, home, origin = found.copies, found.home, found.origin
    rounding = place_rounding(capabilities, resolution, copies, place)
    forces = change.forces_back(answer.require_forces())
    differences = forces - change.expected_forces(home.require_forces())
    parts = [force_part(change.label, differences, resolution, rounding=rounding, scale=scale)]
    n = copies.n_atoms
    if home.energy is not None and answer.energy is not None:
        zero = 0.0 if origin is None else origin
        # The origin is a difference of three energies: their rounding comes on top.
        magnitude = float(np.abs(answer.energy).max()) * (1.0 if origin is None else 4.0)
        parts.append(
            energy_part(
                change.label,
                ((answer.energy - zero) / change.copies - (home.energy - zero)) / n,
                magnitude / change.copies,
                n,
                resolution,
                working_dtype(capabilities, resolution),
                rounding=rounding,
                scale=scale,
            )
        )
    if home.stress is not None and answer.stress is not None:
        parts.append(
            stress_part(
                change.label,
                change.stress_back(answer.stress) - home.stress,
                float(copies.volumes()[0]) / n,
                resolution,
                rounding=rounding,
                scale=scale,
            )
        )
    return parts


def _place(worst: Part, start: Configurations, order: Any, scale: float) -> str:
    """Where the worst difference is, in eV/Å: parts are over ``scale``."""
    if worst.output != "forces" or not math.isfinite(scale):
        verb = "change" if worst.output == "forces" else "changes"
        return f"{worst.label}: the {worst.output} {verb} most"
    each = np.linalg.norm(worst.mean.reshape(-1, 3), axis=1)
    atom = int(np.argmax(each))
    name = f"atom {atom} ({start.system.symbols[int(order[atom])]})"
    return f"{worst.label}: {name} changes most, by {each[atom] * scale:.3g} eV/Å"


def _quantities(parts: Sequence[Part], scale: float, unresolved: tuple[str, ...]) -> dict[str, Any]:
    units = {
        "forces": "force_difference_eV_per_A",
        "energy": "energy_difference_eV_per_atom",
        "stress": "virial_difference_eV_per_atom",
    }
    found: dict[str, Any] = {}
    factor = 1.0 if math.isinf(scale) else scale
    for part in parts:
        name = units[part.output]
        found[name] = max(found.get(name, 0.0), part.rms * factor)
    found["thermal_step_A"] = THERMAL_STEP
    if unresolved:
        found["not_resolved_at_the_tolerance"] = list(unresolved)
    return found
