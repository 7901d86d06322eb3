"""A torch module made again by its factory, so that it remembers nothing of earlier calls."""

from __future__ import annotations

import zlib
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
        # A copy of large weights would take as much memory again.
        self._weights = _checksums(module)
        self._is_remade: bool | None = None
        super().__init__(module, device=device, dtype=dtype)

    @property
    def fresh(self) -> Callable[[], TorchModel] | None:
        """Makes an equal model with a new module; None where the factory makes another."""
        if self._is_remade is None:
            self._is_remade = self._has_equal_weights(self._remake())
        return self._remade if self._is_remade else None

    def _has_equal_weights(self, made: Any) -> bool:
        if not isinstance(made, torch.nn.Module):
            return False
        return _checksums(made) == self._weights

    def _remade(self) -> TorchModel:
        device, dtype = self._place
        clone = TorchModel(self._remake(), device=device, dtype=dtype)
        clone.capabilities = self.capabilities
        return clone


def _checksums(module: torch.nn.Module) -> dict[str, tuple[str, torch.Size, int]]:
    """Type, shape and checksum of parameters and buffers by name, as they are."""
    return {
        name: (str(tensor.dtype), tensor.shape, _checksum(tensor))
        for name, tensor in module.state_dict().items()
        if isinstance(tensor, torch.Tensor)
    }


def _checksum(tensor: torch.Tensor) -> int:
    """Of the bytes; 0 of tensors that have none to be read (sparse, quantised, without storage)."""
    try:
        values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        return zlib.crc32(values.numpy().data)
    except (RuntimeError, NotImplementedError, TypeError):
        return 0
