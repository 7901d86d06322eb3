"""What a failure of a check says, means and explains: facts that reports need of each check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from physcheck.names import USES, Use, nearest
from physcheck.text.phrases import kind_of

__all__ = ["MOST_CHARACTERS", "Failure", "KnownFault"]

#: Of the 80 columns of pytest's short summary its own words, the path of the suite and a name such
#: as ``batch_invariance[Cu32]`` leave some 25.
MOST_CHARACTERS = 25
# Outputs that may show a fault alone, while forces don't.
_ALONE = ("energy", "stress")


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

    Raises
    ------
    TypeError
        A field is something else.
    """

    title: str
    explains: tuple[str, ...] = ()
    explains_where: Callable[[Mapping[str, Any]], bool] | None = None

    def __post_init__(self) -> None:
        _require("KnownFault.title", self.title, str, "a text")
        _require_names("KnownFault.explains", self.explains)
        if self.explains_where is not None:
            wanted = "a function of a failure's evidence, or None"
            _require("KnownFault.explains_where", self.explains_where, Callable, wanted)


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
    TypeError
        A field is something else.
    ValueError
        ``short_title`` is too long, or ``spoils`` or ``titles_by_output`` name something else.
    """

    short_title: str = ""
    meaning: str = ""
    titles_by_output: Mapping[str, str] = field(default_factory=dict)
    spoils: tuple[Use, ...] | None = None
    fault: KnownFault | None = None
    follows_from: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require("Failure.short_title", self.short_title, str, "a text")
        _require("Failure.meaning", self.meaning, str, "a text")
        _require("Failure.titles_by_output", self.titles_by_output, Mapping, "a dict")
        _require("Failure.fault", self.fault, (KnownFault, type(None)), "a KnownFault or None")
        _require_names("Failure.follows_from", self.follows_from)
        if len(self.short_title) > MOST_CHARACTERS:
            raise ValueError(
                f"Failure.short_title {self.short_title!r} has {len(self.short_title)} characters, "
                f"should have {MOST_CHARACTERS} at most"
            )
        for output in self.titles_by_output:
            if output not in _ALONE:
                named = " or ".join(map(repr, _ALONE))
                raise ValueError(f"Failure.titles_by_output has {output!r}, should have {named}")
        if self.spoils is not None:
            _require_names("Failure.spoils", self.spoils)
        for use in self.spoils or ():
            if use not in USES:
                raise ValueError(f"{use!r} is nothing that failures spoil; {nearest(use, USES)}")


def _require(what: str, given: Any, kind: Any, wanted: str) -> None:
    if not isinstance(given, kind):
        said = "None" if given is None else kind_of(given)
        raise TypeError(f"{what} is {said}, should be {wanted}")


def _require_names(what: str, given: Any) -> None:
    """A text alone would be read as so many names of one character."""
    if not isinstance(given, tuple | list) or not all(isinstance(name, str) for name in given):
        raise TypeError(f"{what} is {given!r}, should be a tuple of names, such as ('loop_work',)")
