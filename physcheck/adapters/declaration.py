"""What a factory declares of its model, in an attribute ``physcheck``.

``physcheck = {"species": [...], "structures": [...], "interaction_range": Å}``, each key optional.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from physcheck.errors import SpecError
from physcheck.files.structure_reading import parse_structure_file
from physcheck.model import Capabilities, Differentiable, Model
from physcheck.names import nearest
from physcheck.system import Configurations, Evaluation, Floats
from physcheck.text.phrases import kind_of

__all__ = ["Declaration", "declare"]

_KEYS = ("species", "structures", "interaction_range")
# Oganesson.
_LARGEST_NUMBER = 118


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the author of a model declares, since no call can tell it.

    Attributes
    ----------
    species : frozenset of atomic numbers, or None if not declared
    structures : tuple
        Catalogue names, file paths or :class:`ase.Atoms` in the model's domain.
    interaction_range : float or None, Å
    """

    species: frozenset[int] | None = None
    structures: tuple[Any, ...] = ()
    interaction_range: float | None = None

    @classmethod
    def of(cls, *owners: object, folder: Path | None = None) -> Declaration:
        """The first ``physcheck`` attribute of ``owners``; an empty declaration if there is none.

        ``folder`` is where relative paths among the structures are looked for first.

        Raises
        ------
        SpecError
            The attribute is no mapping, has an unknown key, or a value that can't be read.
        """
        for owner in owners:
            declared = getattr(owner, "physcheck", None)
            if declared is not None:
                return cls._read(declared, folder)
        return cls()

    @classmethod
    def _read(cls, declared: object, folder: Path | None) -> Declaration:
        if not isinstance(declared, Mapping):
            raise SpecError(
                f"the factory's physcheck is {kind_of(declared)}, should be a dict with {_KEYS}"
            )
        for key in declared:
            if key not in _KEYS:
                hint = nearest(str(key), _KEYS)
                raise SpecError(f"the factory's physcheck has an unknown key {key!r}; {hint}")
        structures = declared.get("structures") or ()
        if isinstance(structures, str) or not isinstance(structures, list | tuple):
            structures = (structures,)
        return cls(
            _species(declared.get("species")),
            tuple(_found_file(structure, folder) for structure in structures),
            _length(declared.get("interaction_range")),
        )

    def added_to(self, capabilities: Capabilities) -> Capabilities:
        """``capabilities`` with what is declared here in place of their own values."""
        changes: dict[str, Any] = {}
        if self.species is not None:
            changes["species"] = self.species
        if self.structures:
            changes["structures"] = self.structures
        if self.interaction_range is not None:
            changes["interaction_range"] = self.interaction_range
        return replace(capabilities, **changes) if changes else capabilities


def _length(declared: Any) -> float | None:
    if declared is None:
        return None
    try:
        length = float(declared)
    except (TypeError, ValueError):
        length = -1.0
    if not (0 < length < float("inf")):
        raise SpecError(
            f"the factory's interaction_range is {declared!r}, should be a positive length in Å"
        )
    return length


def _species(declared: object) -> frozenset[int] | None:
    from ase.data import atomic_numbers

    if declared is None:
        return None
    if isinstance(declared, str) or not hasattr(declared, "__iter__"):
        raise SpecError(
            f"the factory's species is {declared!r}, should be a list such as ['H', 'O']"
        )
    numbers = set()
    for one in declared:
        if isinstance(one, str) and one in atomic_numbers:
            numbers.add(atomic_numbers[one])
        elif isinstance(one, int | np.integer) and 0 < one <= _LARGEST_NUMBER:
            numbers.add(int(one))
        else:
            raise SpecError(
                f"the factory's species has {one!r}, should be symbols or atomic numbers"
            )
    return frozenset(numbers)


def _found_file(structure: object, folder: Path | None) -> object:
    if isinstance(structure, Path | str) and folder is not None:
        path = str(folder / structure)
        try:
            parse_structure_file(path)
        except SpecError:
            return structure
        return path
    return structure


class _Declared:
    """A model with what its factory declared added to its capabilities; all else is the model's."""

    def __init__(self, model: Model, declaration: Declaration) -> None:
        self._model = model
        self._declaration = declaration

    def __getattr__(self, name: str) -> Any:
        # Unpickling and copying ask for these before there is a _model, which would never end.
        if name.startswith("__") or name == "_model":
            raise AttributeError(name)
        return getattr(self._model, name)

    @property
    def capabilities(self) -> Capabilities:
        """The model's, with the declaration."""
        return self._declaration.added_to(self._model.capabilities)

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """As the model's."""
        return self._model.evaluate(configurations, want=want)


class _DeclaredDifferentiable(_Declared):
    # A class of its own, since isinstance asks the class for the methods of a protocol.
    def jacobian_products(
        self, configuration: Configurations, vectors: Floats, *, transpose: bool
    ) -> Floats:
        """As the model's."""
        assert isinstance(self._model, Differentiable)
        return self._model.jacobian_products(configuration, vectors, transpose=transpose)


def declare(model: Model, declaration: Declaration) -> Model:
    """``model`` with ``declaration`` in its capabilities; itself where nothing is declared."""
    if declaration == Declaration():
        return model
    kind = _DeclaredDifferentiable if isinstance(model, Differentiable) else _Declared
    return kind(model, declaration)
