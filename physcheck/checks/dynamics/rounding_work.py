"""The work that rounding does on a system in motion, held against the same weights in float64.

A float32 network whose float64 twin's forces are the gradient of its energy can heat or cool by its
rounding alone.  On energies of float32 that can't be seen within a minute: their grain hides it.
But the twin's energy along the float32 trajectory changes at the rate

    d(E64 + K)/dt = (F64 + dE64/dx).v + (F32 - F64).v

exactly.  The first term is bounded by :mod:`physcheck.checks.dynamics.gradient_forces`; the second
is a product of two forces at one place, which takes one evaluation of each model, and no energy.

Rounding is as good as random from step to step (its autocorrelation is zero at the first step on
networks of ethanol and water): its work is a random walk, and its mean over n steps falls as
1/sqrt(n).  Replicas are the unit of the error, so that a part that lasts counts in full.  What such
a part would come to later, when velocities have followed it, is bounded by linear response: of a
force of position alone, which keeps volumes of phase space, the mean work is beta/2 times its
variance, and grows at most at

    N p^2 t/(kB T)   eV/atom/ps,   p the rms of the replicas' mean powers, t = 100 ps.

Source: Bochkov and Kuzovlev, Sov. Phys. JETP 45, 125 (1977): <exp(-beta W)> = 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from ase.units import fs, kB

from physcheck.checks.dynamics.gradient_forces import HEAT_STAYS_PS
from physcheck.checks.dynamics.replicas import blown_up, launch_thermal
from physcheck.dynamics.preparation import (
    RELAXED_START_EVALUATIONS,
)
from physcheck.model import Meter
from physcheck.numerics.quantiles import FALSE_PASS
from physcheck.numerics.sequential import student_half_width
from physcheck.system import Configurations, Floats

__all__ = ["ROUNDING_EVALUATIONS", "RoundingWork", "measure_rounding_work"]

# Replicas and steps: the mean of so many powers is known to 4e-7 eV/atom/ps where one is 1e-5.
_REPLICAS, _STEPS = 8, 96
# Steps before, a period of the fastest mode: from a relaxed start a difference that is a gradient
# (constants rounded once) does work of one sign while atoms leave it.
_BEFORE = 24
# Advance of the fastest mode in a step, rad, as the replicas of the gradient's bound.
_PHASE = 0.25

#: What :func:`measure_rounding_work` costs at most, of both models in all.
ROUNDING_EVALUATIONS = RELAXED_START_EVALUATIONS + _REPLICAS * (_BEFORE + 2 * _STEPS + 1)


@dataclass(frozen=True, slots=True, eq=False)
class RoundingWork:
    """Powers of the difference of two precisions' forces along trajectories of the lower one.

    Attributes
    ----------
    powers : (T, B) float, eV/atom/ps
        ``(F32 - F64).v/N`` at each step of each replica; empty where a replica ran away.
    n_atoms : int
    temperature_K : float
    """

    powers: Floats
    n_atoms: int
    temperature_K: float  # noqa: N815

    @property
    def n_replicas(self) -> int:
        """How many trajectories there are."""
        return int(self.powers.shape[1])

    @property
    def mean(self) -> float:
        """The mean power, eV/atom/ps."""
        return float(self.powers.mean()) if self.powers.size else math.inf

    @property
    def most(self) -> float:
        """What rounding heats or cools by at most, eV/atom/ps, 97.5 % sure."""
        if not self.powers.size:
            return math.inf
        rates = self.powers.mean(axis=0)
        lasting = self.n_atoms * float(np.mean(rates**2)) * HEAT_STAYS_PS
        lasting /= kB * self.temperature_K
        return abs(self.mean) + student_half_width(rates, 2 * FALSE_PASS) + lasting

    def figures(self) -> dict[str, float]:
        """For a record's quantities."""
        return {
            "rounding_work_eV_per_atom_per_ps": self.mean,
            "rounding_work_at_most_eV_per_atom_per_ps": self.most,
            "rounding_work_of_a_step_eV_per_atom_per_ps": float(np.std(self.powers)),
        }


def measure_rounding_work(
    model: Meter,
    finer: Meter,
    start: Configurations,
    *,
    rng: np.random.Generator,
    temperature_K: float = 300.0,
) -> RoundingWork:
    """The work of a model's rounding along eight trajectories of its own.

    Can't see: rounding at other configurations than those of the 0.03 ps or so.

    Parameters
    ----------
    model, finer : Meter
        The same weights in two precisions.
    start : Configurations with B = 1
    temperature_K : float
        Velocities are drawn at twice that, as half goes to potential energy.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 1,754 evaluations at most (ROUNDING_EVALUATIONS), 768 of them of the finer model.
    """
    relaxed, simulation = launch_thermal(model, start, _REPLICAS, temperature_K, _PHASE, rng)
    powers = []
    for step in range(_BEFORE + _STEPS):
        if blown_up(simulation, 1) is not None:
            return RoundingWork(np.empty((0, _REPLICAS)), start.n_atoms, temperature_K)
        if step < _BEFORE:
            continue
        there = relaxed.at(simulation.positions)
        # A net force does no work: the centre of mass keeps still.
        rounding = simulation.forces - finer.evaluate(there).require_forces()
        powers.append(np.einsum("bna,bna->b", rounding, simulation.velocities))
    per_ps = 1e3 * fs / start.n_atoms
    return RoundingWork(per_ps * np.array(powers), start.n_atoms, temperature_K)
