"""The same weights in float64, for what float32 hides."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from physcheck.adapters.loading import load_model
from physcheck.adapters.spec import parse_spec
from physcheck.model import Meter, Model
from physcheck.system import Configurations

__all__ = ["could_have_twin", "float64_twin_loader", "is_same_model", "load_float64_twin"]

# Two precisions of one set of weights agree to float32's rounding, amplified by what cancels in a
# sum of many terms; another set of weights differs by some percent at least.
_ALIKE = 3e-3


def could_have_twin(spec: str, model: Model) -> bool:
    """Whether a float64 twin may be looked for: float32, and nobody asked for a dtype."""
    return model.capabilities.dtype == "float32" and "dtype" not in parse_spec(spec).options


def float64_twin_loader(
    spec: str | None, model: Model, *, device: str | None = None, dtype: str | None = None
) -> Callable[[], Model | None] | None:
    """What loads the float64 twin of a model when it is first needed; None where there is none.

    ``dtype`` is the one that was asked for: where there is any, no twin is looked for.
    """
    if spec is None or dtype is not None or not could_have_twin(spec, model):
        return None
    return partial(load_float64_twin, spec, device=device)


def load_float64_twin(spec: str, *, device: str | None = None) -> Model | None:
    """The model that ``spec`` names in float64; None where its adapter or factory has none."""
    try:
        twin = load_model(spec, device=device, dtype="float64")
    except Exception:
        # Whatever goes wrong, there is no twin, and float32 is judged as it is.
        return None
    return twin if twin.capabilities.dtype == "float64" else None


def is_same_model(model: Meter, twin: Meter, start: Configurations) -> bool:
    """Whether the forces of both agree at a structure to what float32 leaves; 2 evaluations.

    A factory that draws new weights at each call has no twin.
    """
    forces, others = (m.evaluate(start).require_forces() for m in (model, twin))
    scale = float(np.sqrt(np.mean(others**2)))
    return bool(np.sqrt(np.mean((forces - others) ** 2)) <= _ALIKE * max(scale, 1e-2))
