"""A Model from an object at hand: what a fixture gives, or what somebody has in a notebook."""

from __future__ import annotations

import sys
from typing import Any

from physcheck.adapters.torchsim import from_torch_sim, is_interface
from physcheck.errors import SpecError
from physcheck.model import Model

__all__ = ["as_model"]


def as_model(thing: Any) -> Model:
    """A Model from a Model, an ASE calculator, a torch module or a torch-sim ModelInterface.

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
    if is_interface(thing):
        return from_torch_sim(thing)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(thing, torch.nn.Module):
        from physcheck.adapters.torch import TorchModel

        return TorchModel(thing)
    raise SpecError(
        f"the model is a {type(thing).__name__}, should be an ASE calculator, a torch module, a "
        "torch-sim ModelInterface or a physcheck Model"
    )
