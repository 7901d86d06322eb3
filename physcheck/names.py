"""The closed lists of names that options and checks use, and the nearest ones for messages.
Light to import.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

__all__ = [
    "BUDGETS",
    "FAMILIES",
    "GENERATED",
    "KINDS",
    "USES",
    "Budget",
    "Kind",
    "Use",
    "nearest",
]

#: The structure of records whose cases hypothesis draws.
GENERATED = "generated"

Kind = Literal["law", "practice", "info"]
KINDS: tuple[Kind, ...] = ("law", "practice", "info")
Budget = Literal["quick", "standard", "full"]
BUDGETS: tuple[Budget, ...] = ("quick", "standard", "full")
FAMILIES = (
    "conservation",
    "dynamics",
    "sampling",
    "relaxation",
    "symmetry",
    "smoothness",
    "implementation",
)
Use = Literal[
    "molecular dynamics",
    "ensemble averages",
    "geometry optimisations",
    "constant-pressure dynamics",
    "cell relaxations",
    "phonon calculations",
    "multiple time stepping with this pair",
    "molecular dynamics at high temperature or pressure",
]
#: What failures spoil; what most people do first.
USES: tuple[Use, ...] = get_args(Use)


def nearest(name: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """A phrase with the known names nearest to ``name``.

    Where none is near: ``otherwise``, or all of them.
    """
    from difflib import get_close_matches

    names = sorted(known)
    close = get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return otherwise or f"known: {', '.join(names)}"
