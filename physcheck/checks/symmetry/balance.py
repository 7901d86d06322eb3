"""Action and reaction: forces of an isolated body add up to nothing and turn nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.differences import Part, combine, place_rounding
from physcheck.checks.symmetry.comparison import COPIES, one_atom, thermal
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.registry import check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution, visit
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_net_force", "assert_net_torque", "measure_net_force", "measure_net_torque"]

BALANCE = Tolerances(
    screening=1e-4,
    md=1e-5,
    tight=1e-7,
    reason="as a force on every atom: a steady 1e-5 eV/Å on atoms of 20 amu reaches a tenth of their "
    "thermal velocity in 100 ps, the length of a run before anybody looks; rounding averages over "
    "atoms",
    source="F = m a; 1 eV/Å/amu = 9.65e-3 Å/fs²",
)

_BASES = 2
_COST = always(_BASES * COPIES)


def _isolated(start: Configurations, capabilities: Capabilities) -> str | None:
    if start.system.is_periodic:
        return "the structure is periodic: torque isn't defined"
    return one_atom(start, capabilities)


@check(
    family="symmetry",
    quantity="rms of the least change of forces that removes the net force",
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces don't add up to zero: the whole system accelerates",
    causes="forces predicted directly; a lost reaction; an external field",
    advice="subtract the mean force in the model, or in the engine before each step, and "
    "look for absolute positions among the model's inputs",
    tolerances=BALANCE,
    evaluations=_COST,
    applies=one_atom,
)
def measure_net_force(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Forces add up to zero.

    Judged is the rms component of the least change of the forces that makes it so, |sum_i F_i|/(sqrt(3) N): the
    force on every atom that accelerates the whole. The larger one of two thermally displaced copies of
    ``start`` (0.03 Å), each the mean of three jittered ones (1e-4 Å).

    Can't see: what cancels in the sum; a model that subtracts its net force passes rightly.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 6 evaluations.

    Source: Newton's third law, momentum conservation.
    """

    def unbalanced(place: Configurations, forces: Floats) -> Floats:
        return np.asarray(forces.mean(axis=1))

    return _measured("net_force", model, start, unbalanced, rng, resolution, tolerance)


@check(
    family="symmetry",
    quantity="rms of the least change of forces that removes the net torque",
    unit="eV/Å",
    needs={"forces"},
    kind="practice",
    title="forces turn an isolated body",
    causes="forces predicted directly; an energy that isn't invariant under rotation",
    advice="subtract the net torque of isolated molecules, or use a rotationally invariant "
    "energy, before angular momentum matters",
    tolerances=BALANCE,
    evaluations=_COST,
    applies=_isolated,
)
def measure_net_torque(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Forces on an isolated body have no torque about its centre.

    Judged is the rms component of the least change of the forces that makes it so, w × (r_i - c) with I w =
    sum_i (r_i - c) × F_i and I the inertia tensor of unit masses; two thermal copies as in
    :func:`measure_net_force`. A practice, as ``rotation_equivariance``, of which it is the infinitesimal
    form where the forces have an energy.

    Can't see: a torque about the axis of a linear molecule.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 6 evaluations.

    Source: angular momentum conservation.
    """

    def unbalanced(place: Configurations, forces: Floats) -> Floats:
        arms = place.positions - place.positions.mean(axis=1, keepdims=True)
        torque = np.cross(arms, forces).sum(axis=1)
        squares = np.einsum("bia,bia->b", arms, arms)
        inertia = squares[:, None, None] * np.eye(3) - np.einsum("bia,bic->bac", arms, arms)
        moments, axes = np.linalg.eigh(inertia)
        along = np.einsum("ba,bak->bk", torque, axes)
        # About the axis of a linear molecule nothing turns, and nothing may be divided by zero.
        safe = moments > 1e-6 * moments[:, -1:]
        scaled = np.where(safe, along / np.sqrt(np.where(safe, moments, 1.0)), 0.0)
        # |w × r|² summed is torque² over moment of inertia; eigenvectors have no sign, the lab frame has.
        back = np.einsum("bk,bak->ba", scaled, axes)
        return np.asarray(back / math.sqrt(place.n_atoms))

    return _measured("net_torque", model, start, unbalanced, rng, resolution, tolerance)


def _measured(
    name: str,
    model: Model | Meter,
    start: Any,
    unbalanced: Any,
    rng: np.random.Generator,
    resolution: Resolution | None,
    tolerance: float | None,
) -> Measurement:
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance(name) if tolerance is None else tolerance
    parts, places = [], []
    # Rounding of positions acts through pair forces, which stay balanced, or nearly so.
    n = one.n_atoms
    for k in range(_BASES):
        place = thermal(one, rng)
        forces = visit(
            meter, place, want=frozenset({"forces"}), rng=rng, fresh=resolution.needs_fresh
        ).require_forces()
        values = unbalanced(place, forces)
        rounding = place_rounding(meter.capabilities, resolution, place)
        noise = resolution.force_noise + resolution.force_rms * rounding
        spread = math.sqrt(float(np.mean(np.var(values, axis=0, ddof=1))))
        sigma = max(noise / math.sqrt(n), spread) / math.sqrt(COPIES)
        parts.append(Part("forces", f"copy {k}", values.mean(axis=0), sigma))
        places.append((place, forces))
    found = combine(parts, resolution.dof, target)
    place, forces = places[int(found.worst.label.removeprefix("copy "))]
    kind = name.removeprefix("net_")
    arms = place.positions[0] - place.positions[0].mean(axis=0)
    net = forces[0].sum(axis=0) if kind == "force" else np.cross(arms, forces[0]).sum(axis=0)
    unit = "eV/Å" if kind == "force" else "eV"
    text = ", ".join(f"{x:.3g}" for x in net)
    return Measurement(
        value=found.value,
        uncertainty=found.uncertainty,
        uncertainty_components={"rounding": found.uncertainty},
        interval=found.interval,
        detection_limit=found.detection_limit,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence={
            "place": f"{found.worst.label}: net {kind} ({text}) {unit}",
            "scale": f"the rms force component is {resolution.force_rms:.3g} eV/Å",
            "quantities": {f"net_{kind}": net.tolist(), "unit": unit},
            "configurations": place[0],
            "frame_forces": forces[:1],
        },
    )


assert_net_force = derive_assert(measure_net_force)
assert_net_torque = derive_assert(measure_net_torque)
