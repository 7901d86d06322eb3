"""Are kinetic energies distributed as Maxwell and Boltzmann say, species by species?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from ase.units import kB

from physcheck.checks.conservation.no_potential import PROOF_EVALUATIONS, figures_of
from physcheck.checks.sampling.temperature_deviations import (
    Deviation,
    blown_up,
    deviation_of,
    measurement_of,
    proven,
    said_of,
    worst_of,
)
from physcheck.checks.sampling.trajectory import (
    Trajectory,
    groups_of,
    make_trajectory,
    shared_evaluations,
)
from physcheck.dynamics import degrees_of_freedom
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.registry import Budget, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Bools, Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_kinetic_distribution", "measure_kinetic_distribution"]

_QUANTITY = "deviation of the kinetic energies' mean or width, per species"
# Atoms' kinetic energies over kT: gamma of shape 3/2, mean and variance 3/2.
_SHAPE = 1.5


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return PROOF_EVALUATIONS


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    return "one atom alone has no inner motion" if start.n_atoms < 2 else None


@check(
    family="sampling",
    quantity=_QUANTITY,
    unit="%",
    needs={"forces"},
    kind="law",
    title="kinetic energies are not distributed as at one temperature",
    causes="forces predicted directly, which heat some atoms and cool others; a local fault in few atoms; a timestep "
    "too long",
    advice="look at species_heat, nve_drift and jacobian_asymmetry for the forces that feed "
    "some atoms; don't trust temperatures per species",
    tolerances=Tolerances(
        screening=3.0,
        md=1.0,
        tight=0.3,
        reason="as equipartition: a mean or a width that stands for a temperature 1 % off is "
        "3 K at room temperature; a width above the mean says that atoms of a species "
        "differ in temperature among themselves",
        source="Bigi, Langer, Ceriotti, arXiv 2412.11569, table 3; Merz, Shirts, PLoS ONE "
        "13, e0202764 (2018), who judge mean and width",
    ),
    evaluations=_evaluations,
    shared=shared_evaluations,
    applies=_applies,
)
def measure_kinetic_distribution(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    tolerance: float | None = None,
    evaluations: int = 24_000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """The kinetic energies of each species follow a gamma distribution at the bath's temperature.

    With the momentum removed, ``k_i = m_i v_i²/2 / (kT (1 - m_i/M))`` of an atom has the density of a gamma of
    shape 3/2, and the kinetic energy of a species the mean ``n_s kT/2``, ``n_s = 3 sum of (1 - m_i/M)``. For each
    species the mean K_s and the width of k_i over its atoms are turned into temperatures, and the largest
    deviation from the bath's is judged, in percent. The width grows where atoms of one species differ in temperature,
    which the mean hides. Under a global bath (SVR) the total is imposed, species and atoms are not.

    Errors, margins and the guard against a start that isn't forgotten are those of equipartition, and so is the proof that
    lets a likely deviation FAIL. Further
    quantities: the Kolmogorov-Smirnov distance of the atoms' probability integral transforms from uniform, the
    width of the species' total, and the hottest and the coldest atom.

    Can't see: heat that flows into all atoms alike; wrong configurations at right velocities.

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    trajectory : Trajectory
        One that is shared with other checks; else it is made here.
    tolerance : float, %
    evaluations, replicas : int
        Of the trajectory, if it is made here; so are the following.
    temperature_K, timestep_fs : float

    Raises
    ------
    CapabilityMissing
        A single atom.
    ModelError, NonFiniteOutput

    Cost: at most ``evaluations`` for the trajectory, and 60 for the proof.

    Source: Merz, Shirts, PLoS ONE 13, e0202764 (2018); Shirts, J. Chem. Theory Comput. 9, 909 (2013).
    """
    meter = Meter(model)
    one = as_configurations(start)
    target = default_tolerance("kinetic_distribution") if tolerance is None else tolerance
    if trajectory is None:
        trajectory = make_trajectory(
            meter, one, rng=rng, evaluations=evaluations, replicas=replicas,
            temperature_K=temperature_K, timestep_fs=timestep_fs,
        )  # fmt: skip
    if trajectory.blown_up:
        return blown_up(trajectory, meter)
    masks = groups_of(one.system, None)
    series: dict[tuple[str, str], Floats] = {}
    shapes: dict[str, Any] = {}
    for name, mask in masks.items():
        atoms = _reduced(trajectory, mask)
        if len(masks) > 1 or not one.system.is_periodic:
            temperatures = trajectory.temperatures(mask)
            series[name, "mean"] = 100 * (temperatures / trajectory.temperature_K - 1)
        series[name, "width"] = _width_deviation(atoms)
        shapes[name] = _shape(trajectory, mask, atoms)
    lucky = {name: _luck(trajectory, mask) for name, mask in masks.items()}
    found: Mapping[tuple[str, str], Deviation] = {
        (name, what): deviation_of(
            values, target, len(series), trajectory, float(masks[name].mean()),
            lucky[name] if what == "mean" else None,
            trajectory.step_doubt(masks[name]),
        )
        for (name, what), values in series.items()
    }  # fmt: skip
    found, proof = proven(found, target, meter, trajectory, rng, resolution)
    worst = worst_of(found)
    listed = ", ".join(
        f"{name} {what} {d.mean.value:+.2g} ± {d.mean.error:.1g} %"
        for (name, what), d in found.items()
    )
    evidence = {
        "place": f"{worst[1]} of {worst[0]}: {listed}{said_of(proof)}",
        "scale": f"{abs(found[worst].mean.value) * trajectory.temperature_K / 100:.2g} K at "
        f"{trajectory.temperature_K:g} K",
        "quantities": {
            "deviations_percent": {f"{n} {w}": d.mean.value for (n, w), d in found.items()},
            "errors_percent": {f"{n} {w}": d.mean.error for (n, w), d in found.items()},
            "independent_values": {f"{n} {w}": d.mean.independent for (n, w), d in found.items()},
            "shapes": shapes,
            "jacobian_asymmetry": figures_of(proof),
            "atom_temperatures_K": _atoms(trajectory),
            "trajectory": trajectory.facts(),
        },
    }
    return measurement_of(found, worst, target, trajectory, meter, resolution, evidence)


def _luck(trajectory: Trajectory, members: Bools) -> Floats:
    """(B,) how much warmer than the whole the warming noise left a species by chance, percent."""
    everyone = np.ones(len(members), dtype=np.bool_)
    luck = trajectory.luck_of(members)
    if trajectory.start.system.is_periodic:
        luck = luck - trajectory.luck_of(everyone)
    return 100 / trajectory.temperature_K * luck


def _reduced(trajectory: Trajectory, members: Bools) -> Floats:
    """(T, B, n) kinetic energies of a species' atoms over kT (1 - m/M)."""
    masses = trajectory.start.system.masses
    share = (1 - masses / masses.sum())[members]
    reduced: Floats = trajectory.kinetic[:, :, members] / (kB * trajectory.temperature_K * share)
    return reduced


def _width_deviation(atoms: Floats) -> Floats:
    """(T, B) series whose mean is the deviation of the width, as a temperature, in percent."""
    centre = float(atoms.mean())
    squares = ((atoms - centre) ** 2).mean(axis=2)
    # Linear in the variance about what was found, so that the series' error is that of the square root.
    found = math.sqrt(float(squares.mean()) / _SHAPE)
    slope = 1 / (2 * _SHAPE * max(found, 1e-12))
    deviation: Floats = 100 * (found - 1 + slope * (squares - squares.mean()))
    return deviation


def _shape(trajectory: Trajectory, members: Bools, atoms: Floats) -> dict[str, float]:
    """How far the distributions are from their gammas."""
    from scipy.special import gammainc

    values = np.sort(gammainc(_SHAPE, atoms[:: max(1, len(atoms) // 200)].ravel()))
    ranks = np.arange(1, len(values) + 1) / len(values)
    distance = float(np.max(np.maximum(ranks - values, values - ranks + 1 / len(values))))
    masses = trajectory.start.system.masses
    total = trajectory.kinetic[:, :, members].sum(axis=2) / (kB * trajectory.temperature_K)
    # Per direction the species' momentum has 1 - M_s/M of a degree of freedom, its other motions have all of theirs.
    rest = 1 - float(masses[members].sum() / masses.sum())
    variance = 1.5 * (int(members.sum()) - 1 + rest**2)
    return {
        "kolmogorov_smirnov": distance,
        "total_mean_over_expected": float(total.mean())
        / (0.5 * degrees_of_freedom(trajectory.start.system, members)),
        "total_width_over_expected": float(total.std()) / math.sqrt(variance),
    }


def _atoms(trajectory: Trajectory) -> dict[str, Any]:
    """The coldest and the hottest atom, K, with the standard error of either over the replicas."""
    masses = trajectory.start.system.masses
    share = 1 - masses / masses.sum()
    own = trajectory.kinetic.mean(axis=0) / (1.5 * kB * share)
    means = own.mean(axis=0)
    errors = own.std(axis=0, ddof=1) / math.sqrt(len(own)) if len(own) > 1 else np.zeros(len(means))
    low, high = int(np.argmin(means)), int(np.argmax(means))
    symbols = trajectory.start.system.symbols
    return {
        name: {
            "atom": atom,
            "species": symbols[atom],
            "temperature_K": float(means[atom]),
            "error_K": float(errors[atom]),
        }
        for name, atom in (("coldest", low), ("hottest", high))
    }


assert_kinetic_distribution = derive_assert(measure_kinetic_distribution)
