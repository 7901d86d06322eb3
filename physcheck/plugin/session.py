"""What a pytest process does: judge the model (workers, or the only process) and keep the books (controller)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from physcheck.errors import ModelError, SpecError
from physcheck.run.settings import Settings

if TYPE_CHECKING:
    from physcheck.model import Model
    from physcheck.run.known_failures import KnownFailure
    from physcheck.run.plan import Plan, PlanEntry
    from physcheck.run.runner import Runner

__all__ = ["BENCH", "OWNS_SHORT_MODEL", "Bench", "Ledger"]


class Bench:
    """The model under test in one process, loaded when first asked for, and its plan.

    Attributes
    ----------
    settings : Settings
    error : str or None
        Why the model can't be judged.
    traceback : str
        Where it was raised, if it is a fault of physcheck.
    known_failures : mapping of (check, structure) to KnownFailure
    collected : set of str
        The structures of the records that were collected.
    exit_code : int
        What the run exits with because of that: 4 for a wrong spec, 1 for a factory that raises.
    """

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.settings = settings
        self.error: str | None = None
        self.exit_code = 0
        self.traceback = ""
        self.known_failures: Mapping[tuple[str, str], KnownFailure] = {}
        self.collected: set[str] = set()
        self._config = config
        self._model: Model | None = None
        self._reference: Model | None = None
        self._plan: Plan | None = None
        self._runner: Runner | None = None
        self._evidence: Path | None = None
        self._facts: dict[str, Any] = {}
        self._order: list[str] = []
        self._told = False
        self._host = HostModels()

    def model(self) -> Model:
        """The model of ``--model``.

        Raises
        ------
        SpecError, ModelError
        """
        if self._model is None:
            from physcheck.adapters.loading import load_model

            settings = self.settings
            if settings.model is None:
                raise SpecError("no model is given: --model=SPEC")
            with quiet():
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

            with quiet():
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
            warm_up()
            from physcheck.plugin.progress import progress_of
            from physcheck.run.plan import make_plan
            from physcheck.run.runner import Runner

            try:
                model = self.model()
                self.reference()
                with quiet():
                    self._plan = make_plan(model, self.settings)
                self._runner = Runner(model, self.settings, self.evidence_folder, self.reference())
                self._runner.progress = progress_of(self._config)
            except SpecError as error:
                self.error, self.exit_code = str(error), int(pytest.ExitCode.USAGE_ERROR)
            except ModelError as error:
                self.error, self.exit_code = str(error), int(pytest.ExitCode.TESTS_FAILED)
            except Exception as error:
                import traceback

                self.error = (
                    f"making the plan raised {type(error).__name__}: {error} (a fault of physcheck or "
                    "of a check, not a verdict on the model; please report it)"
                )
                self.exit_code = int(pytest.ExitCode.TESTS_FAILED)
                self.traceback = traceback.format_exc()
        return self._plan

    def choose(self, order: list[str], entries: Sequence[PlanEntry]) -> None:
        """Take note of what is left after deselection: node ids of all records in their order, entries of the plan."""
        self._order = order
        if self._plan is not None:
            self._plan = replace(self._plan, entries=tuple(entries))

    def judge(self, entry: PlanEntry) -> dict[str, Any]:
        """Make the record of an entry of the plan, known failures taken into account."""
        return self.settle(self.runner.run(entry))

    def settle(self, record: dict[str, Any]) -> dict[str, Any]:
        """Take known failures into account."""
        from physcheck.run.known_failures import apply_known_failure

        known = self.known_failures.get((record["check"], record["structure"]))
        apply_known_failure(record, known, date.today())
        return record

    @property
    def runner(self) -> Runner:
        """What the records share; there is one once ``prepare`` gave a plan."""
        assert self._runner is not None
        return self._runner

    @property
    def setup_evaluations(self) -> int:
        """Spent in this process on planning and resolutions."""
        planned = 0 if self._plan is None else self._plan.setup_evaluations
        own = 0 if self._runner is None else self._runner.setup_evaluations
        return planned + own + self._host.setup_evaluations

    def evidence_folder(self) -> Path:
        """Where configurations go: as asked, else beside the report, else pytest's temporary folder."""
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

    def facts(self) -> dict[str, Any]:
        """What the report says of the model, the machine and the plan; empty before there is one of them."""
        if self._plan is None:
            return self._host.facts()
        if self._facts:
            return self._facts
        from physcheck.adapters.loading import model_identity, reference_spec
        from physcheck.report.environment import environment
        from physcheck.text.numbers import plain

        plan, spec = self._plan, self.settings.model
        assert spec is not None
        partner, beside = self.reference(), None
        if partner is not None and self.settings.reference is not None:
            beside = plain(model_identity(partner, reference_spec(self.settings.reference, spec)))
        self._facts = {
            "model": plain(model_identity(self.model(), spec)),
            "reference": beside,
            "environment": environment(),
            "not_scheduled": [
                {"check": n.check, "structure": n.structure, "reason": n.reason}
                for n in plan.not_scheduled
            ],
            "plan": {
                "records": len(plan.entries),
                "evaluations": plan.evaluations,
                "estimated_seconds": plan.estimated_seconds,
                "remarks": list(plan.remarks),
            },
        }
        return self._facts

    def host_runner(self, model: Any, reference: Any, settings: Settings) -> Runner:
        """The runner of a model that a host's fixture gave; the last one's again where nothing has changed."""
        return self._host.runner(model, reference, settings, self.evidence_folder)

    def message(
        self, record: Mapping[str, Any] | None, *, begun: Mapping[str, Any] | None = None
    ) -> str:
        """What travels to the ledger, as JSON: a record, made or begun, and what this process knows and spent."""
        news = {
            "record": record,
            "run": self.facts(),
            "error": self.error,
            "exit_code": self.exit_code,
            "process": getattr(self._config, "workerinput", {}).get("workerid", "main"),
            "setup": self.setup_evaluations,
            "begun": begun,
            "order": [] if self._told else self._order,
        }
        self._told = True
        return json.dumps(news, allow_nan=False)


class HostModels:
    """The models that a host's own fixtures gave, and the last one's runner: its resolution is measured once."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._last: tuple[Any, Any, Settings, Runner] | None = None
        self._facts: dict[str, Any] = {}
        self._spent = 0

    @property
    def setup_evaluations(self) -> int:
        """Spent on resolutions."""
        return self._spent + (0 if self._last is None else self._last[3].setup_evaluations)

    def runner(
        self, model: Any, reference: Any, settings: Settings, folder: Callable[[], Path]
    ) -> Runner:
        """The runner of ``model`` beside ``reference``."""
        from physcheck.adapters.instances import as_model
        from physcheck.run.runner import Runner

        last = self._last
        if last is not None and (last[0] is model and last[1] is reference and last[2] == settings):
            return last[3]
        warm_up()
        self._spent = self.setup_evaluations
        partner = None if reference is None else as_model(reference)
        runner = Runner(as_model(model), settings, folder, partner)
        self._last = (model, reference, settings, runner)
        if runner.model.capabilities.name not in self._names:
            self._names.append(runner.model.capabilities.name)
            self._facts = {}
        return runner

    def facts(self) -> dict[str, Any]:
        """What the report says of the models and the machine; empty before there was one."""
        if self._last is None or self._facts:
            return self._facts
        from physcheck.adapters.loading import model_identity
        from physcheck.report.environment import environment
        from physcheck.text.numbers import plain

        identity = plain(model_identity(self._last[3].model, None))
        identity["name"] = ", ".join(self._names)
        self._facts = {"model": identity, "environment": environment()}
        return self._facts


class Ledger:
    """The records of a run as they come in, and the files made from them; kept by one process only."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.made: list[tuple[str, dict[str, Any]]] = []
        self.begun: dict[str, dict[str, Any]] = {}
        self.order: dict[str, int] = {}
        self.run: Mapping[str, Any] = {}
        self.error: str | None = None
        self.usage_error = False
        self.exit_code: int | None = None
        self.complete = False
        self.setup: dict[str, int] = {}
        self.created = datetime.now(UTC).isoformat(timespec="seconds")

    @property
    def records(self) -> list[dict[str, Any]]:
        """In the order in which one process would make them, whoever made them first."""
        last = len(self.order)
        ranked = sorted(self.made, key=lambda made: self.order.get(made[0], last))
        return [record for _, record in ranked]

    def lacks(self, nodeid: str) -> bool:
        """Whether a record of this item was begun and isn't there."""
        return nodeid in self.begun and all(name != nodeid for name, _ in self.made)

    def receive(self, news: Mapping[str, Any], *, nodeid: str = "", write: bool = True) -> None:
        """Take in what travelled on an item's report, and write the JSON anew."""
        if news.get("order"):
            self.order = {name: place for place, name in enumerate(news["order"])}
        if news.get("run"):
            self.run = news["run"]
        if news.get("error"):
            self.error = news["error"]
            self.usage_error = news["exit_code"] == pytest.ExitCode.USAGE_ERROR
        if "setup" in news:
            self.setup[news["process"]] = news["setup"]
        if news.get("begun") is not None:
            self.begun[nodeid] = news["begun"]
            return
        if news.get("record") is not None:
            self.made.append((nodeid, news["record"]))
        if write:
            self.write_json()

    def report(self) -> dict[str, Any]:
        """The JSON document as it stands."""
        from physcheck.report.json_report import build_report

        return build_report(
            created=self.created,
            settings=self.settings.to_json(),
            records=self.records,
            run=self.run,
            setup_evaluations=sum(self.setup.values()),
            complete=self.complete,
            exit_code=self.exit_code,
            error=self.error,
        )

    def write_json(self) -> None:
        """Rewrite the JSON file, if one is asked for."""
        if self.settings.json is not None:
            from physcheck.report.json_report import write_text

            write_text(
                self.settings.json, json.dumps(self.report(), indent=1, allow_nan=False) + "\n"
            )

    def write_all(self) -> None:
        """Write every report that is asked for."""
        self.write_json()
        if self.settings.markdown is not None:
            from physcheck.report.json_report import write_text
            from physcheck.report.markdown import markdown

            write_text(self.settings.markdown, markdown(self.report()))
        if self.settings.html is not None:
            from physcheck.report.html import html
            from physcheck.report.json_report import write_text

            write_text(self.settings.html, html(self.report()))

    def judged(self) -> bool:
        """Whether any record says something of the model."""
        return any(
            r["verdict"] in ("pass", "fail", "error", "known_failure")
            or (r["verdict"] == "inconclusive" and not r["reason"])
            for r in self.records
        )


BENCH: pytest.StashKey[Bench] = pytest.StashKey()
# False where the host repository has a --model of its own.
OWNS_SHORT_MODEL: pytest.StashKey[bool] = pytest.StashKey()


def quiet() -> Any:
    """No warning of a model may kill a host that turns warnings into errors."""
    import contextlib
    import warnings

    @contextlib.contextmanager
    def silence() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield

    return silence()


def warm_up() -> None:
    """Import what is slow to import and most checks need, so that the first of them isn't charged with it."""
    import scipy.optimize
    import scipy.stats  # noqa: F401


def _temporary_folder(config: pytest.Config) -> Path:
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is not None:
        folder: Path = factory.mktemp("physcheck-evidence")
        return folder
    import tempfile

    return Path(tempfile.mkdtemp(prefix="physcheck-"))
