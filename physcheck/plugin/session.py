"""What a pytest process that judges holds: the model under test, its plan and its runner."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
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
from physcheck.run.record import Record
from physcheck.run.settings import Settings

if TYPE_CHECKING:
    from physcheck.model import Model
    from physcheck.report.baseline import Baseline
    from physcheck.run.budget import Spending
    from physcheck.run.entry import PlanEntry
    from physcheck.run.known_failures import KnownFailure
    from physcheck.run.plan import Plan
    from physcheck.run.preparation import PreparedRun
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
        self._config = config
        self._model: Model | None = None
        self._run: PreparedRun | None = None
        self._evidence: Path | None = None
        self._facts: RunFacts | None = None
        self._told: RunFacts | None = None
        self._order: tuple[str, ...] = ()
        self._host_models = HostModels()

    def model(self) -> Model:
        """The model of ``--model``.

        Raises
        ------
        SpecError, ModelError
        """
        if self._model is None:
            from physcheck.plugin.imports_for_reports import import_what_reports_need
            from physcheck.run.preparation import load_tested_model

            import_what_reports_need()
            with self._from_start():
                self._model = load_tested_model(self.settings)
        return self._model

    def prepare(self) -> Plan | None:
        """The plan; None, with ``error`` set, where the model can't be loaded or judged."""
        if self._run is None and self.error is None:
            try:
                with self._from_start():
                    self._run = self._prepared()
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
        return None if self._run is None else self._run.plan

    def _refuse(self, mistake: SpecError) -> None:
        """End as a wrong option does."""
        self.error, self.below = str(mistake), mistake.below
        self.exit_code = int(pytest.ExitCode.USAGE_ERROR)

    def _prepared(self) -> PreparedRun:
        from physcheck.plugin.agreement import agreed, asked_once
        from physcheck.plugin.progress import progress_of
        from physcheck.report.facts_of_run import facts_of_run
        from physcheck.run.preparation import load_models, prepare_run
        from physcheck.run.progress_display import no_stage

        progress, resumed = progress_of(self._config), self.resumed
        stage = no_stage if progress is None else progress.stage
        with stage(f"loading {self.settings.model}"):
            models = load_models(self.settings, self.model())
        agree = partial(agreed, self._config)
        known = None if resumed is None else resumed.spending
        if known is not None:
            agree = partial(_as_before, known)
        run = prepare_run(
            self.settings,
            models,
            evidence_folder=self.evidence_folder,
            progress=progress,
            agree=agree,
            ask_once=partial(asked_once, self._config),
            finished=None if resumed is None else resumed.records,
        )
        if resumed is not None:
            resumed.refuse_other_model(facts_of_run(run))
        return run

    def _from_start(self) -> AbstractContextManager[None]:
        """Within, paths are relative to where pytest was started, wherever a factory went."""
        return relative_to(self._config.invocation_params.dir)

    def keep(self, order: Sequence[str], entries: Sequence[PlanEntry]) -> None:
        """Plan only what was not deselected.

        ``order`` are the node ids of all records in their order, ``entries`` those of the plan.
        """
        self._order = tuple(order)
        if self._run is not None:
            self._run.keep(entries)

    def judge(self, entry: PlanEntry) -> Record:
        """The record of an entry of the plan, known failures taken into account.

        Made, or taken from the report that the run goes on from.
        """
        assert self._run is not None
        record = self._run.judge(entry)
        if self._facts is not None and self._run.remarks:
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
    def setup(self) -> dict[str, int]:
        """Evaluations spent in this process on planning, resolutions and trajectories."""
        found = {} if self._run is None else self._run.setup
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
        if self._run is None:
            return self._host_models.facts()
        if self._facts is None:
            from physcheck.report.facts_of_run import facts_of_run

            earlier = None if self.resumed is None else self.resumed.report.facts.plan
            with self._from_start():
                self._facts = facts_of_run(
                    self._run, earlier=() if earlier is None else earlier.remarks
                )
        return self._facts

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


def _temporary_folder(config: pytest.Config) -> Path:
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is not None:
        folder: Path = factory.mktemp("physcheck-evidence")
        return folder
    import tempfile

    return Path(tempfile.mkdtemp(prefix="physcheck-"))
