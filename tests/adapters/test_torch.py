import subprocess
import sys
import textwrap
import warnings
from typing import Dict  # noqa: UP035  TorchScript knows no dict[...]

import numpy as np
import pytest
import torch

from physcheck.adapters.loading import load_model
from physcheck.adapters.torch import TorchModel
from physcheck.errors import ModelError, SpecError
from physcheck.model import Meter
from physcheck.system import Configurations, System

ALL = frozenset({"energy", "forces", "stress"})


class Direct(torch.nn.Module):
    """Forces from a small network of the vectors to the other atoms: no gradient of anything."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)
        )

    def forward(
        self,
        positions: torch.Tensor,
        numbers: torch.Tensor,
        cells: torch.Tensor,
        pbc: torch.Tensor,
    ) -> Dict[str, torch.Tensor]:  # noqa: UP006
        apart = positions.unsqueeze(2) - positions.unsqueeze(1)
        return {"forces": self.net(apart).sum(2) * numbers.to(positions.dtype).unsqueeze(1)}


class Conservative(torch.nn.Module):
    def __init__(self, create_graph: bool = True) -> None:
        super().__init__()
        self.width = torch.nn.Parameter(torch.tensor(1.3))
        self.create_graph = create_graph

    def forward(
        self,
        positions: torch.Tensor,
        numbers: torch.Tensor,
        cells: torch.Tensor,
        pbc: torch.Tensor,
    ) -> Dict[str, torch.Tensor]:  # noqa: UP006
        apart = positions.unsqueeze(2) - positions.unsqueeze(1)
        squares = (apart * apart).sum(-1)
        energy = torch.exp(-squares / self.width).sum([1, 2])
        gradient = torch.autograd.grad([energy.sum()], [positions], create_graph=self.create_graph)[
            0
        ]
        assert gradient is not None
        return {"energy": energy, "forces": -gradient}


class WithDetachedFactor(Conservative):
    def forward(self, positions, numbers, cells, pbc):
        answer = super().forward(positions, numbers, cells, pbc)
        factor = 1.0 + positions.square().sum((1, 2)).detach()
        return {"forces": answer["forces"] * factor[:, None, None]}


class EnergyOnly(torch.nn.Module):
    def forward(self, positions, numbers, cells, pbc):
        return {"energy": positions.square().sum((1, 2))}


class Stressed(torch.nn.Module):
    def forward(self, positions, numbers, cells, pbc):
        return {"forces": -positions, "stress": cells * 2.0}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(3)


@pytest.fixture
def start():
    positions = np.random.default_rng(2).normal(size=(1, 5, 3))
    system = System(np.array([1, 6, 8, 1, 1]), np.ones(5), np.zeros(3, bool))
    return Configurations(system, positions, np.zeros((1, 3, 3)))


def jacobian(model, start, h=1e-4):
    n = start.n_coordinates
    steps = np.concatenate([np.eye(n) * h, -np.eye(n) * h])
    forces = model.evaluate(start.displaced(steps)).forces.reshape(2, n, n)
    return ((forces[0] - forces[1]) / (2 * h)).T


def agrees(model, start, tolerance):
    n = start.n_coordinates
    vectors = np.random.default_rng(4).standard_normal((3, start.n_atoms, 3))
    full = jacobian(model, start, 1e-4 if tolerance < 1e-4 else 1e-2)
    for transpose, matrix in ((False, full), (True, full.T)):
        exact = model.jacobian_products(start, vectors, transpose=transpose).reshape(3, n)
        expected = vectors.reshape(3, n) @ matrix.T
        assert np.abs(exact - expected).max() <= tolerance * np.abs(expected).max()


def scripted(module, tmp_path):
    path = tmp_path / "m.pt"
    torch.jit.script(module).save(str(path))
    return load_model(str(path))


@pytest.mark.parametrize("kind", [Direct, Conservative])
@pytest.mark.parametrize("make", ["module", "script"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-6), ("float32", 2e-3)])
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_exact_products_agree_with_differences(kind, make, dtype, tolerance, start, tmp_path):
    if make == "module":
        model = TorchModel(kind(), dtype=dtype)
    else:
        torch.jit.script(kind()).save(str(tmp_path / "m.pt"))
        model = load_model(str(tmp_path / "m.pt"), dtype=dtype)
    model.ask(start)
    assert model.capabilities.differentiable
    assert model.capabilities.dtype == dtype
    assert model.capabilities.outputs == ({"forces"} if kind is Direct else {"energy", "forces"})
    agrees(model, start, tolerance)
    if kind is Conservative and dtype == "float64":
        v = np.random.default_rng(5).standard_normal((2, 5, 3))
        np.testing.assert_allclose(
            model.jacobian_products(start, v, transpose=False),
            model.jacobian_products(start, v, transpose=True),
            atol=1e-13,
        )


@pytest.mark.parametrize("dynamic", [True, False])
def test_exported_program(dynamic, start, tmp_path):
    module = Direct().double()
    shapes = None
    arguments = (
        torch.zeros(3 if dynamic else 1, 5, 3, dtype=torch.float64),
        torch.ones(5, dtype=torch.int64),
        torch.zeros(3 if dynamic else 1, 3, 3, dtype=torch.float64),
        torch.zeros(3, dtype=torch.bool),
    )
    if dynamic:
        batch = torch.export.Dim("batch")
        shapes = ({0: batch}, None, {0: batch}, None)
    path = tmp_path / "m.pt2"
    torch.export.save(torch.export.export(module, arguments, dynamic_shapes=shapes), path)
    with pytest.raises(SpecError, match="exported program, which can run any code"):
        load_model(str(path))
    model = load_model(f"torch::{path}")
    assert model.capabilities.dtype == "float64"
    model.ask(start)
    assert model.capabilities.differentiable
    agrees(model, start, 1e-6)
    assert model.capabilities.batched == dynamic
    moved = start.displaced(0.1 * np.random.default_rng(1).standard_normal((4, 5, 3)))
    expected = TorchModel(module).evaluate(moved).forces
    np.testing.assert_allclose(model.evaluate(moved).forces, expected, atol=1e-14)
    with pytest.raises(SpecError, match="export one in float32"):
        load_model(f"torch::{path}", dtype="float32")


def test_float32_and_float64_of_one_module(start):
    state = Conservative().state_dict()
    answers = {}
    for dtype in ("float32", "float64"):
        module = Conservative()
        module.load_state_dict(state)
        answers[dtype] = TorchModel(module, dtype=dtype).evaluate(start)
    gap = np.abs(answers["float32"].forces - answers["float64"].forces).max()
    assert 0 < gap < 1e-5


def test_a_batch_is_one_call(start):
    model = TorchModel(Conservative(), dtype="float64")
    calls = []
    model.module.register_forward_hook(lambda *_: calls.append(1))
    moved = start.displaced(0.1 * np.random.default_rng(1).standard_normal((4, 5, 3)))
    together = Meter(model).evaluate(moved).forces
    assert len(calls) == 1
    apart = np.concatenate([model.evaluate(one).forces for one in moved])
    np.testing.assert_allclose(together, apart, atol=1e-14)


class Tight(Conservative):
    """Runs out of the GPU's memory where a call has more than two configurations."""

    def forward(self, positions, numbers, cells, pbc):
        self.calls = [*getattr(self, "calls", []), len(positions)]
        if len(positions) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return super().forward(positions, numbers, cells, pbc)


class Full(Conservative):
    """Has no room for any configuration."""

    def forward(self, positions, numbers, cells, pbc):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


def test_a_batch_that_runs_out_of_memory_is_halved(start):
    steps = 0.02 * np.random.default_rng(0).standard_normal((7, start.n_atoms, 3))
    places = start.displaced(steps)
    module = Tight().double()
    model = TorchModel(module)
    expected = TorchModel(Conservative().double()).evaluate(places)
    assert model.evaluate(places).forces == pytest.approx(expected.forces)
    assert module.calls == [7, 3, 1, 2, 4, 2, 2]
    assert model.capabilities.batched


def test_one_configuration_that_does_not_fit_is_an_error(start):
    with pytest.raises(ModelError, match="out of memory"):
        Meter(TorchModel(Full().double())).evaluate(start)


@pytest.mark.parametrize(
    "module", [Conservative(create_graph=False), WithDetachedFactor(), Stressed()]
)
def test_differentiable_only_where_autograd_is_right(module, start):
    model = TorchModel(module, dtype="float64")
    model.ask(start)
    # Stressed is -x: autograd is right about it.
    assert model.capabilities.differentiable == isinstance(module, Stressed)


def test_no_graph_is_said(start):
    model = TorchModel(Conservative(create_graph=False))
    with pytest.raises(ModelError, match="carry no graph"):
        model.jacobian_products(start, np.zeros((1, 5, 3)), transpose=True)


def test_stress_is_handed_on(start):
    model = TorchModel(Stressed(), dtype="float64")
    model.ask(start)
    assert model.capabilities.outputs == {"forces", "stress"}
    assert Meter(model).evaluate(start, want=ALL).stress.shape == (1, 3, 3)


def test_contract_broken(start):
    class Tuple(torch.nn.Module):
        def forward(self, positions, numbers, cells, pbc):
            return positions, numbers

    class Flat(torch.nn.Module):
        def forward(self, positions, numbers, cells, pbc):
            return {"forces": positions.flatten()}

    with pytest.raises(ModelError, match="an energy but no forces; forward"):
        TorchModel(EnergyOnly()).ask(start)
    with pytest.raises(ModelError, match="gave a tuple"):
        TorchModel(Tuple()).ask(start)
    with pytest.raises(
        ModelError, match=r"forces has shape \(15,\), should be \(1, 5, 3\); forward"
    ):
        Meter(TorchModel(Flat())).evaluate(start)


def test_modules_from_factories(tmp_path, monkeypatch, start):
    (tmp_path / "x.py").write_text(
        textwrap.dedent(
            """
            import torch

            class Net(torch.nn.Module):
                def forward(self, positions, numbers, cells, pbc):
                    return {"forces": -positions}

            model = Net()
            model.physcheck = {"species": ["H"]}

            def make(scale=1.0):
                return Net()
            """
        )
    )
    monkeypatch.chdir(tmp_path)
    model = load_model("x.py", dtype="float64")
    assert model.capabilities.dtype == "float64"
    assert model.capabilities.species == {1}
    assert load_model("x.py:make,scale=2.0", dtype="float32").capabilities.dtype == "float32"
    assert load_model("x.py:Net").evaluate(start).forces.shape == (1, 5, 3)
    with pytest.raises(SpecError, match="did you mean scale"):
        load_model("x.py:make,scal=2.0")
    with pytest.raises(SpecError, match="dtype is 'float16'"):
        load_model("x.py", dtype="float16")


def test_a_device_that_torch_cannot_use(tmp_path):
    path = tmp_path / "whole.pt"
    torch.save(Direct(), path)
    for device in ("moon", "cpu:x", "meta:99:1"):
        with pytest.raises(SpecError, match=f"device is '{device}', which torch can't use here"):
            load_model(f"torch::{path}", device=device)


def test_pickles_need_consent(tmp_path, start):
    path = tmp_path / "whole.pt"
    torch.save(Direct(), path)
    with pytest.raises(SpecError, match="naming the adapter: torch::"):
        load_model(str(path))
    assert load_model(f"torch::{path}").evaluate(start).forces.shape == (1, 5, 3)
    weights = tmp_path / "weights.pth"
    torch.save(Direct().state_dict(), weights)
    for spec in (str(weights), f"torch::{weights}"):
        with pytest.raises(SpecError, match="holds an OrderedDict, no module"):
            load_model(spec)
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="can't be unpickled"):
        load_model(f"torch::{broken}")
    (tmp_path / "broken.pt2").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="exported program"):
        load_model(f"torch::{tmp_path / 'broken.pt2'}")
    with pytest.raises(SpecError, match="in one way only"):
        load_model(f"torch::{path},forces=direct")


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_no_warning_escapes(tmp_path):
    torch.jit.script(Direct()).save(str(tmp_path / "m.pt"))
    code = (
        f"from physcheck.adapters.loading import load_model; load_model({str(tmp_path / 'm.pt')!r})"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=".")


def test_the_report_says_which_weights_and_how_they_run():
    from ase.calculators.calculator import Calculator

    from physcheck.adapters.ase import CalculatorModel
    from physcheck.adapters.loading import model_identity

    def details(model):
        return model_identity(model, "mine:model")["capabilities"]["details"]

    class Wrapping(Calculator):
        def __init__(self, networks):
            super().__init__()
            self.models = networks

    layers = [torch.nn.Linear(2, 2) for _ in range(2)]
    one, two = (details(TorchModel(layer)) for layer in layers)
    assert len({one["weights_sha256"], two["weights_sha256"]}) == 2
    assert one["weights_sha256"] == details(TorchModel(layers[0]))["weights_sha256"]
    assert one["compiled"] == "no"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.script(torch.nn.Linear(2, 2))
    assert details(TorchModel(script))["compiled"] == "TorchScript"
    committee = details(CalculatorModel(Wrapping(layers)))["weights_sha256"]
    assert committee not in (one["weights_sha256"], two["weights_sha256"])


def test_the_report_has_torch_s_flags():
    from physcheck.report.environment import environment

    facts = environment()
    for flag in ("tf32_matmul", "tf32_cudnn", "cudnn_deterministic", "deterministic"):
        assert isinstance(facts[f"torch_{flag}"], bool)


class BothHeads(Conservative):
    """Forces as a gradient by ``forward``, their components mixed up by ``direct``."""

    def __init__(self) -> None:
        super().__init__()
        self.physcheck = {"species": ["H", "C", "O"], "structures": ["ethanol"]}

    @torch.jit.export
    def direct(
        self,
        positions: torch.Tensor,
        numbers: torch.Tensor,
        cells: torch.Tensor,
        pbc: torch.Tensor,
    ) -> Dict[str, torch.Tensor]:  # noqa: UP006
        answer = self.forward(positions, numbers, cells, pbc)
        answer["forces"] = torch.roll(answer["forces"], 1, -1)
        return answer


@pytest.fixture
def two_heads(tmp_path):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*torch.jit", DeprecationWarning)
        scripted(BothHeads(), tmp_path)
    return tmp_path / "m.pt"


def test_a_head_is_chosen_in_the_spec(two_heads, start):
    forces = {}
    for head in ("conservative", "direct"):
        model = load_model(f"{two_heads},forces={head}")
        assert model.capabilities.details["forces"] == head
        assert model.capabilities.direct_heads == ("forces",)
        forces[head] = model.evaluate(start).require_forces()
    np.testing.assert_allclose(np.roll(forces["conservative"], 1, -1), forces["direct"])
    free = load_model(str(two_heads))
    assert free.capabilities.details["forces"] == "conservative"
    np.testing.assert_array_equal(free.evaluate(start).require_forces(), forces["conservative"])


def test_a_script_may_declare_what_it_was_made_for(two_heads):
    capabilities = load_model(str(two_heads)).capabilities
    assert capabilities.species == {1, 6, 8}
    assert capabilities.structures == ("ethanol",)


def test_one_head_leaves_no_choice(tmp_path):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*torch.jit", DeprecationWarning)
        scripted(Conservative(), tmp_path)
    with pytest.raises(SpecError, match="in one way only"):
        load_model(f"{tmp_path / 'm.pt'},forces=direct")
    with pytest.raises(SpecError, match="did you mean"):
        TorchModel(BothHeads(), forces="dirct")
