"""A model at one structure: what every stage of a conservation check works on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from physcheck.model import Meter, Model
from physcheck.resolution import Resolution, ensure_resolution, visit
from physcheck.system import Configurations, Evaluation, Floats, as_configurations

__all__ = ["Subject"]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A model at one structure, with what it can resolve there.

    Attributes
    ----------
    meter : Meter
        The model, its evaluations counted.
    start : Configurations, B = 1
    rng : numpy generator
        Every random number of the measurement comes from it.
    resolution : Resolution
        The model's own noise, memory and stiffness at ``start``.
    """

    meter: Meter
    start: Configurations
    rng: np.random.Generator
    resolution: Resolution

    @classmethod
    def of(
        cls,
        model: Model | Meter,
        start: Any,
        rng: np.random.Generator,
        resolution: Resolution | None,
    ) -> Subject:
        """From the arguments of a check; the resolution is measured (16 evaluations) if missing."""
        meter = Meter(model)
        one = as_configurations(start)
        return cls(meter, one, rng, ensure_resolution(meter, one, resolution, rng))

    @property
    def n_coordinates(self) -> int:
        """3N."""
        return self.start.n_coordinates

    def evaluate(self, configurations: Configurations, *outputs: str) -> Evaluation:
        """The model's answers, asked for in a random order."""
        # An iterative model that starts from its last answer leans towards it: visited in the order
        # of a path, that would be work around a loop.
        return visit(
            self.meter,
            configurations,
            want=frozenset(outputs),
            rng=self.rng,
            fresh=self.resolution.needs_fresh,
        )

    def displaced(self, displacement: Floats) -> Subject:
        """The same model at ``start`` moved by (1, 3N) Å."""
        return replace(self, start=self.start.displaced(displacement))

    def atom_moved_most(self, directions: Floats) -> str:
        """Index and symbol of the atom that the directions (k, 3N) move most, for a message."""
        shares = np.sum(directions.reshape(-1, self.start.n_atoms, 3) ** 2, axis=(0, 2))
        atom = int(np.argmax(shares))
        return f"atom {atom} ({self.start.system.symbols[atom]})"
