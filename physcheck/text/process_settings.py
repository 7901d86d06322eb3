"""Settings of the whole process, and generators of random numbers that all code shares.

A call that changes one changes what all other code in the process does.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

__all__ = ["changed_settings", "random_states", "random_states_kept", "settings_watched"]

# What torch begins with, where a call is the first to import it.
_TORCH_BEGINS = {
    "torch's default dtype": "torch.float32",
    "whether torch records gradients": "True",
}
# What calls of a model have changed, by model: the setting, and from what to what.
_CHANGED: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "a folder that is gone"


def _settings() -> dict[str, Any]:
    """Each setting by name; those of torch where it has been imported.  Some microseconds."""
    found: dict[str, Any] = {
        "numpy's handling of errors": np.geterr(),
        "the working folder": _folder(),
    }
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "get_default_dtype"):
        found |= {
            "torch's default dtype": torch.get_default_dtype(),
            "whether torch records gradients": torch.is_grad_enabled(),
            "torch's number of threads": torch.get_num_threads(),
        }
    return found


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
            before |= _TORCH_BEGINS
        for name, was in before.items():
            # In words, since what torch begins with is.
            now = after.get(name, was)
            if now != was and str(now) != str(was):
                noted = _noted(model)
                noted.setdefault(name, f"{name}: was {was}, is {now}")


def changed_settings(model: Any) -> dict[str, str]:
    """What calls of this model have changed so far: each setting with what it was and is."""
    return dict(_noted(model))


def _noted(model: Any) -> dict[str, str]:
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
    # The legacy generators are those that are shared.
    key = np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002
    found = {"numpy.random": key.tobytes(), "random": repr(random.getstate()).encode()}
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
