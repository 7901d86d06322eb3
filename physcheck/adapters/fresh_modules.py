"""A torch module made again by its factory, so that it remembers nothing of earlier calls."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch

from physcheck.adapters.torch import TorchModel

__all__ = ["FactoryTorchModel"]


class FactoryTorchModel(TorchModel):
    """A :class:`~physcheck.adapters.torch.TorchModel` of a factory, with ``fresh``.

    There is no ``fresh`` where the factory gives other weights each time (random ones): answers of
    two such modules differ whatever was asked before.

    Parameters
    ----------
    module : torch.nn.Module
        What the factory gave.
    remake : callable () -> object
        The factory.
    device, dtype : str or None
        As of :class:`~physcheck.adapters.torch.TorchModel`.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        remake: Callable[[], Any],
        *,
        device: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self._remake, self._place = remake, (device, dtype)
        self._weights = _digests(module)
        self._is_remade: bool | None = None
        super().__init__(module, device=device, dtype=dtype)

    @property
    def fresh(self) -> Callable[[], TorchModel] | None:
        """Makes an equal model with a new module; None where the factory makes another."""
        if self._is_remade is None:
            self._is_remade = self._has_equal_weights(self._remake())
        return self._remade if self._is_remade else None

    def _has_equal_weights(self, made: Any) -> bool:
        return isinstance(made, torch.nn.Module) and _digests(made) == self._weights

    def _remade(self) -> TorchModel:
        device, dtype = self._place
        clone = FactoryTorchModel(self._remake(), self._remake, device=device, dtype=dtype)
        clone.capabilities, clone._is_remade = self.capabilities, True
        return clone


def _digests(module: torch.nn.Module) -> dict[str, str]:
    """Of parameters and buffers by name, as they are: a cast would change them."""
    return {
        name: _digest(tensor.detach())
        for name, tensor in module.state_dict().items()
        if isinstance(tensor, torch.Tensor)
    }


def _digest(tensor: torch.Tensor) -> str:
    dense = tensor if tensor.layout is torch.strided else tensor.to_dense()
    data = dense.cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    return f"{tuple(tensor.shape)} {tensor.dtype} {hashlib.blake2b(data.data).hexdigest()}"
