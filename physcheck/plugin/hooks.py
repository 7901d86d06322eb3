"""The pytest plugin: hooks only.  Loading it imports neither numpy, ase, torch nor hypothesis."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from physcheck.errors import PhyscheckError, SpecError
from physcheck.measurement import Outcome
from physcheck.names import FAMILIES, KINDS
from physcheck.plugin.controller import Controller
from physcheck.plugin.items import (
    ANCHOR,
    ANCHOR_ID,
    MESSAGE,
    RECORD,
    LawItem,
    ModelItem,
    NotCounted,
    SuiteFile,
    choice_of,
    found_anywhere,
    is_the_suite,
    unmade_record,
)
from physcheck.plugin.message import Message
from physcheck.plugin.options import (
    ShortNames,
    add_options,
    add_short_model,
    settings_from,
    unknown_option,
)
from physcheck.plugin.session import OWNS_SHORT_MODEL, SESSION, WorkerSession
from physcheck.run.known_failures import apply_xfail
from physcheck.run.settings import Settings

_INPUT = "physcheck"
_MARKERS = {"family": FAMILIES, "kind": KINDS}
# pytest's category, letter and word of each verdict.
_STATUS = {
    Outcome.PASS: ("passed", ".", "PASSED"),
    Outcome.FAIL: ("failed", "F", "FAIL"),
    Outcome.ERROR: ("failed", "E", "ERROR"),
    Outcome.INCONCLUSIVE: ("inconclusive", "?", "INCONCLUSIVE"),
    Outcome.NOT_APPLICABLE: ("not applicable", "-", "NOT APPLICABLE"),
    Outcome.KNOWN_FAILURE: ("known failure", "k", "KNOWN FAILURE"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, and their keys in ini files."""
    add_options(parser)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, Any, Any]:
    """Add ``--model`` last, so that a host repository that has such an option keeps it.

    An option that nobody knows by now, but that looks like one of ours, is refused with the one
    that is meant.
    """
    result = yield
    early_config.stash[OWNS_SHORT_MODEL] = add_short_model(parser)
    given = early_config.invocation_params.plugins or ()
    short = any(isinstance(plugin, ShortNames) for plugin in given)
    for word in parser.parse_known_and_unknown_args(args)[1]:
        said = unknown_option(word, short=short) if word.startswith("--") else None
        if said is not None:
            raise _usage_error(said)
    return result


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings, refuse names that don't exist, and have pytest collect the suite."""
    config.addinivalue_line("markers", "physcheck: every record of physcheck")
    for what, names in _MARKERS.items():
        for name in names:
            about = f"physcheck's checks of the {what} {name}"
            config.addinivalue_line("markers", f"{name}: {about}")
            config.addinivalue_line("markers", f"physcheck_{name}: {about}")
    # Node ids of the suite are the same wherever pytest is started, and so can be given anywhere.
    config.args = [found_anywhere(argument) for argument in config.args]
    handed = getattr(config, "workerinput", {}).get(_INPUT)
    try:
        if handed is None:
            settings = settings_from(config)
        else:
            settings = Settings.from_json(json.loads(handed))
        session = config.stash[SESSION] = WorkerSession(config, settings)
        reports = (settings.json, settings.html, settings.markdown, settings.badge)
        if any((*reports, settings.evidence, settings.cases)):
            from physcheck.plugin.validation import refuse_unwritable

            refuse_unwritable(settings)
        if settings.model is not None or settings.known_failures is not None:
            from physcheck.plugin.validation import refuse_unknown

            session.known_failures = refuse_unknown(
                settings,
                hosts_structures=_is_from_ini(config)
                or not (settings.only or _only_the_suite(config)),
            )
        if settings.resume is not None:
            from physcheck.report.loading import load_resumed

            session.resumed = load_resumed(settings)
        if settings.baseline is not None:
            from physcheck.report.baseline import load_baseline

            session.baseline = load_baseline(settings)
    except SpecError as error:
        raise _usage_error(error) from None
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Controller(config, session), "physcheck-controller")
    if settings.model is not None and config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = [str(ANCHOR)] if settings.only else [*config.args, str(ANCHOR)]


def _usage_error(error: object, below: str = "") -> pytest.UsageError:
    """What is wrong, in a line that any terminal can print; pytest exits with 4.

    Code to paste, or where the user's code raised, stands below it.
    """
    from physcheck.files.paths import one_line
    from physcheck.text.phrases import printable

    line = one_line(f"physcheck: {error}")
    return pytest.UsageError(f"{line}\n\n{printable(below)}" if below else line)


def _is_from_ini(config: pytest.Config) -> bool:
    """A project's own list of known failures may name structures of tests that aren't run now."""
    return config.getoption("physcheck_known_failures", None) is None


def _only_the_suite(config: pytest.Config) -> bool:
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    return named and all(is_the_suite(argument) for argument in config.args)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the settings over to a worker of pytest-xdist."""
    node.workerinput[_INPUT] = json.dumps(node.config.stash[SESSION].settings.to_json())


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Tell ``--lf`` where the failures of the suite are: its node ids aren't relative to rootdir.

    Without that it takes the suite's file for one without failures where the host's tests have
    some.
    """
    plugin: Any = session.config.pluginmanager.getplugin("lfplugin")
    paths = getattr(plugin, "_last_failed_paths", None)
    if isinstance(paths, set) and any(
        str(nodeid).startswith(ANCHOR_ID) for nodeid in getattr(plugin, "lastfailed", ())
    ):
        paths.add(ANCHOR)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Records that share a trajectory go to one worker; a host's tests are left as they are."""
    if config.getvalue("dist") != "load" or config.stash[SESSION].settings.model is None:
        return None
    if not (config.stash[SESSION].settings.only or _only_the_suite(config)):
        return None
    from physcheck.plugin.distribution import make_scheduler

    return make_scheduler(config, log)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The anchor file is ours."""
    if file_path == ANCHOR:
        return SuiteFile.from_parent(parent, path=file_path, nodeid=ANCHOR_ID)
    return None


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, Any, Any]:
    """A spec that turns out wrong only when it is loaded ends the run as a wrong option does."""
    result = yield
    worker_session = session.config.stash[SESSION]
    is_worker = hasattr(session.config, "workerinput")
    if worker_session.exit_code == pytest.ExitCode.USAGE_ERROR and not is_worker:
        told = "no plan was made, see above" if _is_one_terminal(session.config) else None
        raise _usage_error(told or worker_session.error, worker_session.below)
    return result


def _is_one_terminal(config: pytest.Config) -> bool:
    """Whether who reads stderr has the answer of the run before their eyes, from stdout."""
    if config.getoption("collectonly", False) or config.getoption("no_summary", False):
        return False
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    with nullcontext() if capture is None else capture.global_and_fixture_disabled():
        return sys.stdout.isatty() and sys.stderr.isatty()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Structures that a host's tests name."""
    chosen = choice_of(item)
    if chosen is not None:
        item.config.stash[SESSION].collected.add(chosen[1])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Plan only what was not deselected, and look for the structures of known failures.

    They must all be there if all tests are.
    """
    worker_session = session.config.stash[SESSION]
    config = session.config
    everything = config.args_source is not pytest.Config.ArgsSource.ARGS and not (
        worker_session.settings.only and _is_from_ini(config)
    )
    if worker_session.known_failures and everything:
        from physcheck.plugin.validation import refuse_unknown_to_host

        try:
            refuse_unknown_to_host(
                worker_session.settings, worker_session.known_failures, worker_session.collected
            )
        except SpecError as error:
            worker_session.error, worker_session.exit_code = (
                str(error),
                int(pytest.ExitCode.USAGE_ERROR),
            )
    if worker_session.baseline is not None and worker_session.error is None:
        planned = [item.entry.structure.name for item in session.items if isinstance(item, LawItem)]
        try:
            worker_session.baseline.refuse_structures(planned)
        except SpecError as error:
            worker_session.error = str(error)
            worker_session.exit_code = int(pytest.ExitCode.USAGE_ERROR)
    worker_session.keep(
        [item.nodeid for item in session.items if choice_of(item) is not None],
        [item.entry for item in session.items if isinstance(item, LawItem)],
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the record on the report, and make what isn't counted a skip with its message."""
    report = yield
    session = item.config.stash[SESSION]
    if call.when == "setup" and report.passed:
        # If this worker dies, the controller knows what it was about to make.
        if hasattr(item.config, "workerinput") and (begun := unmade_record(item, "")) is not None:
            setattr(report, MESSAGE, session.message(begun=begun).to_text())
        return report
    record = item.stash.get(RECORD, None)
    if record is None and report.failed and call.when != "teardown" and call.excinfo is not None:
        what = "a fixture" if call.when == "setup" else "the test"
        record = unmade_record(
            item, f"{what} raised before the check was made: {call.excinfo.exconly(tryshort=True)}"
        )
    elif call.when != "call":
        return report
    if record is None and not isinstance(item, ModelItem):
        return report
    if call.excinfo is not None and isinstance(call.excinfo.value, NotCounted):
        path, line, _ = item.reportinfo()
        report.outcome = "skipped"
        report.longrepr = (str(path), (line or 0) + 1, str(call.excinfo.value))
        vars(report).pop("wasxfail", None)
    elif record is not None:
        record = apply_xfail(record, report, raised=call.excinfo is not None)
    if record is not None:
        from physcheck.report.continuous_integration import junit_properties

        item.user_properties.extend(junit_properties(record))
    setattr(report, MESSAGE, session.message(record).to_text())
    return report


def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """Verdicts that pytest has no word for."""
    text = getattr(report, MESSAGE, None)
    record = None if text is None else Message.from_text(text).record
    # What a host expects to fail is said in pytest's own words, and what another plugin has made
    # of a report, such as a rerun, in that plugin's.
    known = report.outcome in ("passed", "failed", "skipped")
    if record is None or report.when != "call" or hasattr(report, "wasxfail") or not known:
        return None
    category, letter, word = _STATUS[record.verdict]
    if report.failed:
        return "failed", letter, word
    if category == "failed":
        return "not counted", "f", f"{word} (not counted)"
    return category, letter, word


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Workers tell the controller what they spent."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_INPUT] = session.config.stash[SESSION].message().to_text()


@pytest.fixture(scope="session")
def physcheck_model(request: pytest.FixtureRequest) -> Any:
    """The model of ``--model``, loaded when first asked for; define your own to override it."""
    session = request.config.stash[SESSION]
    if session.settings.model is None:
        pytest.skip("no model: give --model=SPEC, or define a fixture physcheck_model")
    try:
        return session.model()
    except PhyscheckError as error:
        pytest.fail(f"physcheck: {error}", pytrace=False)


@pytest.fixture
def physcheck_case(request: pytest.FixtureRequest) -> Callable[[Any], None]:
    """One check at one structure, chosen by ``@physcheck.parametrize_checks``.

    Call it with a model.
    """
    from physcheck.plugin.parametrize import Case, Choice

    choice = getattr(request, "param", None)
    if not isinstance(choice, Choice):
        pytest.fail("physcheck_case needs @physcheck.parametrize_checks(...) on the test", False)
    return Case(choice, request.config.stash[SESSION], request.node)
