"""Calculators by their name in ASE: ``ase::emt``, ``ase::lj,sigma=2.3``."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from physcheck.errors import SpecError
from physcheck.names import nearest

if TYPE_CHECKING:
    from physcheck.adapters.ase import CalculatorModel

__all__ = ["check_ase_name", "make_ase_model"]


def check_ase_name(name: str) -> None:
    """SpecError with the nearest names unless ASE has a calculator that is called so."""
    from ase.calculators.names import names

    if name not in names:
        raise SpecError(f"ASE has no calculator {name!r}; {nearest(name, names)}")


def make_ase_model(argument: str, **options: Any) -> CalculatorModel:
    """A calculator of ASE's own list, called with the options; a new one for each fresh copy.

    Parameters
    ----------
    argument : str
        One of ``ase.calculators.names.names``, such as ``emt``, ``lj`` or ``eam``.
    options
        Arguments of the calculator's class, or of its ``default_parameters``.

    Raises
    ------
    SpecError
        There is no such calculator, or it doesn't take an option.
    """
    from ase.calculators.calculator import get_calculator_class

    from physcheck.adapters.ase import CalculatorModel
    from physcheck.adapters.declaration import Declaration

    check_ase_name(argument)
    kind: Any = get_calculator_class(argument)  # type: ignore[no-untyped-call]
    _refuse_other_options(kind, options, f"ase::{argument}")
    return CalculatorModel.from_factory(lambda: kind(**options), declaration=Declaration())


def _refuse_other_options(kind: Any, options: dict[str, Any], where: str) -> None:
    """SpecError for the first option that the calculator would ignore without a word."""
    parameters = inspect.signature(kind).parameters.values()
    known = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        defaults = getattr(kind, "default_parameters", {})
        if not defaults:
            # Of a program with an input file of its own ASE knows no names.
            return
        known |= set(defaults)
    for name in options:
        if name not in known:
            raise SpecError(f"{where} takes no {name}; {nearest(name, known)}")
