"""The hooks of the process that keeps the books: the only one, or the controller of pytest-xdist."""

from __future__ import annotations

import json
from typing import Any

import pytest

from physcheck.plugin.items import MESSAGE, is_the_suite
from physcheck.plugin.options import OPTIONS, spaced_model
from physcheck.plugin.session import OWNS_SHORT_MODEL, Bench, Ledger

__all__ = ["Books"]

_COLOURS: dict[str, dict[str, bool]] = {
    "good": {"green": True},
    "bad": {"red": True, "bold": True},
    "doubt": {"yellow": True},
    "title": {"bold": True},
}
# The table is easier to read a little wider than the 80 columns that pytest assumes of a file.
_LEAST_WIDTH = 100


class Books:
    """Takes records in, writes the reports, and says what came of it."""

    def __init__(self, config: pytest.Config, bench: Bench) -> None:
        self.config = config
        self.bench = bench
        self.ledger = Ledger(bench.settings)

    def pytest_report_header(self) -> list[str]:
        """What is judged, and by what measure."""
        settings = self.bench.settings
        lines = []
        if settings.model is not None:
            text = f"physcheck: model {settings.model}; profile {settings.profile}, budget {settings.budget}"
            limit = {"quick": " (2,500 evaluations)", "standard": " (25,000 evaluations)"}
            lines.append(f"{text}{limit.get(settings.budget, '')}, seed {settings.seed}")
            if not self._suite_is_asked_for():
                lines.append("physcheck: paths are given, so only the fixtures serve; no suite")
        if settings.reference is not None:
            lines.append(f"physcheck: beside the reference {settings.reference}")
        given = any(self.config.getoption(o.dest, None) is not None for o in OPTIONS)
        if not self.config.stash.get(OWNS_SHORT_MODEL, True) and (
            given or self.config.getoption("model", None)
        ):
            lines.append(
                "physcheck: --model is an option of this repository; physcheck's is --physcheck-model"
            )
        path = spaced_model(self.config.invocation_params.args)
        if path is not None:
            lines.append(
                f"physcheck: write --model={path}: with a space, pytest takes the path for a test's "
                "when it looks for its rootdir and ini file"
            )
        return lines

    def pytest_sessionstart(self) -> None:
        """A first JSON, so that a run that is killed early leaves one."""
        if self.bench.settings.model is not None and self._suite_is_asked_for():
            self.ledger.write_json()

    def pytest_report_collectionfinish(self) -> list[str]:
        """What the plan will cost."""
        facts = self.bench.facts()
        if not facts:
            return []
        from physcheck.report.json_report import count
        from physcheck.report.terminal import duration

        model, plan = facts["model"], facts["plan"]
        text = (
            f"physcheck: {model['name']} ({model['adapter']}, {model['dtype']}, {model['device']}): "
            f"{count(plan['records'], 'record')} planned, at most {plan['evaluations']:,} evaluations"
        )
        if plan["estimated_seconds"] is not None:
            text += f", {duration(plan['estimated_seconds'])} of model time"
        if facts["not_scheduled"]:
            text += f"; {len(facts['not_scheduled'])} not scheduled"
        return [text]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take in a record, or an item of ours whose process died."""
        message = getattr(report, MESSAGE, None)
        if message is not None:
            self.ledger.receive(json.loads(message), nodeid=report.nodeid)
        elif report.failed and report.when not in ("setup", "call", "teardown"):
            from physcheck.plugin.validation import lost_record

            begun = self.ledger.begun.get(report.nodeid)
            record = lost_record(report.nodeid, str(report.longrepr), self.bench.settings, begun)
            if record is not None:
                self.ledger.receive({"record": record}, nodeid=report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take in what a worker spent on setting up."""
        message = getattr(node, "workeroutput", {}).get("physcheck")
        if message is not None:
            self.ledger.receive(json.loads(message))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Settle the exit code, and write the reports."""
        settings, ledger = self.bench.settings, self.ledger
        if self.config.getoption("collectonly", False):
            return
        ledger.receive(json.loads(self.bench.message(None)), write=False)
        status = int(exitstatus)
        regular = (int(pytest.ExitCode.OK), int(pytest.ExitCode.NO_TESTS_COLLECTED))
        if ledger.usage_error and status in (*regular, int(pytest.ExitCode.TESTS_FAILED)):
            status = int(pytest.ExitCode.USAGE_ERROR)
        elif status in regular and settings.model is not None and self._suite_is_asked_for():
            status = status if ledger.judged() else int(pytest.ExitCode.NO_TESTS_COLLECTED)
        session.exitstatus = status
        ledger.exit_code = status
        ledger.complete = status in (*regular, int(pytest.ExitCode.TESTS_FAILED)) and not (
            session.shouldstop or session.shouldfail
        )
        if ledger.records or (settings.model is not None and self._suite_is_asked_for()):
            ledger.write_all()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The table and the answer."""
        asked = self.bench.settings.model is not None and self._suite_is_asked_for()
        if self.config.getoption("collectonly", False) or not (self.ledger.records or asked):
            return
        from physcheck.report.terminal import terminal_lines

        width = max(_LEAST_WIDTH, getattr(terminalreporter._tw, "fullwidth", _LEAST_WIDTH))
        terminalreporter.section("physcheck")
        *lines, final = terminal_lines(self.ledger.report(), width=width)
        written = [
            path
            for path in (
                self.bench.settings.json, self.bench.settings.html, self.bench.settings.markdown,
            )
            if path is not None
        ]  # fmt: skip
        for text, mood in (*lines, *((f"report: {path}", "") for path in written), final):
            terminalreporter.write_line(text, **_COLOURS.get(mood, {}))

    def _suite_is_asked_for(self) -> bool:
        if self.config.args_source is not pytest.Config.ArgsSource.ARGS:
            return True
        return any(is_the_suite(argument) for argument in self.config.args)
