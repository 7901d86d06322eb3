"""Whether a piston's energy is kept follows from the gradient of the energy, cell included.

Forces are held against the energy at thermal configurations by
:mod:`physcheck.checks.dynamics.gradient_forces`.  Here the same is asked with the cell: at places
from there, scaled as heat scales the cell, along ``u = (random direction of the atoms, scale of the
cell)``; see :func:`physcheck.dynamics.constant_pressure.generalised_forces`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from physcheck.checks.dynamics.gradient_forces import (
    LENGTHS,
    PILOT_LENGTHS,
    GradientForces,
    least_share,
    longest_unit,
    measure_by_gradient,
    richardson_gaps,
)
from physcheck.checks.dynamics.nph_runs import PISTON_EVALUATIONS, fitted_piston
from physcheck.checks.dynamics.nve_runs import PER_PS
from physcheck.dynamics.constant_pressure import Piston, generalised_forces, scaled
from physcheck.dynamics.preparation import (
    fastest_frequency,
    stable_timestep_fs,
    thermal_timestep_fs,
)
from physcheck.measurement import Measurement
from physcheck.model import Meter
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats
from physcheck.text.numbers import figure

__all__ = ["BY_GRADIENT_EVALUATIONS", "measure_nph_by_gradient"]

# Places; each costs two evaluations a half length, and one in the middle.
_PLACES, _PROBES = 12, 6
#: What :func:`measure_nph_by_gradient` costs.
BY_GRADIENT_EVALUATIONS = (
    _PLACES * (2 * len(LENGTHS) + 1)
    + 2 * (len(PILOT_LENGTHS) - len(LENGTHS))
    + PISTON_EVALUATIONS
    + _PROBES
    + 1
)


def measure_nph_by_gradient(
    meter: Meter,
    gradient: GradientForces,
    rng: np.random.Generator,
    resolution: Resolution | None,
    phase: float,
) -> Measurement:
    """What a gap between energy and forces, or energy and stress, can heat at most.

    All of the forces' gap pushes the atoms along their thermal velocities, and all of the stress'
    gap the piston along its own.  ``phase`` is the advance of the fastest mode in a step, rad.

    Cost: 102 evaluations.
    """
    start, kelvin = gradient.start, gradient.temperature_K
    if gradient.nothing:
        return measure_by_gradient(gradient, math.inf)
    frequency = fastest_frequency(meter, start, rng, products=_PROBES)
    timestep_fs = min(
        stable_timestep_fs(frequency, phase), thermal_timestep_fs(start.system, 2 * kelvin)
    )
    piston = fitted_piston(meter, start, timestep_fs, kelvin)
    length = longest_unit(resolution, start)
    rows = np.linspace(0, len(gradient.places) - 1, min(_PLACES, len(gradient.places))).astype(int)
    scales = piston.thermal_scale(2 * kelvin) * rng.standard_normal(len(rows))
    # A change of all lengths by this share of a step moves neighbours as far as an atom moves.
    apart = (float(start.volumes()[0]) / start.n_atoms) ** (1 / 3)
    ratio = 1 / (math.sqrt(start.n_coordinates) * apart)
    gaps: list[Floats] = []
    for row, scale in zip(rows, scales, strict=True):
        lengths = length * np.array(LENGTHS if gaps else PILOT_LENGTHS)
        direction = rng.standard_normal(start.n_coordinates)
        direction /= float(np.linalg.norm(direction))
        along = np.append(direction, ratio * rng.choice([-1.0, 1.0]))
        middle = np.append(gradient.places.positions[row].ravel(), scale)
        tried = _gaps(meter, start, middle, along, lengths, piston.piston)
        best = int(np.argmin(np.abs(tried).sum(axis=1)))
        length = float(lengths[best])
        gaps.append(tried[best])
    fine, error = np.array(gaps).T
    most = math.sqrt(float(np.mean((np.abs(fine) + error) ** 2))) / least_share(len(fine))
    masses = start.system.masses
    atoms = replace(gradient, most=max(gradient.most, most)).power(masses)
    rate = piston.thermal_rate(2 * kelvin) * PER_PS
    cell = most / ratio * rate / start.n_atoms
    found = measure_by_gradient(gradient, atoms + cell)
    quantities = {
        **found.evidence["quantities"],
        "stress_gap_at_most_eV": most / ratio,
        "piston_period_fs": piston.period_fs,
        "thermal_scale": piston.thermal_scale(kelvin),
    }
    return replace(
        found,
        force_evaluations=meter.evaluations,
        bound_by=f"{found.bound_by}, and -V tr(stress) that by the logarithm of lengths within "
        f"{figure(most / ratio, 'eV')} at {len(rows)} of them",
        evidence={**found.evidence, "quantities": quantities},
    )


def _gaps(
    meter: Meter,
    start: Configurations,
    middle: Floats,
    along: Floats,
    lengths: Floats,
    piston: Piston,
) -> Floats:
    """(K - 2, 2) force and slope of H along u, added, eV/Å, and what steps do to it."""
    moves = np.concatenate([[0.0], lengths, -lengths])
    places = middle + np.outer(moves, along)
    there = scaled(start, places)
    answer = meter.evaluate(there, want=frozenset({"energy", "forces", "stress"}))
    pushed = (
        along
        @ generalised_forces(
            start, places, answer.require_forces(), answer.require_stress(), piston
        ).T
    )
    potential = answer.require_energy() + piston.energies(there.volumes(), places[:, -1])
    count = len(lengths)
    ahead, behind = slice(1, count + 1), slice(count + 1, None)
    change = (potential[ahead] - potential[behind]) / (2 * lengths)
    ends = pushed[ahead] + pushed[behind]
    gaps: Floats = richardson_gaps(change[:, None], ends[:, None], pushed[:1])[:, 0]
    return gaps
