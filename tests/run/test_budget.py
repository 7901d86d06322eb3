import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from time import sleep
from types import SimpleNamespace

import numpy as np
import pytest

from physcheck.errors import SpecError
from physcheck.plugin.agreement import agreed, asked_once
from physcheck.potentials import make_builtin
from physcheck.run.budget import Forecast, Spending, checked_budget, names_time, spending_of
from physcheck.run.no_gradient import has_no_gradient
from physcheck.run.plan import make_plan
from physcheck.run.runner import Runner
from physcheck.run.settings import Settings


def uniform(pace):
    """Plans that spend every evaluation, each of which takes ``pace`` s."""
    return pace and Forecast(lambda n: n * pace, pace, f"an evaluation takes {pace} s")


@pytest.mark.parametrize(
    ("text", "evaluations"),
    [("quick", 2500), ("standard", 25000), ("full", None), ("8000", 8000), ("1", 1),
     ("12,000", 12000), ("12_000", 12000)],
)  # fmt: skip
def test_names_and_numbers_are_what_they_say_whatever_the_pace(text, evaluations):
    assert spending_of(text).evaluations == evaluations
    assert spending_of(text, uniform(10.0)) == spending_of(text)
    assert not names_time(text)


@pytest.mark.parametrize(
    ("text", "pace", "evaluations"),
    [
        ("auto", 2e-3, 25_000), ("auto", 1e-6, 25_000), ("auto", 5e-3, 10_000), ("auto", 0.2, 2500),
        ("auto", None, 2500), ("auto", 4.73e-3, 10_000), ("90s", 0.01, 9000),
        ("5min", 0.01, 30_000),
        ("1h", 1.0, 3600), ("1.5min", 0.01, 9000), ("5s", 10.0, 1), ("0.5s", 1e-3, 500),
    ],
)  # fmt: skip
def test_time_buys_evaluations_at_the_models_pace(text, pace, evaluations):
    found = spending_of(text, uniform(pace))
    assert found.evaluations == evaluations
    assert names_time(text)
    assert found.reason
    # The number alone repeats it on any machine.
    assert spending_of(found.option).evaluations == evaluations


@pytest.mark.parametrize(
    "text",
    ["", "qick", "0", "-5", "1e4", "2.5", "90", "90 seconds", "0s", "-3s", "nan", "inf", "infs",
     "5d",
     "1" * 5000, "٣", "9" * 30 + "s", "auto ", "1,0"],
)  # fmt: skip
def test_what_is_no_budget_is_refused_with_what_would_be_right(text):
    if text == "90":
        assert checked_budget(text) == text
        return
    with pytest.raises(SpecError, match="should be auto, quick, standard, full, a number"):
        Settings(model="x.py", budget=text)


def test_a_number_is_lowered_until_its_run_takes_a_minute():
    asked = []

    def seconds(evaluations):
        # From 12,000 on structures are added that take 20 times as long.
        asked.append(evaluations)
        return 2e-3 * evaluations + (0.04 * (evaluations - 12_000) if evaluations > 12_000 else 0)

    found = spending_of("auto", Forecast(seconds, 1e-3, "an evaluation takes 2 to 40 ms"))
    assert found.evaluations == 12_000
    assert len(asked) <= 10
    assert found.reason == ("auto: at most 24.0 s of model time; an evaluation takes 2 to 40 ms")
    slow = spending_of("auto", uniform(0.2))
    assert slow.reason.startswith("auto: as quick, at most 8.3 min of model time")


def test_the_level_follows_from_the_number_alone():
    levels = {n: Spending(n).level for n in (1, 2500, 2501, 249_999, 250_000, None)}
    assert list(levels.values()) == ["quick", "quick", "standard", "standard", "full", "full"]


def test_a_second_look_settles_what_the_first_left_open_and_counts_alone():
    model = make_builtin("morse+curl=1e-2")
    settings = Settings(
        model="builtin::morse+curl=1e-2", checks="loop_work,force_energy_gap,nve_drift",
        structures="ethanol", budget="25000",
    )  # fmt: skip
    plan = make_plan(model, settings)
    assert {e.looks for e in plan.entries} == {("quick", "standard")}
    assert all(e.budget == "25000" for e in plan.entries)
    runner = Runner(model, settings)
    records = {e.check.id: runner.run(e) for e in plan.entries}
    for entry in plan.entries:
        record = records[entry.check.id]
        assert record.force_evaluations <= entry.allotment
        if record.verdict == "fail":
            assert record.level == "standard"
        # What the last look gives is what it gives alone.
        if record.level == "standard":
            from dataclasses import replace

            alone = Runner(model, settings).run(replace(entry, looks=("standard",)))
            assert (alone.value, alone.interval) == (record.value, record.interval)
    assert records["loop_work"].verdict == "fail"
    assert records["loop_work"].level == "standard"


def test_what_passes_at_the_first_look_isnt_looked_at_again():
    model = make_builtin("morse")
    settings = Settings(model="builtin::morse", checks="conservation", structures="ethanol",
                        budget="25000")  # fmt: skip
    runner = Runner(model, settings)
    for entry in make_plan(model, settings).entries:
        record = runner.run(entry)
        if entry.not_applicable is None and record.verdict == "pass":
            assert record.level == "quick"


@pytest.mark.parametrize("budget", ["2500", "4000", "9000", "25000"])
def test_the_budget_is_kept_and_a_record_alone_has_the_same_looks(budget):
    model = make_builtin("gupta")
    settings = Settings(model="builtin::gupta", budget=budget)
    plan = make_plan(model, settings)
    assert plan.evaluations <= int(budget)
    for entry in plan.entries[:: max(1, len(plan.entries) // 12)]:
        if entry.not_applicable is None and entry.check.id != "mts_tandem":
            alone = make_plan(
                model,
                Settings(model="builtin::gupta", budget=entry.budget, checks=entry.check.id,
                         structures=entry.structure.name),
            )  # fmt: skip
            assert [e.looks for e in alone.entries] == [entry.looks]
            assert [e.shared for e in alone.entries] == [entry.shared]


def config_of(worker, folder):
    factory = SimpleNamespace(getbasetemp=lambda: folder / f"popen-{worker}")
    return SimpleNamespace(
        workerinput={"workerid": worker, "testrunuid": "abc"}, _tmp_path_factory=factory
    )


def test_one_worker_asks_and_the_others_wait_for_its_answer(tmp_path):
    asked, begun = [], Event()

    def ask(worker, answer):
        asked.append(worker)
        begun.set()
        sleep(0.05)
        return answer

    def take(worker, answer):
        return asked_once(config_of(worker, tmp_path), "is it", partial(ask, worker, answer))

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(take, "gw0", True)
        begun.wait()
        assert pool.submit(take, "gw1", False).result() is True
        assert first.result() is True
    assert asked == ["gw0"]
    # Another question, and a run of one process, have answers of their own.
    assert asked_once(config_of("gw1", tmp_path), "is it, too", lambda: False) is False
    assert asked_once(SimpleNamespace(), "is it", lambda: False) is False


def test_where_the_worker_that_asks_is_lost_the_next_one_asks(tmp_path):
    def lost():
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError):
        asked_once(config_of("gw0", tmp_path), "is it", lost)
    assert asked_once(config_of("gw1", tmp_path), "is it", lambda: True) is True


def test_workers_take_the_number_of_the_first_one(tmp_path):
    config = partial(config_of, folder=tmp_path)
    first, second = Spending(8000, "measured"), Spending(9000, "measured, too")
    assert agreed(config("gw0"), first) == first
    assert agreed(config("gw1"), second) == first
    assert agreed(SimpleNamespace(), second) == second
    assert len(list(tmp_path.iterdir())) == 1
    assert json.loads(next(tmp_path.iterdir()).read_text()) == [8000, "measured"]


def test_what_no_structure_shows_is_said():
    model = make_builtin("morse")
    plan = make_plan(model, Settings(model="builtin::morse", budget="quick", structures="ethanol",
                                     checks="cutoff_smoothness"))  # fmt: skip
    assert not plan.remarks or all("can see little" in r for r in plan.remarks)
    assert np.isfinite(plan.evaluations)


def test_where_forces_are_no_gradient_their_heat_gets_the_first_second_look():
    spec = "lennard-jones+pair-curl=1e-1"
    model = make_builtin(spec)
    settings = Settings(
        model=f"builtin::{spec}", structures="NaCl8", budget="8000", search=0, seed=1
    )
    runner = Runner(model, settings)
    asked = make_plan(
        model, settings, settles=runner.settles, has_no_gradient=partial(has_no_gradient, runner)
    )
    heat, drift = (
        next(e for e in asked.entries if e.check.id == name)
        for name in ("species_heat", "nve_drift")
    )
    assert has_no_gradient(runner, heat.structure)
    assert heat.looks == ("quick", "standard")
    assert drift.bound == 0
    assert asked.evaluations <= 8000
    # The rerun line's plan makes the same record.
    alone = Settings(
        model=settings.model, structures="NaCl8", budget=heat.budget, checks="species_heat", seed=1
    )
    (again,) = make_plan(model, alone).entries
    assert (again.looks, again.seed, again.allotment) == (heat.looks, heat.seed, heat.allotment)
    good = make_builtin("lennard-jones")
    assert not has_no_gradient(Runner(good, settings), heat.structure)


@pytest.mark.parametrize("settled", [True, False])
def test_nothing_is_kept_that_no_trajectory_takes(settled):
    # A share of 20,000 is less than a trajectory takes: it goes to other records.
    model = make_builtin("lennard-jones")
    plans = [
        make_plan(
            model,
            Settings(model="builtin::lennard-jones", budget=budget),
            settles=lambda entries: settled,
        )
        for budget in ("19900", "20000", "23000")
    ]
    assert all(plan.evaluations > 0.75 * plan.spending.evaluations for plan in plans)
