"""What an evaluation takes at each structure, and the budget that follows; time is counted."""

from dataclasses import replace

import pytest

from physcheck.model import Capabilities, Meter
from physcheck.potentials import make_builtin
from physcheck.run.pace import Pace, measure_pace
from physcheck.run.plan import make_plan
from physcheck.run.runner import Runner
from physcheck.run.settings import Settings
from physcheck.structures import catalogue


class Timed:
    """A potential whose clock goes on by ``cost(atoms)`` s an evaluation.

    A call costs ``call`` s beside, and the first of each size ``cold`` s.
    """

    def __init__(self, cost, *, batched=False, call=0.0, cold=0.0, name="morse"):
        self.model = make_builtin(name)
        capabilities: Capabilities = self.model.capabilities
        self.capabilities = replace(capabilities, batched=batched)
        self.cost, self.call, self.cold = cost, call, cold
        self.now, self.evaluations, self.sizes = 0.0, 0, []

    def clock(self):
        return self.now

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        size = len(configurations), configurations.n_atoms
        self.now += self.call + (0.0 if size in self.sizes else self.cold)
        self.now += size[0] * self.cost(size[1])
        self.sizes.append(size)
        self.evaluations += size[0]
        return self.model.evaluate(configurations, want=want)


def planned(model, **settings):
    given = Settings(model="x.py", **{"budget": "auto", "search": 0, **settings})
    return make_plan(model, given, clock=model.clock)


def linear(seconds_per_atom):
    return lambda atoms: seconds_per_atom * atoms


def keys_of(plan):
    return [(e.name, e.allotment, e.seed, e.looks, e.shared, e.bound) for e in plan.entries]


def test_the_pace_is_that_of_warm_calls_at_the_size_that_is_used():
    structures = [catalogue()[name] for name in ("Si8", "Cu32")]
    alone = Timed(linear(1e-3), cold=2.0)
    pace = measure_pace(Meter(alone, clock=alone.clock), structures[:1], {})
    assert pace.seconds == {"Si8": pytest.approx(8e-3)}
    assert alone.evaluations == 3
    # In batches the cost of a call is shared by 16 configurations.
    many = Timed(linear(1e-3), batched=True, call=0.16, cold=2.0)
    pace = measure_pace(Meter(many, clock=many.clock), structures[:1], {"Si8": True})
    assert pace.seconds == {"Si8": pytest.approx(8e-3 + 0.01)}
    assert many.sizes == [(1, 8), (1, 8), (16, 8), (16, 8)]
    # Where a call failed none is made again.
    assert measure_pace(Meter(alone), structures[:1], {"Si8": False}) == Pace()


class OtherInBatches(Timed):
    """Its forces are doubled wherever more than one configuration is asked for."""

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = super().evaluate(configurations, want=want)
        if len(configurations) == 1:
            return answer
        return replace(answer, forces=2 * answer.forces)


def test_a_model_whose_batches_are_wrong_is_timed_alone():
    # Its checks will ask for one configuration at a time.
    structures = [catalogue()[name] for name in ("Ar13", "Cu32-disordered")]
    model = OtherInBatches(linear(1e-4), batched=True, call=0.16)
    pace = measure_pace(Meter(model, clock=model.clock), structures, {})
    assert pace.seconds == {
        "Ar13": pytest.approx(0.16 + 13e-4),
        "Cu32-disordered": pytest.approx(0.16 + 32e-4),
    }
    assert model.evaluations == 1 + 1 + 32 + 2 + 3


def test_a_slow_model_is_timed_by_few_calls():
    structures = list(catalogue().values())
    slow = Timed(linear(0.1), batched=True, cold=30.0)
    pace = measure_pace(Meter(slow, clock=slow.clock), structures, {})
    assert slow.evaluations <= 3
    known, atoms = pace.seconds[structures[0].name], structures[0].configurations.n_atoms
    for structure in structures:
        more = max(1.0, structure.configurations.n_atoms / atoms)
        assert pace.at(structure) == pytest.approx(more * known)


def test_what_was_not_timed_takes_as_long_as_what_is_nearest_in_size():
    small, large, other = (catalogue()[name] for name in ("Si8", "Cu32", "Fe16"))
    pace = Pace({"Si8": 1e-3, "Cu32": 1e-2}, {"Si8": 8, "Cu32": 32})
    assert [pace.at(s) for s in (small, large)] == [1e-3, 1e-2]
    # Both are as near: the first.
    assert pace.at(other) == pytest.approx(2e-3)
    assert pace.text == "an evaluation takes 1 to 10 ms"
    assert Pace().at(small) is None


def test_a_cheap_model_has_standard_and_a_slow_one_quick():
    assert planned(Timed(lambda atoms: 2e-3)).spending.evaluations == 25_000
    model = Timed(lambda atoms: 0.2)
    slow = planned(model)
    assert slow.spending.evaluations == 2500
    assert slow.evaluations <= 2500
    assert slow.setup_evaluations == model.evaluations <= 40


def test_large_structures_that_take_long_lower_the_budget_and_the_number_repeats_it():
    # 1 ms at 8 atoms, 64 ms at 32.
    model = Timed(lambda atoms: 1e-3 * (atoms / 8) ** 3, cold=0.3)
    plan = planned(model)
    assert 2500 < plan.spending.evaluations < 25_000
    assert plan.estimated_seconds <= 50
    # Timing took a small part of the minute, first calls aside.
    assert model.now - 0.3 * len(set(model.sizes)) < 10
    assert "of model time; an evaluation takes 0." in plan.spending.reason
    # On another machine, where all takes longer, the number is the same plan.
    slow = planned(Timed(linear(0.05), cold=1.0), budget=plan.spending.option)
    assert keys_of(slow) == keys_of(plan)
    assert slow.spending.evaluations == plan.spending.evaluations
    assert slow.estimated_seconds > 60


def test_a_time_is_what_the_plan_takes():
    plan = planned(Timed(linear(3e-4)), budget="20s", checks="conservation,symmetry")
    assert 10 < plan.estimated_seconds <= 20
    # One check alone has all that it can do.
    alone = planned(Timed(linear(3e-4)), checks="loop_work", structures="Cu32")
    assert alone.spending.evaluations == 25_000
    assert alone.estimated_seconds < 60


def test_no_run_takes_longer_than_its_forecast():
    model = Timed(linear(1e-4), name="morse+curl=1e-2")
    settings = Settings(model="x.py", budget="5000", structures="ethanol,Ar13",
                        checks="conservation,symmetry", search=0)  # fmt: skip
    plan = make_plan(model, settings, clock=model.clock)
    begun = model.now
    runner = Runner(model, settings)
    records = [runner.run(entry) for entry in plan.entries]
    assert any(record.verdict == "fail" for record in records)
    assert 0 < model.now - begun <= plan.estimated_seconds
