"""What a failure of each check means for who simulates with the model, in a sentence or two."""

from __future__ import annotations

from physcheck.registry import CheckSpec

__all__ = ["meaning_of_failure"]

_BY_FAMILY = {
    "conservation": "Energy isn't conserved by the model's forces: dynamics heats or cools.",
    "dynamics": "Dynamics with the model doesn't conserve what it should.",
    "sampling": "Averages over simulations with the model are those of no ensemble.",
    "relaxation": "Geometry optimisations with the model don't end where its energy is lowest.",
    "symmetry": "Results depend on a choice that physics doesn't know, such as origin or order.",
    "smoothness": "Integrators and finite differences need shorter steps, or fail.",
    "implementation": "Results depend on how the model is called.",
}
_OF_INFO = "Nothing: the figure is for information and is held against no tolerance."


def meaning_of_failure(spec: CheckSpec) -> str:
    """The sentences of a check; those of its family where it has none."""
    if spec.kind == "info":
        return _OF_INFO
    return spec.failure.meaning or _BY_FAMILY[spec.family]
