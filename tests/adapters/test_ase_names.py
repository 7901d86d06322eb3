"""``ase::NAME``: calculators by their name in ASE."""

import subprocess
import sys

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones

from physcheck.adapters.loading import find_spec_problem, load_model
from physcheck.errors import ModelError, SpecError
from physcheck.search.repro_script import _model_lines
from physcheck.system import Configurations
from physcheck.testing import check_adapter

ARGON = bulk("Ar", "fcc", 5.3, cubic=True)
ARGON.rattle(0.05, seed=1)


def test_options_reach_the_calculator():
    model = load_model("ase::lj,sigma=3.4,epsilon=0.0104,rc=8")
    found = model.evaluate(Configurations.from_atoms(ARGON)).require_forces()
    atoms = ARGON.copy()
    atoms.calc = LennardJones(sigma=3.4, epsilon=0.0104, rc=8)
    np.testing.assert_array_equal(found[0], atoms.get_forces())
    assert (model.capabilities.name, model.capabilities.adapter) == ("LennardJones", "ase")


def test_it_keeps_the_contract_of_a_model():
    results = check_adapter("ase::emt", bulk("Cu", cubic=True))
    assert "fresh_copies_are_equal" in {r.rule for r in results if r.outcome == "holds"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("ase::emtt", "ASE has no calculator 'emtt'; did you mean emt"),
        ("ase::lj,sgima=2", "ase::lj takes no sgima; did you mean sigma?"),
        ("ase::emt,dtype=float64", "ase::emt takes no dtype; known: asap_cutoff"),
    ],
)
def test_what_it_does_not_know_is_refused(spec, said):
    with pytest.raises(SpecError) as caught:
        load_model(spec)
    assert said in str(caught.value)


def test_a_wrong_name_is_refused_before_anything_is_loaded():
    with pytest.raises(SpecError, match="did you mean emt"):
        find_spec_problem("ase::emtt")
    find_spec_problem("ase::emt")


def test_what_the_calculator_raises_is_a_model_error():
    with pytest.raises(ModelError, match="calling ase::eam raised FileNotFoundError"):
        load_model("ase::eam,potential=nowhere.alloy")


def test_a_script_that_repeats_a_failure_makes_it_without_physcheck():
    lines = _model_lines("ase::lj,sigma=3.4", "ase")
    code = f"{lines}\nprint(calculator.parameters.sigma)"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "3.4"
