"""Are kinetic energies distributed as Maxwell and Boltzmann say, species by species?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from ase.units import kB

from physcheck.checks.dynamics.gradient_forces import GradientForces, measure_by_gradient
from physcheck.checks.sampling.atom_groups import groups_of
from physcheck.checks.sampling.blow_up import measure_blow_up
from physcheck.checks.sampling.likely_violations import (
    CONFIRMATION_EVALUATIONS,
    Confirmed,
    confirm_likely,
)
from physcheck.checks.sampling.sampled_model import (
    SampledModel,
    needs_inner_motion,
    sample_model,
)
from physcheck.checks.sampling.temperature_deviations import (
    Deviation,
    deviation_of,
    measurement_of,
    worst_of,
)
from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.checks.sampling.trajectory_making import shared_evaluations
from physcheck.dynamics import degrees_of_freedom
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.registry import Budget, Failure, check, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Bools, Configurations, Floats
from physcheck.text.numbers import figure, with_uncertainty
from physcheck.tolerances import Tolerances

__all__ = ["assert_kinetic_distribution", "measure_kinetic_distribution", "width_deviation"]

# A species' name, and "mean" or "width".
Moment = tuple[str, str]

_QUANTITY = "deviation of the kinetic energies' mean or width, per species"
# An atom's kinetic energy over kT has the gamma distribution of shape 3/2, half for each direction.
# Its mean and its variance are the shape.
_SHAPE = 1.5
# Moments of the run used for the distribution's shape.
_SHAPE_MOMENTS = 200


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return CONFIRMATION_EVALUATIONS


@check(
    family="sampling",
    quantity=_QUANTITY,
    unit="%",
    needs={"forces"},
    kind="law",
    title="kinetic energies are not distributed as at one temperature",
    causes="forces predicted directly, which heat some atoms and cool others; a fault in the "
    "forces on few atoms; a timestep that is too long",
    advice="don't use temperatures of single species or atoms from simulations with this model. "
    "Run equipartition, nve_drift and jacobian_asymmetry: they show whether the forces do work "
    "that no energy accounts for",
    failure=Failure(
        short_title="not one temperature",
        meaning="Some atoms are hotter or move more unevenly than at one temperature. Averages "
        "that depend on them are biased.",
    ),
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
    by_gradient=0,
    applies=needs_inner_motion,
)
def measure_kinetic_distribution(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24_000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """The kinetic energies of each species follow a gamma distribution at the bath's temperature.

    With the momentum removed, k_i = m_i v_i²/2 / (kT (1 - m_i/M)) of an atom has the gamma
    distribution of shape 3/2, and the kinetic energy K_s of a species the mean n_s kT/2, n_s = 3
    sum of (1 - m_i/M). For each species the mean K_s and the width of k_i over its atoms are
    turned into temperatures; judged is the largest deviation from the bath's, in percent, with
    the interval of :func:`~physcheck.checks.sampling.temperature_deviations.deviation_of`. The
    width grows where atoms of one species differ in temperature, which the mean hides. A global
    bath imposes the total, not that of species and atoms.

    Can't see: heat that flows into all atoms alike; wrong configurations at right velocities.

    Parameters
    ----------
    start : ase.Atoms or Configurations with B = 1
    trajectory, gradient, evaluations, replicas, temperature_K, timestep_fs
        A trajectory to share, or how one is made: see :func:`make_trajectory`. With ``gradient``
        none is made, and what follows from that is measured.
    tolerance : float, %

    Raises
    ------
    CapabilityMissing
        A single atom.
    ModelError, NonFiniteOutput

    Cost: ``evaluations`` for the trajectory, and 60 for confirmation at most.

    Source: Merz, Shirts, PLoS ONE 13, e0202764 (2018); Shirts, J. Chem. Theory Comput. 9, 909
    (2013).
    """
    if gradient is not None:
        # A width is off where single atoms are: all of it may go to the one that takes most.
        lightest = gradient.start.system.masses.min(keepdims=True)
        return measure_by_gradient(gradient, gradient.hotter_by(lightest))
    sampled = sample_model(
        "kinetic_distribution", model, start, rng=rng, resolution=resolution, tolerance=tolerance,
        trajectory=trajectory, evaluations=evaluations, replicas=replicas,
        temperature_K=temperature_K, timestep_fs=timestep_fs,
    )  # fmt: skip
    if sampled.trajectory.blown_up:
        return measure_blow_up(sampled)
    masks = groups_of(sampled.start.system, None)
    confirmed = confirm_likely(_estimate(sampled, masks), sampled)
    return _report(sampled, masks, confirmed)


def _estimate(sampled: SampledModel, masks: Mapping[str, Bools]) -> dict[Moment, Deviation]:
    """The deviation of each species' mean and width from the bath's temperature, percent."""
    trajectory = sampled.trajectory
    series: dict[Moment, Floats] = {}
    for name, mask in masks.items():
        # A global bath imposes the mean of a single species, whatever the forces.
        if len(masks) > 1 or not sampled.start.system.is_periodic:
            temperatures = trajectory.temperatures(mask)
            series[name, "mean"] = 100 * (temperatures / trajectory.temperature_K - 1)
        series[name, "width"] = width_deviation(_reduced(trajectory, mask))
    noise = {name: _bath_noise(trajectory, mask) for name, mask in masks.items()}
    return {
        (name, moment): deviation_of(
            values,
            sampled.tolerance,
            trajectory,
            comparisons=len(series),
            smallest_share=float(masks[name].mean()),
            bath_noise=noise[name] if moment == "mean" else None,
            timestep_bias=trajectory.timestep_bias(masks[name]),
        )
        for (name, moment), values in series.items()
    }


def _report(
    sampled: SampledModel, masks: Mapping[str, Bools], confirmed: Confirmed[Moment]
) -> Measurement:
    trajectory, found = sampled.trajectory, confirmed.deviations
    worst = worst_of(found)
    listed = ", ".join(
        f"{name} {moment} {with_uncertainty(d.mean.value, d.mean.error, '%')}"
        for (name, moment), d in found.items()
    )
    kelvin = abs(found[worst].mean.value) * trajectory.temperature_K / 100
    evidence = {
        "place": f"{worst[1]} of {worst[0]}: {listed}{confirmed.note}",
        "scale": f"as a temperature, {figure(kelvin)} K off the bath's "
        f"{trajectory.temperature_K:g} K",
        "quantities": {
            "deviations_percent": {f"{n} {m}": d.mean.value for (n, m), d in found.items()},
            "errors_percent": {f"{n} {m}": d.mean.error for (n, m), d in found.items()},
            "independent_values": {f"{n} {m}": d.mean.independent for (n, m), d in found.items()},
            "shapes": {name: _shape(trajectory, mask) for name, mask in masks.items()},
            "jacobian_asymmetry": confirmed.figures,
            "atom_temperatures_K": _extreme_atoms(trajectory),
            "trajectory": trajectory.facts(),
        },
    }
    return measurement_of(found, sampled, evidence)


def _bath_noise(trajectory: Trajectory, members: Bools) -> Floats:
    """(B,) how much hotter than all atoms the equilibrating bath's noise left a species, percent.

    Where nothing is periodic no global bath imposes the temperature of all atoms.
    """
    everyone = np.ones(len(members), dtype=np.bool_)
    noise = trajectory.bath_noise_K(members)
    if trajectory.start.system.is_periodic:
        noise = noise - trajectory.bath_noise_K(everyone)
    return 100 / trajectory.temperature_K * noise


def _reduced(trajectory: Trajectory, members: Bools) -> Floats:
    """(T, B, n) kinetic energies of a species' atoms over kT (1 - m/M)."""
    masses = trajectory.start.system.masses
    share = (1 - masses / masses.sum())[members]
    reduced: Floats = trajectory.kinetic[:, :, members] / (kB * trajectory.temperature_K * share)
    return reduced


def width_deviation(energies: Floats) -> Floats:
    """(T, B) series whose mean is the deviation of the width, as a temperature, in percent.

    The width sqrt(variance/shape) is that of kT. Its series is linear in the variance about the
    value found, so that the series' error is that of the square root.

    Parameters
    ----------
    energies : (T, B, n) float
        Kinetic energies of a species' atoms over kT (1 - m/M).
    """
    centre = float(energies.mean())
    squares = ((energies - centre) ** 2).mean(axis=2)
    found = math.sqrt(float(squares.mean()) / _SHAPE)
    # d sqrt(s/shape)/ds
    slope = 1 / (2 * _SHAPE * max(found, 1e-12))
    deviation: Floats = 100 * (found - 1 + slope * (squares - squares.mean()))
    return deviation


def _shape(trajectory: Trajectory, members: Bools) -> dict[str, float]:
    """How far the distributions are from their gammas.

    The Kolmogorov-Smirnov distance of the atoms' probability integral transforms from uniform, and
    mean and width of the species' total over what they should be.
    """
    from scipy.special import gammainc

    atoms = _reduced(trajectory, members)
    values = np.sort(gammainc(_SHAPE, atoms[:: max(1, len(atoms) // _SHAPE_MOMENTS)].ravel()))
    ranks = np.arange(1, len(values) + 1) / len(values)
    distance = float(np.max(np.maximum(ranks - values, values - ranks + 1 / len(values))))
    masses = trajectory.start.system.masses
    total = trajectory.kinetic[:, :, members].sum(axis=2) / (kB * trajectory.temperature_K)
    # Per direction the species' momentum has 1 - M_s/M of a degree of freedom, its other motions
    # have all of theirs.
    rest = 1 - float(masses[members].sum() / masses.sum())
    variance = _SHAPE * (int(members.sum()) - 1 + rest**2)
    n_dof = degrees_of_freedom(trajectory.start.system, members)
    return {
        "kolmogorov_smirnov": distance,
        "total_mean_over_expected": float(total.mean()) / (0.5 * n_dof),
        "total_width_over_expected": float(total.std()) / math.sqrt(variance),
    }


def _extreme_atoms(trajectory: Trajectory) -> dict[str, Any]:
    """The coldest and the hottest atom, K, with the standard error of either over the replicas."""
    masses = trajectory.start.system.masses
    share = 1 - masses / masses.sum()
    own = trajectory.kinetic.mean(axis=0) / (_SHAPE * kB * share)
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
