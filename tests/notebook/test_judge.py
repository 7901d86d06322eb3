"""``physcheck.judge``: the same records as a run under pytest, and how they show themselves."""

import json
import sys
from pathlib import Path

import pytest
from ase.build import bulk, molecule
from ase.calculators.emt import EMT

import physcheck
from physcheck import JudgedReport
from physcheck.errors import SpecError
from physcheck.measurement import Measurement, Outcome
from physcheck.notebook.figures import _kind_of_figure
from physcheck.registry import tolerance_of

FAULTY = "builtin::gupta+pair-curl=0.1"
CHECKS = ["loop_work", "net_force", "net_torque"]


@pytest.fixture(scope="module")
def report():
    return physcheck.judge(FAULTY, "Cu32", checks=CHECKS, budget=2500, seed=3)


def test_the_records_are_those_of_a_run(report, subject):
    subject.run(
        f"--physcheck-model={FAULTY}", "--physcheck-structures=Cu32", "--physcheck-budget=2500",
        f"--physcheck-checks={','.join(CHECKS)}", "--physcheck-seed=3", factory=None,
    )  # fmt: skip
    made = {r["check"]: r for r in subject.report()["records"]}
    assert {r.check: r.value for r in report.records} == {c: r["value"] for c, r in made.items()}
    assert {r.check: r.rerun for r in report.records} == {c: r["rerun"] for c, r in made.items()}
    assert report.complete
    assert report.facts.plan.evaluations == subject.report()["plan"]["evaluations"]


def test_the_configurations_of_a_run_lie_in_one_folder():
    found = physcheck.judge("builtin::gupta+pair-curl=0.3", "Cu32",
                            checks=["loop_work", "jacobian_asymmetry"], budget="quick")  # fmt: skip
    saved = [record.evidence["configurations"] for record in found.records]
    assert len(set(saved)) == 2
    assert len({Path(one).parent for one in saved}) == 1


def test_what_a_report_says(report):
    assert [record.name for record in report.failures] == ["loop_work[Cu32]"]
    assert not report.passed
    assert report.answer.startswith("FAIL: 1 law violated (loop_work)")
    assert repr(report).splitlines() == [
        "<report on gupta+pair-curl=0.1: 3 records: 1 pass, 1 fail, 1 not applicable>",
        report.answer,
    ]
    page = report._repr_html_()
    assert page.count("<svg") >= 1
    assert "view3d" not in page
    assert "What to do: run dynamics with the conservative head" in page
    assert "not tested" in page
    assert "var(--ink)" in page


def test_figures_and_files(report, tmp_path):
    figure = report.plot()
    assert figure._repr_png_().startswith(b"\x89PNG")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "net_force[Cu32]", "loop_work[Cu32]"
    ]  # fmt: skip
    again = JudgedReport.load(report.save(tmp_path / "out.json"))
    assert again.answer == report.answer
    assert again.records == report.records
    for suffix in (".html", ".md", ".svg"):
        assert report.save(tmp_path / f"out{suffix}").stat().st_size > 400
    with pytest.raises(SpecError, match=r"should end in \.html"):
        report.save(tmp_path / "out.pdf")


def test_objects_structures_and_a_reference():
    atoms = {"my water": molecule("H2O"), "copper": bulk("Cu", cubic=True)}
    report = physcheck.judge(EMT(), atoms, checks="net_force", reference=EMT(), budget="quick")
    assert [r.structure for r in report.records] == ["my water", "copper"]
    assert report.passed
    assert all(r.reference.verdict is Outcome.PASS for r in report.records)
    assert {r.rerun for r in report.records} == {None}
    one = physcheck.judge(EMT(), molecule("H2O"), checks=["net_force"], budget=500)
    assert [r.structure for r in one.records] == ["H2O"]
    chosen = physcheck.judge("builtin::gupta", checks="net_force", species=["Cu"], budget="quick")
    assert "Cu32" in {r.structure for r in chosen.records}
    assert report.facts.model.name == "EMT"


def test_mistakes():
    with pytest.raises(SpecError, match="did you mean net_force"):
        physcheck.judge(EMT(), "Cu32", checks="net_fource")
    with pytest.raises(SpecError, match="did you mean Cu32"):
        physcheck.judge(EMT(), "Cu33")
    with pytest.raises(SpecError, match="the model is a dict"):
        physcheck.judge({}, "Cu32")
    with pytest.raises(TypeError, match="unexpected keyword argument 'budgt'"):
        physcheck.judge(EMT(), "Cu32", budgt=3)


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        (EMT, {}, r"the model is the class EMT, should be an object of it: EMT\(\)"),
        (3, {}, "the model is an int, should be an ASE calculator"),
        (EMT(), {"atoms": []}, "atoms is empty"),
        (EMT(), {"seed": "x"}, "the seed is 'x', should be a whole number"),
        (EMT(), {"device": "cuda"}, "device='cuda' is of a spec that is loaded"),
        (EMT(), {"dtype": "float32"}, "an object that has its own: make it with another dtype"),
    ],
)
def test_arguments_that_cannot_be_meant(model, options, said):
    with pytest.raises(SpecError, match=said):
        physcheck.judge(model, **{"atoms": "Cu32", "checks": "net_force", **options})


def test_a_measurement_is_judged_as_ever():
    measured = physcheck.measure_net_force(EMT(), "Cu32")
    verdict = physcheck.judge(measured, tolerance_of("net_force", "md"))
    assert verdict.outcome is Outcome.PASS


def test_data_frames(report):
    pandas = pytest.importorskip("pandas")
    frame = report.to_dataframe()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["check"]) == [record.check for record in report.records]
    assert frame.set_index("check").loc["loop_work", "verdict"] == "fail"


@pytest.mark.parametrize(
    ("package", "method"), [("pandas", "to_dataframe"), ("matplotlib", "plot")]
)
def test_a_package_that_is_missing(report, package, method, monkeypatch):
    _kind_of_figure.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"needs {package}.*physcheck.notebook"):
        getattr(report, method)()


def test_names_lists_and_seeds_are_taken():
    single = physcheck.measure_net_force(FAULTY, "Cu32", rng=3)
    several = physcheck.measure_net_force(FAULTY, ["Cu32", bulk("Cu", cubic=True)], rng=3)
    assert [type(one) for one in several] == [Measurement, Measurement]
    assert several[0].value == single.value
    with pytest.raises(SpecError, match="did you mean Cu32"):
        physcheck.measure_net_force(FAULTY, "Cu33")
    with pytest.raises(physcheck.PhysicsFailure, match=r"FAIL  loop_work \[Cu32\]"):
        physcheck.assert_loop_work(FAULTY, ["Cu32"], rng=1)
    assert len(physcheck.assert_net_force(EMT(), ("Cu32", molecule("H2O")))) == 2


def test_a_measurement_shows_itself():
    measured = physcheck.measure_loop_work(FAULTY, "Cu32", rng=3)
    lines = repr(measured).splitlines()
    assert len(lines) <= 6
    assert lines[0].startswith("<Measurement loop_work: 0.0")
    assert lines[3].startswith("  FAIL, tolerance 3e-5 (md)")
    page = measured._repr_html_()
    assert "screening, 0.0003" in page
    assert "<svg" in page
    (axes,) = measured.plot().axes
    labels = axes.get_legend_handles_labels()[1]
    assert len([label for label in labels if label.startswith("tolerance")]) == 3


def test_a_measurement_of_no_check_shows_itself():
    bare = Measurement(
        value=float("nan"), uncertainty=0.0, interval=(0.0, 1.0), detection_limit=0.1,
        force_evaluations=3, evidence={"place": "x" * 500},
    )  # fmt: skip
    assert len(repr(bare).splitlines()) <= 6
    assert max(map(len, repr(bare).splitlines())) <= 160
    assert "<table>" in bare._repr_html_()
    assert json.dumps(repr(bare))
