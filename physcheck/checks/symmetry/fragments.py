"""What is far apart doesn't interact."""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.differences import (
    combine,
    energy_part,
    force_part,
    force_scale,
    place_rounding,
    working_dtype,
)
from physcheck.checks.symmetry.comparison import COPIES, EXACT_SYMMETRY, QUANTITY, one_atom, thermal
from physcheck.checks.symmetry.lattice import open_shell
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.probes.transformations import far_pair
from physcheck.registry import check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution, visit
from physcheck.system import Configurations, Floats, as_configurations

__all__ = ["assert_separated_additivity", "measure_separated_additivity"]

# Room between fragments, Å: at 60 Å two dipoles of 2 D feel 1e-6 eV/Å of each other; beyond a declared range
# a little is enough.
_FAR = 60.0
_MARGIN = 2.0
_COST = always(4 * COPIES)


def _separable(start: Configurations, capabilities: Capabilities) -> str | None:
    if start.system.is_periodic:
        return "the structure is periodic (supercell_extensivity asks the same of it)"
    return one_atom(start, capabilities) or open_shell(start)


@check(
    family="symmetry",
    quantity=QUANTITY,
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="two fragments far apart feel each other",
    causes="a readout that averages, normalises or attends over the whole system; a net charge spread over all atoms",
    advice="look for averages, tables or normalisations per structure, and for the neighbour "
    "search in large cells",
    tolerances=EXACT_SYMMETRY,
    evaluations=_COST,
    applies=_separable,
)
def measure_separated_additivity(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Forces in two fragments far apart are those of each alone, and their energies add up.

    F(A + B) = (F(A), F(B)) and E(A + B) = E(A) + E(B), A and B two thermally displaced copies of ``start``
    with 60 Å between them, or just more than the declared ``interaction_range``. Measured as in
    :func:`physcheck.measure_translation_invariance`.

    Can't see: a coupling of fragments that are different molecules; a constant added to the energy, which has no
    effect on physics and is reported.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 9 evaluations, a third of them of twice the size; 3 more where energies disagree.

    Source: size consistency; for closed shells without charge.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("separated_additivity") if tolerance is None else tolerance
    reach = meter.capabilities.interaction_range
    gap = _FAR if reach is None else reach + _MARGIN
    alone = (thermal(one, rng), thermal(one, rng))
    both = far_pair(*alone, gap)
    want, fresh = frozenset({"forces", "energy"}), resolution.needs_fresh
    a, b = (visit(meter, part, want=want, rng=rng, fresh=fresh) for part in alone)
    joint = visit(meter, both, want=want, rng=rng, fresh=fresh)
    rounding = place_rounding(meter.capabilities, resolution, both)
    apart = np.concatenate([a.require_forces(), b.require_forces()], axis=1)
    label = f"two copies {gap:g} Å apart"
    parts = [force_part(label, joint.require_forces() - apart, resolution, rounding=rounding)]
    n = one.n_atoms
    constant: Floats | None = None
    if a.energy is not None and b.energy is not None and joint.energy is not None:
        difference = joint.energy - a.energy - b.energy
        magnitude = float(np.abs(joint.energy).max())
        # An energy that doesn't grow with the system (one an atom, say) isn't one with a constant.
        grows = abs(float(np.mean(joint.energy - a.energy))) / n > target
        if not abs(float(np.mean(difference))) / (2 * n) <= target and grows:
            # Energies are defined up to a constant: twice the pair tells it, E(AB) + E(AB) - E(ABAB).
            four = visit(meter, far_pair(both, both, gap), want=want, rng=rng, fresh=fresh)
            constant = 2 * joint.energy - four.require_energy()
            difference, magnitude = difference + constant, 4 * magnitude
        parts.append(
            energy_part(
                label,
                difference / (2 * n),
                magnitude,
                2 * n,
                resolution,
                working_dtype(meter.capabilities, resolution),
                rounding=rounding,
            )
        )
    found = combine(parts, resolution.dof, target)
    each = np.linalg.norm(parts[0].mean.reshape(-1, 3), axis=1)
    atom = int(np.argmax(each))
    name = f"atom {atom} ({both.system.symbols[atom]})"
    return Measurement(
        value=found.value,
        uncertainty=found.uncertainty,
        uncertainty_components={"rounding": found.uncertainty},
        interval=found.interval,
        detection_limit=found.detection_limit,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence={
            "place": f"{label}: {name} feels the other copy by {each[atom]:.3g} eV/Å",
            "scale": f"thermal forces (0.05 Å) have an rms component of {force_scale(resolution):.3g} eV/Å",
            "quantities": {
                "gap_A": gap,
                "force_difference_eV_per_A": parts[0].rms,
                "energy_of_no_atoms_eV": None if constant is None else float(np.mean(constant)),
                "energy_difference_eV_per_atom": parts[1].rms if len(parts) > 1 else None,
                "not_resolved_at_the_tolerance": list(found.unresolved),
            },
            "configurations": both[0],
        },
    )


assert_separated_additivity = derive_assert(measure_separated_additivity)
