"""The very objects that a model's own code gets and gives, watched for changes: Atoms, tensors,
dicts.

Adapters say what they hand over and get back; nothing is compared unless somebody watches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["given_back", "handed_over", "watching"]


@dataclass(slots=True)
class _Watch:
    """What is seen while somebody watches.

    Attributes
    ----------
    changed : dict
        What was changed, by name, each with its size.
    answers : list of (objects by name, their leaves as they were given)
    """

    changed: dict[str, tuple[float, str]] = field(default_factory=dict)
    answers: list[tuple[Mapping[str, Any], dict[str, Any]]] = field(default_factory=list)

    def compare(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Note what differs."""
        for name in [*before, *(new for new in after if new not in before)]:
            size, difference = _difference(before.get(name), after.get(name))
            if difference and size >= self.changed.get(name, (0.0, ""))[0]:
                self.changed[name] = size, f"{name} {difference}"


# None where nobody watches.
_WATCH: ContextVar[_Watch | None] = ContextVar("watch", default=None)
# Objects in objects in objects: no input goes deeper.
_DEEPEST = 6


@contextmanager
def watching() -> Iterator[dict[str, str]]:
    """Within, what adapters hand over is compared before and after, and what they get back with
    what it is in the end.

    The dict has the changes afterwards: its keys are names such as ``Atoms.positions``, its values
    say where the largest change was and from what to what.
    """
    watch = _Watch()
    found: dict[str, str] = {}
    token = _WATCH.set(watch)
    try:
        yield found
    finally:
        _WATCH.reset(token)
        for things, leaves in watch.answers:
            watch.compare(leaves, _leaves(things))
        found.update({name: text for name, (_, text) in watch.changed.items()})


@contextmanager
def handed_over(**things: Any) -> Iterator[None]:
    """Within, a model's own code has these objects in its hands.

    Compared are arrays and tensors bit by bit with shape and dtype, an Atoms' positions, cell, pbc,
    numbers, arrays, info and constraints, the entries of dicts and lists, and the public attributes
    of other objects.
    """
    watch = _WATCH.get()
    if watch is None:
        yield
        return
    before = _leaves(things)
    try:
        yield
    finally:
        watch.compare(before, _leaves(things))


def given_back(answer: Mapping[str, Any], names: Iterable[str]) -> None:
    """Outputs that a caller may keep: later calls must leave them as they are."""
    watch = _WATCH.get()
    if watch is not None:
        kept = {f"an earlier answer's {n}": answer[n] for n in names if answer.get(n) is not None}
        watch.answers.append((kept, _leaves(kept)))


def _leaves(things: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, thing in things.items():
        _collect(found, name, thing, 0)
    return found


class _Text(str):
    """A part that is compared as this text."""

    __slots__ = ()


def _collect(found: dict[str, Any], name: str, thing: Any, depth: int) -> None:
    """Add the leaves of a thing: arrays as they are, and what has no parts as text."""
    if hasattr(thing, "detach") and hasattr(thing, "cpu"):
        found[name] = np.array(thing.detach().cpu().numpy())
    elif isinstance(thing, np.ndarray | np.generic):
        found[name] = repr(thing) if thing.dtype == object else np.array(thing)
    elif isinstance(thing, _Text):
        found[name] = str(thing)
    elif (parts := _parts(name, thing, depth)) is None:
        found[name] = repr(thing)
    else:
        for label, part in parts:
            _collect(found, label, part, depth + 1)


def _parts(name: str, thing: Any, depth: int) -> list[tuple[str, Any]] | None:
    """The parts of a thing with their labels; None where it has none to look into."""
    if hasattr(thing, "positions") and hasattr(thing, "info") and hasattr(thing, "arrays"):
        return _parts_of_atoms(name, thing)
    if isinstance(thing, Mapping):
        return [(f"{name}[{key!r}]", value) for key, value in thing.items()]
    if isinstance(thing, list | tuple):
        return [(f"{name}[{index}]", value) for index, value in enumerate(thing)]
    if depth < _DEEPEST and hasattr(thing, "__dict__") and not callable(thing):
        # Private attributes are caches more often than inputs.
        public = {key: value for key, value in vars(thing).items() if not key.startswith("_")}
        return [(f"{name}.{key}", value) for key, value in public.items()]
    return None


def _parts_of_atoms(name: str, atoms: Any) -> list[tuple[str, Any]]:
    parts = [
        (f"{name}.cell", np.array(atoms.cell)),
        (f"{name}.pbc", np.array(atoms.pbc)),
        (f"{name}.constraints", _Text([constraint.todict() for constraint in atoms.constraints])),
    ]
    for key, value in atoms.arrays.items():
        own = key in ("positions", "numbers")
        parts.append((f"{name}.{key}" if own else f"{name}.arrays[{key!r}]", value))
    return parts + [(f"{name}.info[{key!r}]", value) for key, value in atoms.info.items()]


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
