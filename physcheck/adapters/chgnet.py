"""CHGNet: ``chgnet::0.3.0``, also 0.2.0 and r2scan, or a checkpoint file."""

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

_PRETRAINED = ("0.2.0", "0.3.0", "r2scan")
_LARGEST_SPECIES = 94


def make_model(argument: str, *, device: str = "cpu") -> CalculatorModel:
    """A pretrained CHGNet by its version, or a checkpoint file; float32, autograd forces and stress.

    Its angles come from a second graph with a shorter cutoff, and its neighbour lists from Cython code.

    Raises
    ------
    SpecError
        The package is missing, or there is neither such a version nor such a file.
    """
    package = imported("chgnet", "chgnet.model")
    weights: Path
    if (argument or "0.3.0") in _PRETRAINED:
        version = argument or "0.3.0"
        folder = Path(imported("chgnet", "chgnet").__file__).parent / "pretrained" / version
        weights = next(folder.glob("*.pth.tar"))
    else:
        version, weights = "", existing_argument("chgnet", argument)

    def make() -> Any:
        net = (
            package.CHGNet.load(model_name=version, verbose=False, use_device=device)
            if version
            else package.CHGNet.from_file(str(weights))
        )
        return package.CHGNetCalculator(net, use_device=device, on_isolated_atoms="ignore")

    def describe(calculator: Any) -> dict[str, Any]:
        settings = calculator.model.model_args
        hop = float(settings["atom_graph_cutoff"]) + float(settings["bond_graph_cutoff"])
        # A force holds the energies of atoms n_conv hops away, and each of those looks as far again.
        return {"interaction_range": 2 * int(settings["n_conv"]) * hop}

    return calculator_model(
        "chgnet",
        make,
        describe=describe,
        name=f"CHGNet {version or weights.name}",
        dtype="float32",
        device=device,
        species=frozenset(range(1, _LARGEST_SPECIES + 1)),
        structures=("Si8", "NaCl8"),
        details={"weights_sha256": file_sha256(weights)},
    )
