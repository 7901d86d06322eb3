"""A Model from an object at hand: what a fixture gives, or what somebody has in a notebook."""

from __future__ import annotations

import sys
from typing import Any

from physcheck.errors import SpecError
from physcheck.model import Model

__all__ = ["as_model"]


def as_model(thing: Any) -> Model:
    """A Model from a Model, an ASE calculator or a torch module.

    Raises
    ------
    SpecError
        It is none of these.
    """
    if hasattr(thing, "capabilities") and callable(getattr(thing, "evaluate", None)):
        model: Model = thing
        return model
    from physcheck.adapters.ase import CalculatorModel, is_calculator

    if is_calculator(thing):
        return CalculatorModel(thing)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(thing, torch.nn.Module):
        from physcheck.adapters.torch import TorchModel

        return TorchModel(thing)
    raise SpecError(
        f"the model is a {type(thing).__name__}, should be an ASE calculator, a torch module or a "
        "physcheck Model"
    )
