"""Are the forces the gradient of the energy wherever heat takes the atoms?

Where they are, the laws of sampling follow from it: the canonical distribution is stationary under
the forces of any energy, so that species have one temperature, kinetic energies are Maxwell's, the
bath gets no heat for good, and energies at two temperatures differ as one energy's ensembles must.
A few hundred evaluations then say more than a trajectory of a million, whose statistics see
percents.

How it is measured.  Replicas run from one start with velocities of their own, without a bath.  On
the way, at a place x of each replica, along a random direction u of the 3N coordinates,

    g(h) = [E(x + h u) - E(x - h u)]/2h + u.[F(x - h u) + 4 F(x) + F(x + h u)]/6

is F + dE/dx along u but for an error of h^4 (Simpson).  Of g at h, 2h and 4h, r(h) = (16 g(h) -
g(2h))/15 and r(2h) are free of that; r(h) is taken, and all of its difference from r(2h), which is
some 64 times its error, counts as error.  At the first place of each replica h is halved four times
more; the h at which |r| and its error are least in all is taken for the other places: noise that is
known to be small only from its upper limit would ask for pieces that are too long where energies
bend (rms 4e-4 eV/Å in place of 1e-9 on a network of water).  The mean of g² over directions is
|F + dE/dx|²/3N.  Whatever is left of it may push each atom along its velocity, and the heat may
stay where it was put for 100 ps: that bounds every deviation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.units import fs, kB

from physcheck.checks.dynamics.replicas import blown_up, launch_thermal
from physcheck.dynamics.preparation import (
    RELAXED_START_EVALUATIONS,
)
from physcheck.measurement import LOOK_CLOSER, Measurement
from physcheck.model import Meter, Model
from physcheck.numerics.quantiles import FALSE_PASS
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.text.numbers import figure

__all__ = [
    "GRADIENT_EVALUATIONS",
    "HEAT_STAYS_PS",
    "LENGTHS",
    "PILOT_LENGTHS",
    "GradientForces",
    "least_share",
    "longest_unit",
    "measure_by_gradient",
    "measure_gradient_forces",
    "richardson_gaps",
]

# Replicas, steps between two places, and places of each.
_REPLICAS, _STRIDE, _PLACES = 6, 12, 4
# Advance of the fastest mode in a step, rad: 12 steps are half a period of it, so that the places
# of a replica are independent of one another.
_PHASE = 0.25
# Range of the shortest half length of a piece, rms of a coordinate, Å: short where switching
# functions end, long where rounding of the energies asks for it; and what that may do to a gap,
# eV/Å.
_STEPS = (1e-4, 4e-3)
_FINE = 1e-10
#: Half lengths in units of that; each costs two evaluations, and the middle one.
LENGTHS = (1.0, 2.0, 4.0)
#: At the first place, those that show which unit is best.
PILOT_LENGTHS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, *LENGTHS)
# Richardson's weights for an error of the fourth order.
_ORDER = 16.0
#: How long heat is taken to stay where it was put, ps: 80 times what it takes in water (1.2 ps),
#: and longer than soft modes of small crystals keep it.
HEAT_STAYS_PS = 100.0

# A gap so many times what rounding and steps make is one of the forces.
_WELL_ABOVE = 10.0
# Why there is no detection limit.
_ONLY_PASSES = (
    "a bound that follows from forces being the gradient of the energy passes or leaves the law "
    "open, for a trajectory to judge"
)

#: What :func:`measure_gradient_forces` costs at most.
GRADIENT_EVALUATIONS = (
    RELAXED_START_EVALUATIONS
    + _REPLICAS * (_STRIDE * _PLACES + 1)
    + _REPLICAS * (2 * len(PILOT_LENGTHS) + 1)
    + _REPLICAS * (_PLACES - 1) * (2 * len(LENGTHS) + 1)
)


@dataclass(frozen=True, slots=True, eq=False)
class GradientForces:
    """What F + dE/dx comes to on thermal configurations.

    Attributes
    ----------
    start : Configurations with B = 1
    places : Configurations
        Where it was measured.
    gap : float, eV/Å
        rms over directions and places of F + dE/dx along a unit direction.
    most : float, eV/Å
        What that is at most, 97.5 % sure.
    error : float, eV/Å
        rms of what the steps may do to it, which kinks of the surface make large.
    noise : float, eV/Å
        The standard deviation that the model's rounding gives it.
    temperature_K : float
    nothing : str
        Why nothing was measured; empty otherwise.
    """

    start: Configurations
    places: Configurations
    gap: float
    most: float
    error: float
    noise: float
    temperature_K: float  # noqa: N815
    nothing: str = ""

    @property
    def by_noise(self) -> bool:
        """Whether rounding makes most of the gap."""
        return self.noise > 0.5 * self.gap

    @property
    def by_steps(self) -> bool:
        """Whether the steps make most of the gap."""
        return self.error > 0.5 * self.gap

    @property
    def is_certain(self) -> bool:
        """Whether rounding and steps make less than a tenth of the gap: so far above what they do
        that other random numbers of a model that scatters would say the same.
        """
        return not self.nothing and self.gap > _WELL_ABOVE * (self.error + self.noise)

    def power(self, masses: Floats) -> float:
        """The most that atoms of these masses can get on average, eV/ps an atom.

        All of the gap, 3N components of it, pushes them alone, along their thermal velocities.
        """
        whole = math.sqrt(3 * self.start.n_atoms) * self.most
        speed = math.sqrt(3 * kB * self.temperature_K * float(np.sum(1 / masses)))
        return whole * speed * 1e3 * fs / len(masses)

    def hotter_by(self, masses: Floats) -> float:
        """By how much atoms of these masses can be hotter or colder than the bath, percent.

        P t/(1.5 kB T), with heat that stays for t = 100 ps.
        """
        kelvin = self.power(masses) * HEAT_STAYS_PS / (1.5 * kB)
        return 100 * kelvin / self.temperature_K


def measure_gradient_forces(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    temperature_K: float = 300.0,
) -> GradientForces:
    """How far forces are from the gradient of the energy at 24 thermal configurations.

    Can't see: what is rarer than one configuration in ten or so; gaps beyond the 0.3 ps or less
    that the replicas run.

    Parameters
    ----------
    start : ase.Atoms or Configurations with B = 1
    temperature_K : float
        Velocities are drawn at twice that, as half goes to potential energy.

    Raises
    ------
    CapabilityMissing
        No energy.
    ModelError, NonFiniteOutput

    Cost: 528 evaluations at most (GRADIENT_EVALUATIONS).
    """
    meter, one = Meter(model), as_configurations(start)
    relaxed, simulation = launch_thermal(meter, one, _REPLICAS, temperature_K, _PHASE, rng)
    length = longest_unit(resolution, relaxed)
    places, gaps = list[Floats](), list[Floats]()
    for _ in range(_PLACES):
        if blown_up(simulation, _STRIDE) is not None:
            break
        places.append(simulation.positions.copy())
        lengths = LENGTHS if gaps else PILOT_LENGTHS
        found = _gaps(meter, relaxed, places[-1], length, lengths, rng)
        best = int(np.argmin([_size(*one.T) for one in found]))
        length *= lengths[best]
        gaps.append(found[best])
    if not gaps:
        nothing = "a replica ran away at once (nve_drift judges that)"
        return GradientForces(relaxed, relaxed, 0.0, math.inf, 0.0, 0.0, temperature_K, nothing)
    fine, error = np.concatenate(gaps).T
    whole = _size(fine, error)  # an upper limit of the noise, as the resolution's own is
    return GradientForces(
        start=relaxed,
        places=relaxed.at(np.concatenate(places)),
        gap=_size(fine),
        most=whole / least_share(len(fine)),
        error=_size(error),
        noise=min(_noise(resolution, length), whole),
        temperature_K=temperature_K,
        nothing="" if resolution is None else resolution.rigid_reason,
    )


def _gaps(
    meter: Meter,
    one: Configurations,
    places: Floats,
    unit: float,
    lengths: Sequence[float],
    rng: np.random.Generator,
) -> Floats:
    """F + dE/dx along a random unit direction at each place, and what steps do to it.

    (K - 2, B, 2) for K half lengths, each twice the one before, in a unit of Å: what the first of
    three says, the second of three, and so on.
    """
    count, points = len(places), 2 * len(lengths)
    direction = rng.standard_normal(places.shape)
    direction /= np.sqrt((direction**2).sum(axis=(1, 2), keepdims=True))
    halves = unit * np.array(lengths)
    moves = np.concatenate([sign * half * direction for half in halves for sign in (-1, 1)])
    there = one.at(np.concatenate([places] * points) + moves)
    answer = meter.evaluate(there, want={"forces", "energy"})
    energies = answer.require_energy().reshape(points, count)
    forces = answer.require_forces().reshape(points, *places.shape)
    along = np.einsum("kbni,bni->kb", forces, direction)
    middle = np.einsum("bni,bni->b", meter.evaluate(one.at(places)).require_forces(), direction)
    change = (energies[1::2] - energies[::2]) / (2 * halves[:, None])
    return richardson_gaps(change, along[::2] + along[1::2], middle)


def richardson_gaps(change: Floats, ends: Floats, middle: Floats) -> Floats:
    """(K - 2, B, 2) gaps and what steps do to them.

    Parameters
    ----------
    change, ends : (K, B)
        Slope of the energy between both ends, and the sum of the forces there along the direction,
        for K half lengths, each twice the one before.
    middle : (B,)
        Force in the middle.
    """
    simpson = change + (ends + 4 * middle) / 6
    better = (_ORDER * simpson[:-1] - simpson[1:]) / (_ORDER - 1)
    gaps: Floats = np.stack([better[:-1], np.abs(np.diff(better, axis=0))], axis=2)
    return gaps


def _size(gaps: Floats, errors: Floats | float = 0.0) -> float:
    """rms of gaps whose errors all count as gaps, eV/Å."""
    return float(np.sqrt(np.mean((np.abs(gaps) + errors) ** 2)))


def longest_unit(resolution: Resolution | None, one: Configurations) -> float:
    """The half length along a unit direction, Å, that the energy's noise asks for at most."""
    root = math.sqrt(one.n_coordinates)
    energy = 0.0 if resolution is None else resolution.energy_noise or 0.0
    # A difference of two energies: sqrt(2) times the noise of one, over twice the half length.
    return root * min(max(energy / (math.sqrt(2) * root * _FINE), _STEPS[0]), _STEPS[1])


def _noise(resolution: Resolution | None, length: float) -> float:
    """What rounding does to a gap at a half length, eV/Å."""
    if resolution is None:
        return 0.0
    energy = (resolution.energy_noise or 0.0) / (math.sqrt(2) * length)
    return math.hypot(energy, resolution.force_noise)


def least_share(count: int) -> float:
    """rms of ``count`` normal values over its expectation, in all but 2.5 % of cases at least."""
    from scipy.special import chdtri

    return math.sqrt(float(chdtri(count, 1 - FALSE_PASS)) / count)


def measure_by_gradient(found: GradientForces, most: float) -> Measurement:
    """The measurement of a law that follows where forces are the gradient of the energy.

    Its interval ends at what the gap allows at most: it can pass, but not fail.

    Parameters
    ----------
    most : float
        The largest deviation that the gap allows, in the check's unit.
    """
    by_noise = found.by_noise
    cause = "rounding" if by_noise else "truncation" if found.by_steps else "sampling"
    return Measurement(
        value=0.0,
        uncertainty=most,
        uncertainty_components={cause: most},
        interval=(0.0, most),
        detection_limit=None,
        limit_unknown=_ONLY_PASSES,
        noise_floor=most if by_noise else None,
        force_evaluations=0,
        nothing_tested=found.nothing,
        resolve="" if by_noise else f"a trajectory would tell: {LOOK_CLOSER}",
        bound_by=f"forces are the gradient of the energy within {figure(found.most, 'eV/Å')} at "
        f"{len(found.places)} thermal configurations",
        evidence={
            "scale": "measured without a trajectory: the law holds exactly for the forces of any "
            "energy",
            "quantities": {
                "force_energy_gap_eV_per_A": found.gap,
                "force_energy_gap_at_most_eV_per_A": found.most,
                "noise_eV_per_A": found.noise,
                "thermal_configurations": len(found.places),
                "heat_stays_ps": HEAT_STAYS_PS,
            },
        },
    )
