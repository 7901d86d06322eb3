"""``check_adapter``: a good model keeps to the contract, each fault breaks its rule."""

from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.units import Hartree, kcal, mol

from physcheck.errors import SpecError
from physcheck.potentials import Gupta, LennardJones, make_builtin
from physcheck.system import Evaluation
from physcheck.testing import ContractBroken, check_adapter, contract_rules
from physcheck.testing.adapter_contract import BROKEN, SKIPPED


def rattled(atoms):
    atoms.positions += 0.05 * np.random.default_rng(2).standard_normal(atoms.positions.shape)
    return atoms


COPPER = rattled(bulk("Cu", cubic=True))
COPPER_NUMBER = frozenset({29})


class Changed:
    """A good model whose answer ``change`` spoils, as (asked, answer) -> answer."""

    def __init__(self, change=lambda asked, answer: answer, **told):
        self.inner = Gupta()
        told.setdefault("species", COPPER_NUMBER)
        self.capabilities = replace(self.inner.capabilities, **told)
        self.change = change

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = self.inner.evaluate(configurations, want=want)
        return self.change(configurations, answer)


def broken(model, atoms=COPPER, **options):
    results = check_adapter(model, atoms, on_broken="return", **options)
    return {result.rule: result.message for result in results if result.outcome == BROKEN}


def forces_times(factor):
    return lambda asked, answer: replace(answer, forces=factor * answer.forces)


def stress_times(factor):
    def change(asked, answer):
        return answer if answer.stress is None else replace(answer, stress=factor * answer.stress)

    return change


@pytest.mark.parametrize("atoms", [COPPER, rattled(molecule("CH3CH2OH"))], ids=["Cu4", "ethanol"])
def test_a_good_model_keeps_to_the_contract(atoms):
    results = check_adapter(LennardJones(), atoms, takes_any_species=True)
    assert [result.rule for result in results] == list(contract_rules())
    skipped = {result.rule for result in results if result.outcome == SKIPPED}
    assert skipped == {"unknown_species_are_refused"}
    assert sum(result.evaluations for result in results) < 96


def test_an_ase_calculator_keeps_to_it():
    assert {r.outcome for r in check_adapter(EMT(), COPPER)} == {"holds", SKIPPED}


def test_structures_are_found_for_a_model_of_one_element():
    results = check_adapter(Changed(), rules=["capabilities_are_told"])
    assert [result.structure for result in results] == ["Cu32", "Cu12"]


def test_what_is_broken_is_named_and_all_of_it_raised():
    model = Changed(forces_times(kcal / mol))
    with pytest.raises(ContractBroken, match="units_are_ases") as caught:
        check_adapter(model, COPPER)
    assert len(caught.value.results) == len(contract_rules())
    assert "1 of 12 rules" in str(caught.value)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"dtype": "double"}, "dtype is 'double'"),
        ({"outputs": frozenset({"energy"})}, "lacks forces"),
        ({"outputs": frozenset({"forces", "charges"})}, "charges"),
        ({"interaction_range": -1.0}, "interaction_range is -1.0"),
        ({"periodicity": "3d"}, "periodicity is '3d'"),
        ({"species": frozenset({"Cu"})}, "set of atomic numbers"),
        ({"name": ""}, "name is empty"),
    ],
)
def test_capabilities_of_the_wrong_kind(told, said):
    model = Changed(**told)
    found = broken(model, rules=["capabilities_are_told"])
    assert said in found["capabilities_are_told"]


def test_capabilities_of_another_class():
    model = Changed()
    model.capabilities = SimpleNamespace(**asdict(model.capabilities))
    found = broken(model, rules=["capabilities_are_told"])
    assert "is a SimpleNamespace" in found["capabilities_are_told"]


def test_forces_with_an_axis_dropped_for_one_atom():
    def squeezed(asked, answer):
        return replace(answer, forces=np.squeeze(answer.forces) if asked.n_atoms == 1
                       else answer.forces)  # fmt: skip

    found = broken(Changed(squeezed))
    assert set(found) == {"one_atom_has_shapes"}
    assert "(3,), should be (1, 1, 3)" in found["one_atom_has_shapes"]


def test_energies_of_another_shape_and_complex_forces():
    rule = ["outputs_have_their_shapes"]
    column = Changed(lambda asked, answer: replace(
        answer, energy=None if answer.energy is None else answer.energy[:, None]))  # fmt: skip
    assert "should be (1,)" in broken(column, rules=rule)["outputs_have_their_shapes"]
    imaginary = Changed(forces_times(1j))
    assert "complex" in broken(imaginary, rules=rule)["outputs_have_their_shapes"]


def test_a_batch_in_reverse_order_is_recognised():
    reversed_ = Changed(lambda asked, answer: Evaluation(
        *(None if v is None else v[::-1] for v in (answer.energy, answer.forces, answer.stress))
    ))  # fmt: skip
    found = broken(reversed_, rules=["batches_are_single_calls"])
    assert "reverse order" in found["batches_are_single_calls"]


def test_forces_that_depend_on_what_else_is_asked_for():
    class Careless(Changed):
        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            self.change = forces_times(1.0 if "energy" in want else 0.9)
            return super().evaluate(configurations, want=want)

    found = broken(Careless(), rules=["outputs_come_alone"])
    assert "forces asked for alone" in found["outputs_come_alone"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (forces_times(-1), "of the wrong sign (the gradient itself?)"),
        (forces_times(Hartree), "in eV/Å beside energies in hartree"),
        (forces_times(mol / kcal), "in kcal/mol/Å beside energies in eV"),
        (forces_times(0.1), ""),
        (stress_times(160.21766), "in GPa"),
        (stress_times(-1602.1766), "in kbar with the wrong sign"),
        (stress_times(COPPER.get_volume()), "a virial, not divided by the volume"),
    ],
)
def test_units(change, said):
    found = broken(Changed(change), rules=["units_are_ases"])
    if said:
        assert said in found["units_are_ases"]


def test_a_factor_that_is_no_unit_is_left_to_the_laws():
    assert broken(Changed(forces_times(1.3)), rules=["units_are_ases"]) == {}


def test_float32_inside_a_model_that_says_float64():
    cast = Changed(lambda asked, answer: replace(
        answer, forces=answer.forces.astype(np.float32).astype(np.float64)))  # fmt: skip
    found = broken(cast, rules=["float64_is_float64"])
    assert "something inside casts" in found["float64_is_float64"]


def test_float64_that_a_spec_promises_and_does_not_give():
    found = broken("builtin::gupta+float32=1", rules=["float64_is_float64"])
    assert "says float32" in found["float64_is_float64"]


def test_an_unknown_element():
    rules = ["unknown_species_are_refused"]
    assert "species is None" in broken(Changed(species=None), rules=rules)[rules[0]]
    assert broken(Changed(), rules=rules) == {}
    assert broken(Changed(species=None), rules=rules, takes_any_species=True) == {}


@pytest.mark.parametrize(
    ("defect", "rule"),
    [
        ("gupta+mutates-input=0.1", "input_is_untouched"),
        ("gupta+noise=0.01", "same_question_same_answer"),
        ("gupta+stateful=0.1", "no_memory_of_other_questions"),
        ("gupta+batch-index=0.1", "batches_are_single_calls"),
    ],
)
def test_defects_of_the_implementation(defect, rule):
    assert rule in broken(make_builtin(defect), rules=[rule])


def test_a_fresh_copy_with_other_weights():
    model = Changed()
    model.fresh = lambda: Changed(forces_times(0.99))
    assert "0." in broken(model, rules=["fresh_copies_are_equal"])["fresh_copies_are_equal"]


def test_a_model_that_raises_is_a_finding():
    def refused(asked, answer):
        raise RuntimeError("no kernel")

    found = broken(Changed(refused))
    assert "no kernel" in found["outputs_have_their_shapes"]


def test_a_model_that_answers_nowhere_is_held_against_the_rules():
    def refused(asked, answer):
        raise RuntimeError("no kernel")

    with pytest.raises(ContractBroken) as caught:
        check_adapter(Changed(refused))
    head, first, likewise = str(caught.value).splitlines()[:3]
    assert head == "8 of 12 rules of the contract of a model are broken"
    assert "outputs_have_their_shapes [Cu32]" in first
    assert "no kernel" in first
    assert likewise.startswith("    likewise: outputs_come_alone, input_is_untouched")
    with pytest.raises(SpecError, match=r"answers at no structure .*C2H6O.*no kernel.*give atoms="):
        check_adapter(Changed(refused, species=None))


def test_names_that_do_not_exist():
    with pytest.raises(SpecError, match="no rule is called 'shapes'"):
        check_adapter(Changed(), COPPER, rules=["shapes"])
    with pytest.raises(SpecError, match="give atoms="):
        check_adapter(Changed(species=frozenset({118})))
