"""What a torch module's ``forward`` takes and gives, and what is said of one that differs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from physcheck.errors import ForwardError, SpecError
from physcheck.text.phrases import kind_of

__all__ = ["CONTRACT", "refuse_other_answer", "refuse_other_forward"]

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
_WITH_FORCES = """\
class WithForces({name}):
    def forward(self, positions, numbers, cells, pbc):
        found = super(WithForces, self).forward(positions, numbers, cells, pbc)
        (gradient,) = torch.autograd.grad(found["energy"].sum(), positions, create_graph=True)
        return {{**found, "forces": -gradient}}"""


def refuse_other_forward(module: Any) -> None:
    """Nothing where ``module.forward`` can be called with four arguments, or nobody knows.

    Raises
    ------
    SpecError
        It can't; ``below`` has an adapter in which what the module takes is to be filled in.
    """
    names, can_take = _parameters(module)
    if can_take:
        return
    kind = _class_name(module)
    taken = ", ".join(f"{name}=..." for name in names)
    raise SpecError(
        f"{kind}.forward takes ({', '.join(names)}), should take ({', '.join(_GIVEN)}): {CONTRACT}",
        below=f"# Return Adapter in place of {kind}; fill in what its forward takes, from the "
        f"positions x (N, 3),\n# the cell (3, 3), numbers and pbc of one configuration:\n"
        + _ADAPTER.format(name=kind, taken=taken),
    )


def refuse_other_answer(module: Any, answer: object, n_batch: int, n_atoms: int) -> None:
    """Nothing where ``forward`` gave a dict with a tensor of forces (n_batch, n_atoms, 3), and an
    energy, if any, of shape (n_batch,).

    Raises
    ------
    ForwardError
        It gave something else; of an energy without forces, ``paste`` has what adds them.
    """
    if not isinstance(answer, Mapping):
        raise ForwardError(f"the module gave {kind_of(answer)}; {CONTRACT}")
    forces = answer.get("forces")
    if forces is not None:
        if not hasattr(forces, "requires_grad"):
            kind = kind_of(forces)
            raise ForwardError(f"forces is {kind}, should be a tensor; {CONTRACT}")
        _refuse_other_shape("forces", forces, (n_batch, n_atoms, 3))
        _refuse_other_shape("energy", answer.get("energy"), (n_batch,))
        return
    names = sorted(str(name) for name in answer)
    if answer.get("energy") is None:
        raise ForwardError(f"the module gave only {names}; {CONTRACT}")
    name = _class_name(module)
    raise ForwardError(
        f"the module gave an energy but no forces; {CONTRACT}",
        paste=f"# Return WithForces in place of {name}; positions require a gradient already:\n"
        + _WITH_FORCES.format(name=name),
    )


def _refuse_other_shape(name: str, value: Any, wanted: tuple[int, ...]) -> None:
    shape = getattr(value, "shape", None)
    if shape is not None and tuple(shape) != wanted:
        raise ForwardError(f"{name} has shape {tuple(shape)}, should be {wanted}; {CONTRACT}")


def _class_name(module: Any) -> str:
    return str(getattr(module, "original_name", type(module).__name__))


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
