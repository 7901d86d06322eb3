"""Settings of the whole process, and generators of random numbers that all code shares.

A call that changes one changes what all other code in the process does.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

__all__ = [
    "changed_settings",
    "random_states",
    "random_states_kept",
    "settings_kept",
    "settings_put_back",
    "settings_watched",
]


@dataclass(frozen=True, slots=True)
class _Change:
    """A setting before a call and after it."""

    was: Any
    now: Any

    def told(self, name: str) -> str:
        return f"{name}: was {self.was}, is {self.now}"


# What calls of a model have changed, by model, and by the setting's name.
_CHANGED: WeakKeyDictionary[Any, dict[str, _Change]] = WeakKeyDictionary()


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "a folder that is gone"


def _torch() -> Any:
    return sys.modules["torch"]


@dataclass(frozen=True, slots=True)
class _Setting:
    """How a setting is read and set, and what it begins with where a call may be the first to
    import what it is of; None where that isn't known.
    """

    read: Callable[[], Any]
    write: Callable[[Any], Any]
    begins: Callable[[], Any] | None = None


_ALWAYS_THERE: Mapping[str, _Setting] = {
    "numpy's handling of errors": _Setting(np.geterr, lambda value: np.seterr(**value)),
    "the working folder": _Setting(_folder, os.chdir),
}
_OF_TORCH: Mapping[str, _Setting] = {
    "torch's default dtype": _Setting(
        lambda: _torch().get_default_dtype(),
        lambda value: _torch().set_default_dtype(value),
        lambda: _torch().float32,
    ),
    "whether torch records gradients": _Setting(
        lambda: _torch().is_grad_enabled(),
        lambda value: _torch().set_grad_enabled(value),
        lambda: True,
    ),
    "torch's number of threads": _Setting(
        lambda: _torch().get_num_threads(), lambda value: _torch().set_num_threads(value)
    ),
}


def _settings() -> dict[str, Any]:
    """Each setting by name; those of torch where it has been imported.  Some microseconds."""
    found = {name: setting.read() for name, setting in _ALWAYS_THERE.items()}
    if hasattr(sys.modules.get("torch"), "get_default_dtype"):
        found |= {name: setting.read() for name, setting in _OF_TORCH.items()}
    return found


def _set(settings: Mapping[str, Any]) -> None:
    """Each setting to a value that it had; a folder that is gone is left."""
    known = {**_ALWAYS_THERE, **_OF_TORCH}
    for name, value in settings.items():
        with suppress(OSError):
            known[name].write(value)


@contextmanager
def settings_watched(model: Any) -> Iterator[None]:
    """Within, a model is called: settings that it leaves changed are noted as its own.

    They stay as the model left them: it may need them.  In another thread than the main one
    nothing is noted: a setting may be another thread's, changed for the time of its call.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _settings()
    try:
        yield
    finally:
        after = _settings()
        if len(after) > len(before):
            before |= {name: s.begins() for name, s in _OF_TORCH.items() if s.begins is not None}
        for name, change in _changes(before, after).items():
            _noted(model).setdefault(name, change)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, _Change]:
    both = {name: _Change(was, after[name]) for name, was in before.items() if name in after}
    return {name: change for name, change in both.items() if change.was != change.now}


def changed_settings(model: Any) -> dict[str, str]:
    """What calls of this model have changed so far: each setting with what it was and is."""
    return {name: change.told(name) for name, change in _noted(model).items()}


@contextmanager
def settings_put_back(model: Any) -> Iterator[dict[str, str]]:
    """Within, settings that calls of this model have changed are what they were before.

    The dict that it gives has, afterwards, those that were changed once more, with what they were
    and are.  A setting that isn't was changed once, as by code that is loaded at the first call.
    Afterwards the settings are those that the model had left.
    """
    noted = dict(_noted(model))
    left = {name: value for name, value in _settings().items() if name in noted}
    again: dict[str, str] = {}
    _set({name: change.was for name, change in noted.items()})
    before = _settings()
    try:
        yield again
    finally:
        changed = _changes(before, _settings())
        again |= {name: noted[name].told(name) for name in changed if name in noted}
        _set(left)


@contextmanager
def settings_kept() -> Iterator[None]:
    """Afterwards all settings are as they were.

    Threads that each change one for the time of a call may leave it as another one had it.
    """
    before = _settings()
    try:
        yield
    finally:
        changed = _changes(before, _settings())
        _set({name: change.was for name, change in changed.items()})


def _noted(model: Any) -> dict[str, _Change]:
    """The notes of a model; those of a wrapper are those of the model in it."""
    while hasattr(getattr(model, "model", None), "evaluate"):
        model = model.model
    try:
        return _CHANGED.setdefault(model, {})
    except TypeError:
        # No weak reference, or no hash.
        return {}


def random_states() -> dict[str, bytes]:
    """The states of the shared generators of random numbers, by which seed and draw they go on."""
    found = {"random": repr(random.getstate()).encode()}
    # The legacy generators are those that are shared.  One of another kind than MT19937 has no key.
    state = np.random.get_state(legacy=False)  # noqa: NPY002
    if "key" in state["state"]:
        found["numpy.random"] = state["state"]["key"].tobytes()
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "get_rng_state"):
        found["torch"] = torch.get_rng_state().numpy().tobytes()
    return found


@contextmanager
def random_states_kept(seed: int) -> Iterator[None]:
    """Within, the shared generators start from a seed; afterwards they are as they were."""
    torch: Any = sys.modules.get("torch")
    kept = np.random.get_state(legacy=False), random.getstate()  # noqa: NPY002
    of_torch = torch.get_rng_state() if hasattr(torch, "get_rng_state") else None
    with suppress(TypeError):
        # Another kind of generator than MT19937 can't be seeded so.
        np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    if of_torch is not None:
        torch.random.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        np.random.set_state(kept[0])  # noqa: NPY002
        random.setstate(kept[1])
        if of_torch is not None:
            torch.set_rng_state(of_torch)
