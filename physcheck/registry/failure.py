"""What a failure of a check says, means and explains: facts that reports need of each check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from physcheck.names import USES, Use, nearest

__all__ = ["MOST_CHARACTERS", "Failure", "KnownFault"]

#: Of the 80 columns of pytest's short summary its own words, the path of the suite and a name such
#: as ``batch_invariance[Cu32]`` leave some 25.
MOST_CHARACTERS = 25


@dataclass(frozen=True, slots=True)
class KnownFault:
    """What is wrong with a model where a check fails, and which other failures that explains.

    Checks whose faults have the same title show one fault.

    Attributes
    ----------
    title : str
        The fault in a few words, such as ``answers depend on the order of atoms``.
    explains : tuple of str
        Ids of checks, or families, that fail in consequence.  All of them: what follows from what
        follows isn't looked up.
    explains_where : callable (evidence) -> bool, or None
        Whether a failure with this evidence explains them; None where any does.
    """

    title: str
    explains: tuple[str, ...] = ()
    explains_where: Callable[[Mapping[str, Any]], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a failure of a check says beside its title, usual causes and advice.

    Attributes
    ----------
    short_title : str
        A few words for lines that have room for no more: 25 characters at most.
    meaning : str
        What it means for who simulates with the model, in a sentence or two; the family's sentence
        where it is empty.
    titles_by_output : mapping of ``energy`` or ``stress`` to str
        Its title where that output alone shows it, and forces don't.
    spoils : tuple of str, or None
        What not to run with such a model, of :data:`physcheck.names.USES`; what failures of the
        family spoil where it is None.
    fault : KnownFault or None
        What is wrong where the check fails, if that explains failures of other checks.
    follows_from : tuple of str
        Ids of checks, or families, whose fault explains this failure: for a check of another
        package, which those that are shipped can't name.

    Raises
    ------
    ValueError
        ``spoils`` names something else.
    """

    short_title: str = ""
    meaning: str = ""
    titles_by_output: Mapping[str, str] = field(default_factory=dict)
    spoils: tuple[Use, ...] | None = None
    fault: KnownFault | None = None
    follows_from: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for use in self.spoils or ():
            if use not in USES:
                raise ValueError(f"{use!r} is nothing that failures spoil; {nearest(use, USES)}")
