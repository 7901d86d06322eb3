"""Modes of a torch module: plain, compiled, or with matrix products in TF32."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch

from physcheck.adapters.modes import MODE_OPTION, PLAIN
from physcheck.errors import SpecError
from physcheck.names import nearest

__all__ = ["details_of_mode", "executed"]

_COMPILED, _TF32 = "compiled", "tf32"
_MODES = (PLAIN, _COMPILED, _TF32)


def executed(call: Callable[..., Any], mode: str, device: torch.device) -> Callable[..., Any]:
    """The call as a mode executes it.

    ``compiled`` is torch.compile, ``compiled:BACKEND`` that with one of its backends (inductor,
    aot_eager, ...).  ``tf32`` lets CUDA round the factors of matrix products and convolutions to
    10 bits, ``plain`` changes nothing.

    Raises
    ------
    SpecError
        There is no such mode or backend, or ``tf32`` without a CUDA device.
    """
    name, _, backend = mode.partition(":")
    if name not in _MODES or (backend and name != _COMPILED):
        raise SpecError(f"mode is {mode!r} for a torch module; {nearest(mode, _MODES)}")
    if name == _COMPILED:
        known = [*torch.compiler.list_backends(()), *torch.compiler.list_backends()]
        if backend and backend not in known:
            raise SpecError(f"torch.compile has no backend {backend!r}; {nearest(backend, known)}")
        return _compiled(call, backend or "inductor")
    if name == _TF32:
        if device.type != "cuda":
            raise SpecError(f"mode tf32 needs a CUDA device, the module is on {device}")
        return _in_tf32(call)
    return call


def details_of_mode(mode: str) -> dict[str, str]:
    """What a report says of a module in a mode."""
    compiled = {"compiled": "torch.compile"} if mode.startswith(_COMPILED) else {}
    return {MODE_OPTION: mode, **compiled}


def _compiled(call: Callable[..., Any], backend: str) -> Callable[..., Any]:
    compiled = torch.compile(call, backend=backend)
    config = import_module("torch._functorch.config")

    def run(*arguments: Any) -> Any:
        # Forces that are a gradient keep the graph of the energy, which a compiled backward pass
        # would overwrite.
        with config.patch(donated_buffer=False):
            return compiled(*arguments)

    return run


def _in_tf32(call: Callable[..., Any]) -> Callable[..., Any]:
    kinds: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)

    def with_short_factors(*arguments: Any) -> Any:
        before = [kind.allow_tf32 for kind in kinds]
        try:
            for kind in kinds:
                kind.allow_tf32 = True
            return call(*arguments)
        finally:
            for kind, allowed in zip(kinds, before, strict=True):
                kind.allow_tf32 = allowed

    return with_short_factors
