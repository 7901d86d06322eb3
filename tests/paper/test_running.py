"""What is finished stays, whatever happens after it."""

import pytest
from support.paper_runs import setting

from physcheck.paper.experiment import Experiment
from physcheck.paper.results import Findings, NotRun, PaperReport, Row
from physcheck.paper.running import run_experiments

EMPTY = PaperReport(physcheck="0", model="m", reference="", scale="small", seed=0)


def experiment(name, run):
    return Experiment(id=name, title=name, how="", source="", paper="", differs="", run=run)


def works(of):
    of.model.evaluate(of.one)
    row = Row(quantity="one", of="model", value=1.0, error=0.0)
    return Findings(rows=[row], agreement="as in the paper", said="")


def raises(error):
    def run(of):
        raise error

    return run


def made(*experiments, settings=None):
    seen = []
    given = settings or [("H2O", lambda: setting(reference=None))]
    report = run_experiments(EMPTY, given, experiments, seen.append)
    return report, seen


def test_a_failing_experiment_says_why_and_loses_no_other():
    first, bad, last = (
        experiment("first", works),
        experiment("bad", raises(ValueError("no such thing"))),
        experiment("last", works),
    )
    report, seen = made(first, bad, last)
    assert [r.status for r in report.results] == ["done", "failed", "done"]
    assert report.results[1].reason == "ValueError: no such thing"
    assert report.complete
    assert [len(one.results) for one in seen] == [1, 2, 3, 3]
    assert [r.model_evaluations for r in report.results] == [1, 0, 1]


def test_an_interrupt_keeps_what_is_finished():
    report, _ = made(
        experiment("first", works),
        experiment("second", raises(KeyboardInterrupt())),
        experiment("third", works),
    )
    assert [r.status for r in report.results] == ["done", "interrupted", "interrupted"]
    assert not report.complete
    assert report.results[2].reason == "the run ended before it"


def test_a_run_goes_on_where_it_was_interrupted():
    calls = []

    def counted(of):
        calls.append(of.name)
        return works(of)

    first = experiment("first", counted)
    report, _ = made(first, experiment("second", raises(KeyboardInterrupt())))
    second = experiment("second", counted)
    settings = [("H2O", lambda: setting(reference=None))]
    again = run_experiments(report, settings, [first, second], lambda _: None)
    assert [r.status for r in again.results] == ["done", "done"]
    assert again.complete
    assert len(calls) == 2


def test_a_structure_that_the_model_refuses_costs_its_results_only():
    def refused():
        raise NotRun("species Xe not supported")

    settings = [("Xe", refused), ("H2O", lambda: setting(reference=None))]
    report, _ = made(experiment("first", works), settings=settings)
    assert [(r.structure, r.status) for r in report.results] == [("Xe", "not run"), ("H2O", "done")]


def test_what_ends_the_process_ends_it():
    with pytest.raises(SystemExit):
        made(experiment("first", raises(SystemExit(3))))
