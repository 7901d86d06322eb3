"""SO3LR: ``so3lr::default``, the pretrained model of so3krates-torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from physcheck.adapters.ase import CalculatorModel
from physcheck.adapters.frameworks import calculator_model, check_dtype, file_sha256, imported
from physcheck.errors import SpecError

__all__ = ["make_model"]


def make_model(
    argument: str, *, device: str = "cpu", dtype: str = "float64", stress: bool = False
) -> CalculatorModel:
    """The pretrained SO3LR: autograd forces, equivariant, long-ranged; float32 or float64.

    The package sets torch's default dtype for the whole process.

    Parameters
    ----------
    argument : str
        ``default``.
    device, dtype : str
    stress : bool
        Computed too, which costs a little and not all systems allow.

    Raises
    ------
    SpecError
        The package is missing, or the argument or dtype is unknown.
    """
    if argument not in ("", "default"):
        raise SpecError(f"so3lr has no model {argument!r}; write so3lr::default")
    check_dtype("so3lr", dtype)
    package = imported("so3lr", "so3krates_torch.calculator.so3")
    pretrained = Path(imported("so3lr", "so3krates_torch").__file__).parent / "pretrained"

    def make() -> Any:
        return package.SO3LRCalculator(device=device, default_dtype=dtype, compute_stress=stress)

    return calculator_model(
        "so3lr",
        make,
        name="SO3LR",
        dtype=dtype,
        device=device,
        outputs=frozenset({"energy", "forces", "stress"} if stress else {"energy", "forces"}),
        structures=("ethanol", "H2O", "CH4"),
        details={"weights_sha256": file_sha256(pretrained / "so3lr" / "so3lr.model")},
    )
