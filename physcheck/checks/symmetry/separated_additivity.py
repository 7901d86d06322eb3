"""What is far apart doesn't interact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.checks.allotments import always
from physcheck.checks.differences import (
    ENERGY_LENGTH,
    Part,
    energy_part,
    force_part,
    largest_difference,
    place_rounding,
    scale_sentence,
    working_dtype,
)
from physcheck.checks.symmetry.atom_far_away import FAR_ATOM_COST, measure_atoms_far_away
from physcheck.checks.symmetry.comparison import (
    COPIES,
    EXACT_SYMMETRY,
    QUANTITY,
    one_atom,
    open_shell,
    thermal,
)
from physcheck.checks.symmetry.titles_by_output import title_by_output
from physcheck.checks.symmetry.unlike_fragments import (
    UNLIKE_COST,
    UnlikeFragments,
    measure_unlike_fragments,
)
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.probes.transformations import far_pair
from physcheck.registry import Failure, KnownFault, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution, visit
from physcheck.system import Configurations, Evaluation, Floats, as_configurations

__all__ = ["assert_separated_additivity", "measure_separated_additivity"]

# Room between fragments, Å: at 60 Å two dipoles of 2 D feel 1e-6 eV/Å of each other; beyond a
# declared range a little is enough.
_FAR = 60.0
_MARGIN = 2.0
_COST = always(4 * COPIES + UNLIKE_COST + FAR_ATOM_COST)
_WANT = frozenset({"forces", "energy"})


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
    causes="a readout that averages, normalises or attends over the whole system; a net charge "
    "spread over all atoms",
    advice="look for averages, tables or normalisations per structure, and for the neighbour "
    "search in large cells",
    failure=Failure(
        short_title="far parts interact",
        meaning="Fragments far apart change each other's forces and energies. Binding and "
        "dissociation energies are wrong, and so are surfaces and gases.",
        titles_by_output={
            "energy": "the energies of two fragments far apart don't add up",
            "stress": "two fragments far apart change each other's stress",
        },
        # Parameters that go with which elements are there: pairs of one element have others.
        fault=KnownFault(
            "answers depend on which elements are there",
        ),
    ),
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

    F(A + B) = (F(A), F(B)) and E(A + B) = E(A) + E(B), A and B two thermally displaced copies of
    ``start`` with 60 Å between them, or just more than the declared ``interaction_range``; and
    pairs of like atoms, alone and with one atom of every other species far away
    (:mod:`physcheck.checks.symmetry.unlike_fragments`); and an atom far away brings the same energy
    along beside ``start`` and beside another one of its kind
    (:mod:`physcheck.checks.symmetry.atom_far_away`). Measured as in
    :func:`physcheck.measure_translation_invariance`.

    Can't see: a coupling of larger unlike molecules; a constant added to the energy, which has no
    effect on physics and is reported.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 9 evaluations, a third of them of twice the size; 3 more where energies disagree; 2 for
    each of at most 4 species; 4 or 7 for atoms far away.

    Source: size consistency; for closed shells without charge.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("separated_additivity") if tolerance is None else tolerance
    reach = meter.capabilities.interaction_range
    gap = _FAR if reach is None else reach + _MARGIN
    fragments = _measure(meter, one, gap, rng, resolution)
    parts = [_force_difference(fragments, meter, resolution)]
    energies, constant = _energy_difference(fragments, meter, target, rng, resolution)
    unlike = measure_unlike_fragments(meter, one, gap, resolution)
    lonely, places = measure_atoms_far_away(meter, one, gap, resolution)
    unlike = UnlikeFragments([*unlike.parts, *lonely], {**unlike.places, **places})
    return _report(meter, fragments, [*parts, *energies], unlike, constant, target, resolution)


@dataclass(frozen=True, slots=True, eq=False)
class _Fragments:
    """Two fragments alone and together, B copies of each, with what the model says of them."""

    gap: float
    both: Configurations
    alone: tuple[Evaluation, Evaluation]
    joint: Evaluation

    @property
    def label(self) -> str:
        return f"two copies {self.gap:g} Å apart"


def _measure(
    meter: Meter, one: Configurations, gap: float, rng: np.random.Generator, resolution: Resolution
) -> _Fragments:
    alone = (thermal(one, rng), thermal(one, rng))
    both = far_pair(*alone, gap)
    fresh = resolution.needs_fresh
    first, second = (visit(meter, part, want=_WANT, rng=rng, fresh=fresh) for part in alone)
    joint = visit(meter, both, want=_WANT, rng=rng, fresh=fresh)
    return _Fragments(gap, both, (first, second), joint)


def _force_difference(fragments: _Fragments, meter: Meter, resolution: Resolution) -> Part:
    apart = np.concatenate([part.require_forces() for part in fragments.alone], axis=1)
    rounding = place_rounding(meter.capabilities, resolution, fragments.both)
    return force_part(
        fragments.label,
        fragments.joint.require_forces() - apart,
        resolution,
        rounding=rounding,
    )


def _energy_difference(
    fragments: _Fragments,
    meter: Meter,
    target: float,
    rng: np.random.Generator,
    resolution: Resolution,
) -> tuple[list[Part], Floats | None]:
    """The energies' difference, if there are energies, and the energy of no atoms if it was needed.

    Cost: 3 evaluations where energies disagree.
    """
    a, b = (part.energy for part in fragments.alone)
    joint, both = fragments.joint.energy, fragments.both
    if a is None or b is None or joint is None:
        return [], None
    n = both.n_atoms
    difference = joint - a - b
    magnitude = float(np.abs(joint).max())
    constant: Floats | None = None
    # An energy that doesn't grow with the system (one per atom, say) isn't one with a constant.
    grows = abs(float(np.mean(joint - a))) / (n / 2) > target
    if not abs(float(np.mean(difference))) / n <= target and grows:
        # Energies are defined up to a constant: twice the pair gives it, 2 E(AB) - E(ABAB).
        pairs = far_pair(both, both, fragments.gap)
        four = visit(meter, pairs, want=_WANT, rng=rng, fresh=resolution.needs_fresh)
        constant = 2 * joint - four.require_energy()
        # Four energies are added: their rounding comes on top.
        difference, magnitude = difference + constant, 4 * magnitude
    part = energy_part(
        fragments.label,
        difference / n,
        magnitude,
        n,
        resolution,
        working_dtype(meter.capabilities, resolution),
        rounding=place_rounding(meter.capabilities, resolution, both),
    )
    return [part], constant


def _report(
    meter: Meter,
    fragments: _Fragments,
    parts: Sequence[Part],
    unlike: UnlikeFragments,
    constant: Floats | None,
    target: float,
    resolution: Resolution,
) -> Measurement:
    every = [*parts, *unlike.parts]
    found = largest_difference(every, resolution.dof, target)
    frames = unlike.places.get(found.worst.label, fragments.both[0])
    each = np.linalg.norm(parts[0].mean.reshape(-1, 3), axis=1)
    atom = int(np.argmax(each))
    name = f"atom {atom} ({fragments.both.system.symbols[atom]})"
    place = f"{fragments.label}: {name} feels the other copy by {each[atom]:.3g} eV/Å"
    if found.worst is parts[-1] and found.worst.output == "energy":
        apart = found.worst.rms * fragments.both.n_atoms * ENERGY_LENGTH
        place = f"{fragments.label}: their energy is not the sum of both, by {apart:.3g} eV"
    if found.worst.label in unlike.places:
        place = f"{found.worst.label}: forces change by {found.worst.rms:.3g} eV/Å (rms)"
        if found.worst.output == "energy":
            change = found.worst.rms * frames.n_atoms * ENERGY_LENGTH
            place = f"{found.worst.label} differs by {change:.3g} eV from that beside its own kind"
    evidence = {
        **title_by_output("separated_additivity", found, every, target),
        "place": place,
        "scale": scale_sentence(resolution),
        "quantities": {
            "gap_A": fragments.gap,
            "force_difference_eV_per_A": parts[0].rms,
            "energy_of_no_atoms_eV": None if constant is None else float(np.mean(constant)),
            "energy_difference_eV_per_atom": parts[1].rms if len(parts) > 1 else None,
            "unlike_fragments_eV_per_A": {part.label: part.rms for part in unlike.parts},
            "not_resolved_at_the_tolerance": list(found.unresolved),
        },
        "configurations": frames,
    }
    return found.to_measurement(meter, resolution, evidence)


assert_separated_additivity = derive_assert(measure_separated_additivity)
