"""Forces along a smooth path are smooth enough for an integrator.

How it is measured.  Velocity Verlet takes the forces at the ends of each step for those within: it
errs in their work by the difference between the trapezoid rule and the integral.  On a smooth path
that error comes and goes.  Kinks make it random: what step they fall into, and where, differs from
crossing to crossing.  A force along the motion whose slope jumps by K (eV/Å²) is crossed at speed v
with an error of ``K v² dt² s(1 - s)/2``, s uniform within the step: in mean what the shadow energy
(Hairer, Lubich, Wanner) accounts for, and at random by ``K v² dt²/sqrt(720)``; one whose value
jumps by D, by ``D v dt/sqrt(12)``.

In general the trapezoid rule aliases harmonics of the step's frequency to zero frequency.  With
g(t) = F.v along the motion, and S its power spectral density, the error's variance grows by

    d<W²>/dt = sum over j != 0 of S(j/dt),

which is D²v²dt²/12 and K²v⁴dt⁴/720 a crossing.  Since velocity Verlet keeps volumes of phase space,
energy that diffuses flows in, as in linear response (Bochkov and Kuzovlev 1977):

    P = d<W²>/dt / (2 N kB T).

So all atoms go round circles of mass-weighted space, at the speed that heat gives them, two points
a timestep; S at the step's frequency comes from harmonics of 2/3 of it and more, as kinks make them
fall (k^-4 in power).  Jumps (k^-2) heat 1.7 times as much as this says, and jumps of the second
derivative (k^-6) 1.6 times less: the interval is wider by that.

How sure.  Where circles meet many kinks, their harmonics are Gaussian, and the mean over circles
scatters as chi-squared, or by what the circles themselves scatter where that is more.  Where a few
meet a rare kink, nothing is known about how rare: the lower end is at most what three quarters of
the circles show, and zero for a single one.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from ase.units import fs, kB

from physcheck.checks.consequences import CROSSING_TEMPERATURE, usual_timestep_fs
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import MISSED
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS, noise_rms_quantile
from physcheck.probes.loops import Circle, thermal_circles
from physcheck.probes.transformations import rattled
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution, visit
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.text.numbers import figure
from physcheck.tolerances import Tolerances

__all__ = ["assert_path_smoothness", "measure_path_smoothness"]

# Points of a circle, two a timestep; the harmonic that goes round once a step, and the first that
# counts: below it smooth forces have some.
_POINTS = 24
_OF_A_STEP, _FIRST = 12, 8
# Values behind one circle's mean: real and imaginary parts of four harmonics, and the highest.
_VALUES = 9
# By how much kinks of another order heat more, or less, than those of the first derivative.
_OTHER_ORDERS = 1.7
# What this share of the circles shows, at least, is no rare kink.
_MOST_SHOW = 0.75
# rms displacement of a circle's centre, Å, as in thermal motion: each sees another place.
_RATTLE = 0.05
_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"loops": 1},
    "standard": {"loops": 8},
    "full": {"loops": 24},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return int(_OPTIONS[budget]["loops"] * _POINTS)


@check(
    family="smoothness",
    quantity="heating by rough forces at a usual timestep",
    unit="eV/atom/ps",
    needs={"forces"},
    kind="practice",
    title="rough forces heat simulations at a usual timestep",
    causes="kinks of activation or cutoff functions; jumps at neighbour-list changes; noise",
    advice="use smoother activations and cutoff functions; until then a shorter timestep: of kinks "
    "half of it leaves a 16th of the heat, of jumps a quarter",
    failure=Failure(
        short_title="rough forces",
        meaning="Forces are so rough that simulations at a usual timestep heat. They need shorter "
        "ones, and finite differences (phonons, elastic constants) are noisy.",
    ),
    tolerances=Tolerances(
        screening=2.6e-4,
        md=2.6e-6,
        tight=2.6e-8,
        reason="what nve_drift accepts, since it is the same heat: screening 1 K/ps, md 10 K/ns, "
        "tight 0.1 K/ns, K/ps = P/(3 kB)",
        source="as for nve_drift; variance of the trapezoid rule's error at kinks, and linear "
        "response (see the module), held against velocity Verlet in tests",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
)
def measure_path_smoothness(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    loops: int = 2,
) -> Measurement:
    """Forces along a smooth path are smooth enough for an integrator.

    All atoms go round circles at thermal speed (300 K), in 24 points a circle, two a timestep (0.5
    fs with hydrogen, 1 fs from carbon on), each about another place 0.05 Å aside. From the last
    harmonics of F.v follows the heat that velocity Verlet makes of kinks and jumps,

        P = d<W²>/dt / (2 N kB T),  d<W²>/dt = sum over j != 0 of S(j/dt),

    the mean over the circles, eV/atom/ps; in kelvin P/(3 kB). See the module for the derivation.

    One circle alone is never called FAIL, since it can't tell a rare kink from many.

    Can't see: kinks that fewer than one circle in ``loops`` meets (``cutoff_smoothness`` looks for
    jumps at cutoffs); heat at another timestep (of kinks it grows as its fourth power).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 24 evaluations a circle.

    Source: Hairer, Lubich, Wanner, Geometric Numerical Integration, 2nd ed., section IX; Toxvaerd,
    Dyre, J. Chem. Phys. 134, 081102 (2011), on forces that jump at a cutoff; Bochkov, Kuzovlev,
    Sov. Phys. JETP 45, 125 (1977).
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    step = usual_timestep_fs(one.system.masses) * fs
    # One turn takes as many timesteps as there are harmonics up to that of a step.
    speed = 2 * math.pi / (_OF_A_STEP * step)
    displacement = math.sqrt(kB * CROSSING_TEMPERATURE) / speed
    circles = thermal_circles(one.system.masses, loops, displacement, rng)
    found = [_measure(meter, one, circle, speed, rng, resolution) for circle in circles]
    target = default_tolerance("path_smoothness") if tolerance is None else tolerance
    noise = _heat_of_noise(one, resolution.force_noise, step)
    return _report(meter, one, circles, found, target, noise, resolution)


def _measure(
    meter: Meter,
    one: Configurations,
    circle: Circle,
    speed: float,
    rng: np.random.Generator,
    resolution: Resolution,
) -> tuple[float, Floats]:
    """The heat of a circle, eV/atom/ps, and the spectrum of its forces."""
    centre = rattled(one, _RATTLE, rng).positions[0]
    positions, tangents = circle.path(centre, _POINTS)
    answer = visit(
        meter,
        one.at(positions),
        want=frozenset({"forces"}),
        rng=rng,
        fresh=resolution.needs_fresh,
    )
    forces = answer.require_forces()
    power = speed * np.einsum("tna,tna->t", forces, tangents)
    growth = _variance_growth(power, 2 * math.pi / speed)
    return growth * _per_atom(one), _spectrum(forces)


def _per_atom(one: Configurations) -> float:
    """From d<W²>/dt, eV² in ASE's time, to heat in eV/atom/ps."""
    return 1e3 * fs / (2 * kB * CROSSING_TEMPERATURE * one.n_atoms)


def _variance_growth(power: Floats, period: float) -> float:
    """d<W²>/dt of the trapezoid rule at two points a step, from F.v (24,) round a circle."""
    found = np.abs(np.fft.rfft(power) / _POINTS) ** 2
    orders = np.arange(_FIRST, _OF_A_STEP + 1)
    # Of harmonics c/k^2 the points see those that differ by their number as one.
    aliases = orders + _POINTS * np.arange(-20, 21)[:, None]
    strength = float(np.mean(found[orders] / np.sum(1.0 / aliases**4, axis=0)))
    # The harmonics of the step's frequency, on both sides of zero: zeta(4).
    return 2 * period * strength * (math.pi**4 / 90) / _OF_A_STEP**4


def _heat_of_noise(one: Configurations, force_noise: float, step: float) -> float:
    """What independent noise of each force component would give, eV/atom/ps."""
    # White noise of F.v, of variance sigma² sum v², is taken for the end of a k^-4 spectrum.
    variance = force_noise**2 * float(np.sum(3 * kB * CROSSING_TEMPERATURE / one.system.masses))
    rng = np.random.default_rng(0)
    draws = [_variance_growth(rng.standard_normal(_POINTS), _OF_A_STEP * step) for _ in range(64)]
    return variance * float(np.mean(draws)) * _per_atom(one)


def _least(heats: Floats) -> Floats:
    """(...) the lower end for heats (..., n): 1e-4 for dense kinks, none for rare ones."""
    from scipy.special import chdtri

    count = heats.shape[-1]
    mean = heats.mean(axis=-1)
    if count == 1:
        return np.zeros(mean.shape)
    spread = heats.var(axis=-1, ddof=1)
    by_scatter = 2 * count * mean**2 / np.maximum(spread, 1e-300)
    dof = np.clip(by_scatter, 1.0, _VALUES * count)
    shown = np.sort(heats, axis=-1)[..., count - math.ceil(_MOST_SHOW * count)]
    low: Floats = np.minimum(mean * dof / chdtri(dof, FALSE_FAIL), shown) / _OTHER_ORDERS
    return low


@cache
def _resolved(count: int) -> float:
    """The lower end over the true mean that dense kinks give in 95 % of so many circles."""
    draws = np.random.default_rng(0).chisquare(_VALUES, (2000, count)) / _VALUES
    return float(np.quantile(_least(draws), MISSED))


def _report(
    meter: Meter,
    one: Configurations,
    circles: list[Circle],
    found: list[tuple[float, Floats]],
    target: float,
    noise: float,
    resolution: Resolution,
) -> Measurement:
    from scipy.special import chdtri

    heats = np.array([heat for heat, _ in found])
    count, worst = len(heats), int(np.argmax(heats))
    allowed = noise * noise_rms_quantile(_VALUES, resolution.dof) ** 2
    mean = float(heats.mean())
    # Of dense kinks harmonics are Gaussian.
    dof = _VALUES * count
    high = _OTHER_ORDERS * mean * dof / float(chdtri(dof, 1 - FALSE_PASS))
    low = float(_least(np.maximum(heats - allowed, 0.0)))
    scatter = mean * math.sqrt(2 / dof)
    truncation = mean * (1 - 1 / _OTHER_ORDERS)
    return Measurement(
        value=mean,
        uncertainty=math.hypot(scatter, truncation),
        uncertainty_components={"sampling": scatter, "truncation": truncation, "rounding": noise},
        interval=(low, high),
        detection_limit=target / _resolved(count) + allowed if count > 1 else None,
        limit_unknown="" if count > 1 else "one circle can't tell a rare kink from many",
        noise_floor=allowed,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence=_evidence(one, circles, heats, found[worst][1], target, worst),
    )


def _evidence(
    one: Configurations,
    circles: list[Circle],
    heats: Floats,
    spectrum: Floats,
    target: float,
    worst: int,
) -> dict[str, Any]:
    mean = float(heats.mean())
    timestep_fs = usual_timestep_fs(one.system.masses)
    of_a_step = math.sqrt(2 * kB * CROSSING_TEMPERATURE * one.n_atoms * mean * 1e-3 * timestep_fs)
    tail = math.sqrt(float(np.mean(spectrum[_FIRST:_OF_A_STEP] ** 2)))
    worst_heat = float(heats[worst])
    roughness = tail / float(spectrum[1]) if spectrum[1] > 0 else 0.0
    return {
        "place": f"{circles[worst].label}, heating of {figure(1e3 * mean / (3 * kB), 'K/ns')} at "
        f"{timestep_fs:.2g} fs",
        "scale": f"velocity Verlet errs by {figure(1e3 * of_a_step, 'meV')} a step at random (kT "
        f"is {1e3 * kB * CROSSING_TEMPERATURE:.0f} meV)",
        "quantities": {
            "loops": len(circles),
            "timestep_fs": timestep_fs,
            "heating_K_per_ps": mean / (3 * kB),
            "energy_of_a_step_eV": of_a_step,
            "heat_of_circles_eV_per_atom_per_ps": heats.tolist(),
            "roughness": roughness,
            "spectrum_eV_per_A": spectrum.tolist(),
            "tail_accepted_eV_per_A": tail * math.sqrt(target / worst_heat) if worst_heat else None,
        },
        "configurations": one,
        "plane": [circles[worst].u, circles[worst].v],
    }


def _spectrum(forces: Floats) -> Floats:
    """(n/2 + 1,) |c_k| of forces (n, N, 3), pooled over components, eV/Å."""
    n = len(forces)
    c = np.fft.rfft(forces.reshape(n, -1), axis=0) / n
    return np.asarray(np.linalg.norm(c, axis=1))


assert_path_smoothness = derive_assert(measure_path_smoothness)
