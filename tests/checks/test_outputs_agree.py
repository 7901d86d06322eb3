"""Outputs beside energy, forces and stress agree with them, or the check says which don't."""

from __future__ import annotations

import numpy as np
import pytest
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from support.family_runs import structure

from physcheck import measure_outputs_agree
from physcheck.adapters.ase import CalculatorModel
from physcheck.adapters.further_outputs import further_outputs_of
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of
from physcheck.run.one_by_one import one_by_one
from physcheck.system import as_configurations


class Changed(EMT):
    """EMT with more results, as a function of the results and the atoms says."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results.update(self.change(self.results, self.atoms))


def measured(change, name="copper", info=()):
    start = structure(name)
    start.info.update(info)
    found = measure_outputs_agree(CalculatorModel(Changed(change)), start)
    return judge(found, tolerance_of("outputs_agree", "md")).outcome, found


@pytest.mark.parametrize("calculator", [EMT, lambda: LennardJones(sigma=2.2, rc=5.0)])
@pytest.mark.parametrize("name", ["copper", "slab", "ethanol"])
def test_real_calculators_agree_with_themselves(calculator, name):
    tight = tolerance_of("outputs_agree", "tight")
    model = CalculatorModel(calculator())
    found = measure_outputs_agree(model, structure(name), tolerance=tight.value)
    assert judge(found, tight).outcome is Outcome.PASS
    assert "energies" in found.evidence["quantities"]["outputs"]
    # Five are for the stress where one axis isn't periodic.
    assert found.force_evaluations == (2 if name == "ethanol" else 7)


def _v(results, atoms):
    sigma = results["stress"]
    return np.array([[sigma[0], sigma[5], sigma[4]], [sigma[5], sigma[1], sigma[3]],
                     [sigma[4], sigma[3], sigma[2]]]) * atoms.get_volume()  # fmt: skip


FAULTS = [
    (lambda r, a: {"energies": r["energies"] + 0.5}, "sum of energies"),
    (lambda r, a: {"energies": r["energies"] + 0.002}, "sum of energies"),
    (lambda r, a: {"free_energy": r["energy"] + 0.1}, "free_energy"),
    (lambda r, a: {"free_energy": r["energy"] - 4.0, "energies": None}, "free_energy"),
    (lambda r, a: {"virial": _v(r, a)}, "virial and -V stress"),
    (lambda r, a: {"virials": np.tile(_v(r, a), (len(a), 1, 1))}, "sum of virials"),
    (lambda r, a: {"stresses": np.tile(2 * r["stress"], (len(a), 1))}, "stresses"),
    (lambda r, a: {"charges": np.linspace(0, 0.1, len(a))}, "the sum of charges"),
    (
        lambda r, a: {"energies": r["energies"] + 0.1 * (np.arange(len(a)) - (len(a) - 1) / 2)},
        "one and in two copies",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), FAULTS)
def test_outputs_that_do_not_agree_are_named(change, words):
    outcome, found = measured(change)
    assert outcome is Outcome.FAIL
    assert words in found.evidence["place"]


@pytest.mark.parametrize(
    "change",
    [
        lambda r, a: {"virial": -_v(r, a)},
        lambda r, a: {"virials": np.tile(-_v(r, a) / len(a), (len(a), 1, 1))},
        lambda r, a: {"stresses": np.tile(r["stress"] / len(a), (len(a), 1))},
        lambda r, a: {"stresses": np.tile(r["stress"], (len(a), 1))},
        lambda r, a: {"charges": np.full(len(a), a.info.get("charge", 0) / len(a))},
        lambda r, a: {"free_energy": r["energy"] - 0.2},
        lambda r, a: {"magmom": 3.0, "energies": "a text"},
    ],
)
@pytest.mark.parametrize("charge", [0, 1])
def test_outputs_that_agree_by_any_convention_pass(change, charge):
    outcome, _ = measured(change, info={"charge": charge})
    assert outcome is Outcome.PASS


def test_a_dipole_does_not_depend_on_where_the_molecule_is():
    def about_the_origin(results, atoms):
        q = 0.1 * (-1.0) ** np.arange(len(atoms))
        return {"dipole": (q - charge_of(len(atoms), q)) @ atoms.positions}

    def charge_of(n, q):
        return q.sum() / n

    outcome, found = measured(about_the_origin, "ethanol")
    assert outcome is Outcome.PASS
    assert found.force_evaluations == 3

    outcome, found = measured(lambda r, a: {"dipole": a.positions.sum(axis=0)}, "ethanol")
    assert outcome is Outcome.FAIL
    assert "moved together" in found.evidence["place"]


def test_the_defect_fails_and_a_model_without_further_outputs_is_not_judged():
    start = structure("ethanol")
    bad = measure_outputs_agree(make_builtin("morse+atomic-energies=0.1"), start)
    assert bad.value == pytest.approx(0.1, rel=0.01)
    assert judge(bad, tolerance_of("outputs_agree", "md")).outcome is Outcome.FAIL
    good = measure_outputs_agree(make_builtin("morse+atomic-energies=0"), start)
    assert judge(good, tolerance_of("outputs_agree", "tight")).outcome is Outcome.PASS
    alone = one_by_one(make_builtin("morse+atomic-energies=0.1"))
    assert measure_outputs_agree(alone, start).value == bad.value
    with pytest.raises(CapabilityMissing, match="no output beside"):
        measure_outputs_agree(make_builtin("morse"), start)


def test_the_tolerance_is_met_by_a_defect_just_above_which_is_the_detection_limit():
    start = structure("ethanol")
    for strength, fails in ((1.1e-3, True), (0.9e-3, False)):
        found = measure_outputs_agree(make_builtin(f"morse+atomic-energies={strength}"), start)
        outcome = judge(found, tolerance_of("outputs_agree", "md")).outcome
        assert (outcome is Outcome.FAIL) == fails
        assert found.noise_floor < 1e-6
        assert found.detection_limit == pytest.approx(1e-3, rel=1e-3)


def test_torch_modules_hand_on_what_their_dict_has():
    import torch

    from physcheck.adapters.torch import TorchModel

    class Springs(torch.nn.Module):
        def forward(self, positions, numbers, cells, pbc):
            energies = 0.5 * (positions**2).sum(2)
            (gradient,) = torch.autograd.grad(energies.sum(), positions, create_graph=True)
            answer = {"energy": energies.sum(1), "forces": -gradient}
            return {**answer, "charges": torch.ones_like(energies)}

    model = TorchModel(Springs(), dtype="float64")
    start = structure("water")
    meter = Meter(model)
    meter.ask(as_configurations(start))
    found = measure_outputs_agree(model, start)
    assert found.evidence["place"].startswith("the sum of charges")
    assert found.value == pytest.approx(1.0)


def test_shapes_that_nobody_can_read_are_left_out():
    voigt = np.arange(6.0)
    found = further_outputs_of(
        {
            "energy": [[1.0]], "energies": np.ones((1, 3)), "stress": voigt,
            "charges": np.ones((4, 2)), "dipole": [np.nan, 0, 0],
            "virial": np.arange(9), "virials": np.ones((3, 6)), "x": 1,
        },
        3,
    )  # fmt: skip
    assert set(found) == {"energies", "stress", "virial", "virials"}
    assert found["stress"].tolist() == [[0, 5, 4], [5, 1, 3], [4, 3, 2]]
    assert found["virial"][2, 0] == 6


@pytest.mark.parametrize(("times", "outcome_of_it"), [(4.803, Outcome.FAIL), (1.0, Outcome.PASS)])
def test_a_dipole_in_debye_is_told_by_the_charges(times, outcome_of_it):
    def change(results, atoms):
        charges = 0.1 * (atoms.numbers - atoms.numbers.mean())
        return {"charges": charges, "dipole": times * charges @ atoms.positions}

    outcome, found = measured(change, "ethanol")
    assert outcome is outcome_of_it
    assert (f"{times:.4g} times" in found.evidence["place"]) is (times != 1)
