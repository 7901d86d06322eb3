"""A model that is asked one configuration at a time, whatever it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from physcheck.model import Capabilities, Differentiable, Model
from physcheck.system import Configurations, Evaluation

if TYPE_CHECKING:
    from physcheck.system import Floats

__all__ = ["one_by_one"]


class _OneByOne:
    """A model that is asked one configuration at a time, whatever it is given."""

    def __init__(self, model: Model) -> None:
        self.model = model

    @property
    def capabilities(self) -> Capabilities:
        """The model's, without batches."""
        return replace(self.model.capabilities, batched=False, mixed_sizes=False)

    @property
    def fresh(self) -> Callable[[], Model] | None:
        """As the model's, where it has one."""
        maker = getattr(self.model, "fresh", None)
        return None if maker is None else lambda: one_by_one(maker())

    @property
    def ask(self) -> Callable[[Configurations], None] | None:
        """As the model's, where it has one."""
        found: Callable[[Configurations], None] | None = getattr(self.model, "ask", None)
        return found

    @property
    def further_outputs(self) -> Callable[[Configurations], dict[str, Floats]] | None:
        """As the model's, where it has any."""
        found: Callable[[Configurations], dict[str, Floats]] | None = getattr(
            self.model, "further_outputs", None
        )
        return found

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """As :meth:`physcheck.model.Model.evaluate`, in a loop."""
        answers = [self.model.evaluate(one, want=want) for one in configurations]
        return Evaluation.concatenate(answers)


class _DifferentiableOneByOne(_OneByOne):
    """The same of a model with exact Jacobian products, which are of one configuration anyway."""

    def jacobian_products(
        self, configuration: Configurations, vectors: Floats, *, transpose: bool
    ) -> Floats:
        """As :meth:`physcheck.model.Differentiable.jacobian_products`."""
        model: Any = self.model
        products: Floats = model.jacobian_products(configuration, vectors, transpose=transpose)
        return products


def one_by_one(model: Model) -> Model:
    """A model that never sees two configurations in one call."""
    return _DifferentiableOneByOne(model) if isinstance(model, Differentiable) else _OneByOne(model)
