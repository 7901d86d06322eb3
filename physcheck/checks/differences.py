"""Differences that a law says are zero, with the noise that rounding alone may leave in them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter
from physcheck.numerics.detection import INDEPENDENT, limit_of_difference
from physcheck.numerics.noise import rounding_floor
from physcheck.numerics.quantiles import FALSE_FAIL, noise_rms_quantile
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats

__all__ = [
    "ENERGY_LENGTH",
    "THERMAL_STEP",
    "VIRIAL_ARM",
    "LargestDifference",
    "Part",
    "energy_part",
    "force_part",
    "force_scale",
    "largest_difference",
    "place_rounding",
    "scale_sentence",
    "stress_part",
    "working_dtype",
]

#: Length, Å, over which an energy or a virial counts as a force: that of a bond, so that 1 meV an
#: atom counts as 1 meV/Å.
ENERGY_LENGTH = 1.0
#: Thermal displacement of a coordinate, Å.  Differences are compared with the forces that it gives,
#: where forces at rest vanish.
THERMAL_STEP = 0.05
# Transformations are tried at one place, so that no more of them are counted as independent either.
_MOST_PROBES = 3
# A position is rounded when it is stored, and once more where it meets the cell.
_ROUNDINGS = 2.0
#: Distance, Å, that turns a noise of forces into one of the virial an atom: a cutoff.
VIRIAL_ARM = 5.0
# A difference of two energies: each is rounded twice, as a sum and when it is stored.
_ENERGIES, _STORED = 2, 4
# Noise of the forces, in units of their size, beyond that of any float64 model.
_FLOAT32_NOISE = 1e-9
# One-sided normal quantile of 97.5 %, rounded up: the upper end of an interval.
_HIGH_SDS = 2


def place_rounding(
    capabilities: Capabilities, resolution: Resolution, *places: Configurations
) -> float:
    """Standard deviation, Å, of rounding the largest coordinate of ``places`` in the model's dtype.

    Coordinates are those of atoms and of cell vectors.
    """
    largest = max(
        max(float(np.abs(p.positions).max()), float(np.abs(p.cells).max())) for p in places
    )
    return _ROUNDINGS * rounding_floor(largest, working_dtype(capabilities, resolution))


def working_dtype(capabilities: Capabilities, resolution: Resolution) -> str:
    """The model's dtype; where it is unknown, float32 if the forces are noisy."""
    if capabilities.dtype in ("float32", "float64"):
        return capabilities.dtype
    coarse = resolution.force_noise > _FLOAT32_NOISE * max(1.0, resolution.force_rms)
    return "float32" if coarse else "float64"


def force_scale(resolution: Resolution) -> float:
    """rms force component, eV/Å, of the structure at rest and of thermal displacements (0.05 Å)."""
    return math.hypot(resolution.force_rms, THERMAL_STEP * resolution.stiffness)


def scale_sentence(resolution: Resolution) -> str:
    """The force that a violation is to be compared with."""
    return f"thermal forces (0.05 Å) have an rms component of {force_scale(resolution):.3g} eV/Å"


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One output's difference, averaged over jittered copies.

    Attributes
    ----------
    output : str
    label : str
        Which transformation.
    mean : (C,) float
        Component by component, in the judged unit (eV/Å).
    sigma : float
        Standard deviation of a component of ``mean`` by noise alone.
    """

    output: str
    label: str
    mean: Floats
    sigma: float

    @property
    def rms(self) -> float:
        """rms over components, noise included."""
        return math.sqrt(float(np.mean(self.mean**2)))

    @property
    def value(self) -> float:
        """rms over components less the noise."""
        return math.sqrt(max(self.rms**2 - self.sigma**2, 0.0))

    def limit(self, dof: float, parts: int) -> float:
        """What noise alone exceeds with the record's chance, shared by ``parts``."""
        count = min(len(self.mean), INDEPENDENT)
        return self.sigma * noise_rms_quantile(count, dof, 1 - FALSE_FAIL / (2 * parts))


def _part(output: str, label: str, copies: Floats, expected: float, scale: float) -> Part:
    """The mean of ``copies`` (m, C) of a difference, one a jittered copy; their spread is noise."""
    count = len(copies)
    flat = copies.reshape(count, -1)
    sigma = expected
    if count > 1:
        spread = math.sqrt(float(np.mean(np.var(flat, axis=0, ddof=1))) / count)
        sigma = max(expected, spread)
    return Part(output, label, flat.mean(axis=0) / scale, sigma / scale)


def force_part(
    label: str,
    differences: Floats,
    resolution: Resolution,
    *,
    rounding: float,
    scale: float = 1.0,
    noise: float | None = None,
) -> Part:
    """Differences of forces (m, M, 3), eV/Å.

    ``noise`` is that of one difference if it isn't sqrt(2) times the model's; it averages over
    copies, the effect of ``rounding`` (Å) need not.
    """
    single = math.sqrt(2) * resolution.force_noise if noise is None else noise
    expected = math.hypot(single / math.sqrt(len(differences)), resolution.stiffness * rounding)
    return _part("forces", label, differences, expected, scale)


def energy_part(
    label: str,
    differences: Floats,
    total: float,
    n_atoms: int,
    resolution: Resolution,
    dtype: str,
    *,
    rounding: float,
    scale: float = 1.0,
) -> Part:
    """Differences of energy (m,), eV an atom, over 1 Å.

    ``total`` is the largest energy that was rounded, eV.  Rounding of energies doesn't average over
    copies: energies that are near each other may round alike.
    """
    # Displacements by the rounding of positions, independent in 3N coordinates.
    pull = resolution.force_rms * math.sqrt(3 * n_atoms) * rounding
    energy = resolution.energy_noise or 0.0
    store = max(rounding_floor(total, dtype), resolution.energy_rounding(total))
    expected = math.sqrt(_ENERGIES * energy**2 + _STORED * store**2 + pull**2) / n_atoms
    return _part(
        "energy", label, differences[:, None] / ENERGY_LENGTH, expected / ENERGY_LENGTH, scale
    )


def stress_part(
    label: str,
    differences: Floats,
    volume_per_atom: float,
    resolution: Resolution,
    *,
    rounding: float,
    scale: float = 1.0,
) -> Part:
    """Differences of stress (m, 3, 3), eV/Å³, as a virial an atom over 1 Å."""
    force = math.hypot(math.sqrt(2) * resolution.force_noise, resolution.stiffness * rounding)
    virials = differences * volume_per_atom / ENERGY_LENGTH
    return _part("stress", label, virials, force * VIRIAL_ARM / ENERGY_LENGTH, scale)


@dataclass(frozen=True, slots=True, eq=False)
class LargestDifference:
    """The largest of several differences.

    Attributes
    ----------
    value, uncertainty, interval, detection_limit, noise_floor
        As in :class:`~physcheck.measurement.Measurement`.
    worst : Part
        The one that decides.
    unresolved : tuple of str
        The outputs whose noise is above the tolerance: they were not judged.
    """

    value: float
    uncertainty: float
    interval: tuple[float, float]
    detection_limit: float
    noise_floor: float
    worst: Part
    unresolved: tuple[str, ...]

    def to_measurement(
        self, meter: Meter, resolution: Resolution, evidence: Mapping[str, Any]
    ) -> Measurement:
        """The measurement of a check whose only error is the rounding of what it compares."""
        return Measurement(
            value=self.value,
            uncertainty=self.uncertainty,
            uncertainty_components={"rounding": self.uncertainty},
            interval=self.interval,
            detection_limit=self.detection_limit,
            noise_floor=self.noise_floor,
            force_evaluations=meter.evaluations,
            nothing_tested=resolution.rigid_reason,
            evidence=evidence,
        )


def largest_difference(
    parts: Sequence[Part],
    dof: float,
    target: float,
    *,
    probes: int | None = None,
    components: int = INDEPENDENT,
) -> LargestDifference:
    """The largest difference among the parts and its interval.

    Any part can fail the check.  Energies and stresses whose noise is above ``target`` can't pass
    it and don't keep the forces from doing so; they are named in ``unresolved``.

    Parameters
    ----------
    probes : int
        Independent places among the parts, if not their labels (3 at most).
    components : int
        Independent numbers that a violation at one place comes down to.
    """
    count = len(parts)
    limits = [p.limit(dof, count) for p in parts]
    lows = [max(0.0, p.rms - limit) for p, limit in zip(parts, limits)]
    highs = [p.rms + _HIGH_SDS * p.sigma for p in parts]
    judged = [
        i
        for i, p in enumerate(parts)
        if p.output == "forces" or highs[i] <= target or lows[i] > target
    ]
    unresolved = tuple(sorted({p.output for i, p in enumerate(parts) if i not in judged}))
    decisive = max(judged, key=lambda i: (lows[i], parts[i].rms))
    of_forces = [i for i in judged if parts[i].output == "forces"]
    noise_floor = max(limits[i] for i in of_forces)
    return LargestDifference(
        value=max(parts[i].value for i in judged),
        uncertainty=parts[decisive].sigma,
        interval=(lows[decisive], max(highs[i] for i in judged)),
        detection_limit=limit_of_difference(
            target,
            allowance=noise_floor,
            scatter=max(parts[i].sigma for i in of_forces),
            probes=probes or min(_MOST_PROBES, len({parts[i].label for i in of_forces})),
            components=components,
        ),
        noise_floor=noise_floor,
        worst=parts[decisive],
        unresolved=unresolved,
    )
