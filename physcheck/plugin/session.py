"""What a pytest process that judges holds: the model under test, its plan and its runner."""

from __future__ import annotations

import contextlib
import errno
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from physcheck.errors import ModelError, SpecError
from physcheck.files.paths import relative_to
from physcheck.plugin.host_models import HostModels
from physcheck.plugin.message import Message
from physcheck.run.facts import RunFacts
from physcheck.run.not_finite import NotFiniteOnce
from physcheck.run.record import Record
from physcheck.run.settings import Settings
from physcheck.run.shard import parse_shard

if TYPE_CHECKING:
    from physcheck.model import Model
    from physcheck.report.baseline import Baseline
    from physcheck.run.budget import Spending
    from physcheck.run.cause_aware import CauseAwareRunner
    from physcheck.run.entry import PlanEntry
    from physcheck.run.known_failures import KnownFailure
    from physcheck.run.plan import Plan
    from physcheck.run.resume import Resumed
    from physcheck.run.runner import Runner

__all__ = ["OWNS_SHORT_MODEL", "SESSION", "WorkerSession"]

# No file can be opened any more, or none written.
_USED_UP = (errno.EMFILE, errno.ENFILE, errno.ENOSPC)


class WorkerSession:
    """The model under test in one process, loaded when first asked for, its plan and its runner.

    Attributes
    ----------
    settings : Settings
    error : str or None
        Why the model can't be judged.
    below : str
        Lines that belong below the error: code that mends it, or where it was raised.
    known_failures : mapping of (check, structure) to KnownFailure
    baseline : Baseline or None
        The report that records are held against.
    resumed : Resumed or None
        The report whose finished records are taken over.
    collected : set of str
        The structures of the records that were collected.
    exit_code : int
        What the run exits with because of that: 4 for what the user can mend (a spec,
        a factory that raises), 1 for a fault of physcheck.
    """

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.settings = settings
        self.error: str | None = None
        self.exit_code = 0
        self.below = ""
        self.known_failures: Mapping[tuple[str, str], KnownFailure] = {}
        self.collected: set[str] = set()
        self.baseline: Baseline | None = None
        self.resumed: Resumed | None = None
        self._whole: tuple[PlanEntry, ...] = ()
        self._config = config
        self._model: Model | None = None
        self._reference: Model | None = None
        self._plan: Plan | None = None
        self._runner: Runner | None = None
        self._cause_aware: CauseAwareRunner | None = None
        self._evidence: Path | None = None
        self._facts: RunFacts | None = None
        self._told: RunFacts | None = None
        self._order: tuple[str, ...] = ()
        self._host_models = HostModels()
        self._one_cause: NotFiniteOnce | None = None

    def model(self) -> Model:
        """The model of ``--model``.

        Raises
        ------
        SpecError, ModelError
        """
        if self._model is None:
            from physcheck.adapters.loading import load_model
            from physcheck.plugin.imports_for_reports import import_what_reports_need

            settings = self.settings
            if settings.model is None:
                raise SpecError("no model is given: --model=SPEC")
            import_what_reports_need()
            with _no_warnings(), self._from_start():
                self._model = load_model(
                    settings.model, device=settings.device, dtype=settings.dtype
                )
        return self._model

    def reference(self) -> Model | None:
        """The model of ``--physcheck-reference``; None if there is none.

        Raises
        ------
        SpecError, ModelError
        """
        settings = self.settings
        if self._reference is None and settings.reference is not None:
            from physcheck.adapters.loading import load_reference

            with _no_warnings(), self._from_start():
                self._reference = load_reference(
                    settings.reference,
                    settings.model or "",
                    device=settings.device,
                    dtype=settings.dtype,
                )
        return self._reference

    def prepare(self) -> Plan | None:
        """The plan; None, with ``error`` set, where the model can't be loaded or judged."""
        if self._plan is None and self.error is None:
            try:
                with self._from_start():
                    self._make_plan_and_runner()
            except SpecError as error:
                self._refuse(error)
            except ModelError as error:
                from physcheck.adapters.users_mistakes import as_users_mistake

                self._refuse(as_users_mistake(error, device=self.settings.device))
            except Exception as error:
                import traceback

                from physcheck.text.exceptions import description

                whose = (
                    "a fault of physcheck or of a check, not a verdict on the model; please "
                    "report it"
                )
                if isinstance(error, OSError) and error.errno in _USED_UP:
                    whose = "the model, once loaded, left none; not a verdict on it"
                self.error = f"making the plan raised {description(error)} ({whose})"
                self.exit_code = int(pytest.ExitCode.TESTS_FAILED)
                self.below = traceback.format_exc()
        return self._plan

    def _refuse(self, mistake: SpecError) -> None:
        """End as a wrong option does."""
        self.error, self.below = str(mistake), mistake.below
        self.exit_code = int(pytest.ExitCode.USAGE_ERROR)

    def _make_plan_and_runner(self) -> None:
        from physcheck.adapters.precision import float64_twin_loader
        from physcheck.plugin.agreement import agreed
        from physcheck.plugin.progress import progress_of
        from physcheck.run.no_gradient import has_no_gradient
        from physcheck.run.plan import make_plan
        from physcheck.run.progress_display import no_stage
        from physcheck.run.runner import Runner, import_heavy_packages

        import_heavy_packages()
        settings, progress = self.settings, progress_of(self._config)
        stage = no_stage if progress is None else progress.stage
        with stage(f"loading {settings.model}"):
            model, reference = self.model(), self.reference()
        runner = self._runner = Runner(model, settings, self.evidence_folder, reference, progress)
        runner.load_twin = float64_twin_loader(
            settings.model, model, device=settings.device, dtype=settings.dtype
        )
        agree = partial(agreed, self._config)
        known = None if self.resumed is None else self.resumed.spending
        if known is not None:
            agree = partial(_as_before, known)
        with _no_warnings():
            plan = make_plan(
                model,
                settings,
                agree=agree,
                has_twin=runner.load_twin is not None,
                settles=runner.settles,
                has_no_gradient=partial(has_no_gradient, runner),
                stage=stage,
            )
        self._whole = plan.entries
        if settings.shard is not None:
            plan = plan.of_shard(parse_shard(settings.shard))
        if self.resumed is not None:
            self.resumed.refuse_other_model(self._facts_of(plan))
        self._plan = plan

    def _from_start(self) -> AbstractContextManager[None]:
        """Within, paths are relative to where pytest was started, wherever a factory went."""
        return relative_to(self._config.invocation_params.dir)

    def keep(self, order: Sequence[str], entries: Sequence[PlanEntry]) -> None:
        """Plan only what was not deselected.

        ``order`` are the node ids of all records in their order, ``entries`` those of the plan.
        """
        self._order = tuple(order)
        if self._plan is not None:
            # What other shards make isn't collected here, and not deselected either.
            left = {e.name for e in self._plan.entries} - {e.name for e in entries}
            self._whole = tuple(e for e in self._whole if e.name not in left)
            self._plan = replace(self._plan, entries=tuple(entries))

    def judge(self, entry: PlanEntry) -> Record:
        """The record of an entry of the plan, known failures taken into account.

        Made, or taken from the report that the run goes on from.
        """
        finished = {} if self.resumed is None else self.resumed.records
        if entry.name in finished:
            return self.apply_known_failures(finished[entry.name])
        if self._one_cause is None:
            from physcheck.run.cause_aware import CauseAwareRunner

            self._cause_aware = CauseAwareRunner(self.runner, self._whole, finished)
            self._one_cause = NotFiniteOnce(self._cause_aware.run, self._whole, finished)
        record = self._one_cause.run(entry)
        if self._facts is not None and self._cause_aware and self._cause_aware.remarks:
            # Known since the first record only: the facts are told anew.
            self._facts = None
        return self.apply_known_failures(record)

    def apply_known_failures(self, record: Record) -> Record:
        """The record with another verdict where known failures or the baseline give it one."""
        from physcheck.run.known_failures import apply_known_failure

        known = self.known_failures.get((record.check, record.structure))
        record = apply_known_failure(record, known, date.today())
        return record if self.baseline is None else self.baseline.judge(record)

    @property
    def runner(self) -> Runner:
        """What the records share; there is one once ``prepare`` gave a plan."""
        assert self._runner is not None
        return self._runner

    @property
    def setup(self) -> dict[str, int]:
        """Evaluations spent in this process on planning, resolutions and trajectories."""
        found = {} if self._plan is None else {"plan": self._plan.setup_evaluations}
        found |= {} if self._runner is None else self._runner.setup.evaluations
        # Each process has models of its own in a host's tests.
        hosts = self._host_models.setup.evaluations
        return found | {f"{self._process}: {name}": n for name, n in hosts.items()}

    @property
    def _process(self) -> str:
        return str(getattr(self._config, "workerinput", {}).get("workerid", "main"))

    def evidence_folder(self) -> Path:
        """Where configurations go: as asked, beside the report, or in a temporary folder."""
        if self._evidence is None:
            settings = self.settings
            if settings.evidence is not None:
                folder = Path(settings.evidence)
            elif written := settings.json or settings.html or settings.markdown:
                report = Path(written)
                folder = report.with_name(f"{report.stem}-evidence")
            else:
                folder = _temporary_folder(self._config)
            folder.mkdir(parents=True, exist_ok=True)
            self._evidence = folder
        return self._evidence

    def facts(self) -> RunFacts | None:
        """What the report says of the model, the machine and the plan; None before there is one."""
        if self._plan is None:
            return self._host_models.facts()
        if self._facts is None:
            with self._from_start():
                self._facts = self._facts_of(self._plan, self._late_remarks())
        return self._facts

    def _facts_of(self, plan: Plan, remarks: Iterable[str] = ()) -> RunFacts:
        from physcheck.adapters.heads import reference_spec
        from physcheck.report.facts_of_plan import facts_of_plan

        settings, reference = self.settings, self.reference()
        assert settings.model is not None
        spec = None
        if settings.reference is not None:
            spec = reference_spec(settings.reference, settings.model)
        whole = None if settings.shard is None else self._whole
        return facts_of_plan(
            plan, self.model(), settings.model, reference, spec, remarks, whole=whole
        )

    def _late_remarks(self) -> tuple[str, ...]:
        """What became known with the records, those of an earlier run included."""
        causes = () if self._cause_aware is None else self._cause_aware.remarks
        earlier = None if self.resumed is None else self.resumed.report.facts.plan
        return (*causes, *(() if earlier is None else earlier.remarks))

    def host_runner(self, model: Any, reference: Any, settings: Settings) -> Runner:
        """The runner of a model that a host's fixture gave."""
        return self._host_models.runner(model, reference, settings, self.evidence_folder)

    def message(self, record: Record | None = None, *, begun: Record | None = None) -> Message:
        """What travels to the controller: a record, and what this process knows and spent."""
        order, self._order = self._order, ()
        facts = self.facts()
        known, self._told = facts is self._told, facts
        return Message(
            process=self._process,
            record=record,
            begun=begun,
            facts=None if known else facts,
            error=self.error,
            exit_code=self.exit_code,
            setup=self.setup,
            order=order,
        )


def _as_before(known: Spending, measured: Spending) -> Spending:
    """The number that the run which is resumed has fixed, whatever the model's pace is now."""
    return known


SESSION: pytest.StashKey[WorkerSession] = pytest.StashKey()
# False where the host repository has a --model of its own.
OWNS_SHORT_MODEL: pytest.StashKey[bool] = pytest.StashKey()


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """No warning of a model may kill a host that turns warnings into errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _temporary_folder(config: pytest.Config) -> Path:
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is not None:
        folder: Path = factory.mktemp("physcheck-evidence")
        return folder
    import tempfile

    return Path(tempfile.mkdtemp(prefix="physcheck-"))
