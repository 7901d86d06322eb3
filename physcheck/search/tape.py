"""Choices read off a string of bytes that hypothesis draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

__all__ = ["TAPE_BYTES", "Tape"]

T = TypeVar("T")

# Two bytes a choice, and a seed of eight at the end.
_CHOICES, _SEED_BYTES = 24, 8
TAPE_BYTES = 2 * _CHOICES + _SEED_BYTES
_LARGEST = 0xFFFF


class Tape:
    """Choices read off ``TAPE_BYTES`` bytes, two each, and a seed for what is drawn in bulk.

    One string of bytes a case, not a draw for each choice: hypothesis makes draws of one kind equal
    to each other, and mixes integers that it finds in the modules of the folder it runs in into
    draws of integers, so that cases would differ from one folder to another.  It has no such
    strings of this length.
    """

    def __init__(self, tape: bytes) -> None:
        self._bytes = tape
        self._place = 0
        #: For directions, displacements and the like.
        self.rng = np.random.default_rng(int.from_bytes(tape[-_SEED_BYTES:], "big"))

    def _next(self) -> int:
        self._place = min(self._place + 2, len(self._bytes) - _SEED_BYTES)
        return int.from_bytes(self._bytes[self._place - 2 : self._place], "big")

    def one_of(self, options: Sequence[T]) -> T:
        """One of the options, the first where the tape is zero."""
        return options[self._next() % len(options)]

    def between(self, low: float, high: float) -> float:
        """A number between two, the lower one where the tape is zero."""
        return low + (high - low) * self._next() / _LARGEST

    def whole(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``."""
        return low + self._next() % (high - low + 1)
