"""Does every species have the temperature that the bath was asked for?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from physcheck.checks.conservation.no_potential import PROOF_EVALUATIONS, figures_of
from physcheck.checks.sampling.hypervirial import PROBES, configurational_temperatures
from physcheck.checks.sampling.langevin_series import langevin_series
from physcheck.checks.sampling.temperature_deviations import (
    Deviation,
    blown_up,
    deviation_of,
    measurement_of,
    proven,
    said_of,
    thinned_means,
    velocity_memory_fs,
    worst_of,
)
from physcheck.checks.sampling.trajectory import (
    Trajectory,
    groups_of,
    make_trajectory,
    shared_evaluations,
)
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.series import ReplicaMean, replica_mean
from physcheck.registry import Budget, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_equipartition", "measure_equipartition"]

_QUANTITY = "difference of kinetic temperature between species"
# What the series of Langevin baths takes.
_LANGEVIN: dict[Budget, int] = {"quick": 0, "standard": 0, "full": 30_000}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return PROBES * len(set(start.system.numbers.tolist())) + PROOF_EVALUATIONS + _LANGEVIN[budget]


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    if len(set(start.system.numbers.tolist())) < 2:
        return "a single species has nothing to be compared with"
    if start.n_atoms < 3:
        return (
            "two atoms without net momentum have the same kinetic temperature whatever the forces"
        )
    return None


@check(
    family="sampling",
    quantity=_QUANTITY,
    unit="%",
    needs={"forces"},
    kind="law",
    title="species differ in temperature under a common thermostat",
    causes="forces predicted directly, which heat the light and cool the heavy; a timestep too long",
    advice="don't use a global thermostat with these forces: sample with conservative ones, "
    "or correct them by multiple time stepping (mts_tandem); strong local baths hide "
    "the fault and slow diffusion",
    tolerances=Tolerances(
        screening=3.0,
        md=1.0,
        tight=0.3,
        reason="a species that is hot by 1 % is 3 K off at room temperature, about what a "
        "careful user sees and corrects for elsewhere; screening is where diffusion "
        "and structure visibly change, tight what a long run of a conservative model "
        "reaches",
        source="Bigi, Langer, Ceriotti, arXiv 2412.11569, table 3: T_H/T_O off by +36/-70 K "
        "(ORB), -4.4/+9.9 K (PET-NC), -0.4/+1.0 K (conservative) at 300 K",
    ),
    evaluations=_evaluations,
    options={budget: {"langevin_evaluations": n} for budget, n in _LANGEVIN.items()},
    shared=shared_evaluations,
    applies=_applies,
)
def measure_equipartition(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    tolerance: float | None = None,
    groups: Mapping[str, ArrayLike] | None = None,
    evaluations: int = 24_000,
    langevin_evaluations: int = 0,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Every species has the same kinetic temperature.

    T_s = 2 <K_s>/(kB n_s) with ``n_s = 3 sum over i in s of (1 - m_i/M)`` and velocities from the middle of BAOAB,
    which under a local bath are free of the timestep's bias. Under a global one stiff modes come to read (omega dt)²/4 too
    high once modes have mixed: half of that is taken off in liquids, and a FAIL has to hold with all of it and with none
    (:meth:`Trajectory.step_doubt`). A bath that rescales all velocities alike (SVR, 10 fs) can't hide that one species is fed
    by another; in systems that aren't periodic, where it would never reach rotation, Langevin (100 fs) takes its place.
    Judged is the largest difference between two groups, in percent of the bath's temperature.

    The error comes from blocks longer than the correlation time where the replicas' means scatter no more than
    these let expect, else (in crystals whose modes hardly mix) from the replicas, with Student's t for either.
    A FAIL needs three standard errors beyond the tolerance, and a chance of 1e-4 a record (over all pairs of
    groups) under the law, for which the replicas alone speak. Where the difference is beyond the tolerance only likely (a
    chance of 5 %), ``jacobian_asymmetry`` at the last snapshot is asked whether the forces have a potential at all; where they
    have none that chance is enough. A PASS counts the error twice below 50 independent values. Below 10, or with a single
    replica, the check is inconclusive, and so it is where a difference is still shrinking; it says what it needs. Heat that
    the structure itself gives off, settling from its start, is allowed for.

    Can't see: heat that flows into all species alike (the bath takes it: thermostat_heat, nve_drift), a wrong
    distribution of configurations at right temperatures. A local bath hides part of what it sees; how strong it has to be
    for that, temperatures under Langevin baths of several strengths tell (``langevin_K``, :mod:`physcheck.checks.sampling.langevin_series`).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
        Periodic and liquid-like at best; crystals exchange heat between modes slowly.
    trajectory : Trajectory
        One that is shared with other checks; else it is made here.
    tolerance : float, %
    groups : mapping of name to indices or mask
        Instead of the species.
    evaluations, replicas : int
        Of the trajectory, if it is made here; so are the following.
    langevin_evaluations : int
        For the series of Langevin baths of 1000, 100 and 10 fs; without, only the bath that warmed the trajectory is told of.
    temperature_K : float
    timestep_fs : float
        From the stiffest mode if left out.

    Raises
    ------
    CapabilityMissing
        Less than two groups, or two atoms alone.
    ValueError
        A group is empty or holds all atoms, two are the same, or an atom doesn't exist.
    ModelError, NonFiniteOutput

    Cost: at most ``evaluations`` for the trajectory, 32 for each species, 60 for the proof, and ``langevin_evaluations``.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, sec. 4.3; Leimkuhler, Matthews, J. Chem. Phys. 138, 174102 (2013).
    """
    meter = Meter(model)
    one = as_configurations(start)
    masks = groups_of(one.system, groups)
    if len(masks) < 2:
        raise CapabilityMissing("a single group has nothing to be compared with")
    target = default_tolerance("equipartition") if tolerance is None else tolerance
    if trajectory is None:
        trajectory = make_trajectory(
            meter, one, rng=rng, evaluations=evaluations, replicas=replicas,
            temperature_K=temperature_K, timestep_fs=timestep_fs,
        )  # fmt: skip
    if trajectory.blown_up:
        return blown_up(trajectory, meter)
    percent = 100 / trajectory.temperature_K
    series = {name: percent * trajectory.temperatures(mask) for name, mask in masks.items()}
    means = {
        name: replica_mean(percent * trajectory.readings(mask)) for name, mask in masks.items()
    }
    pairs: Mapping[tuple[str, str], Deviation] = {
        (a, b): deviation_of(
            series[a] - series[b],
            target,
            math.comb(len(series), 2),
            trajectory,
            float(min(masks[a].mean(), masks[b].mean())),
            percent * (trajectory.luck_of(masks[a]) - trajectory.luck_of(masks[b])),
            trajectory.step_doubt(masks[a]) - trajectory.step_doubt(masks[b]),
        )
        for a, b in combinations(series, 2)
    }
    pairs, proof = proven(pairs, target, meter, trajectory, rng, resolution)
    worst = worst_of(pairs)
    further = {
        "hypervirial_K": configurational_temperatures(meter, trajectory, rng),
        "langevin_K": langevin_series(meter, trajectory, masks, rng, langevin_evaluations),
        "jacobian_asymmetry": figures_of(proof),
    }
    evidence = _evidence(means, pairs[worst], worst, series, trajectory, further, said_of(proof))
    return measurement_of(pairs, worst, target, trajectory, meter, resolution, evidence)


def _evidence(
    means: Mapping[str, ReplicaMean],
    found: Deviation,
    worst: tuple[str, str],
    series: Mapping[str, Floats],
    trajectory: Trajectory,
    further: Mapping[str, Any],
    proven_by: str,
) -> dict[str, Any]:
    kelvin = trajectory.temperature_K / 100
    listed = ", ".join(
        f"{name} {m.value * kelvin:.1f} ± {m.error * kelvin:.1f} K" for name, m in means.items()
    )
    step = trajectory.timestep_fs
    size = abs(found.mean.value) * kelvin
    return {
        "place": f"{worst[0]} against {worst[1]}: {listed}{proven_by}",
        "scale": f"{size:.2g} K at {trajectory.temperature_K:g} K, under "
        f"{type(trajectory.bath).__name__}",
        "quantities": {
            "temperatures_K": {name: m.value * kelvin for name, m in means.items()},
            "temperature_errors_K": {name: m.error * kelvin for name, m in means.items()},
            "correlation_times_fs": {n: m.inefficiency * step / 2 for n, m in means.items()},
            "independent_values": {name: m.independent for name, m in means.items()},
            "halves_percent": list(found.halves),
            "timestep_doubt_percent": found.doubt,
            "relaxing": found.relaxing,
            "error_dof": found.mean.dof,
            "replica_dispersion": found.mean.dispersion,
            "velocity_correlation_fs": velocity_memory_fs(trajectory),
            "trajectory": trajectory.facts(),
            **further,
        },
        "series": thinned_means(series, trajectory, kelvin),
    }


assert_equipartition = derive_assert(measure_equipartition)
