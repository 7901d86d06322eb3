"""A Model from an object at hand: a calculator, a torch module, a torch-sim model, a Model."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from physcheck.adapters.declaration import Declaration, declare
from physcheck.adapters.forward_contract import refuse_other_forward
from physcheck.adapters.modes import MODE_OPTION
from physcheck.adapters.python import raising
from physcheck.adapters.spec import Option
from physcheck.adapters.torchsim import from_torch_sim, is_interface
from physcheck.errors import SpecError
from physcheck.model import Model
from physcheck.text.phrases import kind_of

__all__ = ["as_declared_model", "as_model", "is_instance", "is_torch_module"]


def as_model(thing: Any) -> Model:
    """A Model from what a fixture gives, or what somebody has in a notebook.

    Parameters
    ----------
    thing : Model, ASE calculator, torch module or torch-sim ModelInterface

    Raises
    ------
    SpecError
        It is none of these, or a torch module with another ``forward``.
    """
    if _is_model(thing):
        model: Model = thing
        return model
    from physcheck.adapters.ase import CalculatorModel, is_calculator

    if is_calculator(thing):
        return CalculatorModel(thing)
    if is_interface(thing):
        return from_torch_sim(thing)
    if is_torch_module(thing):
        from physcheck.adapters.torch import TorchModel

        refuse_other_forward(thing)
        return TorchModel(thing)
    if isinstance(thing, type):
        raise SpecError(
            f"the model is the class {thing.__name__}, should be an object of it: "
            f"{thing.__name__}()"
        )
    raise SpecError(
        f"the model is {kind_of(thing)}, should be an ASE calculator, a torch module, a "
        "torch-sim ModelInterface or a physcheck Model"
    )


def as_declared_model(
    thing: Any,
    declaration: Declaration,
    settings: Mapping[str, Option],
    *,
    where: str,
    remake: Callable[[], Any] | None = None,
) -> Model:
    """A Model from what a spec names, with what its author declared in its capabilities.

    Parameters
    ----------
    thing : object
        One of which :func:`is_instance` is true.
    declaration : Declaration
    settings : mapping
        Of the spec's options, ``device`` and ``dtype`` reach torch modules and calculators,
        ``mode`` torch modules.
    where : str
        What messages call the thing, such as ``x.py:factory``.
    remake : callable () -> object, or None
        Makes an equal new thing.

    Raises
    ------
    SpecError
        It is a torch module with another ``forward``.
    ModelError
        Taking it as a model raised.
    """
    device = None if "device" not in settings else str(settings["device"])
    dtype = None if "dtype" not in settings else str(settings["dtype"])
    mode = None if MODE_OPTION not in settings else str(settings[MODE_OPTION])
    if _is_model(thing):
        return declare(thing, declaration)
    if is_interface(thing):
        with raising(f"taking {where}"):
            return declare(from_torch_sim(thing, remake=remake), declaration)
    if is_torch_module(thing):
        from physcheck.adapters.fresh_modules import FactoryTorchModel
        from physcheck.adapters.torch import TorchModel

        refuse_other_forward(thing)
        with raising(f"taking {where}"):
            if remake is None or mode is not None:
                model = TorchModel(thing, device=device, dtype=dtype, mode=mode)
            else:
                model = FactoryTorchModel(thing, remake, device=device, dtype=dtype)
            return declare(model, declaration)
    from physcheck.adapters.ase import CalculatorModel

    # What a calculator says of itself may be a property that raises.
    with raising(f"taking {where}"):
        return CalculatorModel(
            thing, remake=remake, declaration=declaration, device=device, dtype=dtype
        )


def is_instance(thing: object) -> bool:
    """True for an instance, not a class, of anything that can be taken as a Model."""
    if isinstance(thing, type):
        return False
    from physcheck.adapters.ase import is_calculator

    return _is_model(thing) or is_torch_module(thing) or is_interface(thing) or is_calculator(thing)


def is_torch_module(thing: object) -> bool:
    """True for a torch module with our forward; nothing is imported."""
    # Nobody has a module before torch is imported.
    torch = sys.modules.get("torch")
    # torch-sim's models are modules too, but with another forward, and they can't be cast.
    return torch is not None and isinstance(thing, torch.nn.Module) and not is_interface(thing)


def _is_model(thing: object) -> bool:
    return hasattr(thing, "capabilities") and callable(getattr(thing, "evaluate", None))
