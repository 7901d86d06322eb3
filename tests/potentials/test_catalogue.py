import pytest

from physcheck.errors import SpecError
from physcheck.potentials import BUILTINS, DEFECTS, make_builtin


def test_defects_are_chained_and_split_before_a_letter_only():
    model = make_builtin("gupta+lost-reaction=1e+2+offset+float32")
    assert model.spec == "float32"
    assert model.model.strength == 1e4
    assert model.model.model.strength == 100.0
    assert model.model.model.model.name == "gupta"
    assert model.capabilities.dtype == "float32"


def test_dtype_option_rounds_once():
    assert make_builtin("morse", dtype="float32").spec == "float32"
    assert make_builtin("morse+float32", dtype="float32").model.name == "morse"
    assert make_builtin("morse", dtype="float64").name == "morse"


@pytest.mark.parametrize(
    ("argument", "options", "message"),
    [
        ("lenard-jones", {}, "did you mean lennard-jones"),
        ("lennard-jones+curll=1", {}, "did you mean curl"),
        ("lennard-jones+curl=abc", {}, "should be a number"),
        ("lennard-jones+curl=nan", {}, "should be finite"),
        ("lennard-jones", {"cutof": 3.0}, "did you mean cutoff"),
        ("lennard-jones", {"cutoff": "wide"}, "should be a number"),
        ("lennard-jones", {"switch_width": 9.0}, "at most the cutoff"),
        ("lennard-jones", {"dtype": "bfloat16"}, "float32 or float64"),
        ("lennard-jones", {"device": "cuda"}, "run on cpu"),
        ("lennard-jones+curl=1+missing-switch-derivative", {}, "directly around"),
        ("stillinger-weber+missing-switch-derivative", {}, "with a switch"),
        ("water+local-curl=0.1:x", {}, "should be an integer"),
        ("water+curl=0.1:3", {}, "takes a strength only"),
        ("", {}, "known"),
    ],
)
def test_what_cannot_be_understood_is_a_spec_error(argument, options, message):
    with pytest.raises(SpecError, match=message):
        make_builtin(argument, **options)


def test_names_are_those_of_the_classes():
    assert all(kind.name == name for name, kind in BUILTINS.items())
    assert all(kind.spec == name for name, kind in DEFECTS.items())


def test_a_colon_says_which():
    model = make_builtin("water+local-curl=0.1:5")
    assert (model.strength, model.molecule) == (0.1, 5)
    assert make_builtin("water+species-direct=1e-3:8").species == 8
