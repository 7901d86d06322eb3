"""What a torch module's ``forward`` takes and gives, and what is said of one that differs."""

from __future__ import annotations

import inspect
from typing import Any

from physcheck.errors import SpecError

__all__ = ["CONTRACT", "refuse_other_forward"]

CONTRACT = (
    "forward(positions (B, N, 3), numbers (N,), cells (B, 3, 3), pbc (3,)) should give a dict with "
    '"forces" (B, N, 3), and with "energy" (B,) and "stress" (B, 3, 3) where it has them'
)
_GIVEN = ("positions", "numbers", "cells", "pbc")
_ADAPTER = """\
class Adapter({name}):
    def forward(self, positions, numbers, cells, pbc):
        found = [super(Adapter, self).forward({taken}) for x, cell in zip(positions, cells)]
        return {{key: torch.stack([one[key] for one in found]) for key in ("energy", "forces")}}"""


def refuse_other_forward(module: Any) -> None:
    """Nothing where ``module.forward`` can be called with four arguments, or nobody knows.

    Raises
    ------
    SpecError
        It can't; ``paste`` has an adapter in which what the module takes is to be filled in.
    """
    names, can_take = _parameters(module)
    if can_take:
        return
    kind = str(getattr(module, "original_name", type(module).__name__))
    taken = ", ".join(f"{name}=..." for name in names)
    raise SpecError(
        f"{kind}.forward takes ({', '.join(names)}), should take ({', '.join(_GIVEN)}): {CONTRACT}",
        paste=f"# Return Adapter in place of {kind}; fill in what its forward takes, from the "
        f"positions x (N, 3),\n# the cell (3, 3), numbers and pbc of one configuration:\n"
        + _ADAPTER.format(name=kind, taken=taken),
    )


def _parameters(module: Any) -> tuple[list[str], bool]:
    """The names that ``forward`` takes, and whether four positional arguments can be given."""
    schema = getattr(module.forward, "schema", None)
    if schema is not None:
        # TorchScript: Python's own signature says nothing.
        own = [argument for argument in schema.arguments if argument.name != "self"]
        required = [argument for argument in own if not argument.has_default_value()]
        names = [str(argument.name) for argument in own]
        return names, len(required) <= len(_GIVEN) <= len(own)
    try:
        signature = inspect.signature(module.forward)
    except (TypeError, ValueError):
        return [], True
    try:
        signature.bind(*_GIVEN)
    except TypeError:
        return list(signature.parameters), False
    return list(signature.parameters), True
