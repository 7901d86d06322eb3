"""OpenKIM: ``kim::MODEL_NAME``, through ASE's calculator for portable models."""

from __future__ import annotations

import ctypes
import ctypes.util
from contextlib import suppress
from typing import Any

from physcheck.adapters.ase import CalculatorModel
from physcheck.adapters.frameworks import FORCE_REACH, calculator_model, imported
from physcheck.errors import SpecError

__all__ = ["make_model"]


def make_model(argument: str) -> CalculatorModel:
    """A portable model of the KIM API by its extended name; float64, most of them analytic.

    Neighbour lists have a skin, so that the order of a sum can depend on earlier calls.

    Raises
    ------
    SpecError
        kimpy or the model isn't installed.
    """
    if not argument:
        raise SpecError("kim:: names no model; `kim-api-collections-management list` shows them")
    imported("kim", "kimpy")
    _write_no_log()
    kim = imported("kim", "ase.calculators.kim.kim")
    errors = imported("kim", "ase.calculators.kim.exceptions")

    def make() -> Any:
        return kim.KIM(argument)

    # ASE's calculator has no public method for these two.
    def describe(calculator: Any) -> dict[str, Any]:
        from ase.data import atomic_numbers

        known, _ = calculator._kimmodeldata.kim_model.get_model_supported_species_and_codes()
        influence_distance, *_ = calculator._kimmodeldata.get_model_neighbor_list_parameters()
        return {
            "species": frozenset(atomic_numbers[s] for s in known if s in atomic_numbers),
            # The influence distance: how far away an atom can matter to another's energy.
            "interaction_range": FORCE_REACH * float(influence_distance),
        }

    try:
        return calculator_model("kim", make, describe=describe, name=argument, dtype="float64")
    except (errors.KIMModelNotFound, errors.KIMModelInitializationError) as error:
        raise SpecError(f"no KIM model {argument!r} can be opened here: {error}") from error


class _LogVerbosity(ctypes.Structure):
    _fields_ = [("id", ctypes.c_int)]


def _write_no_log() -> None:
    """Keep the KIM API from writing kim.log into the current folder; kimpy has no call for it."""
    library = ctypes.util.find_library("kim-api")
    if library is not None:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(library).KIM_Log_PushDefaultVerbosity(_LogVerbosity(0))
