"""Action and reaction: forces of an isolated body add up to nothing and turn nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.differences import Part, largest_difference, place_rounding
from physcheck.checks.symmetry.comparison import COPIES, thermal
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.registry import default_tolerance
from physcheck.resolution import Resolution, ensure_resolution, visit
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["BALANCE", "COST", "measured", "unbalanced_force", "unbalanced_torque"]

BALANCE = Tolerances(
    screening=1e-4,
    md=1e-5,
    tight=1e-7,
    reason="as a force on every atom: a steady 1e-5 eV/Å on atoms of 20 amu reaches a tenth of "
    "their "
    "thermal velocity in 100 ps, the length of a run before anybody looks; rounding averages over "
    "atoms",
    source="F = m a; 1 eV/Å/amu = 9.65e-3 Å/fs²",
)
_BASES = 2
COST = always(_BASES * COPIES)


def unbalanced_force(place: Configurations, forces: Floats) -> Floats:
    """(B, 3) the force on every atom that accelerates the whole, eV/Å."""
    return np.asarray(forces.mean(axis=1))


def unbalanced_torque(place: Configurations, forces: Floats) -> Floats:
    """(B, 3) the rms component of the least change of forces that removes the torque, eV/Å."""
    arms = place.positions - place.positions.mean(axis=1, keepdims=True)
    torque = np.cross(arms, forces).sum(axis=1)
    squares = np.einsum("bia,bia->b", arms, arms)
    inertia = squares[:, None, None] * np.eye(3) - np.einsum("bia,bic->bac", arms, arms)
    moments, axes = np.linalg.eigh(inertia)
    along = np.einsum("ba,bak->bk", torque, axes)
    # About the axis of a linear molecule nothing turns, and nothing may be divided by zero.
    safe = moments > 1e-6 * moments[:, -1:]
    scaled = np.where(safe, along / np.sqrt(np.where(safe, moments, 1.0)), 0.0)
    # |w × r|² summed is torque² over moment of inertia; eigenvectors have no sign, the lab
    # frame has.
    back = np.einsum("bk,bak->ba", scaled, axes)
    return np.asarray(back / math.sqrt(place.n_atoms))


def measured(
    name: str,
    model: Model | Meter,
    start: Any,
    unbalanced: Any,
    rng: np.random.Generator,
    resolution: Resolution | None,
    tolerance: float | None,
    bases: Sequence[Configurations] | None = None,
) -> Measurement:
    """The Measurement of what ``unbalanced(place, forces)`` gives, (B, 3), eV/Å.

    ``bases`` are the configurations, each as copies that differ in rounding only; two thermally
    displaced ones (:func:`~physcheck.checks.symmetry.comparison.thermal`) if left out.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance(name) if tolerance is None else tolerance
    parts, places = [], []
    # Rounding of positions acts through pair forces, which stay balanced, or nearly so.
    n = one.n_atoms
    drawn = (thermal(one, rng) for _ in range(_BASES))
    for k, place in enumerate(drawn if bases is None else bases):
        forces = visit(
            meter, place, want=frozenset({"forces"}), rng=rng, fresh=resolution.needs_fresh
        ).require_forces()
        values = unbalanced(place, forces)
        rounding = place_rounding(meter.capabilities, resolution, place)
        noise = resolution.force_noise + resolution.force_rms * rounding
        spread = math.sqrt(float(np.mean(np.var(values, axis=0, ddof=1))))
        sigma = max(noise / math.sqrt(n), spread) / math.sqrt(len(place))
        parts.append(Part("forces", f"copy {k}", values.mean(axis=0), sigma))
        places.append((place, forces))
    found = largest_difference(parts, resolution.dof, target)
    place, forces = places[int(found.worst.label.removeprefix("copy "))]
    kind = name.removeprefix("net_")
    arms = place.positions[0] - place.positions[0].mean(axis=0)
    net = forces[0].sum(axis=0) if kind == "force" else np.cross(arms, forces[0]).sum(axis=0)
    unit = "eV/Å" if kind == "force" else "eV"
    text = ", ".join(f"{x:.3g}" for x in net)
    evidence = {
        "place": f"{found.worst.label}: net {kind} ({text}) {unit}",
        "scale": f"the rms force component is {resolution.force_rms:.3g} eV/Å",
        "quantities": {f"net_{kind}": net.tolist(), "unit": unit},
        "configurations": place[0],
        "frame_forces": forces[:1],
    }
    return found.to_measurement(meter, resolution, evidence)
