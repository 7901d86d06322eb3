"""tblite: ``tblite::GFN2-xTB``, semi-empirical tight binding."""

from __future__ import annotations

from typing import Any

from physcheck.adapters.ase import CalculatorModel
from physcheck.adapters.frameworks import calculator_model, imported
from physcheck.errors import SpecError
from physcheck.names import nearest

__all__ = ["make_model"]

_METHODS = ("GFN2-xTB", "GFN1-xTB", "IPEA1-xTB")
_LARGEST_SPECIES = 86


def make_model(
    argument: str, *, accuracy: float | None = None, max_iterations: int | None = None
) -> CalculatorModel:
    """A tight-binding method by its name; float64, forces from a self-consistent charge density.

    Every calculation starts from the charges of the one before, so that its result depends on
    earlier ones within the convergence threshold; a fresh copy remembers nothing.

    Parameters
    ----------
    argument : str
        GFN2-xTB, GFN1-xTB or IPEA1-xTB.
    accuracy : float or None
        The package's: smaller converges further.
    max_iterations : int or None

    Raises
    ------
    SpecError
        The package is missing, or there is no such method.
    """
    package = imported("tblite", "tblite.ase")
    methods = {name.lower(): name for name in _METHODS}
    method = methods.get((argument or _METHODS[0]).lower())
    if method is None:
        raise SpecError(f"tblite has no method {argument!r}; {nearest(argument, _METHODS)}")
    options: dict[str, Any] = {"accuracy": accuracy, "max_iterations": max_iterations}
    given = {key: value for key, value in options.items() if value is not None}

    def make() -> Any:
        return package.TBLite(method=method, verbosity=0, **given)

    return calculator_model(
        "tblite",
        make,
        name=method,
        dtype="float64",
        species=frozenset(range(1, _LARGEST_SPECIES + 1)),
        structures=("ethanol", "H2O", "CH4"),
        details=given,
    )
