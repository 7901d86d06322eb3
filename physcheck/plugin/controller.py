"""The hooks of the process that collects the records: the only one, or xdist's controller."""

from __future__ import annotations

from typing import Any

import pytest

from physcheck.plugin.failure_text import FailureText
from physcheck.plugin.items import MESSAGE, is_the_suite
from physcheck.plugin.message import Message
from physcheck.plugin.options import OPTIONS, spaced_model
from physcheck.plugin.run_report import RunReport
from physcheck.plugin.session import OWNS_SHORT_MODEL, WorkerSession

__all__ = ["Controller"]

_COLOURS: dict[str, dict[str, bool]] = {
    "good": {"green": True},
    "bad": {"red": True, "bold": True},
    "doubt": {"yellow": True},
    "title": {"bold": True},
}
_BUDGETS_IN_WORDS = {"quick": " (2,500 evaluations)", "standard": " (25,000 evaluations)"}
# The table is easier to read a little wider than the 80 columns that pytest assumes of a file.
_LEAST_WIDTH = 100
_REGULAR = (int(pytest.ExitCode.OK), int(pytest.ExitCode.NO_TESTS_COLLECTED))
_FINISHED = (*_REGULAR, int(pytest.ExitCode.TESTS_FAILED))


class Controller:
    """Takes records in, writes the reports, and prints the summary."""

    def __init__(self, config: pytest.Config, session: WorkerSession) -> None:
        self.config = config
        self.session = session
        self.run_report = RunReport(session.settings)

    def pytest_report_header(self) -> list[str]:
        """What is judged, and by what measure."""
        settings = self.session.settings
        lines = []
        if settings.model is not None:
            text = (
                f"physcheck: model {settings.model}; profile {settings.profile}, "
                f"budget {settings.budget}{_BUDGETS_IN_WORDS.get(settings.budget, '')}"
            )
            lines.append(f"{text}, seed {settings.seed}")
            if not self._suite_is_asked_for():
                lines.append("physcheck: paths are given, so the suite isn't added to them")
        if settings.reference is not None:
            lines.append(f"physcheck: compared with the reference {settings.reference}")
        return [*lines, *self._warnings_on_options()]

    def _warnings_on_options(self) -> list[str]:
        lines = []
        given = any(self.config.getoption(o.dest, None) is not None for o in OPTIONS)
        if not self.config.stash.get(OWNS_SHORT_MODEL, True) and (
            given or self.config.getoption("model", None)
        ):
            lines.append(
                "physcheck: --model is an option of this repository; "
                "physcheck's is --physcheck-model"
            )
        path = spaced_model(self.config.invocation_params.args)
        if path is not None:
            lines.append(
                f"physcheck: write --model={path}: with a space, pytest takes the path for a "
                "test's when it looks for its rootdir and ini file"
            )
        return lines

    def pytest_sessionstart(self) -> None:
        """A first JSON, so that a run that is killed early leaves one."""
        if self._judges_a_model():
            self.run_report.write_json()

    def pytest_report_collectionfinish(self) -> list[str]:
        """What the plan will cost."""
        facts = self.session.facts()
        if facts is None or facts.model is None or facts.plan is None:
            return []
        from physcheck.text.numbers import duration
        from physcheck.text.phrases import count

        model, plan = facts.model, facts.plan
        text = (
            f"physcheck: {model.name} ({model.adapter}, {model.dtype}, {model.device}): "
            f"{count(plan.records, 'record')} planned, at most {plan.evaluations:,} evaluations"
        )
        if plan.estimated_seconds is not None:
            text += f", {duration(plan.estimated_seconds)} of model time"
        if facts.not_scheduled:
            text += f"; {len(facts.not_scheduled)} not scheduled"
        return [text]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take in a record, or an item of ours whose process died."""
        text, nodeid = getattr(report, MESSAGE, None), report.nodeid
        if text is not None:
            message = Message.from_text(text)
            self.run_report.receive(message, nodeid=nodeid)
            if message.record is not None and report.failed and isinstance(report.longrepr, str):
                report.longrepr = FailureText(report.longrepr, message.record)
            if message.begun is None:
                self.run_report.write_json()
        elif report.failed and report.when not in ("setup", "call", "teardown"):
            from physcheck.plugin.validation import lost_record

            begun = self.run_report.begun.get(nodeid)
            record = lost_record(nodeid, str(report.longrepr), self.session.settings, begun)
            if record is not None:
                self.run_report.add(record, nodeid=nodeid)
                self.run_report.write_json()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take in what a worker spent on setting up."""
        text = getattr(node, "workeroutput", {}).get("physcheck")
        if text is not None:
            self.run_report.receive(Message.from_text(text))
            self.run_report.write_json()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Decide on the exit code, and write the reports."""
        report = self.run_report
        if self.config.getoption("collectonly", False):
            return
        report.receive(self.session.message())
        status = int(exitstatus)
        if report.usage_error and status in _FINISHED:
            status = int(pytest.ExitCode.USAGE_ERROR)
        elif status in _REGULAR and self._judges_a_model() and not report.judged():
            status = int(pytest.ExitCode.NO_TESTS_COLLECTED)
        session.exitstatus = status
        report.exit_code = status
        report.complete = status in _FINISHED and not (session.shouldstop or session.shouldfail)
        if report.records or self._judges_a_model():
            report.write_all()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The table and the answer."""
        if self.config.getoption("collectonly", False):
            return
        if not (self.run_report.records or self._judges_a_model()):
            return
        from physcheck.report.terminal import terminal_lines

        settings, report = self.session.settings, self.run_report.report()
        width = max(_LEAST_WIDTH, getattr(terminalreporter._tw, "fullwidth", _LEAST_WIDTH))
        terminalreporter.section("physcheck")
        if settings.annotate:
            from physcheck.report.continuous_integration import annotation_lines

            for line in annotation_lines(report):
                terminalreporter.write_line(line)
        verbose = self.config.get_verbosity() > 0
        *lines, final = terminal_lines(report, width=width, verbose=verbose)
        written = filter(None, (settings.json, settings.html, settings.markdown, settings.badge))
        more = [f"report: {path}" for path in written]
        if self.session.baseline is not None:
            more += self.session.baseline.lines_of_what_is_missing(report)
        for text, mood in (*lines, *((line, "") for line in more), final):
            terminalreporter.write_line(text, **_COLOURS.get(mood, {}))

    def _judges_a_model(self) -> bool:
        return self.session.settings.model is not None and self._suite_is_asked_for()

    def _suite_is_asked_for(self) -> bool:
        if self.config.args_source is not pytest.Config.ArgsSource.ARGS:
            return True
        return any(is_the_suite(argument) for argument in self.config.args)
