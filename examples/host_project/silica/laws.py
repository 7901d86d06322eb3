"""A check of our own, which physcheck lists and runs beside the shipped ones.

The entry point in pyproject.toml makes physcheck import this module.  A project that isn't
installed writes ``import silica.laws`` in its conftest instead.
"""

from __future__ import annotations

import math

import numpy as np

import physcheck
from physcheck import Configurations, Measurement, Meter, System
from physcheck.resolution import ensure_resolution

# Evaluations of a record, its resolution not counted: the plan reserves as many.
COST = {"quick": 2, "standard": 2, "full": 2}
EXTRA_MASS = 1.0  # amu: one neutron more in every nucleus
# Standard errors of the interval's ends.  Below, a false FAIL needs noise beyond 4 sigma, less than
# once in 10,000 records; above, 2 sigma are enough for a PASS.  A violation at the detection limit
# comes out low enough to be missed in 5 % of the cases.
FAIL_SIGMAS, PASS_SIGMAS, MISSED_SIGMAS = 4, 2, 1.645


@physcheck.check(
    family="symmetry",
    quantity="rms difference of forces between isotopes",
    unit="eV/Å",
    needs={"forces"},
    kind="law",
    title="forces depend on the masses of the atoms",
    causes="elements told by their mass; a centre of mass in place of a centre",
    advice="use atomic numbers to tell elements, and the mean position for a centre",
    failure=physcheck.Failure(
        short_title="masses matter",
        meaning="Isotopes are other elements to the model: isotope effects are wrong, and so is "
        "dynamics with heavier hydrogen.",
        fault=physcheck.KnownFault(
            "answers depend on the masses of the atoms", explains=("separated_additivity",)
        ),
    ),
    tolerances=physcheck.Tolerances(
        screening=1e-3,
        md=1e-4,
        tight=1e-6,
        reason="masses must not matter at all: the tolerance is that of other exact symmetries",
        source="Born and Oppenheimer, Ann. Phys. 389, 457 (1927)",
    ),
    evaluations=COST,
)
def measure_isotope_independence(model, start, *, rng, resolution=None, tolerance=1e-4):
    """Isotopes have the same forces.

    The forces F (N, 3) of the structure are compared with those with every mass raised by 1 amu:
    judged is the rms difference of a component, eV/Å.

    Can't see: a dependence on masses that other isotopes show only.

    Raises
    ------
    ModelError, NonFiniteOutput, CapabilityMissing

    Cost: 2 evaluations.

    Source: in the Born-Oppenheimer approximation the potential is a function of positions and
    nuclear charges alone.
    """
    meter, one = Meter(model), physcheck.as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    system = one.system
    heavier = System(
        system.numbers, system.masses + EXTRA_MASS, system.pbc, system.info, system.arrays
    )
    isotopes = Configurations(heavier, one.positions, one.cells)
    difference = (
        meter.evaluate(isotopes).require_forces()[0] - meter.evaluate(one).require_forces()[0]
    )
    value = math.sqrt(float(np.mean(difference**2)))
    # The difference of two forces that are each as noisy.
    noise = math.sqrt(2) * resolution.force_noise
    atom = int(np.argmax(np.linalg.norm(difference, axis=1)))
    return Measurement(
        value=value,
        uncertainty=noise,
        uncertainty_components={"rounding": noise},
        interval=(max(0.0, value - FAIL_SIGMAS * noise), value + PASS_SIGMAS * noise),
        # What fails for sure: beyond the tolerance by more than noise can hide.
        detection_limit=tolerance + (FAIL_SIGMAS + MISSED_SIGMAS) * noise,
        noise_floor=FAIL_SIGMAS * noise,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence={
            "place": f"atom {atom} ({system.symbols[atom]}) differs most",
            "scale": f"the rms force component is {resolution.force_rms:.3g} eV/Å",
            "configurations": one,
        },
    )


assert_isotope_independence = physcheck.derive_assert(measure_isotope_independence)
