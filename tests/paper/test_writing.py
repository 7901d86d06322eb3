from paper.test_results import report

from physcheck.paper.page import page
from physcheck.paper.tables import last_line, markdown, result_lines


def test_lines_for_a_terminal():
    told = "\n".join(result_lines(report().results[0]))
    assert "(4.00 ± 0.10)e-3" in told or "0.00400 ± 0.00010" in told
    assert "lambda[H2O]" in told
    assert "paper (Table 1" in told


def test_the_last_line_counts():
    told = last_line(report())
    assert "1 experiment made: 1 as in the paper" in told
    assert "7 evaluations of the model, 3 of the reference" in told


def test_markdown_cells_hold_no_bars():
    told = markdown(report())
    assert "It is \\| so." in told
    lines = [line for line in told.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in lines} == {6}


def test_the_page_has_figures_and_stands_alone():
    told = page(report())
    assert told.count("<svg ") == 1
    assert "T(t)" in told
    assert "not complete" in told
    assert "<script src" not in told
    assert "http://" not in told.replace("http://www.w3.org", "")
