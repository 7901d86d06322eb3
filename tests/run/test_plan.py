from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk, molecule

from physcheck.errors import SpecError
from physcheck.model import Capabilities
from physcheck.registry import BUDGETS as REGISTRY_BUDGETS
from physcheck.run.budget import BUDGET_EVALUATIONS
from physcheck.run.entry import record_seed
from physcheck.run.plan import make_plan
from physcheck.run.preparation import load_models, prepare_run
from physcheck.run.settings import BUDGETS, PROFILES, Settings
from physcheck.system import Evaluation
from physcheck.tolerances import PROFILES as TOLERANCE_PROFILES


class Fake:
    """Forces toward the origin; counts its calls, and can refuse, explode or lack outputs."""

    def __init__(
        self, *, outputs=("energy", "forces"), species=None, refuses=(), strong=(), **more
    ):
        self.capabilities = Capabilities(
            "fake", "test", frozenset(outputs), species=species, **more
        )
        self.refuses, self.strong = refuses, strong
        self.calls = 0

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        self.calls += len(configurations)
        symbols = set(configurations.system.symbols)
        if symbols & set(self.refuses):
            raise KeyError("no such element")
        x = configurations.positions * (1e6 if symbols & set(self.strong) else 0.01)
        return Evaluation(
            -0.005 * (x**2).sum((1, 2)), -x, np.zeros((len(x), 3, 3)) if "stress" in want else None
        )


def plan(model, **settings):
    # Records of generated cases have tests of their own, in test_searching.py.
    return make_plan(model, Settings(model="x.py", **{"budget": "quick", "search": 0, **settings}))


def keys_of(made):
    return [(e.name, e.allotment, e.seed, e.not_applicable) for e in made.entries]


def structures_of(made):
    return list(dict.fromkeys(entry.structure.name for entry in made.entries))


def test_constants_that_are_repeated_are_equal():
    assert PROFILES == TOLERANCE_PROFILES
    assert BUDGETS == REGISTRY_BUDGETS == tuple(BUDGET_EVALUATIONS)


@pytest.mark.parametrize(
    ("periodicity", "left"),
    [
        ("partial", ("sheared cell", "along some axes only", "several species")),
        ("full", ("sheared cell", "several species")),
        ("none", ("several species",)),
    ],
)
def test_what_no_structure_shows_is_told_where_the_model_could_take_one(periodicity, left):
    model = Fake(outputs=("energy", "forces", "stress"), periodicity=periodicity)
    one = "Ar13" if periodicity == "none" else "Cu32"
    made = plan(model, structures=one, checks="lattice_basis,periodic_wrap,permut*")
    told = [remark for remark in made.remarks if "can see little" in remark]
    assert len(told) == len(left)
    assert all(words in remark for words, remark in zip(left, told, strict=True))


def checks_on(plan, name):
    return {e.check.id for e in plan.entries if e.structure.name == name}


def test_quick_takes_three_different_structures_within_its_budget():
    made = plan(Fake())
    # Others are there for the checks that say which structure shows their fault best.
    names = structures_of(made)
    further = [n for n in names if "force_energy_gap" not in checks_on(made, n)]
    assert len(names) - len(further) == 3
    assert {"cutoff_smoothness"} <= {c for n in further for c in checks_on(made, n)}
    kinds = {int(e.structure.configurations.system.pbc.sum()) for e in made.entries}
    assert len(kinds) == 3
    assert made.evaluations <= 2500
    assert {n.reason for n in made.not_scheduled} >= {
        "a budget of 2500 takes 3 structures of the catalogue"
    }
    assert made.estimated_seconds is not None
    again = plan(Fake())
    assert keys_of(again) == keys_of(made)
    assert again.not_scheduled == made.not_scheduled


def test_the_primary_structure_has_every_check_and_the_others_the_cheap_ones():
    made = plan(Fake(outputs=("energy", "forces", "stress")), budget="quick")
    first, *others = structures_of(made)
    judged = [e for e in made.entries if e.not_applicable is None]
    by_first = {e.check.id for e in judged if e.structure.name == first}
    judged = [e for e in judged if e.check.shows is None or e.structure.name == first]
    # Symmetries and faults of programs are asked of each kind of structures.
    of_kinds = {"finite_outputs", "history_independence", "input_untouched", "responsiveness"}
    rest = [
        e
        for e in judged
        if e.check.family not in ("conservation", "symmetry") and e.check.id not in of_kinds
    ]
    for entry in rest:
        if entry.structure.name in others:
            # Run here because the primary structure has nothing to say of it, and once only.
            assert entry.check.id not in by_first
    ids = [e.check.id for e in rest]
    assert len(ids) == len(set(ids))
    ids = [e.check.id for e in judged]
    assert {"supercell_extensivity", "net_torque"} <= set(ids)
    everything = plan(Fake(), checks="conservation")
    assert {e.check.id for e in everything.entries if e.structure.name == first} == {
        e.check.id for e in everything.entries
    }


def test_cheap_checks_of_programs_and_symmetries_are_made_on_each_kind_of_structure():
    made = plan(Fake(outputs=("energy", "forces", "stress")), budget="11000")
    for check in ("finite_outputs", "history_independence", "translation_invariance"):
        kinds = [e.structure.periodicity for e in made.entries if e.check.id == check]
        assert set(kinds) == {0, 1, 2}
    quick = plan(Fake(outputs=("energy", "forces", "stress")), budget="quick")
    # No law gives way to another look at one that was asked for already.
    laws = {"cell_relaxation", "periodic_wrap", "strain_loop_work", "supercell_extensivity"}
    assert laws <= {e.check.id for e in quick.entries if e.allotment}


def test_trial_calls_leave_out_what_the_model_does_not_know():
    model = Fake(refuses=("Si", "Na"), strong=("Cu",))
    made = plan(model)
    reasons = {n.structure: n.reason for n in made.not_scheduled}
    assert "KeyError" in reasons["Si8"]
    assert "out of the model's domain" in reasons["Cu32"]
    assert made.setup_evaluations >= 10
    known = Fake(species=frozenset({29}))
    made = plan(known)
    assert {"Cu32", "Cu12-slab"} <= set(structures_of(made))
    assert {e.structure.species for e in made.entries} == {frozenset({29})}
    assert known.calls <= 12


def test_a_model_that_refuses_everything_is_judged_once():
    class Nothing(Fake):
        def evaluate(self, configurations, *, want=frozenset()):
            raise RuntimeError("no weights")

    made = plan(Nothing())
    assert len(structures_of(made)) == 1
    assert made.estimated_seconds is None


def test_users_structures_come_before_the_authors_and_those_before_the_catalogue(tmp_path):
    atoms = bulk("Al", cubic=True)
    atoms.write(tmp_path / "mine.extxyz")
    model = Fake(structures=("H2O", molecule("NH3")))
    assert structures_of(plan(model)) == ["H2O", "H3N"]
    assert structures_of(plan(model, structures="CH4")) == ["CH4"]
    named = plan(model, structures=f"{tmp_path / 'mine.extxyz'},NaCl8")
    assert len(structures_of(named)) == 2
    refused = plan(Fake(species=frozenset({1})), structures="NaCl8")
    assert all("not supported" in e.not_applicable for e in refused.entries)


def test_species_filter_the_catalogue():
    made = plan(Fake(), species="H,O")
    assert "H2O" in structures_of(made)
    assert all(e.structure.species <= {1, 8} for e in made.entries)
    with pytest.raises(SpecError, match="no species is called 'Foo'"):
        plan(Fake(), species="Foo")


def test_a_missing_capability_is_a_record_and_no_gap():
    made = plan(Fake(outputs=("forces",)), structures="H2O", checks="force_energy_gap,loop_work")
    missing = {e.check.id: (e.not_applicable, e.allotment) for e in made.entries}
    assert missing["force_energy_gap"] == ("the model gives no energy", 0)
    assert missing["loop_work"][0] is None


def test_what_does_not_fit_needs_the_next_budget(monkeypatch):
    monkeypatch.setitem(BUDGET_EVALUATIONS, "quick", 100)
    made = plan(Fake(), structures="H2O", checks="conservation")
    assert 0 < sum(e.allotment for e in made.entries) <= 100
    assert any(n.reason.endswith("needs standard") for n in made.not_scheduled)
    full = plan(Fake(), structures="H2O", checks="conservation", budget="full")
    assert not full.not_scheduled


def test_seeds_depend_on_nothing_but_their_names():
    one = plan(Fake(), structures="H2O,NH3", checks="loop_work")
    two = plan(Fake(), structures="NH3", checks="conservation", budget="standard")
    seed = next(e.seed for e in one.entries if e.structure.name == "NH3")
    assert seed == next(e.seed for e in two.entries if e.check.id == "loop_work")
    assert seed == record_seed(0, "loop_work", "NH3")
    assert seed != record_seed(1, "loop_work", "NH3")


def test_an_output_that_does_not_exist_is_found_out():
    class Lying(Fake):
        def evaluate(self, configurations, *, want=frozenset()):
            outputs = self.capabilities.outputs - {"energy"}
            self.capabilities = replace(self.capabilities, outputs=outputs)
            answer = super().evaluate(configurations, want=want)
            return replace(answer, energy=None)

    made = plan(Lying(), structures="H2O", checks="force_energy_gap")
    (entry,) = made.entries
    assert entry.not_applicable == "the model gives no energy"


def test_a_rerun_names_structures_as_the_option_knows_them():
    command = Settings(model="my file.py", seed=3).rerun_command("loop_work", "H2O", budget="2500")
    assert command == (
        "pytest --pyargs physcheck.suite --model='my file.py' --physcheck-checks=loop_work "
        "--physcheck-structures=H2O --physcheck-seed=3 --physcheck-budget=2500"
    )
    settings = Settings(model="x.py", structures="a.extxyz,H2O", profile="tight")
    command = settings.rerun_command("loop_work", "a.extxyz[1]", budget="2500", in_catalogue=False)
    assert "--physcheck-structures=a.extxyz,H2O" in command
    assert command.endswith("--physcheck-profile=tight --physcheck-budget=2500")
    declared = Settings(model="x.py").rerun_command(
        "loop_work", "mine", budget="2500", in_catalogue=False
    )
    assert "structures" not in declared


@pytest.mark.parametrize("spec", ["gupta", "gupta+noise=1e-3", "gupta+float32"])
def test_records_and_what_they_share_cost_no_more_than_planned(spec):
    settings = Settings(
        model=f"builtin::{spec}", budget="2500", structures="Cu32,Cu12-slab", search=0,
        checks="conservation,net_force,net_torque,determinism",
    )  # fmt: skip
    run = prepare_run(settings, load_models(settings))
    spent = sum(run.judge(e).force_evaluations or 0 for e in run.plan.entries)
    shared = sum(
        n
        for name, n in run.setup.items()
        if name.startswith(("resolution[Cu32]", "resolution[Cu12-slab]"))
    )
    assert shared >= 32
    assert spent + shared <= run.plan.evaluations <= 2500
    assert sum(e.allotment for e in run.plan.entries) + 2 * 39 <= run.plan.evaluations
