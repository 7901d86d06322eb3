"""What is conserved in a small cell is conserved in a large one.

How it is measured.  Supercells of one structure are made by repeating its shortest axes; the atoms
of each are displaced by themselves, so that no cell is a copy of another.  ``jacobian_asymmetry``
gives lambda of each with its interval.  Judged is how much lambda of the largest is above that of
the smallest, beyond both intervals: a model whose forces are as far from a gradient everywhere
passes here, and fails ``jacobian_asymmetry``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.checks.conservation.jacobian_asymmetry import LAMBDA, measure_jacobian_asymmetry
from physcheck.checks.symmetry.comparison import not_periodic
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.probes.transformations import rattled, supercell
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.resolution import RESOLUTION_EVALUATIONS, Resolution, ensure_resolution
from physcheck.system import Configurations, Floats, as_configurations

__all__ = ["assert_size_consistency", "measure_size_consistency"]

_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"sizes": 2, "directions": 16},
    "standard": {"sizes": 3, "directions": 16},
    "full": {"sizes": 4, "directions": 32},
}
# The most that lambda of one size takes: 16 directions with 4 points or on a rough surface, their
# confirmation, and one atom of more than 200 by itself; and that 32 take.
_LAMBDA_COST = {16: 84, 32: 148}
# Times as many atoms in the largest cell, and the most atoms that it may have.
_GROWTH, _MOST_ATOMS = 8, 2_000
# rms displacement, Å: thermal, off the symmetries that repeated cells share.
_RATTLE = 0.03


def _too_large(start: Configurations, capabilities: Capabilities) -> str | None:
    if 2 * start.n_atoms > _MOST_ATOMS:
        return f"twice its {start.n_atoms} atoms are more than {_MOST_ATOMS:,}: give a smaller cell"
    return not_periodic(start, capabilities)


def _cost(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    """In evaluations of the structure itself: one of a cell n times as large counts as n."""
    options = _OPTIONS[budget]
    of_one = _LAMBDA_COST[options["directions"]] + RESOLUTION_EVALUATIONS + 1
    return of_one * sum(_growths(_largest(start), options["sizes"]))


def _largest(start: Configurations) -> int:
    """How many times as many atoms the largest cell has: a power of two."""
    fitting = max(1, _MOST_ATOMS // max(1, start.n_atoms))
    return int(min(_GROWTH, 1 << (fitting.bit_length() - 1)))


@check(
    family="symmetry",
    quantity="growth of lambda from the smallest supercell to the largest",
    unit="",
    needs={"forces"},
    kind="law",
    title="forces are farther from a gradient the larger the cell",
    causes="a feature or a readout that adds up over the whole system; attention over all atoms; "
    "forces predicted directly by a model that was trained on small structures",
    advice="judge and trust the model at the size of the simulation; look for sums over all atoms "
    "among its features",
    failure=Failure(
        short_title="worse in larger cells",
        meaning="The forces of a small cell conserve energy, and those of a larger one of the same "
        "crystal don't. Tests on small structures say nothing of a large simulation, which heats.",
    ),
    tolerances=LAMBDA,
    evaluations=_cost,
    options=_OPTIONS,
    applies=_too_large,
)
def measure_size_consistency(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    sizes: int = 2,
    directions: int = 16,
) -> Measurement:
    """A law that holds in a small cell holds in its supercells: lambda doesn't grow with size.

        growth = lambda(largest) - lambda(smallest),

    lambda as in :func:`physcheck.measure_jacobian_asymmetry`.  The low end of its interval is the
    low end of the larger less the high end of the smaller.  Evidence has lambda, the net force an
    atom and the energy an atom of each size, and the exponent a of lambda ~ N^a with its error; the
    heat an atom goes as lambda^2.

    Can't see: what grows beyond the largest cell (8 times as many atoms, at most 2,000); a growth
    of less than some factor 5, which is within the intervals of a lambda from 16 directions.

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1, periodic
    tolerance : float, dimensionless
        Of lambda; the md profile's if left out.
    sizes : int
        Cells that are measured, from the structure itself to the largest.
    directions : int
        Of each.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: for each size 2 directions + 9, at most 4 directions + 21; 16 for the noise of each but
    the first (at most 39).

    Source: extensivity; direct models are reported to hold in small structures and to run away in
    large ones.
    """
    meter, one = Meter(model), as_configurations(start)
    target = default_tolerance("size_consistency") if tolerance is None else tolerance
    measured = []
    for times in _growths(_largest(one), sizes):
        cell = rattled(_repeated(one, times), _RATTLE, rng)
        own = resolution if times == 1 else None
        noise = ensure_resolution(meter, cell, own, rng)
        limited = Meter(meter, allotment=_LAMBDA_COST[32 if directions > 16 else 16])
        found = measure_jacobian_asymmetry(
            limited, cell, rng=rng, resolution=noise, tolerance=target, directions=directions
        )
        measured.append(_of_size(meter, cell, found))
    return _report(meter, measured, target)


def _growths(largest: int, sizes: int) -> list[int]:
    """How many times the structure each cell is: powers of two, evenly from 1 to the largest."""
    powers = np.linspace(0, math.log2(largest), max(2, sizes)).round().astype(int)
    return sorted({1 << int(power) for power in powers})


def _repeated(start: Configurations, times: int) -> Configurations:
    """The cell doubled along its shortest periodic axis, again and again."""
    cell = start
    while times > 1:
        lengths = np.linalg.norm(cell.cells[0], axis=1)
        axis = int(np.argmin(np.where(cell.system.pbc, lengths, math.inf)))
        cell = supercell(cell, axis, 2).apply(cell)
        times //= 2
    return cell


@dataclass(frozen=True, slots=True, eq=False)
class _Size:
    """What is measured of one cell: lambda, and forces and energy at the displaced place."""

    place: Configurations
    asymmetry: Measurement
    net_force: float
    energy: float | None

    @property
    def row(self) -> dict[str, Any]:
        """For the evidence."""
        return {
            "atoms": self.place.n_atoms,
            "lambda": self.asymmetry.value,
            "lambda_interval": list(self.asymmetry.interval),
            "net_force_eV_per_A_atom": self.net_force,
            "energy_eV_per_atom": self.energy,
        }


def _of_size(meter: Meter, place: Configurations, found: Measurement) -> _Size:
    answer = meter.evaluate(place, want=frozenset({"forces", "energy"}))
    count = place.n_atoms
    net = float(np.linalg.norm(answer.require_forces()[0].sum(axis=0))) / (math.sqrt(3) * count)
    energy = None if answer.energy is None else float(answer.energy[0]) / count
    return _Size(place, found, net, energy)


def _exponent(sizes: list[_Size]) -> tuple[float, float] | None:
    """a of lambda ~ N^a and its standard deviation; None where a lambda isn't above its noise."""
    if not all(size.asymmetry.interval[0] > 0 for size in sizes):
        return None
    logs: Floats = np.log([size.asymmetry.value for size in sizes])
    errors: Floats = np.array([s.asymmetry.uncertainty / s.asymmetry.value for s in sizes])
    counts: Floats = np.log([size.place.n_atoms for size in sizes])
    weights = 1 / errors**2
    centred = counts - np.average(counts, weights=weights)
    spread = float(np.sum(weights * centred**2))
    return float(np.sum(weights * centred * logs)) / spread, 1 / math.sqrt(spread)


def _report(meter: Meter, sizes: list[_Size], target: float) -> Measurement:
    """The record of the growth from the first size to the last."""
    small, large = sizes[0].asymmetry, sizes[-1].asymmetry
    low = max(0.0, large.interval[0] - small.interval[1])
    exponent = _exponent(sizes)
    components = {
        name: math.hypot(large.uncertainty_components[name], small.uncertainty_components[name])
        for name in ("truncation", "rounding", "sampling")
    }
    # A larger growth is called where lambda of the largest exceeds the tolerance on top of what
    # the smallest may have; its limit grows at most in proportion to what it is held against.
    limit = (large.detection_limit or math.inf) * (1 + small.interval[1] / target)
    counts = [size.place.n_atoms for size in sizes]
    trend = "; lambda doesn't stand above its noise at each size"
    if exponent is not None:
        trend = f"; lambda ~ N^{exponent[0]:.2f} ± {exponent[1]:.2f}"
    return Measurement(
        value=max(0.0, large.value - small.value),
        uncertainty=math.hypot(large.uncertainty, small.uncertainty),
        uncertainty_components=components,
        interval=(low, max(low, large.interval[1] - small.interval[0])),
        detection_limit=limit,
        noise_floor=math.hypot(large.noise_floor or 0.0, small.noise_floor or 0.0),
        work_needed=large.work_needed,
        force_evaluations=meter.evaluations,
        nothing_tested=small.nothing_tested,
        evidence={
            "place": f"lambda is {small.value:.3g} with {counts[0]} atoms and {large.value:.3g} "
            f"with {counts[-1]}{trend}",
            "quantities": {
                "sizes": [size.row for size in sizes],
                "exponent": None if exponent is None else exponent[0],
                "exponent_uncertainty": None if exponent is None else exponent[1],
            },
            "configurations": sizes[-1].place,
        },
    )


assert_size_consistency = derive_assert(measure_size_consistency)
