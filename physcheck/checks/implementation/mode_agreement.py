"""Two modes of one set of weights give the same answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.adapters.identity import model_identity
from physcheck.adapters.modes import mode_of, why_no_modes
from physcheck.checks.implementation.repeated_gaps import Gap, gap_of
from physcheck.checks.symmetry.comparison import outputs_of
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_mode_agreement", "measure_mode_agreement"]

# Thermal displacement of a configuration, Å.
_RATTLE = 0.05
# Each configuration is asked at copies that are moved as a whole by up to so many Å, and whose
# atoms are moved by 0.01 Å: enough to draw another rounding, 10 bits of TF32 included, and so
# little that a fault of the kernel is the same.
_SHIFT, _JITTER = 5.0, 0.01
# An energy an atom, or a virial an atom, counts as forces over so many Å.
_LENGTH = 1.0
# Forces below this are no scale, eV/Å: relative differences of them mean nothing.
_LEAST_FORCE = 1e-3
# Configurations at which products with the Jacobian are compared.
_PRODUCTS = 2
_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"places": 4, "copies": 3},
    "standard": {"places": 8, "copies": 4},
    "full": {"places": 32, "copies": 4},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    options = _OPTIONS[budget]
    return int(2 * options["places"] * options["copies"])


@check(
    family="implementation",
    quantity="rms difference of two modes' answers, over that of the answers",
    unit="",
    needs={"forces"},
    kind="law",
    title="two modes of the same weights differ",
    causes="a fused kernel whose backward pass isn't that of its forward pass; a graph compiled "
    "for another shape or constant; shorter numbers than the mode's name says; an output that one "
    "of the two scales or leaves out",
    advice="use the mode whose laws hold, and give the other's author the saved configurations",
    failure=Failure(
        short_title="modes differ",
        meaning="What is computed depends on how the same weights are executed. Results of the "
        "fast mode aren't those of the model that was tested.",
    ),
    tolerances=Tolerances(
        screening=1e-3,
        md=3e-5,
        tight=1e-6,
        reason="md: 250 units of float32, to which sums of some thousand terms round, and less "
        "than faults of kernels that were reported; screening: a unit of TF32 (2^-10)",
        source="fused kernels with a backward pass off by 5e-5 to 7e-5 of the forces, in public "
        "issues of MLIP codes, where rounding explained 2e-5",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
)
def measure_mode_agreement(
    model: Model | Meter,
    start: Any,
    *,
    reference: Model | Meter,
    rng: np.random.Generator,
    tolerance: float | None = None,
    places: int = 8,
    copies: int = 4,
) -> Measurement:
    """Two modes of one set of weights give the same answers.

    ``sqrt(<|F_a - F_b|²> / <|F_a|²>)`` over ``places`` configurations (0.05 Å from the structure),
    without what is rounding: each is asked at ``copies`` of it that are moved by up to 5 Å as a
    whole and by 0.01 Å an atom, which rounds anew.  What differs from copy to copy is noise, and
    what is the same in all of them is judged.  Energies an atom count as forces over 1 Å, so does
    V stress an atom; where both modes have exact Jacobian products, J v is compared over its own
    size at two configurations.  The largest is judged; an output whose noise hides the tolerance
    passes nothing, and is named.

    Modes are two specs that differ by ``mode=`` (``--physcheck-modes=A,B``), or a reference with
    the same hash of its weights and the same declared settings.  Each mode's own laws are the other
    records': of the model, and beside them of the reference.

    Can't see: which of the two is right; what only a first call does (``history_independence``);
    other sizes, batches and devices than the run's.

    Raises
    ------
    CapabilityMissing
        The two aren't modes of one set of weights.
    ModelError, NonFiniteOutput

    Cost: 24 evaluations at quick, 64 at standard, 256 at full, of both modes together; where J v is
    compared 12 to 16 products more.
    """
    meter, one = Meter(model), as_configurations(start)
    other = meter.beside(reference, name="the other mode")
    names = _names_of_modes(meter, other)
    target = default_tolerance("mode_agreement") if tolerance is None else tolerance
    asked = _copies(one, places, copies, rng)
    want = outputs_of(one) & meter.capabilities.outputs & other.capabilities.outputs
    mine, theirs = (m.evaluate(asked, want=want) for m in (meter, other))
    scale = math.sqrt(float(np.mean(mine.require_forces() ** 2)))
    scale = max(scale, _LEAST_FORCE)
    shape, dtype = (places, copies, -1), meter.capabilities.dtype
    forces = mine.require_forces(), theirs.require_forces()
    found = [gap_of("forces", forces, shape, scale, one.n_atoms, dtype)]
    if mine.energy is not None and theirs.energy is not None:
        size = scale * _LENGTH * one.n_atoms
        found.append(gap_of("energy", (mine.energy, theirs.energy), shape, size, 1, dtype))
    if mine.stress is not None and theirs.stress is not None:
        size = scale * _LENGTH * one.n_atoms / float(one.volumes()[0])
        found.append(gap_of("stress", (mine.stress, theirs.stress), shape, size, 3, dtype))
    found += _of_products(meter, other, asked, (places, copies), rng)
    return _report(meter, names, asked, found, target)


def _names_of_modes(meter: Meter, other: Meter) -> list[str]:
    """What the two modes are called; CapabilityMissing where they are other models."""
    details = [model_identity(m.model, None)["capabilities"]["details"] for m in (meter, other)]
    reason = why_no_modes(*details)
    if reason is not None:
        raise CapabilityMissing(f"no two modes of one model: {reason}")
    return [mode_of(one) for one in details]


def _copies(
    one: Configurations, places: int, copies: int, rng: np.random.Generator
) -> Configurations:
    """All copies of the first configuration, then those of the second."""
    shape = (places, copies, one.n_atoms, 3)
    moves = _RATTLE * rng.standard_normal((places, 1, one.n_atoms, 3)) + np.zeros(shape)
    moves += _JITTER * rng.standard_normal(shape)
    moves += rng.uniform(-_SHIFT, _SHIFT, (places, copies, 1, 3))
    return one.displaced(moves.reshape(-1, one.n_atoms, 3))


def _of_products(
    meter: Meter,
    other: Meter,
    asked: Configurations,
    shape: tuple[int, int],
    rng: np.random.Generator,
) -> list[Gap]:
    """J v of both modes, where both have it."""
    if not (meter.capabilities.differentiable and other.capabilities.differentiable):
        return []
    places, copies = min(_PRODUCTS, shape[0]), shape[1]
    vectors = rng.standard_normal((places, 1, asked.n_atoms, 3))
    rows: list[list[Floats]] = [[], []]
    for place in range(places):
        for copy in range(copies):
            at = asked[place * copies + copy]
            for row, m in zip(rows, (meter, other), strict=True):
                row.append(m.jacobian_products(at, vectors[place], transpose=False)[0])
    mine, theirs = (np.array(row) for row in rows)
    size = math.sqrt(float(np.mean(mine**2)))
    if not size > 0:
        return []
    whole, dtype = (places, copies, -1), meter.capabilities.dtype
    return [gap_of("J v", (mine, theirs), whole, size, asked.n_atoms, dtype)]


@dataclass(frozen=True, slots=True)
class _Judged:
    """Which of the outputs says most, and which say nothing."""

    gap: Gap
    unseen: tuple[Gap, ...]


def _judged(found: list[Gap], target: float) -> _Judged:
    """An output that is over the tolerance, else the one that could be nearest to it.

    Forces must be seen; another output may be hidden by its noise, as an energy of 1e6 eV in
    float32 is.
    """
    over = [gap for gap in found if gap.low > target]
    if over:
        return _Judged(max(over, key=lambda gap: gap.low), ())
    seen = [gap for gap in found if gap.high <= target or gap.name == "forces"]
    unseen = tuple(gap for gap in found if gap not in seen)
    return _Judged(max(seen, key=lambda gap: gap.high), unseen)


def _report(
    meter: Meter, names: list[str], asked: Configurations, found: list[Gap], target: float
) -> Measurement:
    judged = _judged(found, target)
    gap = judged.gap
    place = f"{gap.name} of {names[0]} and {names[1]}"
    if judged.unseen:
        hidden = ", ".join(f"{one.name} below {one.high:.1e}" for one in judged.unseen)
        place += f"; rounding hides {hidden}"
    return Measurement(
        value=gap.value,
        uncertainty=gap.error,
        uncertainty_components={"rounding": gap.error},
        interval=(gap.low, gap.high),
        detection_limit=gap.limit(target),
        noise_floor=gap.noise_floor,
        force_evaluations=meter.evaluations,
        jacobian_products=meter.jacobian_products_made,
        evidence={
            "place": place,
            "scale": f"one call rounds by {gap.noise:.1e} of the {gap.name}, both modes together",
            "quantities": {
                "modes": names,
                "gaps": {one.name: one.value for one in found},
                "noises": {one.name: one.noise for one in found},
            },
            "configurations": asked,
        },
    )


assert_mode_agreement = derive_assert(measure_mode_agreement)
