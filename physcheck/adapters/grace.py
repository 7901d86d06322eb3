"""GRACE: ``grace::FOLDER``, a model that gracemaker saved, or a name that it downloads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from physcheck.adapters.frameworks import calculator_model, imported
from physcheck.errors import SpecError

if TYPE_CHECKING:
    from physcheck.adapters.ase import CalculatorModel

__all__ = ["make_model"]


def make_model(argument: str) -> CalculatorModel:
    """A GRACE potential through its own ASE calculator, one structure a call.

    It takes molecules and crystals.  The precision is a model's own, and the device is
    TensorFlow's choice.

    Parameters
    ----------
    argument : str
        The path of a TensorFlow ``saved_model``, or a name such as ``GRACE-1L-OAM``.

    Raises
    ------
    SpecError
        The package is missing, or no model is named.
    """
    if not argument:
        raise SpecError("grace:: names no model; write grace::FOLDER")
    folder = Path(argument)

    def make() -> Any:
        package = imported("grace", "tensorpotential.calculator")
        if folder.exists():
            return package.TPCalculator(model=str(folder.resolve()))
        return package.grace_fm(argument)

    return calculator_model("grace", make, describe=_described, name=folder.name)


def _described(calculator: Any) -> dict[str, Any]:
    """What capabilities can be read from the calculator."""
    from ase.data import atomic_numbers

    return {"species": frozenset(atomic_numbers[symbol] for symbol in calculator.element_map)}
