"""The models that a host's own fixtures give to ``parametrize_checks``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physcheck.run.facts import ModelIdentity, RunFacts
from physcheck.run.settings import Settings
from physcheck.run.setup_costs import SetupCosts

if TYPE_CHECKING:
    from physcheck.run.runner import Runner

__all__ = ["HostModels"]


@dataclass(frozen=True, slots=True)
class _Last:
    """What the last test gave, and the runner that was made for it."""

    model: Any
    reference: Any
    settings: Settings
    runner: Runner

    def fits(self, model: Any, reference: Any, settings: Settings) -> bool:
        """Whether these are the very same."""
        same = self.model is model and self.reference is reference
        return same and self.settings == settings


class HostModels:
    """Keeps the last model's runner, so that its resolutions are measured once."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._last: _Last | None = None
        self._facts: RunFacts | None = None
        self._runners = 0
        #: Spent on resolutions, of each model apart.
        self.setup = SetupCosts()

    def runner(
        self, model: Any, reference: Any, settings: Settings, folder: Callable[[], Path]
    ) -> Runner:
        """The runner of ``model`` with ``reference``: the last one's where nothing has changed."""
        from physcheck.adapters.instances import as_model
        from physcheck.run.runner import Runner, import_heavy_packages

        last = self._last
        if last is not None and last.fits(model, reference, settings):
            return last.runner
        import_heavy_packages()
        self._runners += 1
        partner = None if reference is None else as_model(reference)
        own = self.setup.under(f"model {self._runners} of a test")
        runner = Runner(as_model(model), settings, folder, partner, setup=own)
        self._last = _Last(model, reference, settings, runner)
        if runner.model.capabilities.name not in self._names:
            self._names.append(runner.model.capabilities.name)
            self._facts = None
        return runner

    def facts(self) -> RunFacts | None:
        """What the report says of the models and the machine; None before there was a model."""
        if self._facts is None and self._last is not None:
            from physcheck.adapters.identity import model_identity
            from physcheck.report.environment import environment
            from physcheck.run.jsonable import to_jsonable

            identity = ModelIdentity.from_json(
                to_jsonable(model_identity(self._last.runner.model, None))
            )
            self._facts = RunFacts(
                model=replace(identity, name=", ".join(self._names)), environment=environment()
            )
        return self._facts
