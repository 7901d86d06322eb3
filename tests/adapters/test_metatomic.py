"""metatomic exports, against the real package: small ones are made here."""

import zipfile

import numpy as np
import pytest

from physcheck import measure_jacobian_asymmetry
from physcheck.adapters.loading import load_model
from physcheck.adapters.metatomic import is_export, make_model
from physcheck.errors import SpecError
from physcheck.structures import catalogue

ALL = frozenset({"energy", "forces", "stress"})


def test_what_is_no_export_is_told_by_its_names(tmp_path):
    other, export = tmp_path / "a.pt", tmp_path / "b.pt"
    for path, name in ((other, "a/constants.pkl"), (export, "b/extra/metatomic-version")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, "")
    text = tmp_path / "c.pt"
    text.write_text("nothing")
    assert [is_export(path) for path in (other, export, text)] == [False, True, False]


def test_unknown_heads_are_named_before_anything_is_loaded():
    with pytest.raises(SpecError, match="did you mean direct"):
        make_model("x.pt", forces="dirct")


@pytest.fixture
def export(tmp_path):
    pytest.importorskip("metatomic", reason="the package is not installed")
    pytest.importorskip("vesin", reason="the package is not installed")
    from metatomic.torch import AtomisticModel, ModelCapabilities, ModelMetadata, ModelOutput
    from support.metatomic_toy import Toy

    def make(*names, charged=False):
        units = {"energy": "eV", "non_c": "eV/Angstrom"}
        outputs = {
            name: ModelOutput(
                unit=units[name[:5] if name.startswith("non") else "energy"],
                sample_kind="atom" if name.startswith("non") else "system",
                explicit_gradients=[],
            )
            for name in names
        }
        capabilities = ModelCapabilities(
            outputs=outputs,
            atomic_types=[1, 6, 8, 14],
            interaction_range=5.0,
            length_unit="angstrom",
            supported_devices=["cpu"],
            dtype="float32",
        )
        path = tmp_path / "toy.pt"
        toy = Toy(charged).eval()
        AtomisticModel(toy, ModelMetadata(name="toy"), capabilities).save(str(path))
        return path

    return make


@pytest.mark.filterwarnings("ignore")
class TestExports:
    @pytest.mark.parametrize("name", ["non_conservative_force", "non_conservative_forces"])
    def test_both_spellings_of_the_direct_head(self, export, name):
        path = export("energy", name)
        direct = load_model(f"metatomic::{path},forces=direct")
        good = load_model(f"metatomic::{path}")
        for model in (direct, good):
            assert model.capabilities.direct_heads == ("forces",)
            assert model.capabilities.dtype == "float32"
            assert model.capabilities.species == {1, 6, 8, 14}
        assert good.capabilities.interaction_range == 10
        assert direct.capabilities.interaction_range is None
        assert direct.capabilities.outputs == {"energy", "forces"}
        start = catalogue()["ethanol"].configurations
        forces = direct.evaluate(start).forces
        assert np.abs(forces.mean(axis=1)).max() < 1e-6
        lambdas = [
            measure_jacobian_asymmetry(model, start, rng=np.random.default_rng(0)).interval
            for model in (good, direct)
        ]
        assert lambdas[0][0] == 0
        assert lambdas[1][0] > 1e-3

    def test_a_bare_path_is_recognised(self, export):
        model = load_model(str(export("energy")))
        assert model.capabilities.adapter == "metatomic"
        assert model.capabilities.direct_heads == ()

    def test_missing_heads_and_variants(self, export):
        path = export("energy/one", "energy/two")
        with pytest.raises(SpecError, match=r"several variants of energy; give ,variant=one or"):
            load_model(f"metatomic::{path}")
        with pytest.raises(SpecError, match="no variant 'too'; did you mean two"):
            load_model(f"metatomic::{path},variant=too")
        start = catalogue()["H2O"].configurations
        one, two = (
            load_model(f"metatomic::{path},variant={v}").evaluate(start, want=ALL).energy[0]
            for v in ("one", "two")
        )
        assert two == 2 * one
        with pytest.raises(SpecError, match="no direct forces"):
            load_model(f"metatomic::{path},variant=one,forces=direct")

    def test_only_direct_forces_are_no_second_head(self, export):
        model = load_model(f"metatomic::{export('non_conservative_force')}")
        assert model.capabilities.details["forces"] == "direct"
        assert model.capabilities.direct_heads == ()
        assert model.capabilities.outputs == {"forces"}

    def test_batches_equal_single_calls_and_sizes_may_mix(self, export):
        model = load_model(f"metatomic::{export('energy')},dtype=float64")
        starts = [catalogue()[name].configurations for name in ("ethanol", "Si8", "H2O", "Si8")]
        rng = np.random.default_rng(0)
        batches = [
            s.displaced(0.1 * rng.standard_normal((n, s.n_atoms, 3)))
            for s, n in zip(starts, (3, 2, 1, 4))
        ]
        together = model.evaluate_many(batches, want=ALL)
        for batch, answer in zip(batches, together):
            for k, one in enumerate(batch):
                alone = model.evaluate(one, want=ALL)
                assert np.abs(alone.forces[0] - answer.forces[k]).max() < 1e-13
                assert abs(alone.energy[0] - answer.energy[k]) < 1e-12
                if batch.system.is_fully_periodic:
                    assert np.abs(alone.stress[0] - answer.stress[k]).max() < 1e-14
                else:
                    assert answer.stress is None

    def test_it_is_what_metatomic_s_own_calculator_gives(self, export):
        from metatomic_ase import MetatomicCalculator

        path = export("energy", "non_conservative_forces")
        for name in ("ethanol", "Si8"):
            start = catalogue()[name].configurations
            for forces, flag in (("conservative", False), ("direct", "forces")):
                answer = load_model(f"metatomic::{path},forces={forces}").evaluate(start, want=ALL)
                atoms = start.to_atoms()
                atoms.calc = MetatomicCalculator(str(path), non_conservative=flag)
                assert np.abs(atoms.get_forces() - answer.forces[0]).max() < 1e-6
                assert abs(atoms.get_potential_energy() - answer.energy[0]) < 1e-5
                if name == "Si8" and not flag:
                    assert np.abs(atoms.get_stress(voigt=False) - answer.stress[0]).max() < 1e-7

    def test_float64_is_float64_throughout(self, export):
        model = load_model(str(export("energy")), dtype="float64")
        start = catalogue()["Si8"].configurations
        rng = np.random.default_rng(0)
        moved = start.displaced(
            1e-9 * rng.standard_normal((16, 1, 3)) + np.zeros((16, start.n_atoms, 3))
        )
        forces = model.evaluate(moved).forces
        assert forces.std(axis=0).max() < 1e-13 * np.abs(forces).max() + 1e-14

    def test_a_charge_reaches_the_model(self, export):
        model = load_model(str(export("energy", charged=True)))
        atoms = catalogue()["H2O"].configurations.to_atoms()
        from physcheck.system import Configurations

        neutral = model.evaluate(Configurations.from_atoms(atoms)).forces
        atoms.info["charge"] = 2.0
        assert model.evaluate(Configurations.from_atoms(atoms)).forces == pytest.approx(3 * neutral)
