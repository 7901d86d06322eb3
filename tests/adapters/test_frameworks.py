"""The adapters of frameworks: the message without a package, the model where it is installed."""

import importlib
import sys

import numpy as np
import pytest

from physcheck.adapters.frameworks import FRAMEWORKS, Framework, imported
from physcheck.adapters.loading import find_spec_problem, load_model
from physcheck.cli import main
from physcheck.errors import SpecError
from physcheck.model import Meter
from physcheck.structures import catalogue

SW = "SW_StillingerWeber_1985_Si__MO_405512056662_005"
EAM = "EAM_Dynamo_MishinMehlPapaconstantopoulos_2001_Cu__MO_346334655118_005"
REASON = "the package is not installed"


@pytest.fixture
def empty_machine(monkeypatch):
    """No framework is installed."""
    packages = {name for one in FRAMEWORKS.values() for name in one.packages}
    real = importlib.util.find_spec

    def find_spec(name, *rest):
        return None if name.partition(".")[0] in packages else real(name, *rest)

    monkeypatch.setattr("importlib.util.find_spec", find_spec)
    for name in packages:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=lambda one: one.name)
def test_a_missing_package_is_named_with_the_line_that_installs_it(framework, empty_machine):
    for ask in (find_spec_problem, load_model):
        with pytest.raises(SpecError, match=f"needs the package {framework.packages[0]}") as caught:
            ask(framework.spec)
        assert framework.install in str(caught.value)
    with pytest.raises(SpecError) as caught:
        imported(framework.name, framework.packages[0])
    assert framework.install in str(caught.value)


def test_a_missing_part_of_a_package_that_is_there_is_no_missing_package():
    with pytest.raises(ModuleNotFoundError, match=r"numpy\.nothing"):
        imported("chgnet", "numpy.nothing")


def test_the_list_says_what_is_missing(empty_machine, capsys):
    assert main(["models"]) == 0
    listed = capsys.readouterr().out
    for framework in FRAMEWORKS.values():
        assert framework.spec in listed
        assert framework.install in listed


def test_every_adapter_makes_models(monkeypatch):
    for framework in FRAMEWORKS.values():
        assert isinstance(framework, Framework)
        assert framework.maker().__module__ == f"physcheck.adapters.{framework.name}"


def test_an_adapter_s_own_name_is_suggested():
    with pytest.raises(SpecError, match="chgnet"):
        load_model("chgnt::0.3.0")


def evaluated(spec, structure):
    meter = Meter(load_model(spec))
    start = catalogue()[structure].configurations
    meter.ask(start)
    return meter, start


def central_gap(meter, start, step):
    """|(E(+h) - E(-h))/2h + F.u| / |F| along one direction."""
    direction = np.random.default_rng(0).standard_normal((1, start.n_atoms, 3))
    direction /= np.linalg.norm(direction)
    want = frozenset({"energy", "forces"})
    here = meter.evaluate(start, want=want)
    steps = np.concatenate([-step * direction, step * direction])
    ends = meter.evaluate(start.displaced(steps), want=want)
    slope = (ends.energy[1] - ends.energy[0]) / (2 * step)
    return abs(slope + np.sum(here.forces * direction)) / np.linalg.norm(here.forces)


@pytest.mark.parametrize(
    ("package", "spec", "structure", "dtype", "step", "gap"),
    [
        ("tblite", "tblite::GFN2-xTB,accuracy=0.01", "ethanol", "float64", 1e-3, 1e-4),
        ("torchani", "torchani::ANI-1x,member=0,dtype=float64", "ethanol", "float64", 1e-4, 1e-4),
        ("torchani", "torchani::ANI-1x,member=0", "ethanol", "float32", 1e-2, 1e-2),
        ("so3krates_torch", "so3lr::default", "ethanol", "float64", 1e-3, 1e-4),
        ("chgnet", "chgnet::0.3.0", "Si8", "float32", 1e-2, 2e-2),
        ("sevenn", "sevennet::7net-0", "Si8", "float32", 1e-2, 2e-2),
        ("kimpy", f"kim::{SW}", "Si8", "float64", 1e-3, 1e-5),
        ("kimpy", f"kim::{EAM}", "Cu32", "float64", 1e-3, 1e-5),
    ],
)
def test_forces_are_those_of_the_energy(package, spec, structure, dtype, step, gap):
    pytest.importorskip(package, reason=REASON)
    meter, start = evaluated(spec, structure)
    capabilities = meter.capabilities
    assert capabilities.dtype == dtype
    assert capabilities.adapter == spec.partition("::")[0]
    if capabilities.species:
        assert set(start.system.numbers.tolist()) <= capabilities.species
    assert central_gap(meter, start, step) <= gap


def test_alignn_s_forces_are_not_those_of_its_energy():
    pytest.importorskip("alignn", reason=REASON)
    meter, start = evaluated("alignn::ff", "Si8")
    assert central_gap(meter, start, 1e-2) > 0.05


def test_kim_writes_no_log(tmp_path, monkeypatch):
    pytest.importorskip("kimpy", reason=REASON)
    monkeypatch.chdir(tmp_path)
    meter, start = evaluated(f"kim::{SW}", "Si8")
    good = load_model("builtin::stillinger-weber").evaluate(start).forces
    assert meter.evaluate(start).forces == pytest.approx(good, abs=1e-4)
    assert list(tmp_path.iterdir()) == []


def test_a_fresh_tblite_remembers_nothing():
    pytest.importorskip("tblite", reason=REASON)
    meter, start = evaluated("tblite::GFN2-xTB", "ethanol")
    one, two = (meter.fresh().evaluate(start).forces for _ in range(2))
    moved = start.displaced(0.05 * np.random.default_rng(1).standard_normal((1, start.n_atoms, 3)))
    meter.evaluate(moved)
    assert np.abs(one - two).max() < 1e-12
    assert np.abs(meter.evaluate(start).forces - one).max() > 1e-9


@pytest.mark.parametrize(
    ("package", "spec", "told"),
    [
        ("tblite", "tblite::GFN2", "GFN2-xTB"),
        ("torchani", "torchani::ANI-1x,member=8", "0 to 7"),
        ("torchani", "torchani::ANI-2x", "ANI-1x"),
        ("so3krates_torch", "so3lr::large", "so3lr::default"),
        ("so3krates_torch", "so3lr::default,dtype=float16", "float32 or float64"),
        ("chgnet", "chgnet::9.9", "no file"),
        ("sevenn", "sevennet::nothing.pth", "no file"),
        ("mace", "mace::nothing.model", "no file"),
        ("kimpy", "kim::nothing", "Could not find model nothing"),
        ("kimpy", "kim::", "names no model"),
    ],
)
def test_what_is_unknown_is_a_wrong_spec(package, spec, told):
    pytest.importorskip(package, reason=REASON)
    with pytest.raises(SpecError, match=told):
        load_model(spec)
