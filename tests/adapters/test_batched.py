"""Models of many structures a call give what single calls give, with the packages and without."""

import numpy as np
import pytest

import physcheck
from physcheck.adapters import batch_memory as memory
from physcheck.adapters import batched
from physcheck.adapters.batched import BatchedModel
from physcheck.adapters.loading import load_model
from physcheck.errors import CapabilityMissing
from physcheck.model import Capabilities, Meter
from physcheck.potentials import make_builtin
from physcheck.structures import catalogue
from physcheck.system import Configurations

REASON = "the package is not installed"
ALL = frozenset({"energy", "forces", "stress"})
CAPABILITIES = Capabilities("gupta", "test", ALL)


class Call:
    """Gupta's potential as a function of many structures; keeps how many atoms each call had."""

    def __init__(self):
        self.inner = make_builtin("gupta")
        self.atoms = []

    def __call__(self, structures, want):
        self.atoms.append(sum(map(len, structures)))
        answers = [self.inner.evaluate(Configurations.from_atoms(a), want=want) for a in structures]
        found = {
            "energy": np.concatenate([a.energy for a in answers]),
            "forces": np.concatenate([a.forces[0] for a in answers]),
        }
        if "stress" in want:
            found["stress"] = np.concatenate([a.stress for a in answers])
        return found


def moved(name, count, seed=0):
    start = catalogue()[name].configurations
    steps = np.random.default_rng(seed).standard_normal((count, start.n_atoms, 3))
    return start.displaced(0.05 * steps)


def test_sizes_mix_and_stress_is_asked_where_there_is_a_volume():
    model = BatchedModel(Call(), CAPABILITIES)
    batches = [moved("Si8", 2), moved("Ar13", 3), moved("Cu32", 1)]
    answers = model.evaluate_many(batches, want=ALL)
    for batch, answer in zip(batches, answers):
        expected = make_builtin("gupta").evaluate(batch, want=ALL)
        assert answer.forces == pytest.approx(expected.forces)
        assert answer.energy == pytest.approx(expected.energy)
        assert (answer.stress is None) == (not batch.system.is_periodic)
    alone = make_builtin("gupta").evaluate(batches[2], want=ALL)
    assert answers[2].stress == pytest.approx(alone.stress)
    assert model.capabilities.batched
    assert model.capabilities.mixed_sizes


def test_what_a_function_gives_beside_is_held_against_its_energy():
    class Beside(Call):
        def further(self, atoms):
            energy = self([atoms], frozenset({"energy"}))["energy"]
            return {"energy": energy, "energies": np.full(len(atoms), energy[0] / len(atoms))}

    def measured(call):
        start = catalogue()["Cu32"].configurations
        return physcheck.measure_outputs_agree(BatchedModel(call, CAPABILITIES), start)

    assert measured(Beside()).value < 1e-10
    with pytest.raises(CapabilityMissing):
        measured(Call())
    assert BatchedModel(Call(), CAPABILITIES).further_outputs is None


def test_one_size_at_a_time_where_the_function_wants_it():
    call = Call()
    model = BatchedModel(call, CAPABILITIES, one_size=True)
    model.evaluate_many([moved("Si8", 2), moved("Cu32", 2)])
    assert call.atoms == [16, 64]
    assert not model.capabilities.mixed_sizes


def test_big_batches_are_split_by_the_memory_that_was_measured(monkeypatch):
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    peaks = iter([0, 0, 100_000, 356_000])
    monkeypatch.setattr(batched, "peak_bytes", lambda call, device: (call(), next(peaks))[1])
    # 1 kB an atom, and a quarter of 2.1 MB: 512 is the power of two below.
    monkeypatch.setattr(memory, "available_bytes", lambda device="cpu": 2_100_000)
    call = Call()
    model = BatchedModel(call, CAPABILITIES)
    batch = moved("Cu32", 80)
    forces = model.evaluate(batch).forces
    assert call.atoms == [256, 512, 256, 512, 512, 512, 512, 512, 512]
    assert forces == pytest.approx(make_builtin("gupta").evaluate(batch).forces)
    call.atoms.clear()
    model.evaluate(batch)
    assert call.atoms == [512] * 5


def test_memory_is_measured_anew_at_another_density(monkeypatch):
    measured = []

    def peak(call, device):
        measured.append(device)
        call()
        return len(measured)

    monkeypatch.setattr(batched, "peak_bytes", peak)
    model = BatchedModel(Call(), CAPABILITIES)
    batch = moved("Cu32", 70)
    for scale, times in ((1.0, 4), (1.0, 4), (0.75, 8)):
        model.evaluate(batch.at(scale * batch.positions, scale * batch.cells))
        assert len(measured) == times


def test_small_batches_are_not_measured():
    call = Call()
    BatchedModel(call, CAPABILITIES).evaluate(moved("Si8", 250))
    assert call.atoms == [2000]


def out_of_gpu_memory():
    import torch

    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


@pytest.mark.parametrize("error", [MemoryError, out_of_gpu_memory])
def test_a_call_that_runs_out_of_memory_is_halved(error):
    call = Call()

    def tight(structures, want):
        answer = call(structures, want)
        if call.atoms[-1] > 100:
            raise error()
        return answer

    batch = moved("Cu32", 8)
    forces = BatchedModel(tight, CAPABILITIES).evaluate(batch).forces
    assert call.atoms == [256, 128, 64, 64, 64, 64]
    assert forces == pytest.approx(make_builtin("gupta").evaluate(batch).forces)


def test_other_errors_are_raised():
    def broken(structures, want):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        BatchedModel(broken, CAPABILITIES).evaluate(moved("Si8", 2))


def test_memory_is_measured():
    def take(megabytes):
        return memory.peak_bytes(lambda: np.ones(megabytes << 17).sum())

    small, double = [(take(100), take(200)) for _ in range(2)][-1]
    assert 80e6 < double - small < 130e6
    assert memory.available_bytes() > 1e7
    assert memory.fitting_atoms(100, 0) > 1e9
    atoms = memory.fitting_atoms(1000, 1_000_000_000)
    assert atoms & (atoms - 1) == 0


@pytest.mark.parametrize(
    ("package", "spec", "names", "noise"),
    [
        ("torchani", "torchani::ANI-1x,member=0", ["ethanol", "H2O", "C6H6"], 3e-5),
        ("torchani", "torchani::ANI-1x,member=0,dtype=float64", ["ethanol", "H2O-box32"], 1e-11),
        ("so3krates_torch", "so3lr::default", ["ethanol", "H2O", "C6H6"], 1e-10),
        ("chgnet", "chgnet::0.3.0", ["Si8", "NaCl8", "Cu32"], 2e-5),
        ("chgnet", "chgnet::0.3.0,dtype=float64", ["Si8", "NaCl8"], 1e-10),
        ("sevenn", "sevennet::7net-0", ["Si8", "NaCl8"], 3e-5),
        ("sevenn", "sevennet::7net-0,dtype=float64", ["Si8", "NaCl8"], 1e-10),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_real_models_say_the_same_in_batches(package, spec, names, noise):
    pytest.importorskip(package, reason=REASON)
    model = load_model(spec)
    assert model.capabilities.batched
    batches = [moved(name, count) for name, count in zip(names, (3, 2, 2))]
    for batch, answer in zip(batches, model.evaluate_many(batches, want=ALL)):
        for k, one in enumerate(batch):
            alone = model.evaluate(one, want=ALL)
            assert np.abs(alone.forces[0] - answer.forces[k]).max() < noise
            assert abs(alone.energy[0] - answer.energy[k]) < noise * batch.n_atoms
            if batch.system.is_fully_periodic and alone.stress is not None:
                assert np.abs(alone.stress[0] - answer.stress[k]).max() < noise


@pytest.mark.parametrize(
    ("package", "spec", "names", "noise"),
    [
        ("torchani", "torchani::ANI-1x,member=0,dtype=float64", ["ethanol", "H2O-box32"], 1e-10),
        ("so3krates_torch", "so3lr::default", ["ethanol"], 1e-10),
        ("chgnet", "chgnet::0.3.0", ["Si8", "NaCl8"], 2e-5),
        ("sevenn", "sevennet::7net-0", ["Si8", "NaCl8"], 3e-5),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_real_models_say_what_their_own_calculators_say(package, spec, names, noise):
    pytest.importorskip(package, reason=REASON)
    model = load_model(spec)
    for name in names:
        start = catalogue()[name].configurations
        want = ALL if start.system.is_periodic else {"energy", "forces"}
        answer = Meter(model).evaluate(start, want=want)
        atoms = start.to_atoms()
        atoms.calc = calculator_of(package, model)
        assert np.abs(atoms.get_forces() - answer.forces[0]).max() < noise
        assert abs(atoms.get_potential_energy() - answer.energy[0]) < noise * len(atoms)
        if answer.stress is not None:
            assert np.abs(atoms.get_stress(voigt=False) - answer.stress[0]).max() < noise


@pytest.fixture
def mace_file(tmp_path, monkeypatch):
    pytest.importorskip("mace", reason=REASON)
    import runpy
    from pathlib import Path

    import torch

    monkeypatch.chdir(tmp_path)
    before = torch.get_default_dtype()
    runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/models/mace/prepare.py"))
    torch.set_default_dtype(before)
    return tmp_path / "mace.model"


@pytest.mark.filterwarnings("ignore")
def test_mace_in_batches_is_its_calculator(mace_file):
    model = load_model(f"mace::{mace_file}")
    batches = [moved("ethanol", 3), moved("CH4", 2)]
    for batch, answer in zip(batches, model.evaluate_many(batches, want=ALL)):
        for k in range(len(batch)):
            atoms = batch.to_atoms(k)
            atoms.calc = model.call.calculator
            assert np.abs(atoms.get_forces() - answer.forces[k]).max() < 1e-10
            assert abs(atoms.get_potential_energy() - answer.energy[k]) < 1e-9
    periodic = batches[0].to_atoms()
    periodic.set_cell([7, 8, 9])
    periodic.pbc = True
    answer = model.evaluate(Configurations.from_atoms(periodic), want=ALL)
    periodic.calc = model.call.calculator
    assert np.abs(periodic.get_stress(voigt=False) - answer.stress[0]).max() < 1e-10


def calculator_of(package, model):
    call = model.call
    if package == "torchani":
        return call.net.ase()
    if package == "so3krates_torch":
        return call.calculator
    if package == "chgnet":
        from chgnet.model import CHGNetCalculator

        return CHGNetCalculator(call.net, use_device="cpu", on_isolated_atoms="ignore")
    from sevenn.calculator import SevenNetCalculator

    return SevenNetCalculator(device="cpu")
