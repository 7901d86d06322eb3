"""A refused structure is tried wrapped, moved and turned: a copy that is taken is a FAIL."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.family_runs import structure

from physcheck.measurement import Outcome
from physcheck.model import Meter
from physcheck.names import GENERATED
from physcheck.potentials import make_builtin
from physcheck.run.cause_aware import CauseAwareRunner
from physcheck.run.plan import make_plan
from physcheck.run.record import Record
from physcheck.run.runner import Runner
from physcheck.run.settings import Settings
from physcheck.run.trial_copies import CHECKS_OF_COPIES, unlike_copy
from physcheck.structures import catalogue
from physcheck.system import Evaluation, as_configurations


class Refusing:
    """A sound potential that is wrong, by a function of the forces, where another says so."""

    def __init__(self, where, then, spec="gupta", species=None):
        self.inner, self.where, self.then = make_builtin(spec), where, then
        self.capabilities = self.inner.capabilities

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = self.inner.evaluate(configurations, want=want)
        bad = np.array([self.where(one) for one in configurations])
        if not bad.any():
            return answer
        forces = np.where(bad[:, None, None], self.then(answer.forces), answer.forces)
        return Evaluation(answer.energy, forces, answer.stress)


def raising(forces):
    raise ValueError("no grid there")


def wild(forces):
    return forces + 100.0


def nan(forces):
    return np.nan * forces


def negative(one):
    return bool((one.positions < 0).any())


def outside(one):
    if not one.system.is_periodic:
        return False
    fractional = one.positions[0] @ np.linalg.inv(one.cells[0])
    return bool((fractional < -1e-9).any() or (fractional > 1 + 1e-9).any())


def tall(one):
    return bool(np.ptp(one.positions[0, :, 2]) > np.ptp(one.positions[0, :, 0]))


def inside(name):
    start = as_configurations(structure(name))
    return start.at(start.positions + start.cells[0].sum(axis=0) / 9)


@pytest.mark.parametrize("then", [raising, wild, nan])
@pytest.mark.parametrize(
    ("where", "name", "check"),
    [
        (negative, "ethanol", "translation_invariance"),
        (lambda one: not negative(one), "ethanol", "translation_invariance"),
        (outside, "copper", "periodic_wrap"),
        (lambda one: not outside(one), "copper", "periodic_wrap"),
        (tall, "ethanol", "rotation_equivariance"),
    ],
)
def test_the_law_that_a_refusal_breaks_is_named(where, name, check, then):
    start = inside(name) if name == "copper" else as_configurations(structure(name))
    meter = Meter(Refusing(where, then))
    found = unlike_copy(meter, start)
    assert found is not None
    assert found.check == check
    assert "a sane answer" in found.said
    assert meter.evaluations <= 6
    assert unlike_copy(meter, start, check).said == found.said


@pytest.mark.parametrize("then", [raising, wild, nan])
def test_a_model_that_wants_a_lower_triangular_cell_is_told_from_one_without_crystals(then):
    def upper(one):
        return bool(np.abs(np.triu(one.cells[0], 1)).max() > 1e-9)

    start = catalogue()["Si8-triclinic"].configurations
    found = unlike_copy(Meter(Refusing(upper, then, "stillinger-weber")), start)
    assert found.check == "rotation_equivariance"
    turned = as_configurations(structure("copper"))
    quarter = np.array([[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    turned = turned.at(turned.positions[0] @ quarter, turned.cells[0] @ quarter)
    found = unlike_copy(Meter(Refusing(upper, then)), turned)
    assert found.check == "rotation_equivariance"
    assert "a is along x" in found.label


@pytest.mark.parametrize("name", ["ethanol", "copper", "slab", "water", "salt"])
@pytest.mark.parametrize("then", [raising, wild, nan])
@pytest.mark.parametrize("always", [True, False])
def test_what_is_refused_everywhere_or_nowhere_is_no_finding(name, then, always):
    model = Refusing(lambda one: always, then)
    assert unlike_copy(Meter(model), as_configurations(structure(name))) is None


def test_copies_are_the_same_system():
    model = make_builtin("gupta+offset=0")
    from physcheck.run.trial_copies import _copies

    for name in ("ethanol", "copper", "slab"):
        start = as_configurations(structure(name))
        energy = model.evaluate(start, want=frozenset({"energy"})).energy[0]
        copies = list(_copies(start))
        assert {check for check, _, _ in copies} <= set(CHECKS_OF_COPIES)
        for _, label, copy in copies:
            other = model.evaluate(copy, want=frozenset({"energy"})).energy[0]
            assert other == pytest.approx(energy, abs=1e-9), label


class UnknownSpecies(Refusing):
    """The same whose species nobody knows, so that the plan tries it."""

    def __init__(self, where, then):
        super().__init__(where, then, "morse")
        from dataclasses import replace

        self.capabilities = replace(self.capabilities, species=None)


def molecules_refused(one):
    return not one.system.is_periodic and negative(one)


def test_the_plan_makes_the_record_that_fails_and_says_why_a_structure_is_left_out():
    model = UnknownSpecies(molecules_refused, raising)
    settings = Settings(model="x.py")
    plan = make_plan(model, settings)
    entries = [e for e in plan.entries if not e.structure.configurations.system.is_periodic]
    entries = [e for e in entries if e.check.id == "translation_invariance"]
    assert 1 <= len(entries) <= 3
    refused = {left.structure: left.reason for left in plan.not_scheduled if left.check == "*"}
    assert "answered moved to positive coordinates (translation_invariance)" in refused["H2O"]
    entry = next(e for e in entries if e.structure.name in refused)
    record = CauseAwareRunner(Runner(model, settings), plan.entries).run(entry)
    assert record.verdict is Outcome.FAIL
    assert "no grid there" in record.message
    text = json.dumps(record.to_json(), allow_nan=False)
    assert json.dumps(Record.from_json(json.loads(text)).to_json()) == text


def test_a_sound_model_s_plan_has_no_more_records():
    model = UnknownSpecies(lambda one: False, raising)
    plan = make_plan(model, Settings(model="x.py"))
    names = [(e.check.id, e.structure.name) for e in plan.entries]
    assert len(names) == len(set(names))
    assert {*catalogue(), GENERATED} >= {name for _, name in names}
    assert not any("but answered" in left.reason for left in plan.not_scheduled)
