import numpy as np
import pytest
import torch
from ase.build import molecule

from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.numerics.answers import evaluation_from, real_array
from physcheck.system import Configurations, Evaluation

H2O = Configurations.from_atoms(molecule("H2O"))
GOOD = np.arange(9.0).reshape(1, 3, 3)


class Unreadable:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "value",
    [
        GOOD, GOOD.astype(np.float32), GOOD.astype(np.float16), GOOD.astype(np.longdouble),
        GOOD.astype(np.int64), GOOD.astype(np.uint8), GOOD.tolist(), torch.tensor(GOOD),
        torch.tensor(GOOD, dtype=torch.bfloat16), np.asfortranarray(GOOD), GOOD[::-1, ::-1][::-1],
    ],
)  # fmt: skip
def test_real_numbers_are_taken_as_a_new_float64_array(value):
    taken = real_array("forces", value, (1, 3, 3))
    assert type(taken) is np.ndarray
    assert taken.dtype == np.float64
    if isinstance(value, np.ndarray):
        assert not np.shares_memory(taken, value)
    assert sorted(taken.ravel()) == list(range(9))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "forces is None"),
        ("nan", "forces is a str"),
        (GOOD.astype(str), "forces is a ndarray of strings"),
        (GOOD.astype(bytes), "forces is a ndarray of bytes"),
        (GOOD > 1, "forces is a ndarray of booleans"),
        (GOOD + 0j, "forces is a ndarray of complex numbers"),
        (torch.tensor(GOOD + 1j), "forces is a Tensor of complex numbers"),
        (np.ma.masked_array(GOOD, mask=GOOD > 3), "forces is a masked array"),
        ({"x": GOOD}, "forces is a dict"),
        ({1.0, 2.0}, "forces is a set"),
        ((row for row in GOOD), "forces is a generator"),
        ([[1.0, 2.0], [3.0]], "forces is ragged"),
        ([[[1.0, None, 2.0]] * 3], "forces is a list of Python objects such as NoneType"),
        (np.array([["a", {}]], dtype=object), "forces is a ndarray of Python objects such as str"),
        (torch.tensor(GOOD, requires_grad=True), "forces is a tensor that requires grad"),
        (Unreadable(), "forces is an Unreadable that numpy can't read"),
        (GOOD[0], r"forces has shape \(3, 3\)"),
        (GOOD.astype("m8[s]"), "forces is a ndarray of times"),
        (object(), "forces is an object"),
    ],
)
def test_anything_else_is_named_with_what_it_should_be(value, text):
    with pytest.raises(ModelError, match=rf"^{text}.* should be .*\(1, 3, 3\)"):
        real_array("forces", value, (1, 3, 3))


def test_only_wanted_outputs_are_judged():
    answer = Evaluation(np.zeros(1), GOOD, "no stress at all")
    taken = evaluation_from(answer, H2O, {"forces"})
    assert (taken.energy, taken.stress) == (None, None)
    np.testing.assert_array_equal(taken.forces, GOOD)
    with pytest.raises(ModelError, match="the reference's stress is a str"):
        evaluation_from(answer, H2O, {"stress"}, of="the reference")
    with pytest.raises(ModelError, match="gave no energy, though it says that it can"):
        evaluation_from(Evaluation(forces=GOOD), H2O, {"energy"})
    with pytest.raises(ModelError, match=r"gave a dict, should give a physcheck\.Evaluation"):
        evaluation_from({"forces": GOOD}, H2O, {"forces"})


def test_what_is_not_finite_is_named():
    bad = GOOD.copy()
    bad[0, 1, 2] = -np.inf
    with pytest.raises(NonFiniteOutput, match=r"forces is -inf at .* 0, atom 1 \(H\)") as found:
        evaluation_from(Evaluation(forces=bad), H2O, {"forces"})
    assert (found.value.output, found.value.value) == ("forces", "-inf")


@pytest.mark.parametrize("value", [1.7e308, -1e151, np.nan, np.inf])
def test_numbers_whose_squares_are_infinite_are_no_numbers(value):
    asked = Configurations.from_atoms(molecule("H2O"))
    answer = Evaluation(np.array([value]), np.zeros((1, 3, 3)), None)
    with pytest.raises(NonFiniteOutput, match="energy is"):
        evaluation_from(answer, asked, ["energy", "forces"])
    answer = Evaluation(np.array([1e11]), np.zeros((1, 3, 3)), None)
    assert evaluation_from(answer, asked, ["energy", "forces"]).energy[0] == 1e11


@pytest.mark.parametrize(
    ("name", "value"), [("energy", 4.6e18), ("forces", 4.6e18), ("forces", -2e12), ("stress", 1e13)]
)
def test_sizes_that_no_potential_has_are_no_numbers(name, value):
    """4.6e18 is what the bits of 2.0 are as an integer."""
    asked = Configurations.from_atoms(molecule("H2O"))
    shapes = {"energy": (1,), "forces": (1, 3, 3), "stress": (1, 3, 3)}
    answer = Evaluation(**{name: np.full(shapes[name], value)})
    with pytest.raises(NonFiniteOutput, match="where no atoms overlap") as found:
        evaluation_from(answer, asked, {name})
    assert found.value.output == name
    # Atoms on top of each other, or flung away by an integrator, may have any force.
    for scale in (0.2, 1e6):
        elsewhere = asked.at(scale * asked.positions)
        assert getattr(evaluation_from(answer, elsewhere, {name}), name).flat[0] == value
