"""Which laws are searched with how many evaluations, and the records of generated cases."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.search_faults import Collinear, SpeciesDirect

from physcheck.measurement import Outcome
from physcheck.names import GENERATED
from physcheck.potentials import make_builtin
from physcheck.run.plan import make_plan
from physcheck.run.record import Record
from physcheck.run.runner import Runner
from physcheck.run.settings import Settings


def generated(model, **settings):
    plan = make_plan(model, Settings(model="x.py", **settings))
    return {e.check.id: e for e in plan.entries if e.structure.name == GENERATED}


def test_a_fifth_of_the_budget_goes_to_generated_cases():
    model = make_builtin("lennard-jones")
    entries = generated(model, budget="25000")
    assert 4_500 <= sum(e.allotment for e in entries.values()) <= 5_000
    assert len(entries) == 12
    # quick has no evaluations to spare for them, unless they are named.
    assert not generated(model, budget="quick")
    plan = make_plan(model, Settings(model="x.py", budget="quick", structures=f"Si8,{GENERATED}"))
    few = {e.check.id: e for e in plan.entries if e.structure.name == GENERATED}
    assert {"finite_outputs"} < set(few) < set(entries)
    assert sum(e.allotment for e in few.values()) <= 500
    assert plan.evaluations <= 2_500
    assert any(left.structure == GENERATED for left in plan.not_scheduled)


def test_named_structures_have_no_search_unless_it_is_named_or_numbered():
    model = make_builtin("lennard-jones")
    assert not generated(model, structures="Si8", budget="quick")
    assert not generated(model, search=0, budget="25000")
    assert generated(model, structures="Si8,generated", budget="quick")
    numbered = generated(model, structures="Si8", search=600, checks="net_force")
    assert [e.allotment for e in numbered.values()] == [600]


def test_only_generated_cases_where_nothing_else_is_named():
    plan = make_plan(
        make_builtin("lennard-jones"), Settings(model="x.py", structures=GENERATED, budget="25000")
    )
    assert {e.structure.name for e in plan.entries} == {GENERATED}


def test_laws_that_a_model_has_no_outputs_or_structures_for_are_left_out():
    class Molecules(SpeciesDirect):
        @property
        def capabilities(self):
            return replace(super().capabilities, outputs=frozenset({"forces"}), periodicity="none")

    entries = generated(Molecules(), budget="25000")
    assert not {"force_energy_gap", "periodic_wrap", "lattice_basis"} & set(entries)
    assert "net_torque" in entries


def record_of(model, check, folder, **settings):
    chosen = Settings(model="x.py", **{"budget": "quick", "search": 350, **settings})
    plan = make_plan(model, replace(chosen, checks=check, structures=GENERATED))
    (entry,) = plan.entries
    return Runner(model, chosen, lambda: Path(folder)).run(entry)


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("failing")
    return folder, record_of(SpeciesDirect(), "net_force", folder, cases=str(folder / "cases"))


def test_the_record_of_a_failure_names_worst_and_smallest_and_has_its_files(failing):
    folder, record = failing
    assert record.verdict is Outcome.FAIL
    assert record.interval[0] > record.tolerance
    assert record.force_evaluations <= 350
    evidence = record.evidence
    assert "smallest case that fails" in evidence["lines"][0]
    assert Path(evidence["configurations"]).name == "generated-net_force.extxyz"
    assert Path(evidence["script"]).name == "repro_net_force.py"
    assert Path(evidence["case"]).parent == folder / "cases"
    assert "--physcheck-structures=generated" in record.rerun
    assert "--physcheck-search=350" in record.rerun
    text = json.dumps(record.to_json(), allow_nan=False)
    assert Record.from_json(json.loads(text)) == record


def test_the_files_of_a_failure_hold_both_cases(failing):
    from ase.io import read

    _, record = failing
    worst, smallest = read(record.evidence["configurations"], index=":")
    assert [worst.info["case"], smallest.info["case"]] == ["worst", "smallest"]
    assert smallest.info["violation"] == record.evidence["quantities"]["smallest_value"]
    assert len(smallest) <= len(worst)


def test_the_same_record_twice_and_another_with_another_seed(failing, tmp_path):
    _, first = failing
    again, other = (record_of(SpeciesDirect(), "net_force", tmp_path, seed=s) for s in (0, 2))
    assert first.value == again.value
    assert first.evidence["smallest_case"] == again.evidence["smallest_case"]
    assert first.evidence["place"] != other.evidence["place"]


def test_nan_at_a_generated_case_fails_finite_outputs_with_the_output(tmp_path):
    record = record_of(Collinear(), "finite_outputs", tmp_path)
    assert record.verdict is Outcome.FAIL
    assert record.evidence["quantities"]["not_finite_outputs"] == ["forces"]


def test_forces_that_do_not_respond_are_no_pass(tmp_path):
    class Constant(SpeciesDirect):
        def broken(self, c, answer):
            return replace(answer, energy=0 * answer.energy, forces=0 * answer.forces)

    record = record_of(Constant(), "net_force", tmp_path)
    assert record.verdict is Outcome.INCONCLUSIVE
    assert "don't respond" in record.message


@pytest.mark.parametrize("check", ["net_force", "rotation_equivariance"])
def test_a_pass_says_how_many_cases_were_asked(check, tmp_path):
    record = record_of(make_builtin("lennard-jones"), check, tmp_path)
    assert record.verdict is Outcome.PASS
    assert record.evidence["quantities"]["cases"] >= 15
    assert "generated cases asked" in record.evidence["place"]


@pytest.mark.parametrize(
    ("check", "least", "most"), [("net_force", 1, 1.001), ("loop_work", 5, 1e4)]
)
def test_the_limit_of_a_pass_holds_what_a_single_asking_hides(check, least, most, tmp_path):
    """Forces of float64 add up to 1e-15; eight points of a circle miss much of its curvature."""
    record = record_of(make_builtin("lennard-jones"), check, tmp_path, search=600)
    assert record.verdict is Outcome.PASS
    assert least * record.tolerance <= record.detection_limit <= most * record.tolerance
