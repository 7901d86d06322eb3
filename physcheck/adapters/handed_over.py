"""The very objects that a model's own code gets, watched for changes: Atoms, tensors, dicts.

Adapters say what they hand over; nothing is compared unless somebody watches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

__all__ = ["handed_over", "watching"]

# What was changed, by name, each with its size; None where nobody watches.
_CHANGED: ContextVar[dict[str, tuple[float, str]] | None] = ContextVar("changed", default=None)
# Objects in objects in objects: no input goes deeper.
_DEEPEST = 6


@contextmanager
def watching() -> Iterator[dict[str, str]]:
    """Within, what adapters hand over is compared before and after.

    The dict has the changes afterwards: its keys are names such as ``Atoms.positions``, its values
    say where the largest change was and from what to what.
    """
    changed: dict[str, tuple[float, str]] = {}
    found: dict[str, str] = {}
    token = _CHANGED.set(changed)
    try:
        yield found
    finally:
        _CHANGED.reset(token)
        found.update({name: text for name, (_, text) in changed.items()})


@contextmanager
def handed_over(**things: Any) -> Iterator[None]:
    """Within, a model's own code has these objects in its hands.

    Compared are arrays and tensors bit by bit with shape and dtype, an Atoms' positions, cell, pbc,
    numbers, arrays, info and constraints, the entries of dicts and lists, and the public attributes
    of other objects.
    """
    changed = _CHANGED.get()
    if changed is None:
        yield
        return
    before = _leaves(things)
    try:
        yield
    finally:
        after = _leaves(things)
        for name in [*before, *(new for new in after if new not in before)]:
            size, difference = _difference(before.get(name), after.get(name))
            if difference and size >= changed.get(name, (0.0, ""))[0]:
                changed[name] = size, f"{name} {difference}"


def _leaves(things: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, thing in things.items():
        _collect(found, name, thing, 0)
    return found


def _collect(found: dict[str, Any], name: str, thing: Any, depth: int) -> None:
    if hasattr(thing, "detach") and hasattr(thing, "cpu"):
        found[name] = np.array(thing.detach().cpu().numpy())
    elif isinstance(thing, np.ndarray | np.generic):
        found[name] = repr(thing) if thing.dtype == object else np.array(thing)
    elif hasattr(thing, "positions") and hasattr(thing, "info") and hasattr(thing, "arrays"):
        found[f"{name}.cell"] = np.array(thing.cell)
        found[f"{name}.pbc"] = np.array(thing.pbc)
        found[f"{name}.constraints"] = repr([c.todict() for c in thing.constraints])
        for part in ("arrays", "info"):
            for key, value in getattr(thing, part).items():
                own = part == "arrays" and key in ("positions", "numbers")
                label = f"{name}.{key}" if own else f"{name}.{part}[{key!r}]"
                _collect(found, label, value, depth + 1)
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            _collect(found, f"{name}[{key!r}]", value, depth + 1)
    elif isinstance(thing, list | tuple):
        for index, value in enumerate(thing):
            _collect(found, f"{name}[{index}]", value, depth + 1)
    elif depth < _DEEPEST and hasattr(thing, "__dict__") and not callable(thing):
        # Private attributes are caches more often than inputs.
        for key, value in vars(thing).items():
            if not key.startswith("_"):
                _collect(found, f"{name}.{key}", value, depth + 1)
    else:
        found[name] = repr(thing)


def _difference(before: Any, after: Any) -> tuple[float, str]:
    """How far a leaf differs, and in words; empty if it doesn't."""
    if before is None or after is None:
        return np.inf, "is new" if before is None else "is gone"
    if isinstance(before, str) or isinstance(after, str):
        return np.inf, "" if before == after else f"was {before!s:.40}, is {after!s:.40}"
    if before.shape != after.shape or before.dtype != after.dtype:
        kinds = [f"{a.dtype} of shape {a.shape}" for a in (before, after)]
        return np.inf, f"was {kinds[0]}, is {kinds[1]}"
    if before.tobytes() == after.tobytes():
        return 0.0, ""
    if before.dtype.kind in "fiub":
        sizes = np.abs(np.nan_to_num(after.astype(float)) - np.nan_to_num(before.astype(float)))
    else:
        sizes = (before != after).astype(float)
    # Equal values with other bits are 0 and -0, or two kinds of NaN.
    place = np.unravel_index(int(np.argmax(sizes)), sizes.shape)
    index = f" at index {[int(i) for i in place]}" if before.ndim else ""
    return float(sizes[place]), f"was {before[place]!s}{index}, is {after[place]!s}"
