"""matgl (M3GNet, TensorNet, CHGNet, SO3Net): ``matgl::FOLDER``, or a name that it downloads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from physcheck.adapters.batched import Answer, BatchedModel
from physcheck.adapters.frameworks import FORCE_REACH, batched_model, check_dtype, imported
from physcheck.errors import SpecError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["make_model"]

_BITS = {"float32": 32, "float64": 64}


def make_model(argument: str, *, device: str = "cpu", dtype: str = "float32") -> BatchedModel:
    """A potential that matgl saved, or one of its pretrained ones; many graphs a call.

    It takes molecules and crystals.  In float64 weights are cast, and graphs are not rounded.

    Parameters
    ----------
    argument : str
        What ``matgl.load_model`` takes: a folder with ``model.json``, or a name.
    device, dtype : str

    Raises
    ------
    SpecError
        The package is missing, no model is named, or the dtype is unknown.
    """
    check_dtype("matgl", dtype)
    if not argument:
        raise SpecError("matgl:: names no model; write matgl::FOLDER")
    package = imported("matgl", "matgl")

    def make() -> _Call:
        with _default_dtype(dtype):
            potential = package.load_model(argument).to(device)
            potential = potential.double() if dtype == "float64" else potential
        return _Call(potential.eval(), dtype)

    return batched_model(
        "matgl",
        make,
        describe=_described,
        name=argument,
        outputs=frozenset({"energy", "forces", "stress"}),
        dtype=dtype,
        device=device,
        periodicity="full",
    )


def _described(call: _Call) -> dict[str, Any]:
    """What capabilities can be read from the network."""
    from ase.data import atomic_numbers

    own = call.calculator
    known: dict[str, Any] = {"species": frozenset(atomic_numbers[s] for s in own.element_types)}
    layers = getattr(own.potential.model, "n_blocks", None)
    layers = getattr(own.potential.model, "num_layers", layers)
    if isinstance(layers, int):
        known["interaction_range"] = FORCE_REACH * layers * float(own.cutoff)
    return known


@contextmanager
def _default_dtype(dtype: str) -> Iterator[None]:
    """The dtype in which the package makes graphs within, and torch's default, which it sets."""
    package, torch = imported("matgl", "matgl"), imported("matgl", "torch")
    before, of_package = torch.get_default_dtype(), package.float_th.itemsize * 8
    package.set_default_dtype("float", _BITS[dtype])
    try:
        yield
    finally:
        package.set_default_dtype("float", of_package)
        torch.set_default_dtype(before)


class _Call:
    """As ``matgl.ext.ase.PESCalculator``, for many structures."""

    def __init__(self, potential: Any, dtype: str) -> None:
        self._torch = imported("matgl", "torch")
        self._batch = imported("matgl", "torch_geometric.data").Batch
        module = imported("matgl", "matgl.ext.ase")
        self.calculator = module.PESCalculator(potential, stress_unit="eV/A3")
        self._dtype = dtype

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        torch, own = self._torch, self.calculator
        with _default_dtype(self._dtype):
            made = [own._atoms2graph.get_graph(atoms) for atoms in structures]
            graphs, cells, states = zip(*made, strict=True)
            answer = own.potential(
                self._batch.from_data_list(list(graphs)),
                torch.cat([cell.reshape(1, 3, 3) for cell in cells]),
                torch.as_tensor(np.stack(states)),
            )
        found = {"energy": answer[0].reshape(-1), "forces": answer[1]}
        if "stress" in want:
            found["stress"] = answer[2].reshape(-1, 3, 3) * own.conversion_factor
        return {name: value.detach().cpu().double().numpy() for name, value in found.items()}
