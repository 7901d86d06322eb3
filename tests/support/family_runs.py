"""Run the checks of a family on a model, as the suite does: with allotments and one resolution."""

from __future__ import annotations

import inspect

import numpy as np
from ase.build import bulk, fcc111, molecule

from physcheck.checks import find_checks
from physcheck.errors import CapabilityMissing, NonFiniteOutput
from physcheck.measurement import judge
from physcheck.model import Meter
from physcheck.registry import tolerance_of
from physcheck.resolution import measure_resolution
from physcheck.system import as_configurations


def structure(name):
    slab = fcc111("Cu", (2, 2, 3), vacuum=6.0)
    slab.pbc = (True, True, False)
    atoms = {
        "ethanol": lambda: molecule("CH3CH2OH"),
        "water": lambda: molecule("H2O"),
        "copper": lambda: bulk("Cu", cubic=True),
        "salt": lambda: bulk("NaCl", "rocksalt", a=5.64, cubic=True),
        "slab": lambda: slab,
    }[name]()
    atoms.positions += 0.03 * np.random.default_rng(5).standard_normal(atoms.positions.shape)
    return atoms


def run(model, atoms, checks, seed=0, budget="quick"):
    """{check id: (verdict, measurement, evaluations)} at md; not applicable ones are left out."""
    one = as_configurations(atoms)
    resolution = measure_resolution(model, one, rng=np.random.default_rng(seed))
    found = {}
    for spec in find_checks(checks):
        capabilities = model.capabilities
        if spec.compares or spec.missing(one, capabilities) is not None:
            continue
        meter = Meter(model, allotment=spec.evaluations(one, capabilities, budget))
        options = dict(spec.options.get(budget, {}))
        if "resolution" in inspect.signature(spec.measure).parameters:
            options["resolution"] = resolution
        rng = np.random.default_rng([seed, 7])
        try:
            measured = spec.measure(meter, one, rng=rng, **options)
        except CapabilityMissing:
            continue
        except NonFiniteOutput:
            found[spec.id] = ("fail", None, meter.evaluations)
            continue
        verdict = judge(measured, tolerance_of(spec.id, "md")).outcome.value
        found[spec.id] = (verdict, measured, meter.evaluations)
    return found


def verdicts(found):
    return {name: outcome for name, (outcome, _, _) in found.items()}


def failed(found):
    return {name for name, (outcome, _, _) in found.items() if outcome == "fail"}


def catches(model, atoms, defect, families="symmetry,smoothness,implementation"):
    """The defect's own checks fail, and nothing that isn't a consequence of it."""
    found = run(model, atoms, families)
    ours = defect.must_fail & set(found)
    assert ours, f"none of {sorted(defect.must_fail)} applies"
    assert ours <= failed(found), verdicts(found)
    assert failed(found) <= defect.must_fail | defect.may_fail, verdicts(found)
    return found
