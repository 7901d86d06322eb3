import json
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule
from ase.io import read

from physcheck.checks import all_checks
from physcheck.errors import CapabilityMissing, NonFiniteOutput
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter
from physcheck.run.entry import PlanEntry, record_seed
from physcheck.run.record import Record
from physcheck.run.runner import Runner
from physcheck.run.settings import Settings
from physcheck.structures import Structure
from physcheck.system import Configurations, Evaluation


class Springs:
    """Each atom on a spring to the origin."""

    capabilities = Capabilities("springs", "test", frozenset({"energy", "forces"}))

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        x = configurations.positions
        return Evaluation(0.5 * (x**2).sum((1, 2)), -x)


H2O = Structure("H2O", Configurations.from_atoms(molecule("H2O")), "test")


def measurement(**changes):
    fields = dict(
        check="loop_work", quantity="lambda", unit="", value=1e-7, uncertainty=1e-8,
        interval=(0.0, 2e-7), detection_limit=1e-8, force_evaluations=2,
    )  # fmt: skip
    return Measurement(**{**fields, **changes})


def entry(measure, **changes):
    known = all_checks()["loop_work"]
    spec = replace(known, measure=measure, evaluations=lambda *_: 50, options={"quick": {}})
    made = PlanEntry(spec, H2O, 50, record_seed(0, "loop_work", "H2O"))
    return replace(made, **changes)


def run(measure, settings=None, **changes):
    runner = Runner(Springs(), settings or Settings(model="x.py"))
    record = runner.run(entry(measure, **changes))
    text = json.dumps(record.to_json(), allow_nan=False)
    assert json.dumps(Record.from_json(json.loads(text)).to_json()) == text
    return record


def test_a_record_counts_what_the_model_was_asked():
    def measure(model, start, *, rng):
        model.evaluate(start.displaced(rng.standard_normal((3, 3, 3))))
        return measurement()

    record = run(measure)
    assert record.verdict == "pass"
    assert record.force_evaluations == 3
    assert record.tolerance == 3e-5
    assert record.seconds >= record.model_seconds >= 0
    assert record.seed == record_seed(0, "loop_work", "H2O")
    assert "--physcheck-checks=loop_work --physcheck-structures=H2O" in record.rerun


def test_the_same_seed_gives_the_same_numbers():
    seen = []

    def measure(model, start, *, rng):
        seen.append(rng.random())
        return measurement()

    run(measure)
    run(measure)
    run(measure, seed=record_seed(1, "loop_work", "H2O"))
    assert seen[0] == seen[1] != seen[2]
    other = np.random.default_rng(np.random.SeedSequence(record_seed(0, "loop_work", "H2O")))
    assert seen[0] == other.random()


def test_tolerance_and_resolution_go_to_those_that_take_them(tmp_path):
    def measure(model, start, *, rng, tolerance, resolution):
        assert tolerance == 3e-4
        assert resolution.responds
        return measurement()

    settings = Settings(model="x.py", profile="screening")
    runner = Runner(Springs(), settings, lambda: tmp_path)
    assert runner.run(entry(measure)).verdict == "pass"
    spent = runner.setup_evaluations
    assert spent > 0
    runner.run(entry(measure))
    assert runner.setup_evaluations == spent


@pytest.mark.parametrize(
    ("raised", "verdict", "text"),
    [
        (NonFiniteOutput("forces is nan at atom 3"), "fail", "forces is nan at atom 3"),
        (CapabilityMissing("no stress"), "not_applicable", "no stress"),
        (ZeroDivisionError("oops"), "error", "the check raised ZeroDivisionError: oops"),
    ],
)
def test_what_is_raised_becomes_a_record(raised, verdict, text):
    def measure(model, start, *, rng):
        raise raised

    record = run(measure)
    assert record.verdict == verdict
    assert text in record.message
    if verdict == "fail":
        assert record.to_json()["value"] == "nan"
        assert record.to_json()["interval"] == ["nan", "nan"]
        assert math.isnan(record.value)
    else:
        assert record.value is record.force_evaluations is record.seconds is None


def test_a_model_that_raises_and_one_that_is_asked_too_much():
    def asks(model, start, *, rng):
        model.evaluate(start.displaced(np.zeros((51, 3, 3))))

    record = run(asks)
    assert record.verdict == "error"
    assert "51 more asked for, 50 allotted" in record.message

    class Raising(Springs):
        def evaluate(self, configurations, *, want=frozenset()):
            raise RuntimeError("out of memory")

    def measure(model, start, *, rng):
        model.evaluate(start)

    record = Runner(Raising(), Settings(model="x.py")).run(entry(measure))
    assert record.verdict == "error"
    assert "the model raised RuntimeError: out of memory" in record.message
    assert "fault of physcheck" not in record.message


def test_keyboard_interrupt_passes_through():
    def measure(model, start, *, rng):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(measure)


def test_a_slow_record_is_stopped():
    def measure(model, start, *, rng):
        import time

        try:
            time.sleep(20)
        except Exception:
            pytest.fail("the alarm must not be caught by except Exception")

    record = run(measure, Settings(model="x.py", timeout=0.1))
    assert record.verdict == "error"
    assert "longer than the 0.1 s" in record.message
    assert record.evidence["spent"]["seconds"] < 10


def test_not_applicable_costs_nothing():
    def measure(model, start, *, rng):
        raise AssertionError

    record = run(measure, not_applicable="the model gives no stress")
    assert (record.verdict, record.message) == ("not_applicable", "the model gives no stress")


def test_evidence_is_saved_and_plain(tmp_path):
    frames = H2O.configurations.displaced(np.arange(27.0).reshape(3, 3, 3))

    def measure(model, start, *, rng):
        evidence = {
            "configurations": frames,
            "frame_info": [{"t": np.float64(i)} for i in range(3)],
            "frame_forces": -frames.positions,
            "work": np.array([1.0, math.nan]),
            "quantities": {"best": np.float32(2.0)},
        }
        warnings.warn("a check's warning must not reach the host", stacklevel=1)
        return measurement(evidence=evidence)

    runner = Runner(Springs(), Settings(model="x.py"), lambda: tmp_path)
    record = runner.run(entry(measure))
    assert record.evidence["work"] == [1.0, "nan"]
    assert record.evidence["quantities"] == {"best": 2.0}
    images = read(record.evidence["configurations"], ":")
    assert len(images) == 3
    np.testing.assert_allclose(images[2].positions, frames.positions[2], atol=1e-7)
    np.testing.assert_allclose(images[1].arrays["model_forces"], -frames.positions[1], atol=1e-7)
    assert images[2].info["t"] == 2.0


def test_nothing_tested_is_marked():
    def measure(model, start, *, rng):
        return measurement(nothing_tested="the forces don't respond")

    record = run(measure)
    assert record.verdict == "inconclusive"
    assert record.reason == "nothing tested: the forces don't respond"


def test_a_check_of_two_models_gets_the_reference_and_one_bill():
    def measure(model, start, *, reference, rng):
        meter = Meter(model)
        partner = meter.beside(reference)
        meter.evaluate(start)
        partner.evaluate(start.displaced(rng.standard_normal((2, 3, 3))))
        return measurement(value=float(partner.evaluations))

    both = Runner(Springs(), Settings(model="x.py"), lambda: None, Springs())
    record = both.run(entry(measure))
    assert (record.value, record.force_evaluations, record.reference) == (2.0, 3, None)
    alone = run(measure)
    assert alone.verdict == "not_applicable"
    assert "--physcheck-reference" in alone.message
    short = both.run(entry(measure, allotment=2))
    assert short.verdict == "error"


def test_a_reference_without_numbers_is_no_fault_of_the_model():
    class Lost(Springs):
        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            return Evaluation(None, np.nan * configurations.positions)

    def measure(model, start, *, reference, rng):
        Meter(model).beside(reference, name="the reference").evaluate(start)
        return measurement()

    record = Runner(Springs(), Settings(model="x.py"), lambda: None, Lost()).run(entry(measure))
    assert record.verdict == "error"
    assert record.message.startswith("the reference: forces is nan")


def test_auto_hands_the_direct_head_over_as_the_fast_model():
    asked = []

    def measure(model, start, *, reference, rng):
        asked.append((Meter(model).model, reference))
        return measurement()

    own, other = Springs(), Springs()
    for spec in ("x.py,forces=direct", "x.py"):
        settings = Settings(model=spec, reference="auto")
        Runner(own, settings, lambda: None, other).run(entry(measure))
    assert asked == [(own, other), (other, own)]
