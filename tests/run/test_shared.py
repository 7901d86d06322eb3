import pytest
from ase.build import molecule

from physcheck.errors import ModelError
from physcheck.run.shared import SharedByStructure
from physcheck.structures import Structure
from physcheck.system import Configurations


def structure(name="H2O"):
    return Structure(name, Configurations.from_atoms(molecule("H2O")), "test")


def test_a_value_is_made_once_a_structure():
    shared, one = SharedByStructure(), structure()
    made = []

    def make():
        made.append(len(made))
        return made[-1]

    assert [shared.of(one, make), shared.of(one, make)] == [0, 0]
    # Two tests may call different structures by one name.
    assert shared.of(structure(), make) == 1


def test_an_error_of_the_model_is_raised_for_all_and_a_fault_is_not_kept():
    shared, one = SharedByStructure(), structure()
    made = []

    def fails(error):
        made.append(error)
        raise error

    for _ in range(2):
        with pytest.raises(ModelError, match="no weights"):
            shared.of(one, lambda: fails(ModelError("no weights")))
    assert len(made) == 1
    other = structure("other")
    with pytest.raises(ZeroDivisionError):
        shared.of(other, lambda: fails(ZeroDivisionError()))
    assert shared.of(other, lambda: "now") == "now"
