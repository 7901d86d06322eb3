"""What a factory says of its model: ``physcheck = {"species": [...], "structures": [...], "interaction_range": Å}``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from physcheck.errors import SpecError
from physcheck.model import Capabilities, Differentiable, Model
from physcheck.names import nearest
from physcheck.system import Configurations, Evaluation, Floats

__all__ = ["Declaration", "declare"]

_KEYS = ("species", "structures", "interaction_range")


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the author of a model says that no call can tell.

    Attributes
    ----------
    species : frozenset of atomic numbers, or None if not said
    structures : tuple
        Catalogue names, file paths or :class:`ase.Atoms` in the model's domain.
    interaction_range : float or None, Å
    """

    species: frozenset[int] | None = None
    structures: tuple[Any, ...] = ()
    interaction_range: float | None = None

    @classmethod
    def of(cls, *owners: object, folder: Path | None = None) -> Declaration:
        """The first ``physcheck`` attribute found on ``owners``; an empty declaration if there is none.

        ``folder`` is where relative paths among the structures are looked for first.

        Raises
        ------
        SpecError
            The attribute is no mapping, has an unknown key, or a value that can't be read.
        """
        for owner in owners:
            said = getattr(owner, "physcheck", None)
            if said is not None:
                return cls._read(said, folder)
        return cls()

    @classmethod
    def _read(cls, said: object, folder: Path | None) -> Declaration:
        if not isinstance(said, Mapping):
            raise SpecError(
                f"the factory's physcheck is a {type(said).__name__}, should be a dict with {_KEYS}"
            )
        for key in said:
            if key not in _KEYS:
                raise SpecError(
                    f"the factory's physcheck has an unknown key {key!r}; {nearest(str(key), _KEYS)}"
                )
        reach = said.get("interaction_range")
        if reach is not None:
            try:
                reach = float(reach)
            except (TypeError, ValueError):
                reach = -1.0
            if not (0 < reach < float("inf")):
                raise SpecError(
                    f"the factory's interaction_range is {said['interaction_range']!r}, "
                    "should be a positive length in Å"
                )
        structures = said.get("structures") or ()
        if isinstance(structures, str) or not isinstance(structures, list | tuple):
            structures = (structures,)
        return cls(
            _species(said.get("species")),
            tuple(_placed(structure, folder) for structure in structures),
            reach,
        )

    def added_to(self, capabilities: Capabilities) -> Capabilities:
        """``capabilities`` with what is declared here in place of what they said."""
        changes: dict[str, Any] = {}
        if self.species is not None:
            changes["species"] = self.species
        if self.structures:
            changes["structures"] = self.structures
        if self.interaction_range is not None:
            changes["interaction_range"] = self.interaction_range
        return replace(capabilities, **changes) if changes else capabilities


def _species(said: object) -> frozenset[int] | None:
    from ase.data import atomic_numbers

    if said is None:
        return None
    if isinstance(said, str) or not hasattr(said, "__iter__"):
        raise SpecError(f"the factory's species is {said!r}, should be a list such as ['H', 'O']")
    numbers = set()
    for one in said:
        if isinstance(one, str) and one in atomic_numbers:
            numbers.add(atomic_numbers[one])
        elif isinstance(one, int | np.integer) and 0 < one < 119:
            numbers.add(int(one))
        else:
            raise SpecError(
                f"the factory's species has {one!r}, should be symbols or atomic numbers"
            )
    return frozenset(numbers)


def _placed(structure: object, folder: Path | None) -> object:
    if isinstance(structure, Path | str) and folder is not None:
        path = folder / structure
        if path.is_file():
            return str(path)
    return structure


class _Declared:
    """A model with what its factory declared added to its capabilities; all else is the model's."""

    def __init__(self, model: Model, declaration: Declaration) -> None:
        self._model = model
        self._declaration = declaration

    def __getattr__(self, name: str) -> Any:
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
    def jacobian_products(
        self, configuration: Configurations, vectors: Floats, *, transpose: bool
    ) -> Floats:
        """As the model's."""
        assert isinstance(self._model, Differentiable)
        return self._model.jacobian_products(configuration, vectors, transpose=transpose)


def declare(model: Model, declaration: Declaration) -> Model:
    """``model`` with ``declaration`` in its capabilities; the model itself if nothing is declared."""
    if declaration == Declaration():
        return model
    kind = _DeclaredDifferentiable if isinstance(model, Differentiable) else _Declared
    return kind(model, declaration)
