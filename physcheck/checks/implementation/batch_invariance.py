"""A configuration has the same answers alone and in a batch, at any place of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from physcheck.checks.differences import ENERGY_LENGTH, VIRIAL_ARM, Part
from physcheck.checks.implementation.call_comparison import RATTLE, differences_measured
from physcheck.checks.symmetry.comparison import open_shell, outputs_of
from physcheck.checks.what_shows import SHEARED_CELL
from physcheck.errors import NonFiniteOutput
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.noise import difference_table_noise, rounding_floor
from physcheck.probes.transformations import doubled
from physcheck.registry import Budget, Failure, KnownFault, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, Evaluation, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_batch_invariance", "measure_batch_invariance"]

_BATCH = 4
# The copies again and again in one larger batch: beyond what chunks and buffers of 8, 16 and 32
# hold, and no multiple of any, so that what is left over shows.
_LARGER = 37
# Points of a noise line, and Å between them.
_LINE, _LINE_STEP = 5, 1e-4
# Largest component of the strain of a copy's cell: far beyond any noise, and still the same solid.
_STRAIN = 0.05
# The first copy's lengths: it has fewer neighbours than the others, which must not lose theirs.
_EXPANSION = 1.1


def _batches(start: Configurations, capabilities: Capabilities) -> str | None:
    if not capabilities.batched and not capabilities.mixed_sizes:
        return "the model takes one configuration at a time"
    return None


def _batch_cost(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return 2 * _BATCH + _LARGER + _LINE + (4 if capabilities.mixed_sizes else 0)


@dataclass(frozen=True, slots=True)
class _Noise:
    """Standard deviations of a difference of two answers, by noise alone.

    Attributes
    ----------
    forces : float, eV/Å, of a component
    energy : float, eV
    """

    forces: float
    energy: float

    def parts(self, label: str, found: Evaluation, alone: Evaluation, volume: float) -> list[Part]:
        """The differences of one configuration (B = 1), as forces, eV/Å."""
        forces = found.require_forces() - alone.require_forces()
        parts = [Part("forces", label, forces.ravel(), self.forces)]
        n = forces.shape[1]
        if found.energy is not None and alone.energy is not None:
            apart = (found.energy - alone.energy) / n / ENERGY_LENGTH
            parts.append(Part("energy", label, apart, self.energy / n / ENERGY_LENGTH))
        if found.stress is not None and alone.stress is not None:
            apart = (found.stress - alone.stress).ravel() * volume / n / ENERGY_LENGTH
            parts.append(Part("stress", label, apart, self.forces * VIRIAL_ARM / ENERGY_LENGTH))
        return parts


def _noise_alone(
    meter: Meter,
    one: Configurations,
    resolution: Resolution,
    rng: np.random.Generator,
    alone: Evaluation,
) -> _Noise:
    """The noise of calls of one configuration each.

    The structure's own figure comes from batches, where what is looked for here counts as noise.
    """
    direction = rng.standard_normal((one.n_atoms, 3))
    line = one.displaced(_LINE_STEP * np.arange(_LINE)[:, None, None] * direction)
    found = _one_by_one(meter, line)
    forces, dtype = found.require_forces(), meter.capabilities.dtype
    noise, _ = difference_table_noise(forces.reshape(_LINE, -1))
    floor = rounding_floor(float(np.abs(alone.require_forces()).max()), dtype)
    of_forces = max(min(resolution.force_noise, noise), floor)
    of_energy = 0.0
    if found.energy is not None and alone.energy is not None:
        noise, _ = difference_table_noise(found.energy)
        # Another batch adds the atoms' energies in another order, each sum rounded.
        order = math.sqrt(one.n_atoms) * rounding_floor(float(np.abs(alone.energy).max()), dtype)
        of_energy = math.hypot(min(resolution.energy_noise or 0.0, noise), order)
    return _Noise(math.sqrt(2) * of_forces, math.sqrt(2) * of_energy)


def _one_by_one(meter: Meter, places: Configurations) -> Evaluation:
    want = outputs_of(places)
    return Evaluation.concatenate([meter.evaluate(one, want=want) for one in places])


def _unlike_copies(one: Configurations, rng: np.random.Generator) -> Configurations:
    """Thermally displaced copies; where there is a cell each in one of its own, the first the
    largest.
    """
    copies = one.displaced(RATTLE * rng.standard_normal((_BATCH, one.n_atoms, 3)))
    if not one.system.is_periodic:
        return copies
    deformation = np.eye(3) + _STRAIN * rng.uniform(-1, 1, (_BATCH, 3, 3))
    deformation[0] = _EXPANSION * np.eye(3)
    return one.at(copies.positions @ deformation, copies.cells @ deformation)


def _mixed(meter: Meter, copies: Configurations, alone: Evaluation, noise: _Noise) -> list[Part]:
    small = copies[0]
    double = doubled(small)
    want = outputs_of(small)
    big_alone = meter.evaluate(double, want=want)
    found = meter.evaluate_many([small, double], want=want)
    volume = _volume(small)
    return [
        *noise.parts("the smaller of two sizes", found[0], _row(alone, 0), volume),
        *noise.parts("the larger of two sizes", found[1], big_alone, _volume(double)),
    ]


def _row(answer: Evaluation, k: int) -> Evaluation:
    values = (answer.energy, answer.forces, answer.stress)
    return Evaluation(*(None if v is None else v[k : k + 1] for v in values))


def _volume(one: Configurations) -> float:
    return float(one.volumes()[0])


@check(
    family="implementation",
    quantity="rms difference of forces in a batch and alone, or of energy an atom over 1 Å",
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="answers depend on what else is in the batch",
    causes="padding that isn't masked; an index into the batch that is off; one cell taken for "
    "all; batch normalisation left in training mode",
    advice="evaluate one configuration at a time until the batching code is mended: look at "
    "padding, image shifts and normalisation over the batch",
    failure=Failure(
        short_title="the batch changes forces",
        meaning="A structure's forces depend on what else is evaluated with it. Batched "
        "simulations and screenings give other results than single ones.",
        fault=KnownFault("answers depend on what else is in the batch"),
    ),
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
    """A configuration has the same answers alone and in a batch, at any place of it.

    Four thermally displaced copies (0.03 Å), where there is a cell one of them 1.1 times as large
    and three with strained and sheared cells (5 %), are evaluated one by one, together, and in a
    random order in a batch of 37; a model that batches different sizes also gets the structure with
    a doubled one in one call. Judged is the largest rms difference of a configuration's forces to
    those alone; a difference of energy or virial of 1 eV an atom counts as 1 eV/Å. It is infinite
    where an answer is finite alone and not in the batch.

    Can't see: batches larger than 37.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 50 evaluations, 54 with mixed sizes.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    copies = _unlike_copies(one, rng)
    alone = _one_by_one(meter, copies)
    noise = _noise_alone(meter, one, resolution, rng, alone)
    # In no regular order: a wrong row would be the right one by chance.
    order = rng.integers(_BATCH, size=_LARGER)
    try:
        parts = []
        for places, how in (
            (np.arange(_BATCH), f" of {_BATCH}"),
            (order, f", in a batch of {_LARGER}"),
        ):
            found = meter.evaluate(copies[places], want=outputs_of(one))
            for row, k in enumerate(places):
                label = f"configuration {k}{how}"
                volume = _volume(copies[int(k)])
                parts += noise.parts(label, _row(found, row), _row(alone, int(k)), volume)
        if meter.capabilities.mixed_sizes and open_shell(one) is None:
            parts += _mixed(meter, copies, alone, noise)
    except NonFiniteOutput as error:
        return _finite_alone(meter, copies, str(error))
    made = differences_measured("batch_invariance", meter, copies, parts, resolution, tolerance)
    target = default_tolerance("batch_invariance") if tolerance is None else tolerance
    # Whether forces respond was asked in batches, too.
    return replace(made, nothing_tested="") if made.interval[0] > target else made


def _finite_alone(meter: Meter, copies: Configurations, what: str) -> Measurement:
    """The record of a batch that makes finite answers infinite or NaN."""
    return Measurement(
        value=math.inf,
        uncertainty=0.0,
        interval=(math.inf, math.inf),
        detection_limit=None,
        limit_unknown="answers in a batch are not finite",
        force_evaluations=meter.evaluations,
        evidence={
            "place": f"in a batch {what}; alone all is finite",
            "scale": "nothing can be computed in batches",
            "quantities": {},
            "configurations": copies,
        },
    )


assert_batch_invariance = derive_assert(measure_batch_invariance)
