"""The hooks of the process that collects the records: the only one, or xdist's controller."""

from __future__ import annotations

import os
from typing import Any

import pytest

from physcheck.plugin.failure_text import FailureText, shown_nodeid
from physcheck.plugin.items import MESSAGE, is_the_suite
from physcheck.plugin.message import Message
from physcheck.plugin.options import OPTIONS, spaced_model
from physcheck.plugin.premature_exit import PrematureExit
from physcheck.plugin.run_report import RunReport
from physcheck.plugin.session import OWNS_SHORT_MODEL, WorkerSession
from physcheck.run.exit_status import exit_status
from physcheck.run.facts import PlanSummary
from physcheck.text.phrases import printable

__all__ = ["Controller"]

_COLOURS: dict[str, dict[str, bool]] = {
    "good": {"green": True},
    "bad": {"red": True, "bold": True},
    "doubt": {"yellow": True},
    "title": {"bold": True},
}
# The table is easier to read a little wider than the 80 columns that pytest assumes of a file.
_LEAST_WIDTH = 100
_HOW_TO_GIVE_A_MODEL = (
    "no model is given, so there is nothing to judge.  Give one, for example:",
    "  --model=FILE.py:FACTORY              a function of yours that returns an ASE calculator, a "
    "torch module, ...",
    "  --model=builtin::gupta               a built-in potential, to try it",
    "`physcheck models` lists what a model can be.",
)
# pytest cuts no line off where one of these is set.
_CI = ("CI", "BUILD_NUMBER")
_REGULAR = (int(pytest.ExitCode.OK), int(pytest.ExitCode.NO_TESTS_COLLECTED))
_FINISHED = (*_REGULAR, int(pytest.ExitCode.TESTS_FAILED))


class Controller:
    """Takes records in, writes the reports, and prints the summary."""

    def __init__(self, config: pytest.Config, session: WorkerSession) -> None:
        self.config = config
        self.session = session
        self.run_report = RunReport(session.settings, session.resumed)
        self._running: str | None = None
        self._premature_exit: PrematureExit | None = None

    def pytest_report_header(self) -> list[str]:
        """What is judged, and by what measure."""
        settings = self.session.settings
        lines = []
        if settings.model is not None:
            text = (
                f"physcheck: model {settings.model}; profile {settings.profile}, "
                f"budget {settings.budget}{_in_evaluations(settings.budget)}"
            )
            lines.append(f"{text}, seed {settings.seed}")
            if not self._suite_is_asked_for():
                lines.append("physcheck: paths are given, so the suite isn't added to them")
        if settings.reference is not None:
            lines.append(f"physcheck: compared with the reference {settings.reference}")
        return [printable(line) for line in (*lines, *self._warnings_on_options())]

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
            if self.session.resumed is None:
                self.run_report.write_json()
            self._premature_exit = PrematureExit(self._end_early)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Remember what is being made."""
        self._running = nodeid

    def _end_early(self) -> None:
        """The report and the summary of a run whose process is being ended by the model."""
        from physcheck.plugin.validation import lost_record

        said, report = "the model ended it, by exit() in C or the like", self.run_report
        report.receive(self.session.message())
        if self._running is None:
            report.error = f"the process died while the model was loaded: {said}"
        else:
            lost = lost_record(self._running, said, self.session.settings, None)
            if lost is not None:
                report.add(lost, nodeid=self._running)
        report.exit_code, report.complete = int(pytest.ExitCode.TESTS_FAILED), report.is_complete
        report.write_all()
        capture: Any = self.config.pluginmanager.getplugin("capturemanager")
        if capture is not None:
            capture.suspend_global_capture(in_=True)
        terminal: Any = self.config.pluginmanager.getplugin("terminalreporter")
        if terminal is not None:
            terminal.ensure_newline()
            self._write_summary(terminal)
            terminal.flush()

    def pytest_unconfigure(self) -> None:
        """From here on the process may end."""
        if self._premature_exit is not None:
            self._premature_exit.disarm()

    def pytest_report_collectionfinish(self) -> list[str]:
        """What the plan will cost."""
        facts = self.session.facts()
        if facts is None or facts.model is None or facts.plan is None:
            return []
        from physcheck.run.budget import Spending
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
        lines = [printable(text), *self._lines_of_shard_and_resumed(plan)]
        if plan.budget is None or not plan.budget_reason:
            return lines
        budget = Spending(plan.budget, plan.budget_reason)
        return [
            *lines,
            f"physcheck: budget of {budget.text}; --physcheck-budget={budget.option} repeats it",
        ]

    def _lines_of_shard_and_resumed(self, plan: PlanSummary) -> list[str]:
        """Which share of the run this is, and what an earlier one has made of it."""
        lines = []
        if self.session.settings.shard is not None:
            lines.append(
                f"physcheck: shard {self.session.settings.shard}: {plan.records} of "
                f"{len(plan.whole)} records; physcheck merge puts the reports together"
            )
        if self.session.resumed is not None:
            kept = sum(name in self.session.resumed.records for name in plan.names)
            lines.append(
                printable(
                    f"physcheck: {kept} of {plan.records} records are taken from "
                    f"{self.session.resumed.path}"
                )
            )
        return lines

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """The plan in the JSON, before the first record is made."""
        if self._judges_a_model() and not self.config.getoption("collectonly", False):
            self.run_report.receive(self.session.message())
            self.run_report.write_json()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take in a record, or an item of ours whose process died."""
        text, nodeid = getattr(report, MESSAGE, None), report.nodeid
        if text is not None:
            message = Message.from_text(text)
            has_plan = self.run_report.facts.plan is not None
            self.run_report.receive(message, nodeid=nodeid)
            if message.record is not None and report.failed and isinstance(report.longrepr, str):
                report.longrepr = FailureText(report.longrepr, message.record)
            # A worker's plan comes with the first record that it begins.
            if message.begun is None or not has_plan:
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
        if self._judges_a_model():
            report.complete = report.is_complete
        else:
            stopped = session.shouldstop or session.shouldfail
            report.complete = int(exitstatus) in _FINISHED and not stopped
        report.exit_code = self._status(int(exitstatus))
        if report.records or self._judges_a_model():
            report.write_all()
        session.exitstatus = report.exit_code

    def _status(self, status: int) -> int:
        """What the run exits with, where pytest would exit with ``status``."""
        report, settings = self.run_report, self.session.settings
        if report.usage_error and status in _FINISHED:
            return int(pytest.ExitCode.USAGE_ERROR)
        if status not in _REGULAR or not self._judges_a_model():
            return status
        # What pytest counted as no failure may be one after all.
        found = exit_status(report.records, complete=report.complete, fail_on=settings.fail_on)
        return found or status

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The table and the answer."""
        if self.config.getoption("collectonly", False):
            return
        self._fit_short_summary(terminalreporter)
        if self.run_report.records or self._judges_a_model():
            self._write_summary(terminalreporter)
        elif self.session.settings.model is None and self._names_the_suite():
            terminalreporter.section("physcheck")
            for line in _HOW_TO_GIVE_A_MODEL:
                terminalreporter.write_line(line)

    def _fit_short_summary(self, terminalreporter: Any) -> None:
        """Sentences of pytest's short summary that it needs not cut off."""
        width = int(getattr(terminalreporter._tw, "fullwidth", _LEAST_WIDTH))
        if any(os.environ.get(name) for name in _CI) or self.config.get_verbosity() > 1:
            return
        for report in terminalreporter.getreports("failed"):
            if isinstance(report.longrepr, FailureText):
                status = self.config.hook.pytest_report_teststatus(
                    report=report, config=self.config
                )
                word = "" if status is None else status[2]
                head = f"{word} {shown_nodeid(self.config, report)} - "
                report.longrepr.fit(width - len(head))

    def _write_summary(self, terminalreporter: Any) -> None:
        from physcheck.report.terminal import terminal_lines

        settings, report = self.session.settings, self.run_report.report()
        width = max(_LEAST_WIDTH, getattr(terminalreporter._tw, "fullwidth", _LEAST_WIDTH))
        terminalreporter.section("physcheck")
        if settings.annotate:
            from physcheck.report.continuous_integration import annotation_lines

            for line in annotation_lines(report):
                terminalreporter.write_line(printable(line))
        verbose = self.config.get_verbosity() > 0
        *lines, final = terminal_lines(report, width=width, verbose=verbose)
        unwritten = self.run_report.unwritten
        paths = (settings.json, settings.html, settings.markdown, settings.badge)
        for path in filter(None, paths):
            if path in unwritten:
                said = f"warning: the report {path} can't be written: {unwritten[path]}"
                lines.append((printable(said), "bad"))
            else:
                lines.append((f"report: {printable(path)}", ""))
        if self.session.baseline is not None:
            missing = self.session.baseline.lines_of_what_is_missing(report)
            lines += [(printable(line), "") for line in missing]
        for text, mood in (*lines, final):
            terminalreporter.write_line(text, **_COLOURS.get(mood, {}))

    def _judges_a_model(self) -> bool:
        return self.session.settings.model is not None and self._suite_is_asked_for()

    def _suite_is_asked_for(self) -> bool:
        if self.config.args_source is not pytest.Config.ArgsSource.ARGS:
            return True
        return self._names_the_suite()

    def _names_the_suite(self) -> bool:
        return any(is_the_suite(argument) for argument in self.config.args)


def _in_evaluations(budget: str) -> str:
    from physcheck.run.budget import BUDGET_EVALUATIONS, names_time

    if names_time(budget):
        return " (fixed below)"
    known: dict[str, str] = {b: f" ({n:,} evaluations)" for b, n in BUDGET_EVALUATIONS.items() if n}
    return known.get(budget, "" if budget == "full" else " evaluations")
