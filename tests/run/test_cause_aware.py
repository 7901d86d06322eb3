"""A fault of batches or of memory is found by its own check, and the others aren't blamed."""

from __future__ import annotations

import numpy as np
import pytest
from support.family_runs import structure

from physcheck.checks import find_checks
from physcheck.measurement import Outcome
from physcheck.model import Differentiable
from physcheck.potentials import make_builtin
from physcheck.run.cause_aware import (
    ASKED_ALONE,
    ASKED_FRESH,
    IT_IS_THE_BATCH,
    NOT_AGAIN,
    CauseAwareRunner,
)
from physcheck.run.entry import PlanEntry, record_seed
from physcheck.run.one_by_one import one_by_one
from physcheck.run.runner import Runner
from physcheck.run.settings import Settings
from physcheck.run.trial_calls import REFUSED
from physcheck.structures import Structure
from physcheck.system import Configurations, Evaluation, as_configurations

COPPER = Structure("copper", as_configurations(structure("copper")), "test")


class DiagonalCells:
    """A sound potential that takes cells for their diagonals in batches of two or more."""

    def __init__(self):
        self.inner = make_builtin("gupta")
        self.capabilities = self.inner.capabilities
        self.calls = []

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        self.calls.append(len(configurations))
        if len(configurations) > 1:
            diagonal = np.einsum("bii->bi", configurations.cells)[:, :, None] * np.eye(3)
            configurations = configurations.at(configurations.positions, diagonal)
        return self.inner.evaluate(configurations, want=want)


class StaleEnergy:
    """A sound potential whose energy is that of the first configuration with as many atoms."""

    def __init__(self):
        self.inner = make_builtin("gupta")
        self.capabilities = self.inner.capabilities
        self.kept = {}

    def fresh(self):
        return StaleEnergy()

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = self.inner.evaluate(configurations, want=want)
        first = self.kept.setdefault(configurations.n_atoms, answer.energy[0])
        return Evaluation(np.full(len(configurations), first), answer.forces, answer.stress)


def entries(model, checks, where=COPPER):
    made = []
    for spec in find_checks(checks):
        allotment = spec.evaluations(where.configurations, model.capabilities, "quick")
        made.append(PlanEntry(spec, where, allotment, record_seed(0, spec.id, where.name)))
    return made


def records(model, checks, *, planned=True, where=COPPER):
    plan = entries(model, checks, where)
    runner = CauseAwareRunner(Runner(model, Settings(model="x.py")), plan if planned else ())
    return runner, {e.check.id: runner.run(e) for e in plan}


CHECKS = "stress_energy_gap,lattice_basis,rotation_equivariance,batch_invariance"


def test_a_fault_of_batches_fails_batch_invariance_alone():
    runner, found = records(DiagonalCells(), CHECKS)
    assert {k for k, r in found.items() if r.verdict is Outcome.FAIL} == {"batch_invariance"}
    assert found["stress_energy_gap"].verdict is Outcome.PASS
    assert found["stress_energy_gap"].evidence["asked"] == "one configuration at a time"
    assert IT_IS_THE_BATCH in found["batch_invariance"].evidence["lines"][0]
    assert runner.remarks == (ASKED_ALONE,)


def test_records_do_not_depend_on_which_one_is_made_first():
    _, forward = records(DiagonalCells(), CHECKS)
    model = DiagonalCells()
    plan = entries(model, CHECKS)
    runner = CauseAwareRunner(Runner(model, Settings(model="x.py")), plan)
    for e in reversed(plan):
        other, expected = runner.run(e), forward[e.check.id]
        assert (other.verdict, other.value) == (expected.verdict, expected.value)


def test_without_batch_invariance_in_the_plan_a_failure_says_that_it_is_the_batch():
    runner, found = records(DiagonalCells(), "stress_energy_gap", planned=False)
    record = found["stress_energy_gap"]
    assert record.verdict is Outcome.FAIL
    assert record.title == IT_IS_THE_BATCH
    assert "PASS" in record.message
    assert "padding" in record.causes
    assert runner.remarks == ()


@pytest.mark.parametrize("spec", ["gupta+stress-sign", "gupta+batch-index=0"])
def test_a_fault_that_is_there_alone_too_is_its_own(spec):
    _, found = records(make_builtin(spec), CHECKS)
    fails = {k for k, r in found.items() if r.verdict is Outcome.FAIL}
    assert fails == ({"stress_energy_gap"} if "stress" in spec else set())
    assert all(r.title != IT_IS_THE_BATCH for r in found.values())
    assert all("asked" not in r.evidence for r in found.values())


def test_a_sound_model_is_asked_no_more_often_than_without():
    model = make_builtin("gupta")
    plan = entries(model, CHECKS)
    plain = Runner(model, Settings(model="x.py"))
    expected = [plain.run(e) for e in plan]
    runner, found = records(model, CHECKS)
    assert runner.runner.setup_evaluations == plain.setup_evaluations
    assert [r.force_evaluations for r in expected] == [r.force_evaluations for r in found.values()]
    assert [r.value for r in expected] == [r.value for r in found.values()]


class NotFinite(DiagonalCells):
    """Forces are NaN in batches of three or more, or always."""

    def __init__(self, from_size):
        super().__init__()
        self.from_size = from_size

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = self.inner.evaluate(configurations, want=want)
        if len(configurations) < self.from_size:
            return answer
        return Evaluation(answer.energy, np.nan * answer.forces, answer.stress)


def test_batches_larger_than_four_are_tried():
    runner, found = records(NotFinite(9), "batch_invariance,stress_energy_gap")
    assert found["batch_invariance"].verdict is Outcome.FAIL
    assert runner.remarks == (ASKED_ALONE,)


def test_only_what_is_finite_alone_is_a_fault_of_batches():
    runner, found = records(NotFinite(3), "batch_invariance,stress_energy_gap")
    assert found["stress_energy_gap"].verdict is Outcome.PASS
    assert found["batch_invariance"].verdict is Outcome.FAIL
    assert runner.remarks == (ASKED_ALONE,)

    runner, found = records(NotFinite(1), "batch_invariance,stress_energy_gap")
    assert all(r.verdict is Outcome.FAIL for r in found.values())
    assert "lines" not in found["batch_invariance"].evidence
    assert runner.remarks == ()


class Raising(DiagonalCells):
    """Raises in batches, or always."""

    def __init__(self, from_size):
        super().__init__()
        self.from_size = from_size

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        if len(configurations) >= self.from_size:
            raise RuntimeError("sizes of tensors must match")
        return self.inner.evaluate(configurations, want=want)


def test_a_model_that_raises_in_batches_only_fails_batch_invariance_alone():
    runner, found = records(Raising(2), "batch_invariance,stress_energy_gap")
    record = found["batch_invariance"]
    assert record.verdict is Outcome.FAIL
    assert record.value == np.inf
    assert "sizes of tensors" in record.message
    assert found["stress_energy_gap"].verdict is Outcome.PASS
    assert runner.remarks == (ASKED_ALONE,)

    runner, found = records(Raising(1), "batch_invariance,stress_energy_gap")
    assert {r.verdict for r in found.values()} == {Outcome.ERROR}
    assert runner.remarks == ()


class Counting(DiagonalCells):
    """The energy grows with every configuration that was asked."""

    asked = 0

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = self.inner.evaluate(configurations, want=want)
        more = 0.1 * (self.asked + np.arange(len(configurations)))
        self.asked += len(configurations)
        return Evaluation(answer.energy + more, answer.forces, answer.stress)


def test_a_memory_that_batch_invariance_sees_is_not_called_a_fault_of_batches():
    runner, found = records(Counting(), "batch_invariance,history_independence")
    assert found["history_independence"].verdict is Outcome.FAIL
    assert found["batch_invariance"].verdict is Outcome.FAIL
    assert "lines" not in found["batch_invariance"].evidence
    assert runner.remarks == ()


def test_other_failures_of_a_model_with_a_memory_name_it():
    _, found = records(StaleEnergy(), "force_energy_gap,history_independence")
    assert found["history_independence"].verdict is Outcome.FAIL
    gap = found["force_energy_gap"]
    assert gap.verdict is Outcome.FAIL
    assert any("history_independence[copper] fails, too" in x for x in gap.evidence["lines"])


def test_one_by_one_keeps_what_the_model_can_do():
    model = make_builtin("gupta")
    alone = one_by_one(model)
    assert not alone.capabilities.batched
    assert not alone.capabilities.mixed_sizes
    assert alone.capabilities.outputs == model.capabilities.outputs
    assert isinstance(alone, Differentiable) == isinstance(model, Differentiable)
    frames = COPPER.configurations.displaced(0.01 * np.random.default_rng(0).normal(size=(3, 12)))
    want = frozenset({"energy", "forces", "stress"})
    one, other = alone.evaluate(frames, want=want), model.evaluate(frames, want=want)
    assert np.abs(one.forces - other.forces).max() < 1e-12
    assert one.stress.shape == other.stress.shape
    spied = DiagonalCells()
    one_by_one(spied).evaluate(frames, want=want)
    assert spied.calls == [1, 1, 1]
    assert one_by_one(spied).fresh is None
    assert one_by_one(spied).ask is None
    fresh = one_by_one(StaleEnergy()).fresh()
    assert not fresh.capabilities.batched
    assert isinstance(fresh.evaluate(frames[0]), Evaluation)
    assert isinstance(frames[0], Configurations)


def test_failures_that_memory_explains_are_asked_of_fresh_models():
    checks = "relaxation_descent,force_energy_gap,history_independence"
    runner, found = records(StaleEnergy(), checks)
    fails = {k for k, r in found.items() if r.verdict is Outcome.FAIL}
    # That the energy is stale is said where energies are read; no other law is blamed.
    assert fails == {"history_independence", "force_energy_gap"}
    assert found["relaxation_descent"].evidence["asked"] == "each configuration of a fresh model"
    assert runner.remarks == (ASKED_FRESH,)
    assert any("stale" in line for line in found["force_energy_gap"].evidence["lines"])


def test_failures_that_fresh_models_have_too_stay():
    class Both(StaleEnergy):
        def fresh(self):
            return Both()

        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            found = super().evaluate(configurations, want=want)
            return Evaluation(found.energy, found.forces + 0.05, found.stress)

    runner, found = records(Both(), "net_force,history_independence")
    assert found["net_force"].verdict is Outcome.FAIL
    assert any("history_independence" in line for line in found["net_force"].evidence["lines"])
    assert runner.remarks == ()


class Blip:
    """A sound potential that is wrong at one of its calls."""

    def __init__(self, wrong):
        self.inner, self.wrong, self.calls = make_builtin("gupta"), wrong, 0
        self.capabilities = self.inner.capabilities

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        self.calls += 1
        found = self.inner.evaluate(configurations, want=want)
        factor = 1.3 if self.calls == self.wrong else 1.0
        return Evaluation(found.energy, factor * found.forces, found.stress)


def test_a_failure_that_does_not_come_again_says_that_answers_scatter():
    # The resolution makes 16 evaluations in a few calls; the check's own come after them.
    for wrong in range(4, 12):
        model = Blip(wrong)
        _, found = records(model, "rotation_equivariance", planned=False)
        record = found["rotation_equivariance"]
        if record.verdict is Outcome.FAIL:
            assert record.title == NOT_AGAIN
            assert "PASS" in record.message
            break
    else:
        pytest.fail("no call of the check was wrong")


class Narrow:
    """A sound potential that refuses what is wider than 7 Å, or atoms without neighbours."""

    def __init__(self, what):
        self.inner, self.what = make_builtin("morse"), what
        self.capabilities = self.inner.capabilities

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        if self.what == "wide" and np.ptp(configurations.positions, axis=1).max() > 7:
            raise RuntimeError("no room on the grid")
        if self.what == "lonely" and configurations.n_atoms == 1:
            raise ValueError("no neighbours")
        return self.inner.evaluate(configurations, want=want)


WATER = Structure("water", as_configurations(structure("water")), "test")


@pytest.mark.parametrize(
    ("what", "words"), [("wide", "wider than about "), ("lonely", "atoms without neighbours")]
)
def test_what_the_model_refuses_is_said_once(what, words):
    checks = "separated_additivity,finite_outputs"
    runner, found = records(Narrow(what), checks, where=WATER)
    (remark,) = runner.remarks
    assert remark.startswith(REFUSED)
    assert words in remark
    assert (found["separated_additivity"].verdict is Outcome.ERROR) == (what == "wide")


def test_a_cell_that_is_refused_left_handed_fails_lattice_basis():
    class RightHanded(DiagonalCells):
        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            if (np.linalg.det(configurations.cells) < 0).any():
                raise ValueError("negative volume")
            return self.inner.evaluate(configurations, want=want)

    _, found = records(RightHanded(), "lattice_basis")
    record = found["lattice_basis"]
    assert record.verdict is Outcome.FAIL
    assert "negative volume" in record.message
