"""A model that is asked one configuration at a time, or each one of a copy that was never asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from physcheck.model import Capabilities, Differentiable, Model
from physcheck.system import Configurations, Evaluation

if TYPE_CHECKING:
    from physcheck.system import Floats

__all__ = ["fresh_each_time", "one_by_one"]


class _OneByOne:
    """A model that is asked one configuration at a time, whatever it is given."""

    def __init__(self, model: Model, *, as_batches: bool) -> None:
        self.model = model
        self._as_batches = as_batches

    @property
    def capabilities(self) -> Capabilities:
        """The model's, without batches unless it is to look as if it took them."""
        found = self.model.capabilities
        return found if self._as_batches else replace(found, batched=False, mixed_sizes=False)

    @property
    def fresh(self) -> Callable[[], Model] | None:
        """As the model's, where it has one."""
        maker = getattr(self.model, "fresh", None)
        return None if maker is None else lambda: one_by_one(maker(), as_batches=self._as_batches)

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

    def evaluate_many(
        self, batches: Sequence[Configurations], *, want: frozenset[str] = frozenset({"forces"})
    ) -> list[Evaluation]:
        """Several systems, each configuration alone."""
        return [self.evaluate(batch, want=want) for batch in batches]

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


def one_by_one(model: Model, *, as_batches: bool = False) -> Model:
    """A model that never sees two configurations in one call.

    Parameters
    ----------
    as_batches : bool
        It says that it takes batches, as the model does: what a check of batches finds in it isn't
        the batches' doing.
    """
    kind = _DifferentiableOneByOne if isinstance(model, Differentiable) else _OneByOne
    return kind(model, as_batches=as_batches)


class _FreshEachTime:
    """A model that makes a new copy of itself for each configuration."""

    def __init__(self, model: Model, maker: Callable[[], Model]) -> None:
        self.model, self._maker = model, maker

    @property
    def capabilities(self) -> Capabilities:
        """The model's, without batches."""
        return replace(self.model.capabilities, batched=False, mixed_sizes=False)

    def fresh(self) -> Model:
        """This one: it has no memory."""
        return self

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """As :meth:`physcheck.model.Model.evaluate`, each configuration of a new copy."""
        answers = [self._maker().evaluate(one, want=want) for one in configurations]
        return Evaluation.concatenate(answers)


def fresh_each_time(model: Model) -> Model | None:
    """A model without memory of earlier calls; None where no fresh copy can be made."""
    maker: Callable[[], Model] | None = getattr(model, "fresh", None)
    return None if maker is None else _FreshEachTime(model, maker)
