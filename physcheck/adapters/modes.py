"""Modes: ways in which one set of weights is executed, by the option ``mode=`` of a spec.

``plain`` is how a framework does it by default.  A compiled graph, a fused kernel or shorter
numbers are others.  Of a factory that has a parameter ``mode`` its author says what they are;
torch modules are executed as :mod:`physcheck.adapters.torch_modes` knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from physcheck.adapters.spec import Option, parse_spec
from physcheck.errors import SpecError
from physcheck.model import Model

__all__ = ["MODE_OPTION", "PLAIN", "mode_of", "mode_specs", "why_no_modes", "with_mode"]

#: Option of a spec that chooses a mode, and the key of ``Capabilities.details`` that tells it.
MODE_OPTION = "mode"
PLAIN = "plain"
# What differs between two modes of one model.
_OF_MODES = (MODE_OPTION, "compiled", "packages")


def mode_specs(model: str, modes: str) -> list[str]:
    """The spec of each mode: the model's own with ``mode=``.

    Parameters
    ----------
    modes : str
        Comma separated names.

    Raises
    ------
    SpecError
        Fewer than two modes, one of them twice, or a spec that has a mode already.
    """
    names = [name.strip() for name in modes.split(",") if name.strip()]
    if len(names) < 2 or len(set(names)) < len(names):
        raise SpecError(f"the modes are {modes!r}, should be two or more different ones")
    if MODE_OPTION in parse_spec(model).options:
        raise SpecError(f"the model spec {model!r} has a mode, and modes are given beside it")
    return [f"{model},{MODE_OPTION}={name}" for name in names]


def with_mode(model: Model, mode: Option | None) -> Model:
    """The model, which says of itself in which mode it is; as it is where it can't."""
    if mode is not None:
        known = model.capabilities
        # A model of somebody else may not let its capabilities be changed.
        with suppress(AttributeError, TypeError):
            told: Any = model
            told.capabilities = replace(known, details={**known.details, MODE_OPTION: mode})
    return model


def why_no_modes(model: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """Why two models aren't modes of one set of weights, or None where they are.

    Parameters
    ----------
    model, other : mapping
        Their details, with ``weights_sha256`` where it is known.
    """
    if model.get(MODE_OPTION) is not None and other.get(MODE_OPTION) is not None:
        return None
    weights = model.get("weights_sha256"), other.get("weights_sha256")
    if None in weights:
        return "it isn't known whether the reference has the same weights"
    if weights[0] != weights[1]:
        return "the reference has other weights"
    names = {*model, *other}.difference(_OF_MODES)
    apart = sorted(name for name in names if model.get(name) != other.get(name))
    return f"the reference has another {apart[0]}" if apart else None


def mode_of(details: Mapping[str, Any]) -> str:
    """The name of a model's mode, else how it is compiled, by its details."""
    compiled = details.get("compiled", "no")
    return str(details.get(MODE_OPTION) or (PLAIN if compiled == "no" else compiled))
