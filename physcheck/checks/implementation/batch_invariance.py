"""A configuration has the same forces alone and in a batch, at any place of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from physcheck.checks.differences import Part
from physcheck.checks.implementation.call_comparison import FORCES, RATTLE, differences_measured
from physcheck.checks.symmetry.comparison import open_shell
from physcheck.checks.what_shows import SHEARED_CELL
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.noise import difference_table_noise, rounding_floor
from physcheck.probes.transformations import doubled
from physcheck.registry import Budget, check, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_batch_invariance", "measure_batch_invariance"]

_BATCH = 4
# Points of a noise line, and Å between them.
_LINE, _LINE_STEP = 5, 1e-4


def _batches(start: Configurations, capabilities: Capabilities) -> str | None:
    if not capabilities.batched and not capabilities.mixed_sizes:
        return "the model takes one configuration at a time"
    return None


def _batch_cost(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return 3 * _BATCH + _LINE + (4 if capabilities.mixed_sizes else 0)


def _noise_alone(
    meter: Meter, one: Configurations, resolution: Resolution, rng: np.random.Generator
) -> float:
    """The noise of a force component in calls of one configuration each, eV/Å.

    The structure's own figure comes from batches, where what is looked for here counts as noise.
    """
    direction = rng.standard_normal((one.n_atoms, 3))
    line = one.displaced(_LINE_STEP * np.arange(_LINE)[:, None, None] * direction)
    forces = np.concatenate([meter.evaluate(c, want=FORCES).require_forces() for c in line])
    noise, _ = difference_table_noise(forces.reshape(_LINE, -1))
    floor = rounding_floor(float(np.abs(forces).max()), meter.capabilities.dtype)
    return min(resolution.force_noise, max(noise, floor))


def _mixed(meter: Meter, one: Configurations, alone: Floats, sigma: float) -> list[Part]:
    double = doubled(one)
    big_alone = meter.evaluate(double, want=FORCES).require_forces()[0]
    found = [a.require_forces()[0] for a in meter.evaluate_many([one, double], want=FORCES)]
    return [
        Part("forces", "the smaller of two sizes", (found[0] - alone).ravel(), sigma),
        Part("forces", "the larger of two sizes", (found[1] - big_alone).ravel(), sigma),
    ]


@check(
    family="implementation",
    quantity="rms difference of forces in a batch and alone",
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces depend on what else is in the batch",
    causes="padding that isn't masked; an index into the batch that is off; batch normalisation "
    "left in training mode",
    advice="evaluate one configuration at a time until the batching code is mended: look at "
    "padding, image shifts and normalisation over the batch",
    tolerances=Tolerances(
        screening=1e-3,
        md=1e-4,
        tight=1e-6,
        reason="another batch means other kernels and another order of sums, 1e-6 eV/Å in float32",
        source="tblite's history noise of 1.6e-5 eV/Å (max 7e-5); float32 noise of SO3LR, "
        "ANI, CHGNet to 4e-6",
    ),
    evaluations=_batch_cost,
    applies=_batches,
    shows=SHEARED_CELL,
)
def measure_batch_invariance(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """A configuration has the same forces alone and in a batch, at any place of it.

    Four thermally displaced copies (0.03 Å) are evaluated one by one, together, and together in
    reverse order; a model that batches different sizes also gets the structure with a doubled one
    in one call. Judged is the largest rms difference of a configuration's forces to those alone.

    Can't see: batches larger than four.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 17 evaluations, 21 with mixed sizes.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    copies = one.displaced(RATTLE * rng.standard_normal((_BATCH, one.n_atoms, 3)))
    alone = np.concatenate([meter.evaluate(c, want=FORCES).require_forces() for c in copies])
    together = meter.evaluate(copies, want=FORCES).require_forces()
    order = np.arange(_BATCH)[::-1]
    reversed_ = meter.evaluate(copies[order], want=FORCES).require_forces()[order]
    sigma = math.sqrt(2) * _noise_alone(meter, one, resolution, rng)
    parts = [
        Part("forces", f"configuration {k} of {_BATCH}{how}", (found[k] - alone[k]).ravel(), sigma)
        for how, found in (("", together), (" in reverse order", reversed_))
        for k in range(_BATCH)
    ]
    if meter.capabilities.mixed_sizes and open_shell(one) is None:
        parts += _mixed(meter, copies[0], alone[0], sigma)
    return differences_measured("batch_invariance", meter, copies, parts, resolution, tolerance)


assert_batch_invariance = derive_assert(measure_batch_invariance)
