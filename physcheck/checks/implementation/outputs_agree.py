"""Outputs that say the same thing say the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.adapters.further_outputs import OF_ATOMS
from physcheck.checks.allotments import always
from physcheck.checks.implementation.call_comparison import RATTLE
from physcheck.checks.implementation.slab_stress import SLAB_COST, measure_slab_stress
from physcheck.checks.symmetry.comparison import open_shell
from physcheck.checks.what_shows import SHEARED_CELL
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Measurement
from physcheck.model import Meter, Model
from physcheck.numerics.detection import limit_of_excess
from physcheck.numerics.noise import rounding_floor
from physcheck.probes.transformations import far_pair, rattled, supercell
from physcheck.registry import Failure, check, default_tolerance, derive_assert
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_outputs_agree", "measure_outputs_agree"]

# Electrons smeared by kT = 0.3 eV at two states per eV and atom have TS = (pi^2/3) 2 (kT)^2 = 0.6
# eV: no entropy is larger.
_MOST_ENTROPY = 0.6  # eV/atom
# Å between a molecule and its copy: atoms' own energies then feel nothing of it.
_ROOM = 60.0
# Share of a dipole that printing and float32 leave beside a multiple of another vector.
_EXACTLY = 1e-4
# How far all atoms of a molecule are moved together, Å.
_SHIFT = (1.0, -2.0, 3.0)
# A chance of 1e-4 or less, one-sided, of a normal error.
_SIGMAS = 4.0
# Figures to which charges, dipoles and energies of atoms are often printed: no model's fault.
_PRINTED = 1e-8
_NOTHING_BESIDE = (
    "the model gives no output beside those that other checks compare (energies, free_energy, "
    "virial, stresses, charges, dipole)"
)


@dataclass(frozen=True, slots=True)
class _Difference:
    """Two outputs that should be the same.

    Attributes
    ----------
    what : str
    size : float
        Of the difference, in units an atom.
    rounding : float
        Standard deviation that rounding alone leaves in it.
    verb : str
    """

    what: str
    size: float
    rounding: float
    verb: str = "differ"


@check(
    family="implementation",
    quantity="largest disagreement of two outputs, an atom",
    unit="eV",
    needs={"energy"},
    kind="law",
    title="outputs that should say the same differ",
    causes="reference energies of atoms in one of energy and energies only; padding counted in a "
    "sum; a virial of the other sign, or per atom; charges that aren't made to sum to the total; a "
    "stress divided by the volume of another cell where some axes aren't periodic",
    advice="use one of the two outputs only, until it is known which one is right",
    failure=Failure(
        short_title="outputs disagree",
        meaning="Two outputs that should say the same don't, and one of them is wrong. Which one a "
        "code reads decides its result.",
    ),
    tolerances=Tolerances(
        screening=1e-2,
        md=1e-3,
        tight=1e-5,
        reason="md: 1 meV an atom, what energies of models are quoted to; a charge of 1 e, or a "
        "dipole of 1 e Å, counts as 1 eV: 1 V is a potential that ions feel",
        source="sums of hundreds of numbers in float32 round by 1e-5 of their size",
    ),
    evaluations=always(3 + SLAB_COST),
    shows=SHEARED_CELL,
)
def measure_outputs_agree(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    tolerance: float | None = None,
) -> Measurement:
    """Outputs that say the same thing say the same.

    At a thermally displaced copy (0.03 Å), where a model gives them:

        sum of energies = energy (or free_energy)           0 <= energy - free_energy <= 0.6 eV/atom
        virial = -V stress = sum of virials                 stress = sum (or mean) of stresses
        sum of charges = info["charge"] or 0                energies of two copies = twice energies

    Energies and charges are one number an atom (those of a committee count as wrong altogether).
    The dipole of a neutral molecule doesn't change when all atoms are moved together, and if it is
    a multiple of that of the charges, it is once that. The stress that is given where one axis
    isn't periodic is what the energy does under a strain along the others
    (:mod:`physcheck.checks.implementation.slab_stress`). Judged is the largest difference, divided
    by the number of atoms. What else the dipole differs from that of the charges by is a quantity,
    since atoms may have dipoles of their own.

    Can't see: outputs under names that ASE doesn't have; which one of two outputs is wrong.

    Parameters
    ----------
    tolerance : float, eV
        For the detection limit; the md profile's if left out.

    Raises
    ------
    CapabilityMissing
        The model gives no output that another one must agree with.
    ModelError

    Cost: 1 evaluation; 1 more, of twice the size, for energies of atoms, 1 for a dipole, and 5 for
    a stress of what is partly periodic.
    """
    meter, one = Meter(model), as_configurations(start)
    place = rattled(one, RATTLE, rng)
    found = meter.further_outputs(place)
    dtype = meter.capabilities.dtype
    misshapen = _misshapen(found, place.n_atoms)
    differences = [
        *misshapen,
        *_of_energies(found, place.n_atoms, dtype),
        *_of_virials(found, place, dtype),
    ]
    differences += _of_charges(found, place, dtype)
    differences += _extensive(meter, found, place, dtype)
    differences += _moved_together(meter, found, place, dtype)
    differences += _multiple_of_charges(found, place, dtype)
    target = default_tolerance("outputs_agree") if tolerance is None else tolerance
    differences += _of_slabs(meter, place, target)
    if not differences:
        raise CapabilityMissing(_NOTHING_BESIDE)
    return _report(meter, place, found, differences, target)


def _difference(
    what: str, given: Floats, expected: Floats, scale: Floats, n: int, dtype: str
) -> _Difference:
    """The largest component of a difference; ``scale`` (N, ...) are what was summed over atoms."""
    size = float(np.abs(given - expected).max())
    # Each of n additions rounds a partial sum, none larger than the sum of sizes.
    total = float(np.abs(scale).sum(axis=0).max())
    rounding = math.hypot(math.sqrt(n) * rounding_floor(total, dtype), _PRINTED)
    return _Difference(what, size / n, rounding / n)


def _misshapen(found: dict[str, Floats], n: int) -> list[_Difference]:
    """Outputs of atoms that aren't one number an atom: they count as wrong altogether.

    They are taken out of ``found``: nothing else can be asked of them.
    """
    differences = []
    for name in OF_ATOMS:
        if name in found and len(found[name]) != n:
            values = found.pop(name)
            what = f"{name} ({len(values)} numbers) and the {n} atoms"
            size = float(np.abs(values).max())
            differences.append(_Difference(what, size, 0.0, "don't match one to one"))
    return differences


def _of_energies(found: dict[str, Floats], n: int, dtype: str) -> list[_Difference]:
    energy, free = found.get("energy"), found.get("free_energy")
    atomic = found.get("energies")
    if energy is None:
        return []
    differences = []
    if atomic is not None:
        # Whether atoms' energies hold the entropy isn't agreed on.
        sums = [e for e in (energy, free) if e is not None]
        total = atomic.sum()
        nearest = min(sums, key=lambda e: abs(float(e - total)))
        what = "the sum of energies and the energy"
        differences.append(_difference(what, total, nearest, atomic, n, dtype))
    if free is not None:
        entropy = float(energy - free) / n
        excess = max(-entropy, entropy - _MOST_ENTROPY, 0.0)
        rounding = 2 * rounding_floor(float(np.abs(energy)), dtype) / n
        what = "free_energy and energy, beyond an entropy,"
        differences.append(_Difference(what, excess, rounding))
    return differences


def _of_virials(found: dict[str, Floats], place: Configurations, dtype: str) -> list[_Difference]:
    n, volume = place.n_atoms, float(place.volumes()[0])
    stress, virial = found.get("stress"), found.get("virial")
    differences = []
    if not place.system.is_fully_periodic:
        stress = None
    if stress is not None and virial is not None:
        what = "virial and -V stress"
        differences.append(_difference(what, virial, -volume * stress, virial[None], n, dtype))
    if "virials" in found:
        total = virial
        if total is None and stress is not None:
            total = -volume * stress
        if total is not None:
            atomic = found["virials"]
            what = "the sum of virials and the virial"
            differences.append(_difference(what, atomic.sum(axis=0), total, atomic, n, dtype))
    if "stresses" in found and stress is not None:
        # Both conventions are in use: shares of the cell's volume, and of the atoms' own.
        atomic = volume * found["stresses"]
        total = atomic.sum(axis=0)
        nearest = min((total, total / n), key=lambda s: float(np.abs(s - volume * stress).max()))
        what = "stress and the sum (or mean) of stresses"
        differences.append(_difference(what, nearest, volume * stress, atomic, n, dtype))
    return differences


def _of_charges(found: dict[str, Floats], place: Configurations, dtype: str) -> list[_Difference]:
    charges = found.get("charges")
    if charges is None:
        return []
    total = np.array(float(place.system.info.get("charge", 0) or 0))
    what = f"the sum of charges and the total charge ({float(total):g} e)"
    return [_difference(what, charges.sum(), total, charges, len(charges), dtype)]


def _extensive(
    meter: Meter, found: dict[str, Floats], place: Configurations, dtype: str
) -> list[_Difference]:
    """Two copies of a system have each atom's energy twice."""
    atomic = found.get("energies")
    if atomic is None or open_shell(place) is not None:
        return []
    if place.system.is_periodic:
        axis = int(np.flatnonzero(place.system.pbc)[0])
        both = supercell(place, axis, 2).apply(place)
    else:
        both = far_pair(place, place, _ROOM)
    again = meter.further_outputs(both)
    listed = [one for one in _misshapen(again, both.n_atoms) if one.what.startswith("energies")]
    if listed or "energies" not in again:
        return listed
    twice, n = again["energies"], len(atomic)
    apart = np.array(float(np.abs(twice - np.tile(atomic, 2)).max()))
    what = "energies of atoms in one and in two copies"
    # The largest difference of one atom, not a sum: n times that is divided by n.
    return [_difference(what, n * apart, np.zeros(()), atomic, n, dtype)]


def _moved_together(
    meter: Meter, found: dict[str, Floats], place: Configurations, dtype: str
) -> list[_Difference]:
    """The dipole of a neutral molecule doesn't depend on where it is."""
    charge = float(place.system.info.get("charge", 0) or 0)
    if "dipole" not in found or place.system.is_periodic or charge != 0:
        return []
    moved = meter.further_outputs(place.at(place.positions + np.array(_SHIFT)))
    if "dipole" not in moved:
        return []
    n = place.n_atoms
    what = "the dipole here and with all atoms moved together"
    return [_difference(what, moved["dipole"], found["dipole"], found["dipole"][None], n, dtype)]


def _multiple_of_charges(
    found: dict[str, Floats], place: Configurations, dtype: str
) -> list[_Difference]:
    """A dipole that is exactly a multiple of the charges' own: another unit (4.803 D) or sign.

    One with dipoles of the atoms in it is no multiple.
    """
    if "dipole" not in found or "charges" not in found or place.system.is_periodic:
        return []
    dipole, of_charges = found["dipole"], found["charges"] @ place.positions[0]
    size = float(of_charges @ of_charges)
    if not size > 0:
        return []
    times = float(dipole @ of_charges) / size
    rest = float(np.linalg.norm(dipole - times * of_charges))
    if not rest <= _EXACTLY * float(np.linalg.norm(dipole)):
        return []
    what = f"the dipole and that of the charges, {times:.4g} times which it is,"
    scale = found["charges"][:, None] * place.positions[0]
    return [_difference(what, dipole, of_charges, scale, len(scale), dtype)]


def _of_slabs(meter: Meter, place: Configurations, target: float) -> list[_Difference]:
    """Left out where the energies' rounding hides differences of the size of the tolerance."""
    slab = measure_slab_stress(meter, place)
    if slab is None:
        return []
    n = place.n_atoms
    apart, error = abs(slab.of_stress - slab.of_energy) / n, slab.error / n
    if 2 * error > target and not apart - _SIGMAS * error > target:
        return []
    what = "the stress where one axis isn't periodic and the energy's derivative by the strain"
    return [_Difference(what, apart, error)]


def _report(
    meter: Meter,
    place: Configurations,
    found: dict[str, Floats],
    differences: list[_Difference],
    target: float,
) -> Measurement:
    worst = max(differences, key=lambda d: d.size - _SIGMAS * d.rounding)
    quantities: dict[str, Any] = {
        "differences_an_atom": {d.what.rstrip(","): d.size for d in differences},
        "outputs": sorted(found),
    }
    if "dipole" in found and "charges" in found and not place.system.is_periodic:
        of_charges = found["charges"] @ place.positions[0]
        quantities["dipole_less_that_of_charges_eA"] = found["dipole"] - of_charges
    rounding = max(d.rounding for d in differences)
    return Measurement(
        value=worst.size,
        uncertainty=worst.rounding,
        uncertainty_components={"rounding": worst.rounding},
        interval=(
            max(0.0, worst.size - _SIGMAS * worst.rounding),
            worst.size + 2 * worst.rounding,
        ),
        detection_limit=limit_of_excess(target, _SIGMAS * rounding, rounding),
        noise_floor=_SIGMAS * rounding,
        force_evaluations=meter.evaluations,
        evidence={
            **({"title": f"{worst.what} {worst.verb}"} if worst.size > target else {}),
            "place": f"{worst.what} {worst.verb}, by {worst.size:.3g} an atom",
            "scale": f"compared: {'; '.join(d.what.rstrip(',') for d in differences)}",
            "quantities": quantities,
            "configurations": place,
        },
    )


assert_outputs_agree = derive_assert(measure_outputs_agree)
