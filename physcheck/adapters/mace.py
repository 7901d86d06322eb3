"""MACE: ``mace::x.model``."""

from __future__ import annotations

from typing import Any

from physcheck.adapters.ase import CalculatorModel
from physcheck.adapters.frameworks import (
    calculator_model,
    check_dtype,
    existing_argument,
    file_sha256,
    imported,
)

__all__ = ["make_model"]


def make_model(
    argument: str, *, head: str | None = None, device: str = "cpu", dtype: str = "float64"
) -> CalculatorModel:
    """A MACE model file, which is a pickle: naming the adapter is consent to load it.

    Parameters
    ----------
    argument : str
        The path.
    head : str or None
        Of a model with several.
    device, dtype : str
        The whole process gets this dtype as torch's default, by the package.

    Raises
    ------
    SpecError
        The package is missing, there is no such file, or the dtype is unknown.
    """
    check_dtype("mace", dtype)
    weights = existing_argument("mace", argument)
    package = imported("mace", "mace.calculators")
    options = {} if head is None else {"head": head}

    def make() -> Any:
        return package.MACECalculator(
            model_paths=str(weights), device=device, default_dtype=dtype, **options
        )

    def describe(calculator: Any) -> dict[str, Any]:
        net = calculator.models[0]
        return {
            "species": frozenset(int(z) for z in calculator.z_table.zs),
            # A force holds the energies of atoms that many hops away, and each looks as far again.
            "interaction_range": 2 * int(net.num_interactions) * float(calculator.r_max),
        }

    return calculator_model(
        "mace",
        make,
        describe=describe,
        name=weights.name,
        dtype=dtype,
        device=device,
        outputs=frozenset({"energy", "forces", "stress"}),
        details={"weights_sha256": file_sha256(weights)},
    )
