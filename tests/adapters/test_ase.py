import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from physcheck.adapters.ase import CalculatorModel, ModelCalculator
from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.model import Meter
from physcheck.system import Configurations

ALL = frozenset({"energy", "forces", "stress"})


def copper(batch=3):
    atoms = bulk("Cu", cubic=True)
    start = Configurations.from_atoms(atoms)
    rng = np.random.default_rng(1)
    return start.displaced(0.05 * rng.standard_normal((batch, 4, 3)))


class Springs(Calculator):
    """Each atom on a spring to the origin; what it gives is set by the test."""

    implemented_properties = ("energy", "free_energy", "forces", "stress")

    def __init__(self, gives=("energy", "forces", "stress"), cast=lambda name, value: value):
        super().__init__()
        self.gives = gives
        self.cast = cast
        self.calls = 0
        self.seen = []

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.calls += 1
        self.seen.append(atoms)
        x = self.atoms.positions
        values = {
            "energy": 0.5 * (x**2).sum(),
            "free_energy": 0.5 * (x**2).sum() + 100.0,
            "forces": -x,
            "stress": np.arange(6.0),
        }
        self.results = {k: self.cast(k, values[k]) for k in self.gives}


def test_agrees_with_ase_and_batches():
    configurations = copper()
    model = CalculatorModel(EMT())
    model.ask(configurations[0])
    assert model.capabilities.outputs == ALL
    assert model.capabilities.dtype == "float64"
    answer = Meter(model).evaluate(configurations, want=ALL)
    for i in range(3):
        atoms = configurations.to_atoms(i)
        atoms.calc = EMT()
        expected = atoms.get_potential_energy(force_consistent=True)
        assert answer.energy[i] == pytest.approx(expected, abs=1e-12)
        np.testing.assert_allclose(answer.forces[i], atoms.get_forces(), atol=1e-13)
        np.testing.assert_allclose(answer.stress[i], atoms.get_stress(voigt=False), atol=1e-15)


def test_energy_is_free_energy_where_given():
    start = Configurations.from_atoms(molecule("H2O"))
    with_free = CalculatorModel(Springs(gives=("energy", "free_energy", "forces")))
    without = CalculatorModel(Springs(gives=("energy", "forces")))
    want = frozenset({"energy"})
    assert with_free.evaluate(start, want=want).energy[0] == pytest.approx(
        without.evaluate(start, want=want).energy[0] + 100.0
    )


def test_ask_takes_off_what_is_not_given_and_adds_what_is():
    model = CalculatorModel(Springs(gives=("forces",)))
    assert model.capabilities.outputs == ALL
    model.ask(copper(1))
    assert model.capabilities.outputs == {"forces"}
    assert Meter(model).evaluate(copper(2), want=ALL).energy is None


def test_evaluate_without_ask_gives_none_and_remembers():
    model = CalculatorModel(Springs(gives=("forces",)))
    answer = model.evaluate(copper(2), want=ALL)
    assert answer.energy is None
    assert answer.stress is None
    assert answer.forces.shape == (2, 4, 3)
    assert model.capabilities.outputs == {"forces"}


def test_ask_raises_for_forces_but_leaves_a_broken_stress_to_its_check():
    def broken(which):
        def cast(name, value):
            if name == which:
                raise RuntimeError(f"no {name} today")
            return value

        return CalculatorModel(Springs(cast=cast))

    with pytest.raises(RuntimeError, match="no forces today"):
        broken("forces").ask(copper(1))

    class StressRaises(EMT):
        def get_property(self, name, atoms=None, allow_calculation=True):
            if name == "stress":
                raise ValueError("stress head missing")
            return super().get_property(name, atoms, allow_calculation)

    model = CalculatorModel(StressRaises())
    model.ask(copper(1))
    assert model.capabilities.outputs == ALL
    with pytest.raises(ModelError, match="stress head missing"):
        Meter(model).evaluate(copper(1), want=ALL)


def test_old_calculator_without_get_property():
    class Old:
        def get_potential_energy(self, atoms):
            return 1.0

        def get_forces(self, atoms):
            return -atoms.positions

        def get_stress(self, atoms):
            raise PropertyNotImplementedError("stress")

    model = CalculatorModel(Old())
    model.ask(copper(1))
    assert model.capabilities.outputs == {"energy", "forces"}
    np.testing.assert_array_equal(model.evaluate(copper()).forces, -copper().positions)


@pytest.mark.parametrize(
    ("name", "cast", "message"),
    [
        ("forces", lambda v: v.ravel(), r"forces has shape \(2, 12\), should be \(2, 4, 3\)"),
        ("forces", lambda v: v[:3], r"forces has shape \(2, 3, 3\)"),
        ("energy", lambda v: np.full(4, v), r"energy has shape \(4,\), should be .*\(\)"),
        ("energy", lambda v: np.array([v]), r"energy has shape \(1,\), should be .*\(\)"),
        ("stress", lambda v: v[:5], r"stress has shape \(2, 5\)"),
    ],
)
def test_wrong_shapes_are_told_not_cast(name, cast, message):
    calculator = Springs(cast=lambda n, v: cast(v) if n == name else v)
    with pytest.raises(ModelError, match=message):
        Meter(CalculatorModel(calculator)).evaluate(copper(2), want=ALL)


def test_shapes_that_change_are_told():
    calculator = Springs(cast=lambda n, v: v[: calculator.calls + 1] if n == "forces" else v)
    with pytest.raises(ModelError, match="has the shapes"):
        Meter(CalculatorModel(calculator)).evaluate(copper(2))


def test_nan_and_exceptions():
    nan = Springs(cast=lambda n, v: v * np.nan)
    with pytest.raises(NonFiniteOutput, match="atom 0"):
        Meter(CalculatorModel(nan)).evaluate(copper(1))
    with pytest.raises(ModelError, match="NotImplementedError"):
        Meter(CalculatorModel(EMT())).evaluate(Configurations.from_atoms(Atoms("U")))
    model = CalculatorModel(EMT())
    with pytest.raises(NotImplementedError, match="No EMT-potential for U"):
        model.ask(Configurations.from_atoms(Atoms("U")))
    assert model.capabilities.outputs == ALL


def test_unsymmetric_3x3_stress_is_kept():
    matrix = np.arange(9.0).reshape(3, 3)
    model = CalculatorModel(Springs(cast=lambda n, v: matrix if n == "stress" else v))
    np.testing.assert_array_equal(model.evaluate(copper(1), want=ALL).stress[0], matrix)


def test_no_stress_without_full_pbc():
    atoms = bulk("Cu", cubic=True)
    atoms.pbc = (True, True, False)
    model = CalculatorModel(Springs())
    start = Configurations.from_atoms(atoms)
    model.ask(start)
    assert model.evaluate(start, want=ALL).stress is None
    assert "stress" in model.capabilities.outputs


def test_charge_spin_and_magmoms_arrive_and_nothing_of_ours_is_changed():
    class Rude(Springs):
        def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
            super().calculate(atoms, properties, system_changes)
            self.info = dict(atoms.info)
            self.magmoms = atoms.get_initial_magnetic_moments()
            atoms.positions[:] = 0.0
            atoms.pbc = True
            atoms.info["notes"].append("seen")

    atoms = molecule("O2")
    atoms.info.update(charge=-1, spin=2, notes=[])
    atoms.set_initial_magnetic_moments([1.0, 1.0])
    before = atoms.copy()
    start = Configurations.from_atoms(atoms)
    calculator = Rude()
    model = CalculatorModel(calculator)
    first = model.evaluate(start)
    np.testing.assert_array_equal(first.forces, -start.positions)
    np.testing.assert_array_equal(model.evaluate(start).forces, first.forces)
    assert calculator.info["charge"] == -1
    assert calculator.info["spin"] == 2
    np.testing.assert_array_equal(calculator.magmoms, [1.0, 1.0])
    assert atoms == before
    assert atoms.info["notes"] == []


def test_one_atoms_is_reused():
    calculator = Springs()
    CalculatorModel(calculator).evaluate(copper(3))
    assert len({id(atoms) for atoms in calculator.seen}) == 1


def test_the_same_place_is_computed_anew_but_the_outputs_of_one_call_are_not():
    calculator = Springs()
    model = CalculatorModel(calculator)
    start = copper(1)
    model.evaluate(start, want=ALL)
    assert calculator.calls == 2  # free_energy is promised but not given: one vain call
    model.evaluate(start, want=ALL)
    assert calculator.calls == 3
    model.evaluate(copper(2)[1], want=ALL)
    assert calculator.calls == 4


def test_a_lazy_calculator_still_answers_at_the_same_place():
    class Lazy(Springs):
        def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
            if system_changes:
                super().calculate(atoms, properties, system_changes)

    model = CalculatorModel(Lazy())
    start = copper(1)
    first = model.evaluate(start)
    np.testing.assert_array_equal(model.evaluate(start).forces, first.forces)


def test_fresh_needs_a_factory():
    assert CalculatorModel(EMT()).fresh is None
    model = CalculatorModel.from_factory(Springs)
    fresh = model.fresh()
    assert fresh.calculator is not model.calculator
    assert Meter(model).fresh().model.calculator is not model.calculator


def test_declaration():
    def factory():
        return LennardJones()

    factory.physcheck = {"species": ["Ar", 36], "structures": ["Ar13"], "interaction_range": 3}
    capabilities = CalculatorModel.from_factory(factory).capabilities
    assert capabilities.species == {18, 36}
    assert capabilities.structures == ("Ar13",)
    assert capabilities.interaction_range == 3.0


@pytest.mark.parametrize(
    ("dtype", "cast"), [("float32", lambda v: np.float64(np.float32(v))), ("float64", lambda v: v)]
)
def test_dtype_is_told_from_the_numbers(dtype, cast):
    model = CalculatorModel(Springs(cast=lambda n, v: cast(v)))
    assert model.capabilities.dtype == "unknown"
    model.ask(copper(1))
    assert model.capabilities.dtype == dtype


def test_model_as_calculator_round_trip():
    configurations = copper(1)
    meter = Meter(CalculatorModel(EMT()))
    atoms = configurations.to_atoms()
    atoms.calc = ModelCalculator(meter)
    reference = configurations.to_atoms()
    reference.calc = EMT()
    assert atoms.get_potential_energy() == reference.get_potential_energy(force_consistent=True)
    np.testing.assert_array_equal(atoms.get_forces(), reference.get_forces())
    np.testing.assert_allclose(atoms.get_stress(), reference.get_stress(), atol=1e-15)
    assert meter.evaluations == 1


def test_model_as_calculator_lacks_what_the_model_lacks():
    model = CalculatorModel(Springs(gives=("forces",)))
    model.ask(copper(1))
    atoms = copper(1).to_atoms()
    atoms.calc = ModelCalculator(model)
    atoms.get_forces()
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_potential_energy()


@pytest.mark.parametrize(
    ("cast", "text"),
    [
        (lambda forces: forces + 0j, "forces is a ndarray of complex numbers"),
        (lambda forces: np.ma.masked_array(forces), "forces is a masked array"),
        (lambda forces: torch.tensor(forces, requires_grad=True), "a tensor that requires grad"),
        (lambda forces: {"forces": forces}, "forces is a dict"),
        (lambda forces: list(map(str, forces)), "forces is a list of strings"),
    ],
)
def test_what_is_no_array_of_real_numbers_is_named(cast, text):
    def give(name, value):
        return cast(value) if name == "forces" else value

    with pytest.raises(ModelError, match=text):
        Meter(CalculatorModel(Springs(cast=give))).evaluate(copper(1))
    # Where nobody asks for it, it is nobody's fault.
    broken = CalculatorModel(Springs(cast=give))
    assert Meter(broken).evaluate(copper(1), want={"energy"}).energy is not None
