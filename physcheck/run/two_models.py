"""Checks that compare two models: which of them is the fast one, and which the conservative."""

from __future__ import annotations

from physcheck.adapters.heads import reference_is_direct
from physcheck.model import Model
from physcheck.run.settings import Settings

__all__ = ["fast_and_conservative"]


def fast_and_conservative(
    model: Model, reference: Model, settings: Settings
) -> tuple[Model, Model]:
    """The two models of a check that compares them: the one under test, and its reference.

    With ``--physcheck-reference=auto`` and a spec that names the conservative head, the reference
    is the direct head: the fast model, and so the one under test in such a check.
    """
    if reference_is_direct(settings.model, settings.reference):
        return reference, model
    return model, reference
