"""AIMNet2: ``aimnet::x.pt``, or a name that the package downloads, such as ``aimnet2``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from physcheck.adapters.batched import Answer, BatchedModel
from physcheck.adapters.frameworks import (
    batched_model,
    check_dtype,
    file_or_none,
    file_sha256,
    imported,
)
from physcheck.errors import SpecError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["make_model"]

_TORCHSCRIPT = ".jpt"
_FILES = (".pt", _TORCHSCRIPT)
# The package's notes of the dtypes to which it rounds what it is given.
_NOTED_KINDS = ("keys_in", "keys_in_optional")
_NOTED_LISTS = ("_required_keys_dtype", "_optional_keys_dtype")


def make_model(argument: str, *, device: str = "cpu", dtype: str = "float32") -> BatchedModel:
    """An AIMNet2 model; molecules of several sizes, or crystals, in one call.

    The total charge and the multiplicity are those of the structure's ``info`` (``charge``, and
    ``mult`` or ``spin``); without them the structure is a neutral singlet.  Charges are spread over
    all atoms, so that no distance is beyond a force's reach.  Crystals have damped shifted-force
    Coulomb sums, to which the package switches.

    Parameters
    ----------
    argument : str
        The path of a file ``.pt`` (or TorchScript ``.jpt``, float32 only), or a registered name.
    device, dtype : str

    Raises
    ------
    SpecError
        The package is missing, there is no such file, or the dtype is unknown.
    """
    check_dtype("aimnet", dtype)
    weights = file_or_none("aimnet", argument, _FILES)
    if argument.endswith(_TORCHSCRIPT) and dtype != "float32":
        raise SpecError(f"{argument} is TorchScript, which computes in float32 only")

    def make() -> _Call:
        kind = imported("aimnet", "aimnet.calculators").AIMNet2Calculator
        calculator = kind(argument if weights is None else str(weights.resolve()), device=device)
        if dtype == "float64":
            _cast(calculator)
        return _Call(calculator)

    def describe(call: Any) -> dict[str, Any]:
        species = (call.calculator.metadata or {}).get("implemented_species")
        return {"species": frozenset(map(int, species))} if species else {}

    return batched_model(
        "aimnet",
        make,
        describe=describe,
        name=argument if weights is None else weights.name,
        outputs=frozenset({"energy", "forces", "stress"}),
        dtype=dtype,
        device=device,
        periodicity="full",
        structures=("ethanol", "H2O", "CH4"),
        details={} if weights is None else {"weights_sha256": file_sha256(weights)},
    )


def _cast(calculator: Any) -> None:
    """The network, the sums outside of it, and the package's notes of dtypes, in float64."""
    torch = imported("aimnet", "torch")

    def wide(kind: Any) -> Any:
        return torch.float64 if kind == torch.float32 else kind

    for name in _NOTED_KINDS:
        noted = getattr(calculator, name)
        setattr(calculator, name, {key: wide(kind) for key, kind in noted.items()})
    for name in _NOTED_LISTS:
        setattr(calculator.model, name, [wide(kind) for kind in getattr(calculator.model, name)])
    for module in (calculator.model, calculator.external_coulomb, calculator.external_dftd3):
        if module is not None:
            module.double()


class _Call:
    """As ``aimnet.calculators.AIMNet2ASE``, for many structures."""

    def __init__(self, calculator: Any) -> None:
        self.calculator = calculator

    def further(self, atoms: Atoms) -> Answer:
        """Energy and charges of one structure."""
        return {name: _array(self._answered([atoms])[name]) for name in ("energy", "charges")}

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        answer = self._answered(structures, forces=True, stress="stress" in want)
        names = ("energy", "forces", "stress") if "stress" in want else ("energy", "forces")
        return {name: _array(answer[name]) for name in names}

    def _answered(self, structures: list[Atoms], **asked: bool) -> Any:
        """The package's own answer for a batch."""
        info: list[Any] = [atoms.info for atoms in structures]
        data = {
            "coord": np.concatenate([atoms.positions for atoms in structures]),
            "numbers": np.concatenate([atoms.numbers for atoms in structures]),
            "mol_idx": np.repeat(np.arange(len(structures)), [len(atoms) for atoms in structures]),
            "charge": np.array([float(one.get("charge", 0)) for one in info]),
            "mult": np.array([float(one.get("mult", one.get("spin", 1))) for one in info]),
        }
        if structures[0].pbc.any():
            data["cell"] = np.stack([atoms.cell.array for atoms in structures])
            data["pbc"] = np.stack([atoms.pbc for atoms in structures])
        return self.calculator.eval(data, **asked)


def _array(tensor: Any) -> Any:
    return tensor.detach().cpu().double().numpy()
