"""A sweep whose workers are played: what is begun, begun again, found, merged and compared."""

import json
from dataclasses import replace

import pytest

from physcheck.report.json_report import json_text
from physcheck.report.loading import load_report
from physcheck.report.writing import write_text
from physcheck.run.facts import PlanSummary
from physcheck.sweep.engines import ThreadEngine
from physcheck.sweep.sweep_file import load_sweep
from physcheck.sweep.sweeping import Sweep
from physcheck.sweep.task import Outcome, tasks_of
from physcheck.sweep.working import identify, judge
from tests.report.test_documents import PASS, report

FILE = """
structures = ["Cu32", "H2O"]
[settings]
budget = 600
checks = "net_force"
[[models]]
name = "one"
spec = "builtin::gupta"
[[models]]
name = "two"
spec = "builtin::morse"
"""


class PlayedEngine:
    """Calls end in the order of their beginning, or the other way round."""

    workers, about = 1, "played"

    def __init__(self, *, backwards=False, lost=0, missing=()):
        self.calls, self.begun = [], []
        self.backwards, self.lost, self.missing = backwards, lost, missing

    def start(self, name, function, *arguments):
        self.calls.append((name, function, arguments))

    def done(self):
        while self.calls:
            name, function, arguments = self.calls.pop(-1 if self.backwards else 0)
            yield name, self.play(function, arguments[0])

    def play(self, function, what):
        if function is identify:
            if what.name in self.missing:
                return {"error": "no such weights"}
            return {"model": {"weights": what.name}}
        assert function is judge
        self.begun.append((what.model.name, what.structure))
        if self.lost > 0:
            self.lost -= 1
            return ConnectionError("gone")
        write_text(what.path, json_text(report_of_structure(what.structure)))
        return Outcome(finished=True, computed=True, seconds=10.0)


def report_of_structure(structure):
    made = replace(PASS, structure=structure)
    whole = report(made)
    plan = PlanSummary(records=1, evaluations=6, budget=600, names=(made.name,))
    return replace(whole, facts=replace(whole.facts, plan=plan), complete=True, exit_code=0)


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text(FILE)

    def run(output="out", **how):
        engine, lines = PlayedEngine(**how), []
        swept = Sweep(load_sweep(path), tmp_path / output, engine, lines.append)
        return swept.run(), engine, lines

    return run


def test_a_sweep_leaves_merged_reports_a_comparison_and_a_list(run, tmp_path):
    finished, engine, lines = run()
    assert finished
    assert len(engine.begun) == 4
    assert "[2/4] one H2O: 1 pass (10.0 s; about 20.0 s left)" in lines
    for name in ("one", "two"):
        merged = load_report(tmp_path / "out" / f"{name}.json")
        assert [record.structure for record in merged.records] == ["Cu32", "H2O"]
        assert merged.complete
    assert "one" in (tmp_path / "out/comparison.html").read_text()
    tasks = json.loads((tmp_path / "out/sweep.json").read_text())["tasks"]
    assert [(task["model"], task["structure"]) for task in tasks] == [
        ("one", "Cu32"), ("one", "H2O"), ("two", "Cu32"), ("two", "H2O"),
    ]  # fmt: skip
    assert all(task["finished"] for task in tasks)


def test_what_is_finished_is_found_and_not_begun_again(run):
    run()
    finished, engine, lines = run()
    assert finished
    assert engine.begun == []
    assert "[1/2] one Cu32: 1 pass (found)" in lines


def test_the_order_in_which_tasks_end_changes_nothing(run, tmp_path):
    run()
    run("other", backwards=True)
    for name in ("one.json", "two.json", "comparison.md"):
        texts = [(tmp_path / folder / name).read_text() for folder in ("out", "other")]
        assert texts[0] == texts[1]


def test_a_lost_worker_costs_no_task_and_one_that_is_always_lost_not_the_sweep(run):
    finished, engine, _ = run(lost=2)
    assert finished
    assert len(engine.begun) == 6
    finished, engine, lines = run("other", lost=10**6)
    assert not finished
    assert "one Cu32: not finished: its worker was lost: gone" in " ".join(lines)
    # Five trials of each of four tasks.
    assert len(engine.begun) == 20


def test_a_model_that_can_not_be_loaded_is_a_row(run, tmp_path):
    finished, engine, lines = run(missing=("one",))
    assert not finished
    assert {name for name, _ in engine.begun} == {"two"}
    assert "one can't be judged: no such weights" in lines
    table = (tmp_path / "out/comparison.md").read_text()
    assert table.index("| two | 1 of 1") < table.index("| one | 0 of 1 | 0 | 0 | 1 |")
    assert "one could not be judged: no such weights" in table
    assert load_report(tmp_path / "out/one.json").error == "no such weights"


def test_a_key_changes_with_whatever_the_numbers_rest_on(tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text(FILE)
    sweep = load_sweep(path)
    one, two = sweep.models

    def key(sweep=sweep, model=one, identity="a"):
        return tasks_of(sweep, model, {"weights": identity}, tmp_path)[0].key

    moved = replace(sweep, structures={"Cu32": ("other",)})
    dearer = replace(one, settings={**one.settings, "budget": "601"})
    elsewhere = replace(one, python="/envs/x/bin/python")
    keys = {
        key(), key(identity="b"), key(model=two), key(sweep=moved), key(model=dearer),
        key(model=elsewhere),
    }  # fmt: skip
    assert len(keys) == 6
    assert key() == key(model=replace(one, name="renamed"))


def test_threads_give_results_and_exceptions():
    engine = ThreadEngine(2)
    engine.start("good", abs, -1)
    engine.start("bad", int, "x")
    found = {}
    while len(found) < 2:
        found |= dict(engine.done())
    engine.close()
    assert found["good"] == 1
    assert isinstance(found["bad"], ValueError)
