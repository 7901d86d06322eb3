import json

import pytest

from physcheck.paper.results import Curve, Findings, PaperReport, Plot, Result, Row


def report():
    rows = (
        Row(quantity="lambda", of="model", value=0.004, error=1e-4, paper="0.004"),
        Row(quantity="drift", of="pair", value=float("inf"), error=None, note="ran away"),
    )
    plot = Plot(
        caption="T(t)", x="t", y="T", level=300.0, level_label="300 K", logarithmic="x",
        curves=(Curve(label="model", x=[1.0, 2.0], y=[3.0, float("nan")], spread=[0.1, 0.2]),),
    )  # fmt: skip
    findings = Findings(
        rows=rows, plots=(plot,), agreement="as in the paper", said="It is | so.", uncounted=(1, 2)
    )
    result = Result(
        experiment="lambda", title="The Jacobian", structure="H2O", status="done",
        findings=findings, model_evaluations=7, reference_evaluations=3, seconds=0.5,
    )  # fmt: skip
    return PaperReport(
        physcheck="0", model="m.pt", reference="r.pt", scale="small", seed=1, results=(result,)
    )


def test_a_report_comes_back_from_json():
    written = json.dumps(report().as_json(), allow_nan=False)
    again = PaperReport.from_json(json.loads(written))
    assert again.as_json() == report().as_json()
    assert again.results[0].findings.rows == report().results[0].findings.rows
    assert again.results[0].findings.plots[0].curves[0].spread == [0.1, 0.2]


def test_another_format_is_refused():
    with pytest.raises(ValueError, match="physcheck-paper/1"):
        PaperReport.from_json({"format": "physcheck-report/1"})


def test_a_figure_has_an_error_or_a_note_why_not():
    with pytest.raises(ValueError, match="needs an error"):
        Row(quantity="lambda", of="model", value=1.0, error=None)
