"""Adapters of packages that aren't installed here, against fakes of the names that they call.

``make test-models`` runs the same adapters against the real packages.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from ase.calculators.emt import EMT
from support import faked_packages as fakes

from physcheck.adapters.loading import load_model
from physcheck.errors import SpecError
from physcheck.structures import catalogue
from physcheck.system import Configurations

ALL = frozenset({"energy", "forces", "stress"})


@pytest.fixture
def file(tmp_path):
    """The path of a file of weights with a suffix."""

    def make(suffix):
        path = tmp_path / f"x{suffix}"
        path.write_bytes(b"weights")
        return str(path)

    return make


@pytest.fixture(autouse=True)
def packages(monkeypatch):
    """All packages of this file, on one fake of a network each."""
    made = []

    def unit(name, inference_settings, device):
        made.append(fakes.PredictUnit(inference_settings))
        return made[-1]

    fakes.install(
        monkeypatch,
        aimnet__calculators={"AIMNet2Calculator": fakes.AIMNet2Calculator},
        deepmd__infer={"DeepPot": fakes.DeepPot},
        deepmd__pt__utils__env={"DEVICE": "cpu"},
        fairchem__core={"FAIRChemCalculator": fakes.FAIRChemCalculator},
        fairchem__core__units__mlip_unit={"InferenceSettings": SimpleNamespace},
        fairchem__core__calculate__pretrained_mlip={"get_predict_unit": unit},
        fairchem__core__datasets__atomic_data={"atomicdata_list_to_batch": list},
        tensorpotential__calculator={"TPCalculator": _calculator, "grace_fm": _named},
    )


def _calculator(model):
    calculator = EMT()
    calculator.element_map = {"Cu": 0}
    return calculator


def _named(name):
    raise ValueError(f"no {name}")


def water(count=1, **info):
    atoms = catalogue()["H2O"].configurations.to_atoms()
    atoms.info = info
    start = Configurations.from_atoms(atoms)
    steps = np.random.default_rng(0).standard_normal((count, 3, 3))
    return start.displaced(0.05 * steps)


def boxed(count=1):
    atoms = catalogue()["H2O"].configurations.to_atoms()
    atoms.set_cell([6.0, 7.0, 8.0])
    atoms.pbc = True
    start = Configurations.from_atoms(atoms)
    return start.displaced(0.05 * np.random.default_rng(1).standard_normal((count, 3, 3)))


def assert_is_springs(answer, configurations, charge=0.0, atol=1e-10):
    expected = [fakes.springs(x, charge) for x in configurations.positions]
    assert answer.energy == pytest.approx([one[0] for one in expected], abs=atol)
    assert answer.forces == pytest.approx(np.stack([one[1] for one in expected]), abs=atol)
    if answer.stress is not None:
        volume = abs(np.linalg.det(configurations.cells[0]))
        stress = np.stack([-one[2] / volume for one in expected])
        assert answer.stress == pytest.approx(stress, abs=atol)


SPECS = ("aimnet::{.pt},dtype=float64", "deepmd::{.pth}", "fairchem::{.pt},task=omat")


def spec_of(template, file):
    suffix = template.partition("{")[2].partition("}")[0]
    return template.replace("{" + suffix + "}", file(suffix))


@pytest.mark.parametrize("template", SPECS)
def test_batches_have_the_package_s_answers_in_order(template, file):
    model = load_model(spec_of(template, file))
    for configurations in (water(3), boxed(3)):
        answer = model.evaluate(configurations, want=ALL)
        assert (answer.stress is not None) == configurations.system.is_fully_periodic
        assert_is_springs(answer, configurations)
    assert model.capabilities.outputs == ALL
    assert "weights_sha256" in model.capabilities.details


@pytest.mark.parametrize("template", ["aimnet::{.pt},dtype=float64", "fairchem::{.pt},task=omol"])
def test_sizes_mix_and_charges_are_the_structure_s(template, file):
    model = load_model(spec_of(template, file))
    ethanol = catalogue()["ethanol"].configurations
    charged = water(2, charge=1, spin=2)
    first, second = model.evaluate_many([ethanol, charged], want=ALL)
    assert_is_springs(first, ethanol)
    assert_is_springs(second, charged, charge=1.0)


def test_aimnet_is_told_of_multiplicity_and_says_charges(file):
    model = load_model(f"aimnet::{file('.pt')}")
    model.evaluate_many([water(), water(charge=-1, spin=3)], want=ALL)
    (asked,) = model.call.calculator.asked
    assert asked["mult"].tolist() == [1.0, 3.0]
    assert asked["charge"].tolist() == [0.0, -1.0]
    assert model.further_outputs(water(charge=-1))["charges"].sum() == pytest.approx(-1)
    assert model.capabilities.species == {1, 6, 8}


def test_aimnet_in_float64_rounds_nothing(file):
    path = file(".pt")
    single, double = load_model(f"aimnet::{path}"), load_model(f"aimnet::{path},dtype=float64")
    assert_is_springs(double.evaluate(water(), want=ALL), water(), atol=1e-14)
    with pytest.raises(AssertionError):
        assert_is_springs(single.evaluate(water(), want=ALL), water(), atol=1e-14)
    own = double.call.calculator
    assert own.model.is_double
    assert own.external_coulomb.is_double
    assert not single.call.calculator.model.is_double
    assert "float32" in str(fakes.AIMNet2Calculator.keys_in)


def test_deepmd_reads_what_the_model_says_of_itself(file, monkeypatch):
    capabilities = load_model(f"deepmd::{file('.pth')}").capabilities
    assert (capabilities.dtype, capabilities.interaction_range) == ("float64", 9.0)
    assert capabilities.species == {1, 8}
    monkeypatch.setattr(fakes.DeepPot, "precision", "float32")
    assert load_model(f"deepmd::{file('.pth')}").capabilities.dtype == "float32"


def test_deepmd_gets_cells_only_of_crystals_and_gives_energies_of_atoms(file):
    model = load_model(f"deepmd::{file('.pth')}")
    model.evaluate(water(fparam=[0.5]), want=ALL)
    model.evaluate(boxed(2), want=ALL)
    first, second = model.call.calculator.asked
    assert first["cells"] is None
    assert first["fparam"] == [0.5]
    assert second["cells"].shape == (2, 9)
    further = model.further_outputs(boxed())
    assert further["energies"].sum() == pytest.approx(float(further["energy"]))
    assert further["virials"].sum(axis=0) == pytest.approx(further["virial"])
    with pytest.raises(ValueError, match="knows H, O, not C"):
        model.evaluate(catalogue()["ethanol"].configurations, want=ALL)


def test_fairchem_is_a_singlet_of_omol_unless_the_structure_says_more(file):
    for task, spin in (("omol", 1), ("omat", 0)):
        model = load_model(f"fairchem::{file('.pt')},task={task},dtype=float64")
        model.evaluate(water(), want=ALL)
        unit = model.call.calculator.predictor
        assert unit.asked == [{"charge": 0, "spin": spin}]
        assert unit.settings.base_precision_dtype == "float64"
        assert model.capabilities.interaction_range == 24.0
        assert ("stress" in model.capabilities.outputs) == (task == "omat")


def test_grace_takes_folders_and_names(tmp_path):
    model = load_model(f"grace::{tmp_path}")
    copper = catalogue()["Cu32"].configurations
    assert model.evaluate(copper, want=ALL).forces.shape == (1, 32, 3)
    assert model.capabilities.species == {29}
    with pytest.raises(Exception, match="no GRACE-1L"):
        load_model("grace::GRACE-1L")


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("aimnet::", "names no model"),
        ("aimnet::nothing.pt", "no file"),
        ("aimnet::{.jpt},dtype=float64", "TorchScript"),
        ("aimnet::{.pt},dtype=float16", "float32 or float64"),
        ("deepmd::", "names no file"),
        ("deepmd::{.pth},device=cuda", "computes on cpu, not cuda"),
        ("deepmd::{.pth},dtype=float32", "computes in float64, not in float32"),
        ("fairchem::", "names no model"),
        ("fairchem::{.pt}", "the task is ''"),
        ("fairchem::{.pt},task=omot", "did you mean omol"),
        ("grace::", "names no model"),
    ],
)
def test_what_is_unknown_is_a_wrong_spec(template, told, file):
    with pytest.raises(SpecError, match=told):
        load_model(spec_of(template, file))
