"""The energy that a relaxation releases, held against the work on its way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

# Its tolerance says where relaxations stop.
from physcheck.checks.relaxation import relaxation_convergence as relaxation_convergence
from physcheck.measurement import Measurement
from physcheck.model import Meter
from physcheck.numerics.detection import limit_of_difference
from physcheck.numerics.quantiles import FALSE_FAIL, noise_rms_quantile
from physcheck.registry import default_tolerance
from physcheck.relaxation.coordinates import AtomsAndCell, AtomsOnly, Coordinates
from physcheck.relaxation.noise_floor import achievable_fmax
from physcheck.relaxation.optimisers import Path, relax
from physcheck.relaxation.path_work import PathIntegral, PathWork
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats
from physcheck.text.numbers import figure
from physcheck.text.phrases import count

__all__ = ["Descent", "descend", "descent_measurement", "goal_of"]

# Share of the tolerance that the errors of the pieces' rules may come to, before the noise is
# added.
_ACCURACY = 0.1
# How far from each other forces act that add up to a virial, Å: what turns their noise into that of
# a stress.
_VIRIAL_ARM = 10.0


# Relaxations go on to this share of the fmax that relaxation_convergence asks for.
_GOAL_SHARE = 0.5
# A gap is looked for where the path has come so far: this share of all its work.
_COUNTS = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """A relaxation with its energies and works, up to the place with the smallest fmax.

    Attributes
    ----------
    path : Path
    last : int
        Index of that place.
    released : (last + 1,) float, eV
        E(first) - E(place).
    work : PathWork
    noise : (last + 1,) float, eV
        Standard deviation of ``gap`` from the noise of energies and forces.
    tolerance : float
    student : float
        Noise allowed for over its standard deviation; each place is a chance of a false alarm.
    """

    path: Path
    last: int
    released: Floats
    work: PathWork
    noise: Floats
    student: float
    tolerance: float

    @property
    def gap(self) -> Floats:
        """(last + 1,) work less energy released, eV: zero for a gradient."""
        return self.work.work - self.released

    @property
    def lows(self) -> Floats:
        """(last + 1,) certain part of the gap over the work travelled; minus infinity where that is
        too little.

        Truncation counts twice: the error estimates of pieces in which a force turns round vary by
        that much.
        """
        travelled = self.work.travelled
        counts = (travelled >= _COUNTS * travelled[-1]) & (travelled > 0)
        certain = np.abs(self.gap) - self.allowed - self.work.truncation
        return np.where(counts, certain / np.where(counts, travelled, 1.0), -np.inf)

    @property
    def allowed(self) -> Floats:
        """(last + 1,) eV: what errors may show as a gap."""
        allowed: Floats = self.work.truncation + self.student * self.noise
        return allowed

    @property
    def worst(self) -> int:
        """Where a gap is most certain; the last place if nowhere."""
        at = int(np.argmax(self.lows))
        return at if self.lows[at] > 0 else self.last


def goal_of(resolution: Resolution, n_atoms: int) -> float:
    """Where a relaxation may stop, eV/Å: half of md's fmax, or what the noise lets be reached."""
    return max(
        _GOAL_SHARE * default_tolerance("relaxation_convergence"),
        achievable_fmax(resolution, n_atoms),
    )


def descend(
    meter: Meter,
    begin: Configurations,
    *,
    cell: bool,
    optimiser: str,
    fmax: float,
    steps: int,
    pieces: int,
    tolerance: float,
    rng: np.random.Generator,
    resolution: Resolution,
) -> Descent:
    """Relax from ``begin`` for ``steps`` evaluations at most, and integrate with ``pieces`` more.

    A gap beyond the tolerance is confirmed with half as many again.
    """
    path = relax(meter, begin, optimiser=optimiser, fmax=fmax, evaluations=steps, cell=cell)
    coordinates: Coordinates = AtomsAndCell(begin) if cell else AtomsOnly(begin)
    # A place of its own is not the end of a path: where the first step is all there is, take that.
    last = max(path.best, min(1, len(path) - 1))
    integral = PathIntegral(meter, coordinates, path, last=last, rng=rng, resolution=resolution)
    integral.refine(_ACCURACY * tolerance, pieces)
    energies = path.answer.require_energy()[: last + 1]

    def judged() -> Descent:
        work = integral.work()
        arm = _VIRIAL_ARM if cell else 1.0
        noise = np.hypot(
            math.sqrt(2) * (resolution.energy_noise or 0.0),
            arm * resolution.force_noise * work.length,
        )
        chance = FALSE_FAIL / (2 * max(1, last))
        student = noise_rms_quantile(1, resolution.dof, 1 - chance)
        return Descent(path, last, energies[0] - energies, work, noise, student, tolerance)

    found = judged()
    if found.lows.max() > tolerance:
        integral.confirm(-np.diff(energies), found.worst, pieces // 2)
        found = judged()
    return found


def descent_measurement(
    check: str,
    quantity: str,
    descent: Descent,
    meter: Meter,
    resolution: Resolution,
    *,
    scale: str = "",
    quantities: dict[str, Any] | None = None,
) -> Measurement:
    """The gap over the work travelled, with its errors.

    At the end of the path; where a gap is certain on the way, at the place where it is largest,
    since a path that goes to and fro travels far and closes gaps that it opened.
    """
    total = float(descent.work.travelled[-1])
    nothing = resolution.rigid_reason
    if not nothing and not total > 0:
        nothing = "the optimiser found nothing to relax"
    work, at = descent.work, descent.worst
    unit = np.where(work.travelled > 0, work.travelled, 1.0)
    share, truncation, noise = (
        float(part[at] / unit[at]) for part in (np.abs(descent.gap), work.truncation, descent.noise)
    )
    # Truncation counts twice, as in ``lows``.
    hidden = float((descent.allowed[at] + work.truncation[at]) / unit[at])
    evidence = _evidence(descent, scale)
    evidence["quantities"].update(quantities or {})
    return Measurement(
        check=check,
        quantity=quantity,
        unit="",
        value=share,
        uncertainty=math.hypot(truncation, noise),
        uncertainty_components={"truncation": truncation, "rounding": noise},
        interval=(max(0.0, float(descent.lows[at])), share + truncation + 2 * noise),
        # One path from one random start: another would meet more or less of the violation.
        detection_limit=limit_of_difference(descent.tolerance, allowance=hidden, scatter=noise),
        noise_floor=hidden,
        force_evaluations=meter.evaluations,
        nothing_tested=nothing,
        evidence=evidence,
    )


def _evidence(descent: Descent, scale: str) -> dict[str, Any]:
    work, path, last, at = descent.work, descent.path, descent.last, descent.worst
    released, done = float(descent.released[at]), float(work.work[at])
    apart = 1e3 * abs(done - released) / path.places.n_atoms
    return {
        "place": f"{path.optimiser}, {count(at, 'step')} from {path.fmax[0]:.2g} to "
        f"{path.fmax[at]:.2g} eV/Å: the energy falls by {released:.6g} eV, the work is "
        f"{done:.6g} eV",
        "scale": f"the two differ by {figure(apart, 'meV')} an atom{scale}",
        "quantities": {
            "energy_released_eV": released,
            "work_eV": done,
            "gap_eV": done - released,
            "gap_meV_per_atom": apart,
            "work_travelled_eV": float(work.travelled[at]),
            "steps": at,
            "final_fmax": float(path.fmax[last]),
            "path_evaluations": len(path),
            "quadrature_evaluations": work.evaluations,
            "ended": path.ended,
        },
        "configurations": path.places[: last + 1],
        "series": {
            "energy_fall_eV": descent.released,
            "work_eV": work.work,
            "fmax": path.fmax[: last + 1],
        },
    }
