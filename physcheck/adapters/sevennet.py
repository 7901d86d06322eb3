"""SevenNet: ``sevennet::7net-0``, or a checkpoint file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from physcheck.adapters.batched import Answer, BatchedModel
from physcheck.adapters.frameworks import (
    FORCE_REACH,
    batched_model,
    check_dtype,
    existing_argument,
    file_sha256,
    imported,
)

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["make_model"]

# Those whose weights are in the package; all others it downloads.
_PRETRAINED = {
    "7net-0": "SevenNet_0__11Jul2024",
    "7net-0_11Jul2024": "SevenNet_0__11Jul2024",
    "7net-0_22May2024": "SevenNet_0__22May2024",
}

# The six components of a stress in the package's order, and where each entry of the matrix is.
_STRESS_ORDER = ("xx", "yy", "zz", "xy", "yz", "zx")
_MATRIX_FROM_SIX = [0, 3, 5, 3, 1, 4, 5, 4, 2]


def make_model(
    argument: str, *, modal: str | None = None, device: str = "cpu", dtype: str = "float32"
) -> BatchedModel:
    """7net-0 from the package, or a checkpoint; many graphs a call.

    Equivariant, with autograd forces and stress.  Trained and used in float32; in float64 weights
    are cast, and graphs are not rounded.

    Parameters
    ----------
    argument : str
        ``7net-0``, ``7net-0_22May2024`` or a path.
    modal : str or None
        For checkpoints of several levels of theory.
    device, dtype : str

    Raises
    ------
    SpecError
        The package is missing, there is neither such weights nor such a file, or the dtype is
        unknown.
    """
    check_dtype("sevennet", dtype)
    root = Path(imported("sevennet", "sevenn").__file__).parent / "pretrained_potentials"
    folder = _PRETRAINED.get(argument or "7net-0")
    found = sorted((root / folder).glob("checkpoint*.pth")) if folder else []
    weights = found[0] if found else existing_argument("sevennet", argument)

    def load() -> Any:
        calculator = imported("sevennet", "sevenn.calculator").SevenNetCalculator
        return calculator(model=str(weights), device=device, modal=modal)

    def describe(call: Any) -> dict[str, Any]:
        layers = int(call.calculator.sevennet_config["num_convolution_layer"])
        return {
            "species": frozenset(int(z) for z in call.calculator.type_map),
            "interaction_range": FORCE_REACH * layers * float(call.calculator.cutoff),
        }

    return batched_model(
        "sevennet",
        lambda: _Call(load(), device, dtype),
        describe=describe,
        name=f"SevenNet {argument or '7net-0'}" if found else weights.name,
        outputs=frozenset({"energy", "forces", "stress"}),
        dtype=dtype,
        device=device,
        structures=("Si8", "NaCl8"),
        details={"weights_sha256": file_sha256(weights)},
    )


class _Call:
    """As ``sevenn.calculator.SevenNetCalculator``, for many structures."""

    def __init__(self, calculator: Any, device: str, dtype: str) -> None:
        self.calculator = calculator
        self._torch = imported("sevennet", "torch")
        self._keys = imported("sevennet", "sevenn._keys")
        self._graph = imported("sevennet", "sevenn.atom_graph_data").AtomGraphData
        self._make_graph = imported("sevennet", "sevenn.train.dataload").unlabeled_atoms_to_graph
        self._batch = imported("sevennet", "torch_geometric.data").Batch
        self._device, self._dtype = device, getattr(self._torch, dtype)
        self._net = calculator.model.to(self._dtype)
        self._net.set_is_batch_data(True)
        embedding = imported("sevennet", "sevenn.nn.node_embedding").OnehotEmbedding
        for module in self._net.modules():
            if isinstance(module, embedding):
                module.register_forward_hook(self._unrounded)

    def _unrounded(self, module: Any, given: Any, data: Any) -> None:
        """The embedding makes float32 of everything."""
        for key in (module.key_output, module.key_additional_output):
            if key is not None:
                data[key] = data[key].to(self._dtype)

    def further(self, atoms: Atoms) -> Answer:
        """Energies of atoms."""
        answer, keys = self._answered([atoms]), self._keys
        return {
            "energy": answer[keys.PRED_TOTAL_ENERGY].detach().cpu().double().numpy().reshape(-1),
            "energies": answer[keys.ATOMIC_ENERGY].detach().cpu().double().numpy().reshape(-1),
        }

    def _answered(self, structures: list[Atoms]) -> Any:
        """The package's own answer for a batch of graphs."""
        graphs = [self._graph(**self._tensors(atoms)) for atoms in structures]
        return self._net(self._batch.from_data_list(graphs).to(self._device))

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        keys = self._keys
        answer = self._answered(structures)
        found = {
            "energy": answer[keys.PRED_TOTAL_ENERGY].reshape(-1),
            "forces": answer[keys.PRED_FORCE],
        }
        if "stress" in want:
            # The package's stress is positive under pressure, ours under tension.
            stress = answer[keys.PRED_STRESS].reshape(-1, len(_STRESS_ORDER))
            found["stress"] = -stress[:, _MATRIX_FROM_SIX].reshape(-1, 3, 3)
        return {name: value.detach().cpu().double().numpy() for name, value in found.items()}

    def _tensors(self, atoms: Atoms) -> dict[str, Any]:
        torch = self._torch
        made = self._make_graph(atoms, self.calculator.cutoff)
        tensors: dict[str, Any] = {}
        for key, value in made.items():
            if key == self._keys.INFO:
                tensors[key] = value
                continue
            tensor = torch.as_tensor(value)
            floats = tensor.is_floating_point()
            tensors[key] = tensor.to(self._dtype) if floats else tensor.to(torch.int64)
        if self.calculator.modal:
            tensors[self._keys.DATA_MODALITY] = self.calculator.modal
        return tensors
