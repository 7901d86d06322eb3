"""Two ways to predict forces: which of two models, or of one model's heads, is the direct one.

Conservative forces are minus the gradient of an energy.  Direct forces are an output of their own:
cheaper, and the gradient of nothing.  A model that has both heads takes the option ``forces=`` in
its spec.
"""

from __future__ import annotations

from physcheck.adapters.spec import parse_spec
from physcheck.model import Capabilities

__all__ = [
    "AUTO",
    "CONSERVATIVE",
    "DIRECT",
    "HEADS",
    "HEAD_OPTION",
    "declares_direct_reference",
    "reference_is_direct",
    "reference_spec",
]

#: Reference spec that stands for the other head of the model under test.
AUTO = "auto"
#: Option of a spec that chooses a head, and the key of ``Capabilities.details`` that tells it.
HEAD_OPTION = "forces"
CONSERVATIVE, DIRECT = "conservative", "direct"
HEADS = (CONSERVATIVE, DIRECT)


def reference_spec(reference: str, model: str) -> str:
    """What ``--physcheck-reference`` stands for: itself, or the model's spec with its other head.

    ``auto`` takes the model's spec with ``forces=conservative`` where it says ``forces=direct``,
    and with ``forces=direct`` elsewhere.

    Raises
    ------
    SpecError
        ``reference`` is ``auto`` and ``model`` is no spec.
    """
    if reference != AUTO:
        return reference
    options = parse_spec(model).options
    kept = [f"{key}={value}" for key, value in options.items() if key != HEAD_OPTION]
    parts = model.split(",")
    target = parts[: len(parts) - len(options)]
    return ",".join([*target, *kept, f"{HEAD_OPTION}={_other_head(model)}"])


def reference_is_direct(model: str | None, reference: str | None) -> bool:
    """Whether ``auto`` stands for the direct head, by the two specs of a run.

    Checks that pair a fast direct model with a conservative reference, such as ``mts_tandem``, then
    take the two models in exchanged roles: the reference is the fast one.  False for a reference
    with a spec of its own, whose role the user has chosen, and for a model without a spec.

    Parameters
    ----------
    model, reference : str or None
        As ``--model`` and ``--physcheck-reference`` give them.

    Raises
    ------
    SpecError
        ``reference`` is ``auto`` and ``model`` is no spec.
    """
    return reference == AUTO and model is not None and _other_head(model) == DIRECT


def declares_direct_reference(model: Capabilities, reference: Capabilities) -> bool:
    """Whether adapters declare the model's forces conservative and the reference's direct.

    Asked of loaded models, so that it also holds for a pair of two explicit specs.  False where an
    adapter declares no head.
    """
    heads = [one.details.get(HEAD_OPTION) for one in (model, reference)]
    return heads == [CONSERVATIVE, DIRECT]


def _other_head(model: str) -> str:
    """The head that the model's spec doesn't choose; models choose the conservative one if free."""
    is_direct = parse_spec(model).options.get(HEAD_OPTION) == DIRECT
    return CONSERVATIVE if is_direct else DIRECT
