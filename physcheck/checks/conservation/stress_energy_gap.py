"""Stress against the energy it should come from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.units import GPa

from physcheck.checks.conservation.step_choice import TRIES, choose_step
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.noise import difference_table_noise, rounding_floor
from physcheck.numerics.quantiles import noise_rms_quantile
from physcheck.probes.strains import strained, symmetric_strains
from physcheck.registry import check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution, visit
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = [
    "StressNoise",
    "assert_stress_energy_gap",
    "measure_stress_energy_gap",
    "measure_stress_noise",
    "needs_a_volume",
]

_WANT = frozenset({"energy", "stress", "forces"})
# Spacing of the noise line in strain: a few 1e-5 Å at the edge of a cell, as the lines of the resolution.
_LINE_STEP = 3e-6
_LINE_POINTS = 6
# The shortest strain tried first; Simpson's error grows by 16 from one to the next on a smooth surface.
_FIRST_STRAIN = (1e-4, 2e-3)
_PILOTS = 2


def needs_a_volume(start: Configurations, capabilities: Capabilities) -> str | None:
    """Why a stress check doesn't apply: no volume without full periodicity."""
    if start.system.is_fully_periodic:
        return None
    return "stress needs a system that is periodic in all three directions"


@dataclass(frozen=True, slots=True)
class StressNoise:
    """Standard deviations of a stress component (eV/Å³) and of the energy (eV)."""

    stress: float
    energy: float


def measure_stress_noise(
    meter: Meter, start: Configurations, resolution: Resolution, rng: np.random.Generator
) -> StressNoise:
    """ECNoise of stress and energy along a short line of strain. Cost: 6 evaluations."""
    direction = symmetric_strains(rng, 1)[0]
    offsets = _LINE_STEP * (np.arange(_LINE_POINTS) - (_LINE_POINTS - 1) / 2)
    answer = visit(
        meter,
        strained(start, offsets[:, None, None] * direction),
        want=_WANT,
        rng=rng,
        fresh=resolution.needs_fresh,
    )
    stresses = answer.require_stress()
    dtype = meter.capabilities.dtype
    # What a force noise does to the virial: sum_i x_i F_i / V with |x| about half the cell's edge.
    volume = float(start.volumes()[0])
    virial = resolution.force_noise * math.sqrt(start.n_atoms) * volume ** (1 / 3) / (2 * volume)
    stress = max(
        difference_table_noise(stresses)[0],
        rounding_floor(float(np.abs(stresses).max()), dtype),
        virial * 0.1,
        resolution.history_noise / max(resolution.force_noise, 1e-300) * virial,
    )
    energy = resolution.energy_noise or 0.0
    if answer.energy is not None:
        energy = max(energy, difference_table_noise(answer.energy)[0])
    return StressNoise(stress, energy)


@check(
    family="conservation",
    quantity="rms gap between stress and the energy's strain derivative",
    unit="GPa",
    needs={"energy", "stress"},
    kind="law",
    title="stress is not the strain derivative of the energy",
    causes="stress predicted directly; a wrong sign, factor or order of Voigt components; a virial "
    "without the term of the smoothing function or of the cell's images",
    advice="take the stress as the strain derivative of the energy over the volume, and "
    "compare sign, unit and Voigt order first; until then simulate at constant volume "
    "only",
    tolerances=Tolerances(
        screening=0.1,
        md=0.01,
        tight=1e-4,
        reason="screening: the stress error of a good MLIP; md: 0.01 GPa shifts a lattice "
        "constant by 3e-5 at a bulk modulus of 100 GPa, below thermal expansion over "
        "10 K; tight: analytic stresses in float64",
        source="OpenKIM's checks of numerical derivatives are the ancestor",
    ),
    evaluations={
        b: 6 + 1 + 12 + 2 * (TRIES - 1) * _PILOTS + 2 for b in ("quick", "standard", "full")
    },  # type: ignore[misc]
    applies=needs_a_volume,
)
def measure_stress_energy_gap(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Stress is the derivative of the energy with respect to strain: sigma = (1/V) dE/d(strain).

    Along each of six orthonormal symmetric strains S (a random frame), at fixed fractional positions, the
    energy's difference is held against the stress integrated over the same piece (Simpson):

        g_S = (E(+e) - E(-e))/(2 e V) - [w(-e) + 4 w(0) + w(+e)]/(6 V),   w = V' sigma:S(1 + e S)^-1.

    The six give the whole symmetric part of the gap; the antisymmetric part of the stress itself is added:
    gap = |Delta|_F/3, the rms over 9 components, in GPa. Two pilot strains at three lengths choose the
    length with the least error; a FAIL is confirmed on the worst strain at half the length.

    Can't see: a constant added to energy; anything where the model gives no energy (strain_loop_work).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1, periodic in three directions
    tolerance : float, GPa
        What the step and the confirmation aim at; the md profile's if left out.

    Raises
    ------
    CapabilityMissing
        No energy, no stress, or not fully periodic.
    ModelError, NonFiniteOutput

    Cost: 27 evaluations, 8 more where the surface is rough, 2 more for a FAIL.

    Source: Knuth et al., Comput. Phys. Commun. 190, 33 (2015), for the definition; OpenKIM's checks.
    """
    meter = Meter(model)
    one = as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("stress_energy_gap") if tolerance is None else tolerance
    pieces = _Pieces(meter, one, resolution, rng)
    frame = symmetric_strains(rng)

    step, truncation, gaps = choose_step(pieces, frame[:_PILOTS], target * GPa, _FIRST_STRAIN)
    gaps = np.concatenate([gaps, pieces.gaps(frame[_PILOTS:], step)])
    twist = (pieces.home - pieces.home.T) / 2
    worst = int(np.argmax(np.abs(gaps)))
    result = _Judged(gaps, twist, math.hypot(pieces.noise(step), truncation), resolution.dof)
    confirmed = None
    if result.interval[0] > target and resolution.responds:
        change = abs(float(pieces.gaps(frame[worst : worst + 1], step / 2)[0] - gaps[worst]))
        seen = abs(float(gaps[worst]))
        # Noise excuses a change, but never one by half: that is what a kink does at half the length.
        confirmed = change <= max(0.2 * seen, min(4 * pieces.noise(step / 2), 0.4 * seen))
        if not confirmed and not float(np.linalg.norm(twist)) > target * GPa:
            truncation = max(truncation, change)
            result = _Judged(
                gaps, twist, math.hypot(pieces.noise(step), truncation), resolution.dof
            )
    return Measurement(
        value=result.value,
        uncertainty=result.uncertainty,
        uncertainty_components={
            "truncation": truncation / GPa / 3,
            "rounding": pieces.noise(step) / GPa / 3,
            "sampling": 0.0,
        },
        interval=result.interval,
        detection_limit=result.detection_limit,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence={
            "place": f"strain {np.array2string(frame[worst], precision=2)}: "
            f"{gaps[worst] / GPa:.3g} GPa along it",
            "scale": f"the rms stress component is {_rms(pieces.home) / GPa:.3g} GPa",
            "confirmed": confirmed,
            "quantities": {
                "strain_step": step,
                "gap_GPa": np.einsum("k,kij->ij", gaps, frame) / GPa,
                "stress_GPa": pieces.home / GPa,
                "asymmetry_GPa": _rms(twist) / GPa,
                "stress_noise_GPa": pieces.noises.stress / GPa,
            },
            "configurations": one,
        },
    )


def _rms(tensor: Floats) -> float:
    return float(np.sqrt(np.mean(tensor**2)))


class _Pieces:
    """Gaps along short pieces of strain through one configuration."""

    def __init__(
        self,
        meter: Meter,
        start: Configurations,
        resolution: Resolution,
        rng: np.random.Generator,
    ) -> None:
        self.meter, self.start, self.rng, self.resolution = meter, start, rng, resolution
        self.volume = float(start.volumes()[0])
        self.noises = measure_stress_noise(meter, start, resolution, rng)
        answer = visit(meter, start, want=_WANT, rng=rng, fresh=resolution.needs_fresh)
        self.home = answer.require_stress()[0]

    def gaps(self, strains: Floats, step: float) -> Floats:
        """g_S of each unit strain (k, 3, 3), eV/Å³."""
        both = np.concatenate([-step * strains, step * strains])
        answer = visit(
            self.meter,
            strained(self.start, both),
            want=_WANT,
            rng=self.rng,
            fresh=self.resolution.needs_fresh,
        )
        deformation = np.eye(3) + both
        volumes = self.volume * np.linalg.det(deformation)
        gradient = np.concatenate([strains, strains]) @ np.linalg.inv(deformation)
        work = volumes * np.einsum("kij,kij->k", answer.require_stress(), gradient)
        e_minus, e_plus = np.split(answer.require_energy(), 2)
        w_minus, w_plus = np.split(work, 2)
        middle = self.volume * np.einsum("ij,kij->k", self.home, strains)
        difference = (e_plus - e_minus) / (2 * step)
        gap: Floats = (difference - (w_minus + 4 * middle + w_plus) / 6) / self.volume
        return gap

    def noise(self, step: float) -> float:
        """Standard deviation of a gap, eV/Å³."""
        energy = self.noises.energy / (math.sqrt(2) * step * self.volume)
        return math.hypot(energy, self.noises.stress * math.sqrt(18) / 6)


class _Judged:
    """rms gap over the 9 components, in GPa: six strains span the symmetric part, so nothing is sampled."""

    def __init__(self, gaps: Floats, twist: Floats, error: float, dof: float) -> None:
        whole = math.sqrt(float(np.sum(gaps**2) + np.sum(twist**2))) / 3 / GPa
        spread = math.sqrt(len(gaps)) * error / 3 / GPa
        self.value = math.sqrt(max(whole**2 - spread**2, 0.0))
        self.uncertainty = error / 3 / GPa
        self.detection_limit = spread * noise_rms_quantile(len(gaps), dof)
        # One-sided normal quantile of 97.5 % on top of the whole.
        self.interval = (max(0.0, whole - self.detection_limit), whole + 1.96 * self.uncertainty)


assert_stress_energy_gap = derive_assert(measure_stress_energy_gap)
