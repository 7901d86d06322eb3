"""More kinds of faults that people reported in public: what is given, slabs, lonely atoms."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT
from support.family_runs import structure

import physcheck
from physcheck.adapters.ase import CalculatorModel
from physcheck.adapters.torch import TorchModel
from physcheck.checks.implementation.slab_stress import measure_slab_stress
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of
from physcheck.system import Evaluation, as_configurations


def outcome(measured):
    return judge(measured, tolerance_of(measured.check, "md")).outcome


class Results(EMT):
    """EMT with results that a function changes; stress wherever there is a cell."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.change(self.results, self.atoms)


def volume_of_an_enlarged_cell(results, atoms):
    # MACE's stress of slabs was divided by the volume of the cell in which it looked for neighbours
    # (ACEsuit/mace#1509).
    if not atoms.pbc.all() and "stress" in results:
        results["stress"] = results["stress"] / 17.8


def on_a_coarse_grid(results, atoms):
    for name in ("energy", "free_energy"):
        results[name] = float(np.float32(results[name] + 1e5))
    results.pop("energies")


@pytest.mark.parametrize("name", ["copper", "slab"])
def test_a_stress_over_the_volume_of_another_cell_fails_outputs_agree(name):
    wrong = CalculatorModel(Results(volume_of_an_enlarged_cell))
    found = physcheck.measure_outputs_agree(wrong, structure(name))
    assert outcome(found) is Outcome.FAIL
    assert "one axis isn't periodic" in found.evidence["place"]
    for change in (lambda *_: None, on_a_coarse_grid):
        sound = physcheck.measure_outputs_agree(CalculatorModel(Results(change)), structure(name))
        assert outcome(sound) is not Outcome.FAIL
        assert sound.force_evaluations <= 7


def test_the_stress_of_a_slab_is_the_work_of_a_strain():
    start = as_configurations(structure("slab"))
    start = start.displaced(0.1 * np.random.default_rng(0).standard_normal(start.positions.shape))
    found = measure_slab_stress(Meter(CalculatorModel(EMT())), start)
    assert found.of_energy == pytest.approx(found.of_stress, abs=1e-4)
    assert abs(found.of_stress) > 0.1
    assert found.error < 0.02
    assert measure_slab_stress(Meter(make_builtin("gupta")), start) is None


class OneBuffer(torch.nn.Module):
    """Springs; answers of all calls lie in one buffer, as those of CUDA graphs do."""

    def __init__(self, shares):
        super().__init__()
        self.shares, self.buffer = shares, torch.zeros(1, 3, 3, dtype=torch.float64)

    def forward(self, positions, numbers, cells, pbc):
        x = positions.detach()
        forces = x.mean(1, keepdim=True) - x
        if self.shares and forces.shape == self.buffer.shape:
            forces = self.buffer.copy_(forces)
        return {"energy": 0.5 * (forces**2).sum((1, 2)), "forces": forces}


def test_answers_that_the_next_call_overwrites_fail_input_untouched():
    verdicts = {}
    for shares in (True, False):
        model = TorchModel(OneBuffer(shares).double())
        found = physcheck.measure_input_untouched(
            model, structure("water"), rng=np.random.default_rng(0)
        )
        verdicts[shares] = outcome(found)
        assert ("an earlier answer's forces" in found.evidence["place"]) is shares
    assert verdicts == {True: Outcome.FAIL, False: Outcome.PASS}


class ReferenceOfBondedAtoms:
    """A sound potential whose reference energies are left out where no atom has a neighbour."""

    def __init__(self, shift):
        self.inner, self.shift = make_builtin("morse"), shift
        self.capabilities = self.inner.capabilities

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        found = self.inner.evaluate(configurations, want=want)
        if found.energy is None:
            return found
        energy = found.energy + 7.0
        x = configurations.positions[0]
        apart = np.linalg.norm(x[:, None] - x[None], axis=-1) + 1e9 * np.eye(len(x))
        if self.shift and apart.min() > 6.0:
            return Evaluation(energy, found.forces)
        references = self.shift * configurations.system.numbers.sum()
        return Evaluation(energy + references, found.forces)


def test_reference_energies_left_out_for_atoms_alone_fail_separated_additivity():
    start = structure("ethanol")
    found = physcheck.measure_separated_additivity(ReferenceOfBondedAtoms(-0.01), start)
    assert outcome(found) is Outcome.FAIL
    assert "one O atom 8 Å away" in found.evidence["place"]
    # A constant of 7 eV in the energy is no fault.
    sound = physcheck.measure_separated_additivity(ReferenceOfBondedAtoms(0.0), start)
    assert outcome(sound) is Outcome.PASS
    assert sound.force_evaluations - 16 <= 12 + 6 + 7


def test_energies_of_copies_that_do_not_add_up_say_so():
    class Parity(ReferenceOfBondedAtoms):
        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            found = self.inner.evaluate(configurations, want=want)
            if found.energy is None:
                return found
            return Evaluation(found.energy + 0.5 * (configurations.n_atoms % 2), found.forces)

    found = physcheck.measure_separated_additivity(Parity(0.0), structure("ethanol"))
    assert outcome(found) is Outcome.FAIL
    assert "their energy is not the sum of both, by 1 eV" in found.evidence["place"]


class WrongOutsideTheCell(ReferenceOfBondedAtoms):
    """A sound potential with other forces wherever any atom is outside the cell."""

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        found = self.inner.evaluate(configurations, want=want)
        fractional = configurations.positions @ np.linalg.inv(configurations.cells)
        outside = ((fractional < 0) | (fractional >= 1)).any(axis=(1, 2))
        forces = np.where(outside[:, None, None], 1.2, 1.0) * found.forces
        return Evaluation(found.energy, forces, found.stress)


def test_a_fault_of_all_places_outside_the_cell_fails_periodic_wrap():
    # Displaced crystals have atoms a little outside, and so have all their images by other shifts.
    model = WrongOutsideTheCell(0.0)
    model.inner = make_builtin("gupta")
    start = structure("copper")
    found = physcheck.measure_periodic_wrap(model, start)
    assert outcome(found) is Outcome.FAIL
    sound = physcheck.measure_periodic_wrap(make_builtin("gupta"), start)
    assert outcome(sound) is Outcome.PASS


class VacuumAlongZ(EMT):
    """What is periodic along two axes is taken to be so along the first two."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        if atoms.pbc.sum() == 2:
            atoms = atoms.copy()
            atoms.pbc = True, True, False
        super().calculate(atoms, properties, system_changes)


def test_vacuum_along_another_axis_is_tried_in_crystals_too():
    found = physcheck.measure_lattice_basis(CalculatorModel(VacuumAlongZ()), structure("copper"))
    assert outcome(found) is Outcome.FAIL
    assert "the third axis not periodic" in found.evidence["place"]
    sound = physcheck.measure_lattice_basis(CalculatorModel(EMT()), structure("copper"))
    assert outcome(sound) is Outcome.PASS
    assert sound.force_evaluations - 16 <= 15


class SkinAgainstTheLastCall:
    """A sound potential; pairs beyond 0.4 Å more than its cutoff are looked for again only after
    an atom moved by 0.2 Å since the last call."""

    def __init__(self):
        self.inner, self.kept = make_builtin("gupta"), None
        self.capabilities = self.inner.capabilities

    def fresh(self):
        return SkinAgainstTheLastCall()

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answers = []
        for one in configurations:
            found = self.inner.evaluate(one, want=want)
            last = self.kept
            asked = (one.cells.tobytes(), one.system.numbers.tobytes(), one.system.pbc.tobytes())
            listed = one.positions
            if last is not None and last[0] == asked:
                near = np.abs(one.positions - last[1]).max() < 0.2
                listed = last[2] if near else one.positions
            self.kept = (asked, one.positions, listed)
            # Beyond the skin pairs are lost: forces of the size of what they miss.
            lost = np.abs(one.positions - listed).max() > 0.4
            forces = found.forces * (0.9 if lost else 1.0)
            answers.append(Evaluation(found.energy, forces, found.stress))
        return Evaluation.concatenate(answers)


def test_a_list_that_is_held_against_the_last_call_fails_history_independence():
    found = physcheck.measure_history_independence(SkinAgainstTheLastCall(), structure("copper"))
    assert outcome(found) is Outcome.FAIL
    assert "in eight steps" in found.evidence["place"]


class Unparametrised(EMT):
    """Atoms of one species have no forces."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results["forces"] = np.where(
            self.atoms.numbers[:, None] == 8, 0.0, self.results["forces"]
        )


def test_a_species_without_parameters_fails_responsiveness():
    found = physcheck.measure_responsiveness(
        CalculatorModel(Unparametrised()), structure("ethanol")
    )
    assert outcome(found) is Outcome.FAIL
    assert "all O atoms are exactly zero" in found.evidence["place"]
    sound = physcheck.measure_responsiveness(CalculatorModel(EMT()), structure("ethanol"))
    assert outcome(sound) is Outcome.PASS


class CellIsNotInTheKey(EMT):
    """Answers are kept by positions and species alone, as many as are asked."""

    def __init__(self):
        super().__init__()
        self.kept = {}

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        key = atoms.positions.tobytes() + atoms.numbers.tobytes()
        if key not in self.kept:
            super().calculate(atoms, properties, system_changes)
            self.kept[key] = copy.deepcopy(self.results)
        self.results = copy.deepcopy(self.kept[key])


@pytest.mark.parametrize(("name", "place"), [("water", "periodic box"), ("copper", "cell")])
def test_a_cache_that_does_not_look_at_the_cell_fails_history_independence(name, place):
    model = CalculatorModel.from_factory(CellIsNotInTheKey)
    found = physcheck.measure_history_independence(model, structure(name))
    assert outcome(found) is Outcome.FAIL
    assert place in found.evidence["place"]


class KeptThroughAnException(EMT):
    """The results of the structure before stay where atoms are too near each other."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        kept = getattr(self, "kept", {})
        super().calculate(atoms, properties, system_changes)
        apart = self.atoms.get_all_distances()[np.triu_indices(len(self.atoms), 1)]
        if apart.min() < 0.7 and kept:
            self.results = dict(kept)
        else:
            self.kept = copy.deepcopy(self.results)


class KeptAfterAnException(EMT):
    """The exception is passed on; asked again, the results of the structure before are given."""

    def get_property(self, name, atoms=None, allow_calculation=True):
        if atoms is not None and self.check_state(atoms):
            self.atoms = atoms.copy()
            if atoms.get_all_distances()[np.triu_indices(len(atoms), 1)].min() < 0.7:
                raise RuntimeError("not converged")
            self.calculate(atoms, ["energy"], all_changes)
        return self.results[name]


class SharedCache(EMT):
    """What any instance has calculated is given again for the same positions and species."""

    known = {}  # noqa: RUF012 - the fault

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        key = (atoms.positions.tobytes(), atoms.numbers.tobytes())
        if key not in self.known:
            super().calculate(atoms, properties, system_changes)
            self.known[key] = copy.deepcopy(self.results)
        self.results = dict(self.known[key])


@pytest.mark.parametrize("is_fresh", [True, False])
@pytest.mark.parametrize(
    ("calculator", "name", "place"),
    [
        (KeptThroughAnException, "copper", "two atoms 0.3 Å apart"),
        (KeptAfterAnException, "water", "two atoms 0.3 Å apart"),
        (SharedCache, "copper", "a cache of all instances"),
    ],
)
def test_answers_of_an_earlier_structure_fail_history_independence(
    calculator, name, place, is_fresh
):
    model = CalculatorModel.from_factory(calculator) if is_fresh else CalculatorModel(calculator())
    found = physcheck.measure_history_independence(model, structure(name))
    assert outcome(found) is Outcome.FAIL
    assert place in found.evidence["place"]
    assert found.force_evaluations <= 75


def test_a_model_that_refuses_near_atoms_keeps_no_earlier_answer():
    class Refusing(EMT):
        def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
            super().calculate(atoms, properties, system_changes)
            apart = self.atoms.get_all_distances()[np.triu_indices(len(self.atoms), 1)]
            if apart.min() < 0.7:
                raise RuntimeError("atoms too near")

    model = CalculatorModel.from_factory(Refusing)
    found = physcheck.measure_history_independence(model, structure("copper"))
    assert outcome(found) is Outcome.PASS
    assert found.evidence["quantities"]["changes_without_effect"]


class HydrogenFirst(ReferenceOfBondedAtoms):
    """The first atom is taken for padding where it is hydrogen."""

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = self.inner.evaluate(configurations, want=want)
        if configurations.system.numbers[0] != 1:
            return answer
        forces = answer.forces.copy()
        forces[:, 0] = 0.0
        return Evaluation(answer.energy, forces, answer.stress)


@pytest.mark.parametrize("seed", range(5))
def test_orders_begin_with_other_species(seed):
    rng = np.random.default_rng(seed)
    found = physcheck.measure_permutation_equivariance(
        HydrogenFirst(0.0), structure("ethanol"), rng=rng
    )
    assert outcome(found) is Outcome.FAIL
