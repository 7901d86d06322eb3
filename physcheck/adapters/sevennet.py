"""SevenNet: ``sevennet::7net-0``, or a checkpoint file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from physcheck.adapters.ase import CalculatorModel
from physcheck.adapters.frameworks import (
    calculator_model,
    existing_argument,
    file_sha256,
    imported,
)

__all__ = ["make_model"]

# Those whose weights are in the package; all others it downloads.
_PRETRAINED = {
    "7net-0": "SevenNet_0__11Jul2024",
    "7net-0_11Jul2024": "SevenNet_0__11Jul2024",
    "7net-0_22May2024": "SevenNet_0__22May2024",
}


def make_model(argument: str, *, modal: str | None = None, device: str = "cpu") -> CalculatorModel:
    """7net-0 from the package, or a checkpoint; float32, equivariant, autograd forces and stress.

    Parameters
    ----------
    argument : str
        ``7net-0``, ``7net-0_22May2024`` or a path.
    modal : str or None
        For checkpoints of several levels of theory.
    device : str

    Raises
    ------
    SpecError
        The package is missing, or there is neither such weights nor such a file.
    """
    root = Path(imported("sevennet", "sevenn").__file__).parent / "pretrained_potentials"
    folder = _PRETRAINED.get(argument or "7net-0")
    found = sorted((root / folder).glob("checkpoint*.pth")) if folder else []
    weights = found[0] if found else existing_argument("sevennet", argument)

    def make() -> Any:
        calculator = imported("sevennet", "sevenn.calculator").SevenNetCalculator
        return calculator(model=str(weights), device=device, modal=modal)

    def describe(calculator: Any) -> dict[str, Any]:
        layers = int(calculator.sevennet_config["num_convolution_layer"])
        return {
            "species": frozenset(int(z) for z in calculator.type_map),
            # A force holds the energies of atoms that many hops away, and each looks as far again.
            "interaction_range": 2 * layers * float(calculator.cutoff),
        }

    return calculator_model(
        "sevennet",
        make,
        describe=describe,
        name=f"SevenNet {argument or '7net-0'}" if found else weights.name,
        dtype="float32",
        device=device,
        structures=("Si8", "NaCl8"),
        details={"weights_sha256": file_sha256(weights)},
    )
