"""NequIP and Allegro: ``nequip::x.ckpt``, or a package ``nequip::x.nequip.zip``."""

from __future__ import annotations

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
from physcheck.errors import SpecError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["make_model"]

# What modules round to, noted when they are made.
_NOTED = ("model_dtype", "_output_dtype")
_COMPILED = (".nequip.pth", ".nequip.pt2")


def make_model(argument: str, *, device: str = "cpu", dtype: str | None = None) -> BatchedModel:
    """A model of the NequIP framework, Allegro's included; many graphs a call.

    Checkpoints are pickles and packages hold code: naming the adapter is consent to load them.

    Parameters
    ----------
    argument : str
        The path of a checkpoint of nequip-train, or of what nequip-package made of it.
    device : str
    dtype : str or None
        As trained if left out; else the network is cast.

    Raises
    ------
    SpecError
        The package is missing, there is no such file, it is compiled, or the dtype is unknown.
    """
    if dtype is not None:
        check_dtype("nequip", dtype)
    weights = existing_argument("nequip", argument)
    if weights.name.endswith(_COMPILED):
        raise SpecError(
            f"{weights.name} is compiled for one use; name the checkpoint or package that it was "
            "made from, or write a factory with NequIPCalculator.from_compiled_model"
        )
    kind = imported("nequip", "nequip.integrations.ase").NequIPCalculator

    def make() -> _Call:
        # What from_checkpoint and from_package of other versions call.
        calculator = kind._from_saved_model(str(weights), device=device)
        if dtype is not None:
            _cast(calculator.model, dtype)
        return _Call(calculator)

    return batched_model(
        "nequip",
        make,
        describe=_described,
        name=weights.name,
        outputs=frozenset({"energy", "forces", "stress"}),
        device=device,
        details={"weights_sha256": file_sha256(weights)},
    )


def _described(call: _Call) -> dict[str, Any]:
    """What capabilities can be read from the model and the transforms before it."""
    calculator = call.calculator
    table, radius = calculator.transforms[0].lookup_table, calculator.transforms[1].r_max
    species = (table >= 0).nonzero().flatten().tolist()
    # Allegro has none: its atoms see one radius far.
    layers = sum(type(m).__name__ == "ConvNetLayer" for m in calculator.model.modules())
    return {
        "species": frozenset(species),
        "dtype": str(calculator.model.model_dtype).removeprefix("torch."),
        "interaction_range": FORCE_REACH * max(1, layers) * float(radius),
    }


def _cast(net: Any, dtype: str) -> None:
    """The network in another precision, and each module's note of it."""
    wanted = getattr(imported("nequip", "torch"), dtype)
    net.to(wanted)
    for module in net.modules():
        for name in _NOTED:
            if hasattr(module, name):
                setattr(module, name, wanted)


class _Call:
    """As ``nequip.integrations.ase.NequIPCalculator``, for many structures."""

    def __init__(self, calculator: Any) -> None:
        self.calculator = calculator
        self._data = imported("nequip", "nequip.data").AtomicDataDict

    def further(self, atoms: Atoms) -> Answer:
        """Energies of atoms."""
        answer, data = self._answered([atoms]), self._data
        return {
            "energy": _array(answer[data.TOTAL_ENERGY_KEY]).reshape(-1),
            "energies": _array(answer[data.PER_ATOM_ENERGY_KEY]).reshape(-1),
        }

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        answer, data = self._answered(structures), self._data
        found = {
            "energy": _array(answer[data.TOTAL_ENERGY_KEY]).reshape(-1),
            "forces": _array(answer[data.FORCE_KEY]),
        }
        if "stress" in want:
            found["stress"] = _array(answer[data.STRESS_KEY]).reshape(-1, 3, 3)
        return found

    def _answered(self, structures: list[Atoms]) -> Any:
        """The package's own answer for a batch of graphs."""
        own = self.calculator
        graphs = [own.atoms_to_data(atoms) for atoms in structures]
        return own.call_model(self._data.batched_from_list(graphs))


def _array(tensor: Any) -> Any:
    return tensor.detach().cpu().double().numpy()
