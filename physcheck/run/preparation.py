"""A run, prepared in one place: its models, plan and runner, and how an entry is judged."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physcheck.adapters.heads import reference_spec
from physcheck.adapters.instances import as_model
from physcheck.adapters.loading import load_model, load_reference
from physcheck.adapters.precision import float64_twin_loader
from physcheck.errors import SpecError
from physcheck.model import Model
from physcheck.run.budget import Spending
from physcheck.run.cause_aware import CauseAwareRunner
from physcheck.run.entry import PlanEntry
from physcheck.run.evidence import temporary_folder
from physcheck.run.no_gradient import has_no_gradient
from physcheck.run.not_finite import NotFiniteOnce
from physcheck.run.plan import Plan, make_plan
from physcheck.run.progress_display import ProgressDisplay, no_stage
from physcheck.run.record import Record
from physcheck.run.runner import Runner, import_heavy_packages
from physcheck.run.settings import Settings
from physcheck.run.shard import parse_shard

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = ["Models", "PreparedRun", "load_models", "load_tested_model", "prepare_run"]


@dataclass(frozen=True, slots=True)
class Models:
    """The model under test and its reference.

    Attributes
    ----------
    tested : Model
    spec : str or None
        None for a model that no spec names.
    reference : Model or None
    reference_spec : str or None
        What ``auto`` stands for, where that was given; None for a model that no spec names.
    """

    tested: Model
    spec: str | None = None
    reference: Model | None = None
    reference_spec: str | None = None


def load_tested_model(settings: Settings) -> Model:
    """The model that the settings name.

    Raises
    ------
    SpecError, ModelError
        As :func:`physcheck.adapters.loading.load_model`; where no model is named.
    """
    if settings.model is None:
        raise SpecError("no model is given: --model=SPEC")
    with _no_warnings():
        # Before a model can spoil imports.
        import_heavy_packages()
        return load_model(settings.model, device=settings.device, dtype=settings.dtype)


def load_models(settings: Settings, tested: Any = None, reference: Any = None) -> Models:
    """The model under test and its reference, as the settings name them or as they are at hand.

    Parameters
    ----------
    tested, reference : Model, ASE calculator, torch module or torch-sim model, optional
        Taken in place of what the settings name.

    Raises
    ------
    SpecError, ModelError
        One can't be loaded, or isn't what a model can be made of.
    """
    if tested is None:
        model = load_tested_model(settings)
    else:
        import_heavy_packages()
        model = as_model(tested)
    if reference is not None:
        return Models(model, settings.model, as_model(reference))
    if settings.reference is None:
        return Models(model, settings.model)
    with _no_warnings():
        partner = load_reference(
            settings.reference,
            settings.model or "",
            device=settings.device,
            dtype=settings.dtype,
        )
    spec = reference_spec(settings.reference, settings.model or "")
    return Models(model, settings.model, partner, spec)


def prepare_run(
    settings: Settings,
    models: Models,
    *,
    structures: Sequence[Structure] | None = None,
    evidence_folder: Callable[[], Path] | None = None,
    progress: ProgressDisplay | None = None,
    agree: Callable[[Spending], Spending] = lambda spending: spending,
    ask_once: Callable[[str, Callable[[], bool]], bool] = lambda question, ask: ask(),
    finished: Mapping[str, Record] | None = None,
) -> PreparedRun:
    """Make the plan of a run, and the runner that makes its records.

    Parameters
    ----------
    structures, agree
        As :func:`physcheck.run.plan.make_plan`.
    evidence_folder, progress
        As :class:`physcheck.run.runner.Runner`; by default one temporary folder of the run.
    ask_once : callable (str, callable () -> bool) -> bool
        Takes a question and what asks it; gives the answer for all processes of the run.
    finished : mapping of str to Record
        Records by name that an earlier run has made.

    Raises
    ------
    SpecError
        A check, structure, species or file doesn't exist.

    Cost: the plan's trial calls, ``setup["plan"]``.
    """
    folder = evidence_folder or cache(temporary_folder)
    runner = Runner(models.tested, settings, folder, models.reference, progress)
    runner.load_twin = float64_twin_loader(
        models.spec, models.tested, device=settings.device, dtype=settings.dtype
    )

    def settles(entries: Sequence[PlanEntry]) -> bool:
        names = ", ".join(entry.name for entry in entries)
        return ask_once(f"do {names} pass", partial(runner.settles, entries))

    def lacks_gradient(structure: Structure) -> bool:
        question = f"are forces at {structure.name} no gradient"
        return ask_once(question, partial(has_no_gradient, runner, structure))

    with _no_warnings():
        plan = make_plan(
            models.tested,
            settings,
            agree=agree,
            has_twin=runner.load_twin is not None,
            structures=structures,
            settles=settles,
            has_no_gradient=lacks_gradient,
            stage=no_stage if progress is None else progress.stage,
        )
    whole = plan.entries
    if settings.shard is not None:
        plan = plan.of_shard(parse_shard(settings.shard))
    return PreparedRun(models, runner, plan, whole, finished or {})


@dataclass(slots=True)
class PreparedRun:
    """A run before and while its records are made.

    Attributes
    ----------
    models : Models
    runner : Runner
    plan : Plan
        With the records of this run's shard alone.
    whole : tuple of PlanEntry
        The entries of all shards.
    finished : mapping of str to Record
        Records by name that an earlier run has made: theirs aren't made again.
    """

    models: Models
    runner: Runner
    plan: Plan
    whole: tuple[PlanEntry, ...]
    finished: Mapping[str, Record] = field(default_factory=dict)
    _cause_aware: CauseAwareRunner | None = None
    _once: NotFiniteOnce | None = None

    def keep(self, entries: Sequence[PlanEntry]) -> None:
        """Plan only these of the plan's entries; before the first record is made."""
        # What other shards make isn't among them, and isn't left out either.
        left = {e.name for e in self.plan.entries} - {e.name for e in entries}
        self.whole = tuple(e for e in self.whole if e.name not in left)
        self.plan = replace(self.plan, entries=tuple(entries))

    def judge(self, entry: PlanEntry) -> Record:
        """The record of an entry: made, or taken from those that are finished.

        A fault that several checks meet is one FAIL: see ``run/cause_aware.py`` and
        ``run/not_finite.py``.
        """
        if entry.name in self.finished:
            return self.finished[entry.name]
        if self._once is None:
            self._cause_aware = CauseAwareRunner(self.runner, self.whole, self.finished)
            self._once = NotFiniteOnce(self._cause_aware.run, self.whole, self.finished)
        return self._once.run(entry)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What became known with the records, for the report."""
        return () if self._cause_aware is None else self._cause_aware.remarks

    @property
    def setup(self) -> dict[str, int]:
        """Evaluations spent so far on planning, resolutions and trajectories, by name."""
        return {"plan": self.plan.setup_evaluations, **self.runner.setup.evaluations}


@contextmanager
def _no_warnings() -> Iterator[None]:
    """No warning of a model may kill a host that turns warnings into errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
