"""What generated cases leave open in float32 is judged on the same weights in float64."""

from functools import partial
from pathlib import Path

import pytest
from support.soft_pairs import SOFT_PAIRS

from physcheck.adapters.loading import load_model
from physcheck.adapters.precision import load_float64_twin
from physcheck.names import GENERATED
from physcheck.potentials import make_builtin
from physcheck.resolution import RESOLUTION_EVALUATIONS
from physcheck.run.plan import make_plan
from physcheck.run.runner import Runner
from physcheck.run.settings import Settings

SEARCH = 500


def planned(model, check, **settings):
    chosen = Settings(
        model="x.py", checks=check, structures=f"ethanol,{GENERATED}", budget="25000",
        **{"search": SEARCH, **settings},
    )  # fmt: skip
    plan = make_plan(model, chosen, has_twin=True)
    (entry,) = (e for e in plan.entries if e.structure.name == GENERATED)
    return chosen, plan, entry


def record_of(folder, factory, check, *, with_twin=True):
    (Path(folder) / "m.py").write_text(SOFT_PAIRS)
    spec = f"{folder}/m.py:{factory}"
    model = load_model(spec)
    chosen, _, entry = planned(model, check)
    twin = partial(load_float64_twin, spec) if with_twin else None
    runner = Runner(model, chosen, lambda: Path(folder), load_twin=twin)
    record = runner.run(entry)
    assert record.force_evaluations <= entry.allotment
    return record


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    return record_of(tmp_path_factory.mktemp("settled"), "sound", "translation_invariance")


def test_what_rounding_leaves_open_passes_in_float64(settled, tmp_path):
    alone = record_of(tmp_path, "sound", "translation_invariance", with_twin=False)
    assert alone.verdict.value == "inconclusive"
    assert 1 <= len(alone.evidence["open_cases"]) <= 5
    assert settled.verdict.value == "pass"
    assert settled.message.startswith("in float64: ")
    assert settled.interval[1] <= settled.tolerance < alone.interval[1]
    quantities = settled.evidence["quantities"]
    assert quantities["float32_noise_floor"] == alone.noise_floor
    # The search is told as it was made.
    for name in ("cases", "refused", "domain"):
        assert quantities[name] == alone.evidence["quantities"][name]
    assert "generated cases asked again" in settled.evidence["place"]
    assert settled.rerun == alone.rerun
    assert f"--physcheck-search={SEARCH}" in settled.rerun


def test_the_twin_of_generated_cases_says_the_same_each_time(settled, tmp_path):
    again = record_of(tmp_path, "sound", "translation_invariance")
    assert (again.value, again.interval, again.message, again.force_evaluations) == (
        settled.value, settled.interval, settled.message, settled.force_evaluations,
    )  # fmt: skip


def test_a_fault_that_both_have_is_shrunk_in_the_model_s_own_precision(tmp_path):
    record = record_of(tmp_path, "turning", "net_torque")
    assert record.verdict.value == "fail"
    assert "in float64 as well" in record.message
    assert "smallest case that fails" in record.evidence["lines"][0]
    # The twin's files lie beside those of the record.
    assert Path(record.evidence["configurations"]).parent == tmp_path
    assert Path(record.evidence["script"]).parent == tmp_path


def test_a_fault_of_float32_alone_fails(tmp_path):
    record = record_of(tmp_path, "wrong_in_float32", "net_force")
    assert record.verdict.value == "fail"
    assert "the same weights in float64 pass" in record.message
    assert record.evidence["smallest_case"]


def test_a_built_in_defect_in_float32_still_fails_and_is_shrunk(tmp_path):
    model = make_builtin("lennard-jones+curl=0.05+float32")
    twin = make_builtin("lennard-jones+curl=0.05")
    chosen, _, entry = planned(model, "loop_work", search=900)
    runner = Runner(model, chosen, lambda: tmp_path, load_twin=lambda: twin)
    record = runner.run(entry)
    assert record.verdict.value == "fail"
    assert record.evidence["quantities"]["smallest_atoms"] <= 3
    assert "in float64 as well" in record.message


def test_the_twin_s_evaluations_are_planned_and_do_not_take_those_of_the_search():
    model = make_builtin("lennard-jones+float32")
    settings = Settings(model="x.py", budget="25000")
    plans = [make_plan(model, settings, has_twin=has_twin) for has_twin in (False, True)]
    bare, more = ({e.name: e for e in p.entries if e.structure.name == GENERATED} for p in plans)
    assert set(bare) == set(more)
    for name, entry in more.items():
        assert entry.allotment - entry.twin == bare[name].allotment
        assert bool(entry.twin) is (entry.check.family != "implementation"), name
    for plan in plans:
        assert plan.evaluations <= 25_000 + 2 * RESOLUTION_EVALUATIONS
    # Where evaluations are few, further checks say more.
    few = make_plan(model, Settings(model="x.py", budget="8000"), has_twin=True)
    assert not any(e.twin for e in few.entries if e.structure.name == GENERATED)
