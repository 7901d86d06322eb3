"""What the records of one structure share: made for the first that asks, kept for the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from physcheck.errors import ModelError, NonFiniteOutput

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = ["SharedByStructure"]

Value = TypeVar("Value")


@dataclass(slots=True)
class SharedByStructure(Generic[Value]):
    """One value a structure; an error of the model is kept in its place."""

    _found: dict[tuple[str, int], tuple[Structure, Value | ModelError | NonFiniteOutput]] = field(
        default_factory=dict
    )

    def of(self, structure: Structure, make: Callable[[], Value]) -> Value:
        """The value of ``structure``, from ``make`` where nobody has asked before.

        Raises
        ------
        ModelError, NonFiniteOutput
            What ``make`` raised, again for every record that asks.
        """
        # Two tests may call different structures by one name. The structure is kept beside the
        # value, so that the id of its configurations isn't used again.
        key = structure.name, id(structure.configurations)
        if key not in self._found:
            made: Value | ModelError | NonFiniteOutput
            try:
                made = make()
            except (ModelError, NonFiniteOutput) as error:
                made = error
            self._found[key] = structure, made
        _, found = self._found[key]
        if isinstance(found, ModelError | NonFiniteOutput):
            raise found
        return found
