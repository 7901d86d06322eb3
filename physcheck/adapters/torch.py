"""Torch modules, TorchScript and exported programs as models, with exact Jacobian products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from physcheck.adapters.archives import (
    EXPORTED,
    names_in_archive,
    needs_consent,
    refuse_foreign,
)
from physcheck.adapters.batch_memory import is_out_of_memory
from physcheck.adapters.forward_contract import CONTRACT, refuse_other_answer, refuse_other_forward
from physcheck.adapters.frameworks import check_choice
from physcheck.adapters.further_outputs import further_outputs_of
from physcheck.adapters.handed_over import given_back, handed_over
from physcheck.adapters.heads import CONSERVATIVE, DIRECT, HEAD_OPTION, HEADS
from physcheck.adapters.torch_modes import details_of_mode, executed
from physcheck.errors import ModelError, ModelFileError, SpecError
from physcheck.model import OUTPUTS, Capabilities
from physcheck.names import nearest
from physcheck.numerics.answers import real_array
from physcheck.system import Configurations, Evaluation, Floats
from physcheck.text.exceptions import description
from physcheck.text.phrases import kind_of

__all__ = ["CONTRACT", "TorchModel", "load_torch"]

_DTYPES = {"float32": torch.float32, "float64": torch.float64}
# A derivative: sum(weights * values at the stencil) / (divisor * step), up to step to the fourth.
_STENCIL = np.array([-2.0, -1.0, 1.0, 2.0])
_STENCIL_WEIGHTS, _STENCIL_DIVISOR = np.array([1.0, -8.0, 8.0, -1.0]), 12.0
# Step in Å and accepted relative error.  Rounding adds about the dtype's epsilon over the step:
# both errors are far above that, and far below what a detached term makes of a Jacobian.
_IN_FLOAT64, _IN_FLOAT32 = (1e-4, 1e-3), (3e-3, 2e-2)


class TorchModel:
    """A torch module as a batched Model.

    ``forward(positions (B, N, 3), numbers (N,), cells (B, 3, 3), pbc (3,))`` gives a dict with
    ``forces`` (B, N, 3) eV/Å and, where it has them, ``energy`` (B,) eV and ``stress`` (B, 3, 3)
    eV/Å³.

    Positions require grad in every call, so that modules may differentiate their energy themselves.
    An exported program whose batch size is fixed at one is called in a loop.

    Parameters
    ----------
    module : torch.nn.Module
        Moved and cast where ``device`` or ``dtype`` is given: the caller gives it away.
    device, dtype : str or None
        As the module's parameters if left out; a module without any takes ``dtype`` from its
        buffers, else torch's default.
    name : str or None
        For people; the module's class if left out.
    castable : bool
        False for an exported program, whose dtype and mode are fixed.
    details : mapping or None
        Further facts for the report.
    forces : "conservative", "direct" or None
        Of a module that predicts forces both ways: by ``forward`` as the gradient of its energy, or
        by its method ``direct``, which takes and gives the same, by a head of their own.
    mode : str or None
        How it is executed: see :func:`physcheck.adapters.torch_modes.executed`.

    Raises
    ------
    SpecError
        An unknown dtype, or one that the module can't be cast to; ``forces`` of a module without a
        method ``direct``; an unknown mode, or one that the device doesn't have.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        *,
        device: str | None = None,
        dtype: str | None = None,
        name: str | None = None,
        castable: bool = True,
        details: Mapping[str, Any] | None = None,
        forces: str | None = None,
        mode: str | None = None,
    ) -> None:
        call, both = _chosen_head(module, forces), _has_both_heads(module)
        held = _float_tensors(module)
        own = next((t.dtype for t in held), torch.get_default_dtype())
        if dtype is not None:
            if dtype not in _DTYPES:
                raise SpecError(
                    f"dtype is {dtype!r} for a torch model; {nearest(dtype, list(_DTYPES))}"
                )
            if _DTYPES[dtype] != own and held and not castable:
                raise SpecError(
                    f"this exported model computes in {_name(own)} and can't be cast; "
                    f"export one in {dtype}"
                )
            own = _DTYPES[dtype]
            module = module.to(own) if castable else module
        place = _checked_device(device) if device else next((t.device for t in held), "cpu")
        if device is not None:
            module = module.to(device)
        if castable:
            module.eval()
        self.module = module
        # What its author declares of it, where TorchScript keeps that as an attribute.
        self.physcheck = getattr(module, "physcheck", None)
        self._device = torch.device(place)
        self._call = call if mode is None else executed(call, mode, self._device)
        self._dtype = own
        self._inputs: tuple[Any, torch.Tensor, torch.Tensor] | None = None
        self._castable = castable
        self.capabilities: Capabilities = Capabilities(
            name=name or _class_name(module),
            adapter="torch",
            outputs=frozenset({"forces"}),
            dtype=_name(own),
            device=str(self._device),
            batched=True,
            direct_heads=("forces",) if both else (),
            details={
                **({HEAD_OPTION: forces or CONSERVATIVE} if both else {}),
                **({} if mode is None else details_of_mode(mode)),
                **(details or {}),
            },
        )

    def ask(self, configuration: Configurations) -> None:
        """Find out at ``configuration`` (B = 1) which outputs there are and if J is autograd's.

        ``capabilities.differentiable`` is true where J v and J^T v can be had and J v agrees with
        central differences along one random direction; a term that is detached from the graph makes
        it false.

        Raises
        ------
        ForwardError
            The module gives no dict, no forces in it, or forces or an energy of another shape.
        """
        answer, _ = self._forward(configuration)
        self.capabilities = replace(
            self.capabilities,
            outputs=frozenset(name for name in OUTPUTS if answer.get(name) is not None),
            differentiable=self._is_differentiable(configuration),
        )

    def _is_differentiable(self, configuration: Configurations) -> bool:
        step, accepted = _IN_FLOAT64 if self._dtype == torch.float64 else _IN_FLOAT32
        direction = np.random.default_rng(0).standard_normal((1, configuration.n_atoms, 3))
        direction /= np.abs(direction).max()
        try:
            exact = self.jacobian_products(configuration, direction, transpose=False)
            self.jacobian_products(configuration, direction, transpose=True)
        except (ModelError, RuntimeError, NotImplementedError):
            return False
        moved = configuration.displaced((step * _STENCIL)[:, None, None] * direction)
        forces = self.evaluate(moved).require_forces()
        weights = _STENCIL_WEIGHTS / (_STENCIL_DIVISOR * step)
        differences = np.tensordot(weights, forces, axes=1)
        gap = np.linalg.norm(exact[0] - differences)
        return bool(gap <= accepted * np.linalg.norm(differences))

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """As :meth:`physcheck.model.Model.evaluate`; one call computes all outputs there are.

        A batch that runs out of memory is halved.
        """
        count = len(configurations)
        if not self.capabilities.batched and count > 1:
            return Evaluation.concatenate([self.evaluate(one, want=want) for one in configurations])
        answer: Mapping[str, Any] | None = None
        try:
            answer, _ = self._forward(configurations)
        except Exception as error:
            too_much = count > 1 and is_out_of_memory(error)
            if not too_much and (self._castable or count == 1):
                raise
            if not too_much:
                # An exported program may have been traced for one configuration a call.
                self.capabilities = replace(self.capabilities, batched=False)
        if answer is None:
            # Outside of the handler, whose traceback holds on to what the call had allocated.
            middle = count // 2
            halves = (configurations[:middle], configurations[middle:])
            return Evaluation.concatenate([self.evaluate(half, want=want) for half in halves])
        outputs = frozenset(name for name in OUTPUTS if answer.get(name) is not None)
        if outputs != self.capabilities.outputs:
            self.capabilities = replace(self.capabilities, outputs=outputs)
        asked = [name for name in OUTPUTS if name in outputs & want]
        return Evaluation(**{n: real_array(n, _tensor(n, answer[n]).detach()) for n in asked})

    def further_outputs(self, configuration: Configurations) -> dict[str, Floats]:
        """What the module's dict has beside, by ASE's names; a batch axis is taken off."""
        answer, _ = self._forward(configuration)
        return further_outputs_of(answer, configuration.n_atoms)

    def jacobian_products(
        self, configuration: Configurations, vectors: Floats, *, transpose: bool
    ) -> Floats:
        """Exact J v, or J^T v, of J = dF/dx for ``vectors`` (k, N, 3) at one configuration.

        The products (k, N, 3) are in eV/Å².  J^T v is one backward pass through the forces.  J v is
        the derivative of J^T u by u along v, which is linear in u: one more backward pass, for any
        u.

        Raises
        ------
        ModelError
            The forces carry no graph to the positions.
        """
        given = torch.as_tensor(np.array(vectors), dtype=self._dtype, device=self._device)
        answer, positions = self._forward(configuration)
        forces = _tensor("forces", answer["forces"])
        if not _has_graph(forces, positions):
            raise ModelError(
                "the forces carry no graph to the positions: no exact Jacobian products"
            )
        rows = []
        if transpose:
            for vector in given:
                (product,) = torch.autograd.grad(
                    forces, positions, vector[None], retain_graph=True, materialize_grads=True
                )
                rows.append(product[0])
        else:
            # J^T u is linear in u, so that its derivative by u doesn't depend on where u is.
            u = torch.zeros_like(forces, requires_grad=True)
            (transposed_product,) = torch.autograd.grad(
                forces, positions, u, create_graph=True, materialize_grads=True
            )
            for vector in given:
                (product,) = torch.autograd.grad(
                    transposed_product, u, vector[None], retain_graph=True, materialize_grads=True
                )
                rows.append(product[0])
        return torch.stack(rows).detach().cpu().double().numpy()

    def _forward(self, configurations: Configurations) -> tuple[Mapping[str, Any], torch.Tensor]:
        system = configurations.system
        if self._inputs is None or self._inputs[0] is not system:
            self._inputs = (
                system,
                torch.tensor(system.numbers, device=self._device),
                torch.tensor(system.pbc, device=self._device),
            )
        _, numbers, pbc = self._inputs
        settings: Any = {"dtype": self._dtype, "device": self._device}
        cells = torch.tensor(configurations.cells, **settings)
        positions = torch.tensor(configurations.positions, **settings).requires_grad_(True)
        # Copies, so that a module that writes into its inputs spoils no later call.
        given = {"numbers": numbers.clone(), "cells": cells, "pbc": pbc.clone()}
        with torch.enable_grad(), handed_over(positions=positions, **given):
            answer = self._call(positions, *given.values())
        refuse_other_answer(self.module, answer, len(configurations), configurations.n_atoms)
        given_back(answer, OUTPUTS)
        return answer, positions


def _has_both_heads(module: torch.nn.Module) -> bool:
    return callable(getattr(module, DIRECT, None))


def _chosen_head(module: torch.nn.Module, forces: str | None) -> Callable[..., Any]:
    """What is called for the chosen kind of forces; SpecError where the module has but one."""
    if forces is None:
        return module
    check_choice("torch", HEAD_OPTION, forces, HEADS)
    if not _has_both_heads(module):
        raise SpecError(
            f"{HEAD_OPTION} is {forces!r}, but the module predicts forces in one way only; one "
            f"that does both has a method {DIRECT}, with the arguments and outputs of forward"
        )
    head: Callable[..., Any] = getattr(module, DIRECT)
    return head if forces == DIRECT else module


def _checked_device(device: str) -> torch.device:
    """SpecError where torch knows no such device or this machine has none."""
    try:
        place = torch.device(device)
        torch.empty(0, device=place)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise SpecError(f"device is {device!r}, which torch can't use here: {reason}") from error
    return place


def _tensor(name: str, value: object) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        raise ModelError(f"{name} is {kind_of(value)}, should be a tensor")
    return value


def _has_graph(forces: torch.Tensor, positions: torch.Tensor) -> bool:
    if not forces.requires_grad:
        return False
    try:
        (product,) = torch.autograd.grad(
            forces, positions, torch.ones_like(forces), retain_graph=True, allow_unused=True
        )
    except RuntimeError:
        return False
    return product is not None


def _float_tensors(module: torch.nn.Module) -> list[torch.Tensor]:
    tensors = [*module.parameters(), *module.buffers()]
    return [t for t in tensors if t.is_floating_point()]


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _class_name(module: torch.nn.Module) -> str:
    return str(getattr(module, "original_name", type(module).__name__))


def load_torch(
    path: str | Path,
    *,
    trusted: bool,
    device: str | None = None,
    dtype: str | None = None,
    forces: str | None = None,
    mode: str | None = None,
) -> TorchModel:
    """The model in a file: an exported program (``.pt2``), TorchScript, or a pickled module.

    Loading a pickled module can run any code.  So can loading an exported program: torch unpickles
    its sample inputs and constants, evaluates its expressions of sizes with sympy, and looks up its
    operators by name in Python modules.  TorchScript is read by torch's own parser, which runs
    nothing of Python.

    Parameters
    ----------
    path : str or Path
    trusted : bool
        True where the user named the adapter: pickled modules and exported programs are opened only
        then.
    device, dtype, forces, mode : str or None
        As for :class:`TorchModel`.

    Raises
    ------
    SpecError
        The file is empty or foreign, holds weights without a module or a module with another
        ``forward``, or is a full pickle or exported program and ``trusted`` is false.
    ModelFileError
        The file can't be read.
    """
    path = Path(path)
    castable = True
    if not trusted:
        refuse_foreign(path)
    if path.suffix.lower() == EXPORTED:
        if not trusted:
            raise SpecError(needs_consent(path, "an exported program"))
        module = _exported(path)
        castable = False
    else:
        module = _script(path) or _pickled(path, trusted=trusted)
        refuse_other_forward(module)
    return TorchModel(
        module, device=device, dtype=dtype, name=path.name, castable=castable, forces=forces,
        mode=mode,
    )  # fmt: skip


def _exported(path: Path) -> torch.nn.Module:
    try:
        return torch.export.load(path).module()
    except Exception as error:
        raise ModelFileError(
            f"{path} can't be read as an exported program: {description(error)}"
        ) from error


def _script(path: Path) -> torch.nn.Module | None:
    """A TorchScript archive; None if the file is none."""
    # Archives of torch.save have no constants.
    if not any(name.endswith("/constants.pkl") for name in names_in_archive(path)):
        return None
    try:
        module: torch.nn.Module = torch.jit.load(  # type: ignore[no-untyped-call]
            str(path), map_location="cpu"
        )
    except Exception as error:
        raise ModelFileError(
            f"{path} can't be read as TorchScript: {description(error)}"
        ) from error
    return module


def _pickled(path: Path, *, trusted: bool) -> torch.nn.Module:
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        if not trusted:
            kind = "neither TorchScript nor weights alone but a pickle"
            raise SpecError(needs_consent(path, kind)) from error
        try:
            held = torch.load(path, map_location="cpu", weights_only=False)
        except Exception as cause:
            raise ModelFileError(f"{path} can't be unpickled: {description(cause)}") from cause
    if isinstance(held, torch.nn.Module):
        return held
    raise SpecError(
        f"{path} holds {kind_of(held)}, no module; write a factory "
        "FILE.py:factory that makes the module and loads it"
    )
